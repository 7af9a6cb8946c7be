#include "native/target.h"

#include <utility>

#include "base/log.h"
#include "base/time.h"

namespace holdfast::native {
namespace {

using Kind = model::InvocationFailure::Kind;

constexpr std::size_t kKeptRequestBytes = 1u << 20;
constexpr std::uint64_t kReportEveryUs = 10'000'000;

Calls::Options options(const model::EndpointSpec& spec) { return {spec.payload_bytes_max, spec.call_timeout}; }

}  // namespace

NativeTarget::NativeTarget(const model::EndpointSpec& spec, Loop& loop, const Instance::Created& instance,
                           std::shared_ptr<EndpointParts> parts)
    : spec_(spec), loop_(loop), parts_(std::move(parts)), calls_(Calls::open(loop, instance, options(spec), parts_->counters)) {}

NativeTarget::~NativeTarget() {
  calls_->close();
  for (const auto& calls : retired_) calls->close();
}

void NativeTarget::replace(const Instance::Created& instance) {
  std::erase_if(retired_, [](const auto& calls) { return calls->is_over(); });
  calls_->retire();
  retired_.push_back(std::exchange(calls_, Calls::open(loop_, instance, options(spec_), parts_->counters)));
}

void NativeTarget::invoke(const ports::Invocation& invocation, Done done) {
  const Instance& instance = calls_->instance();
  const auto refuse = [&](std::string why) {
    calls_->answer_later(std::move(done), model::InvocationFailure{Kind::Refused, instance.name() + " " + std::move(why)});
  };
  const Function* const function = instance.functions().find(invocation.address.type);
  if (function == nullptr) return refuse("has no function " + invocation.address.type + "; it has " + instance.functions().names());

  states_.clear();
  for (const auto& entry : invocation.states) states_.push_back({entry.spec, entry.value});
  const std::size_t size = codec::to_function_size(invocation.address, states_, invocation.batch);
  if (size > spec_.payload_bytes_max) {
    return refuse("is not called for a request of " + std::to_string(size) + " bytes, which is over the endpoint's limit of " +
                  std::to_string(spec_.payload_bytes_max));
  }

  if (runs_on_pool(*function)) {
    const auto call = calls_->queue(*function, std::move(done));
    if (!call) return;
    auto job = parts_->pool.make_job();
    job->request.clear();
    codec::append_to_function(job->request, invocation.address, states_, invocation.batch);
    job->traceparent = invocation.traceparent;
    job->function = function;
    job->call = *call;
    job->calls = calls_;
    job->admission = calls_->admission();
    return parts_->pool.run(std::move(job));
  }

  request_.clear();
  codec::append_to_function(request_, invocation.address, states_, invocation.batch);
  holdfast_request request{};
  request.bytes = request_.data();
  request.size = request_.size();
  request.traceparent = invocation.traceparent.data();
  request.traceparent_size = invocation.traceparent.size();
  const std::uint64_t before = monotonic_us();
  calls_->call(*function, request, std::move(done));
  note_duration(*function, monotonic_us() - before);
  if (request_.capacity() > kKeptRequestBytes) request_ = {};
}

bool NativeTarget::runs_on_pool(const Function& function) const {
  switch (spec_.native->execution) {
    case model::NativeExecution::Auto: return function.blocking;
    case model::NativeExecution::Shard: return false;
    case model::NativeExecution::Pool: return true;
  }
  return function.blocking;
}

void NativeTarget::note_duration(const Function& function, std::uint64_t us) {
  if (us < static_cast<std::uint64_t>(kSlowCall.ms) * 1000) return;
  parts_->counters->slow_calls.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t now = monotonic_us();
  if (last_report_us_ != 0 && now - last_report_us_ < kReportEveryUs) return;
  last_report_us_ = now;
  log_warn("a quick function keeps its shard waiting; one that blocks belongs on the pool (execution: pool)",
           {{"module", calls_->instance().name()}, {"function", function.type}, {"ms", us / 1000}});
}

}  // namespace holdfast::native

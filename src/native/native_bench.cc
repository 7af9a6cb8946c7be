// What a call of a function in this process costs beside encoding its request and decoding its answer, which every call has: microseconds of
// CPU per call, the calls of one turn of a loop at a time.
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "codec/standard_types.h"
#include "codec/statefun_v3.h"
#include "native/modules.h"

namespace {

using namespace holdfast;

constexpr int kPerTurn = 128;
constexpr int kCalls = 2'000'000;

// Runs what is posted when told to.
class TurnLoop final : public Loop {
 public:
  void post(Task task) override { tasks_.push_back(std::move(task)); }
  TimerId after(Duration, Task) override { return 1; }
  void cancel(TimerId) override {}
  [[nodiscard]] bool is_current() const override { return true; }
  void turn() {
    std::swap(tasks_, running_);
    for (auto& task : running_) task();
    running_.clear();
  }

 private:
  std::vector<Task> tasks_, running_;
};

double cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

std::string answer_bytes() {
  model::InvocationResponse response;
  response.mutations.push_back({model::StateMutation::Kind::Modify, "seen", std::string(model::kStringType), std::string(64, 's')});
  std::string out;
  codec::append_from_function(out, response);
  return out;
}
const std::string kAnswer = answer_bytes();

const holdfast_host* the_host = nullptr;
const holdfast_function kFunction{"bench/f", HOLDFAST_QUICK, 0};
const holdfast_module_descriptor kDescriptor{
    sizeof(holdfast_module_descriptor), HOLDFAST_ABI_MAJOR, HOLDFAST_ABI_MINOR, "", "", &kFunction, 1, sizeof kFunction,
    [](const holdfast_host* host, char*, std::size_t) -> void* {
      the_host = host;
      return &the_host;
    },
    [](void*, const holdfast_request* request) { the_host->answer(request->call, kAnswer.data(), kAnswer.size()); }, nullptr, nullptr,
    nullptr};

}  // namespace

int main() {
  const model::Address address{"bench/f", "customer-1234567"};
  const model::StateSpec spec{"seen", std::string(model::kStringType), model::ExpireMode::None, {}};
  const model::StateValue value{"seen", std::string(64, 's'), {}};
  const ports::StateEntry entry{&spec, &value};
  const codec::StateView view{&spec, &value};
  model::Message message;
  message.argument = {std::string(model::kStringType), codec::encode_string(std::string(32, 'm')), true};
  const model::Message* batch[] = {&message};

  std::size_t effects = 0;
  std::string request;
  double begin = cpu_us();
  for (int i = 0; i < kCalls; ++i) {
    request.clear();
    codec::append_to_function(request, address, {&view, 1}, batch);
    const auto answer = codec::parse_from_function(kAnswer);
    effects += std::get<model::InvocationResponse>(*answer).mutations.size();
  }
  const double codec_us = (cpu_us() - begin) / kCalls;

  model::EndpointSpec endpoint;
  endpoint.functions = "bench/*";
  endpoint.native = model::NativeSpec{};
  const holdfast_module_descriptor* linked[] = {&kDescriptor};
  auto modules = native::Modules::open({&endpoint, 1}, linked, "bench");
  if (!modules) return std::fprintf(stderr, "%s\n", modules.error().message.c_str()), 1;
  TurnLoop loop;
  auto target = (*modules)->make_target(endpoint, loop);
  begin = cpu_us();
  for (int i = 0; i < kCalls / kPerTurn; ++i) {
    for (int k = 0; k < kPerTurn; ++k) {
      target->invoke({address, {&entry, 1}, batch, {}}, [&effects](model::InvocationOutcome outcome) {
        effects += std::get<model::InvocationResponse>(outcome).mutations.size();
      });
    }
    loop.turn();
  }
  const double call_us = (cpu_us() - begin) / (kCalls / kPerTurn * kPerTurn);
  std::printf("codec %.3f us, native call %.3f us, of which the call itself %.3f us (%zu effects)\n", codec_us, call_us, call_us - codec_us,
              effects);
  target.reset();
  return 0;
}

#include "holdfast/sdk/handler.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "handling.h"

namespace holdfast::sdk {

namespace detail {

namespace {

std::string reason_of(const std::exception_ptr& error) {
  if (!error) return "a failure without a reason";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

// Batches keep their memory from request to request, up to a bound. A function may itself call a handler, so there is one for each depth.
class BorrowedBatch {
 public:
  BorrowedBatch() : batch_(idle().empty() ? std::make_unique<Batch>() : take()) {}
  ~BorrowedBatch() {
    if (idle().size() < kIdleMax && batch_->held_bytes() <= kHeldBytesMax) idle().push_back(std::move(batch_));
  }
  BorrowedBatch(const BorrowedBatch&) = delete;
  BorrowedBatch& operator=(const BorrowedBatch&) = delete;
  Batch& operator*() { return *batch_; }

 private:
  static constexpr std::size_t kIdleMax = 4;
  static constexpr std::size_t kHeldBytesMax = 256 * 1024;

  using Batches = std::vector<std::unique_ptr<Batch>>;
  static Batches& idle() {
    thread_local Batches batches;
    return batches;
  }
  static std::unique_ptr<Batch> take() {
    auto out = std::move(idle().back());
    idle().pop_back();
    return out;
  }
  std::unique_ptr<Batch> batch_;
};

void run(Batch& batch, const SyncFunction& function, Answer& answer) {
  try {
    Context context(batch);
    for (std::size_t i = 0; i < batch.invocations().size(); ++i) {
      batch.set_current(i);
      const auto& invocation = batch.current();
      function(context, Message(invocation.value.type, invocation.value.bytes));
    }
    answer.status = Answer::Status::Ok;
    batch.finish(answer.body);
  } catch (...) {
    fail(batch, Failure(std::current_exception()), answer);
  }
}

}  // namespace

Failure::Failure(std::exception_ptr thrown) : reason(reason_of(thrown)), error(std::move(thrown)) {}

void fail(Batch& batch, Failure failure, Answer& answer) {
  answer.status = Answer::Status::Failed;
  answer.body = to_string(batch.self()) + ": " + failure.reason;
  answer.error = std::move(failure.error);
}

bool prepare(Batch& batch, const Functions& functions, std::string_view request, const FunctionSpec*& spec, Answer& answer) {
  try {
    batch.read(request);
  } catch (const MalformedRequest& error) {
    answer.status = Answer::Status::Malformed;
    answer.body = std::string("malformed request: ") + error.what();
    return false;
  }
  spec = functions.find(batch.function_type());
  if (spec == nullptr) {
    std::string bound;
    for (const auto& type : functions.types()) bound += (bound.empty() ? "" : ", ") + type;
    answer.status = Answer::Status::NotFound;
    answer.body = "no function " + std::string(batch.function_type()) + " here; there " + (bound.empty() ? "is none" : "are: " + bound);
    return false;
  }
  if (batch.declare(*spec)) return true;
  answer.status = Answer::Status::Ok;
  batch.ask_for_states(answer.body);
  return false;
}

bool answer_now(const Functions& functions, std::string_view request, Answer& answer) {
  BorrowedBatch batch;
  const FunctionSpec* spec = nullptr;
  answer.error = nullptr;
  if (!prepare(*batch, functions, request, spec, answer)) return true;
  const auto* function = std::get_if<SyncFunction>(&spec->code);
  if (function == nullptr) return false;
  run(*batch, *function, answer);
  return true;
}

}  // namespace detail

Handler::Handler(Functions functions) : functions_(std::make_unique<const Functions>(std::move(functions))) {}
Handler::~Handler() = default;
Handler::Handler(Handler&&) noexcept = default;
Handler& Handler::operator=(Handler&&) noexcept = default;

void Handler::handle(std::string_view request, std::function<void(Answer&&)> done) const {
  Answer answer;
  if (detail::answer_now(*functions_, request, answer)) return done(std::move(answer));
  detail::answer_later(*functions_, request, std::move(done));
}

Answer Handler::handle(std::string_view request) const {
  Answer now;
  if (detail::answer_now(*functions_, request, now)) return now;
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Answer> later;
  detail::answer_later(*functions_, request, [&](Answer&& answer) {
    const std::lock_guard lock(mutex);
    later = std::move(answer);
    changed.notify_one();  // With the lock held: once `later` is seen, all this is gone.
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return later.has_value(); });
  return *std::move(later);
}

}  // namespace holdfast::sdk

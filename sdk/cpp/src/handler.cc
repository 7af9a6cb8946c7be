#include "holdfast/sdk/handler.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "batch.h"

namespace holdfast::sdk {

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

struct Failure {
  explicit Failure(std::exception_ptr thrown) : reason(reason_of(thrown)), error(std::move(thrown)) {}
  explicit Failure(std::string text) : reason(std::move(text)) {}
  std::string reason;
  std::exception_ptr error;  // Null: told by its reason.
};

// "example/greeter/bob: what went wrong".
Answer failed(detail::Batch& batch, Failure failure) {
  return {Answer::Status::Failed, to_string(batch.self()) + ": " + failure.reason, std::move(failure.error)};
}

// None: the batch is ready for its functions.
std::optional<Answer> prepare(detail::Batch& batch, const Functions& functions, std::string_view request, const FunctionSpec*& spec) {
  try {
    batch.read(request);
  } catch (const MalformedRequest& error) {
    return Answer{Answer::Status::Malformed, std::string("malformed request: ") + error.what()};
  }
  spec = functions.find(batch.function_type());
  if (spec == nullptr) {
    std::string bound;
    for (const auto& type : functions.types()) bound += (bound.empty() ? "" : ", ") + type;
    return Answer{Answer::Status::NotFound, "no function " + std::string(batch.function_type()) + " here; there are: " + bound};
  }
  if (!batch.declare(*spec)) return Answer{Answer::Status::Ok, batch.ask_for_states()};
  return std::nullopt;
}

Answer run(detail::Batch& batch, const SyncFunction& function) {
  try {
    Context context(batch);
    for (std::size_t i = 0; i < batch.invocations().size(); ++i) {
      batch.set_current(i);
      const auto& invocation = batch.current();
      function(context, Message(invocation.type, invocation.bytes));
    }
    return {Answer::Status::Ok, batch.finish()};
  } catch (...) {
    return failed(batch, Failure(std::current_exception()));
  }
}

// Batches keep their memory from request to request. A function may itself call a handler, so there is one for each depth.
class BorrowedBatch {
 public:
  BorrowedBatch() : batch_(pool().empty() ? std::make_unique<detail::Batch>() : take()) {}
  ~BorrowedBatch() { pool().push_back(std::move(batch_)); }
  BorrowedBatch(const BorrowedBatch&) = delete;
  BorrowedBatch& operator=(const BorrowedBatch&) = delete;
  detail::Batch& operator*() { return *batch_; }

 private:
  using Pool = std::vector<std::unique_ptr<detail::Batch>>;
  static Pool& pool() {
    thread_local Pool idle;
    return idle;
  }
  static std::unique_ptr<detail::Batch> take() {
    auto out = std::move(pool().back());
    pool().pop_back();
    return out;
  }
  std::unique_ptr<detail::Batch> batch_;
};

// A batch whose function completes later. It lives as long as somebody holds a Completion of its current call.
class LaterBatch : public std::enable_shared_from_this<LaterBatch> {
 public:
  LaterBatch(std::string_view request, std::function<void(Answer&&)> done) : request_(request), done_(std::move(done)) {}

  void start(const Functions& functions) {
    if (auto answer = prepare(batch_, functions, request_, spec_)) return done_(*std::move(answer));
    context_.emplace(batch_);
    advance();
  }
  // The current call has ended.
  void ended(std::optional<Failure> failure) {
    if (failure) {
      const std::lock_guard lock(mutex_);
      failure_ = std::move(failure);
    }
    advance();
  }

 private:
  // Calls one function after the other. A call that ends while its function is still running goes on in the loop of that one, on its
  // thread, instead of from within it: batches may be long, stacks are not, and a function has returned before the next is called.
  void advance();

  const std::string request_;
  std::function<void(Answer&&)> done_;
  detail::Batch batch_;
  const FunctionSpec* spec_ = nullptr;
  std::optional<Context> context_;
  std::optional<Message> message_;

  std::mutex mutex_;  // Guards what follows.
  std::size_t next_ = 0;
  bool advancing_ = false;  // Somebody is in advance().
  bool again_ = false;      // And has one more round to go.
  std::optional<Failure> failure_;
};

}  // namespace

struct Completion::Call {
  explicit Call(std::shared_ptr<LaterBatch> owner) : batch(std::move(owner)) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    if (!ended) end(Failure(std::string("the function dropped its Completion without completing")));
  }

  void end(std::optional<Failure> failure) {
    if (ended.exchange(true)) return;
    std::exchange(batch, nullptr)->ended(std::move(failure));
  }

  std::shared_ptr<LaterBatch> batch;
  std::atomic<bool> ended = false;
};

namespace {

void LaterBatch::advance() {
  std::unique_lock lock(mutex_);
  if (advancing_) {
    again_ = true;
    return;
  }
  advancing_ = true;
  for (bool first = true; first || again_; first = false) {
    again_ = false;
    if (failure_ || next_ == batch_.invocations().size()) {
      lock.unlock();  // No call is under way: nobody else is here, or will be.
      return done_(failure_ ? failed(batch_, *std::move(failure_)) : Answer{Answer::Status::Ok, batch_.finish()});
    }
    batch_.set_current(next_++);
    lock.unlock();
    const auto& invocation = batch_.current();
    message_.emplace(invocation.type, invocation.bytes);
    auto call = std::make_shared<Completion::Call>(shared_from_this());
    try {
      std::get<AsyncFunction>(spec_->code)(*context_, *message_, Completion(call));
    } catch (...) {
      call->end(Failure(std::current_exception()));
    }
    call.reset();
    lock.lock();
  }
  advancing_ = false;
}

}  // namespace

void Completion::complete() {
  if (call_ != nullptr) call_->end(std::nullopt);
}
void Completion::fail(std::string reason) {
  if (call_ != nullptr) call_->end(Failure(std::move(reason)));
}
void Completion::fail(std::exception_ptr error) {
  if (call_ != nullptr) call_->end(Failure(std::move(error)));
}

Handler::Handler(Functions functions) : functions_(std::make_unique<const Functions>(std::move(functions))) {}
Handler::~Handler() = default;
Handler::Handler(Handler&&) noexcept = default;
Handler& Handler::operator=(Handler&&) noexcept = default;

void Handler::handle(std::string_view request, std::function<void(Answer&&)> done) const {
  {
    BorrowedBatch batch;
    const FunctionSpec* spec = nullptr;
    auto answer = prepare(*batch, *functions_, request, spec);
    if (!answer)
      if (const auto* function = std::get_if<SyncFunction>(&spec->code)) answer = run(*batch, *function);
    if (answer) return done(*std::move(answer));
  }
  std::make_shared<LaterBatch>(request, std::move(done))->start(*functions_);
}

Answer Handler::handle(std::string_view request) const {
  {
    BorrowedBatch batch;
    const FunctionSpec* spec = nullptr;
    if (auto answer = prepare(*batch, *functions_, request, spec)) return *std::move(answer);
    if (const auto* function = std::get_if<SyncFunction>(&spec->code)) return run(*batch, *function);
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Answer> out;
  handle(request, [&](Answer&& answer) {
    const std::lock_guard lock(mutex);
    out = std::move(answer);
    changed.notify_one();  // With the lock held: once `out` is seen, all this is gone.
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return out.has_value(); });
  return *std::move(out);
}

}  // namespace holdfast::sdk

// Functions that complete later.
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "handling.h"

namespace holdfast::sdk {

namespace detail {
namespace {

// A batch whose function completes later. It lives as long as somebody holds a Completion of its current call.
class LaterBatch : public std::enable_shared_from_this<LaterBatch> {
 public:
  LaterBatch(std::string_view request, std::function<void(Answer&&)> done) : request_(request), done_(std::move(done)) {}

  void start(const Functions& functions) {
    Answer answer;
    if (!prepare(batch_, functions, request_, spec_, answer)) return done_(std::move(answer));
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
  void finish() {
    Answer answer;
    if (failure_) fail(batch_, *std::move(failure_), answer);
    else batch_.finish(answer.body);
    done_(std::move(answer));
  }

  const std::string request_;
  std::function<void(Answer&&)> done_;
  Batch batch_;
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
}  // namespace detail

struct Completion::Call {
  explicit Call(std::shared_ptr<detail::LaterBatch> owner) : batch(std::move(owner)) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    if (!ended) end(detail::Failure(std::string("the function dropped its Completion without completing")));
  }

  void end(std::optional<detail::Failure> failure) {
    if (ended.exchange(true)) return;
    std::exchange(batch, nullptr)->ended(std::move(failure));
  }

  std::shared_ptr<detail::LaterBatch> batch;
  std::atomic<bool> ended = false;
};

namespace detail {

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
      lock.unlock();  // No call is under way, and none will be: nobody else comes here.
      return finish();
    }
    batch_.set_current(next_++);
    lock.unlock();
    const auto& invocation = batch_.current();
    message_.emplace(invocation.value.type, invocation.value.bytes);
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

void answer_later(const Functions& functions, std::string_view request, std::function<void(Answer&&)> done) {
  std::make_shared<LaterBatch>(request, std::move(done))->start(functions);
}

}  // namespace detail

void Completion::complete() {
  if (call_ != nullptr) call_->end(std::nullopt);
}
void Completion::fail(std::string reason) {
  if (call_ != nullptr) call_->end(detail::Failure(std::move(reason)));
}
void Completion::fail(std::exception_ptr error) {
  if (call_ != nullptr) call_->end(detail::Failure(std::move(error)));
}

}  // namespace holdfast::sdk

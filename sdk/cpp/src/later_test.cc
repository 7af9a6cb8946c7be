// Functions that complete later.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "holdfast/sdk.h"
#include "request.h"

namespace holdfast::sdk {
namespace {

using testing::HasSubstr;
using Status = Answer::Status;

constexpr State<std::int64_t> kSeen{"seen"};

// One asynchronous function, and what its handler answered.
struct Later {
  explicit Later(AsyncFunction code) : handler([&] {
      Functions functions;
      functions.bind({"example/f", {kSeen}, std::move(code)});
      return functions;
    }()) {}
  void start(int messages = 1) {
    Request request({"example/f", "bob"});
    request.state("seen");
    for (int i = 0; i < messages; ++i) request.message(typed(i));
    std::string bytes = request.bytes();
    handler.handle(bytes, [this](Answer&& answer) { answers.push_back(std::move(answer)); });
    bytes.assign(bytes.size(), 'x');  // It was copied.
  }
  [[nodiscard]] std::string reason() const {
    EXPECT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers.at(0).status, Status::Failed);
    return answers.at(0).body;
  }

  Handler handler;
  std::vector<Answer> answers;
};

TEST(Completion, FromWithinTheFunctionIsAnAnswerAtOnce) {
  Later f([](Context& ctx, const Message&, Completion done) {
    ctx.storage()[kSeen] += 1;
    done.complete();
  });
  f.start();
  ASSERT_EQ(f.answers.size(), 1u);
  EXPECT_EQ(f.answers[0].status, Status::Ok);
  EXPECT_THAT(f.answers[0].body, HasSubstr("seen"));
}

TEST(Completion, MessagesOfABatchWaitForTheOneBefore) {
  std::optional<Completion> kept;
  std::vector<int> called;
  Later f([&](Context& ctx, const Message& message, Completion done) {
    called.push_back(message.as<std::int32_t>());
    ctx.storage()[kSeen] += 1;
    kept = std::move(done);
  });
  f.start(3);
  EXPECT_EQ(called, (std::vector<int>{0}));
  EXPECT_TRUE(f.answers.empty());
  std::thread([&] { std::exchange(kept, std::nullopt)->complete(); }).join();
  EXPECT_EQ(called, (std::vector<int>{0, 1}));
  std::exchange(kept, std::nullopt)->complete();
  EXPECT_TRUE(f.answers.empty());
  std::exchange(kept, std::nullopt)->complete();
  ASSERT_EQ(f.answers.size(), 1u);
  EXPECT_EQ(f.answers[0].status, Status::Ok);
}

TEST(Completion, AFailureEndsTheBatch) {
  std::optional<Completion> kept;
  int calls = 0;
  Later f([&](Context& ctx, const Message&, Completion done) {
    ++calls;
    ctx.send({"a/b", "1"}, "x");
    kept = std::move(done);
  });
  f.start(3);
  kept->fail("the bank is closed");
  EXPECT_EQ(f.reason(), "example/f/bob: the bank is closed");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(f.answers[0].error, nullptr);
}

TEST(Completion, FailsWithAnException) {
  Later f([](Context&, const Message&, Completion done) { done.fail(std::make_exception_ptr(std::out_of_range("why"))); });
  f.start();
  EXPECT_EQ(f.reason(), "example/f/bob: why");
  EXPECT_THROW(std::rethrow_exception(f.answers[0].error), std::out_of_range);
  Later g([](Context&, const Message&, Completion done) { done.fail(std::exception_ptr()); });
  g.start();
  EXPECT_EQ(g.reason(), "example/f/bob: a failure without a reason");
}

TEST(Completion, OneThatIsDroppedFailsTheCall) {
  Later now([](Context&, const Message&, Completion) {});
  now.start(2);
  EXPECT_EQ(now.reason(), "example/f/bob: the function dropped its Completion without completing");
  std::optional<Completion> kept;
  Later later([&](Context&, const Message&, Completion done) { kept = done; });
  later.start();
  EXPECT_TRUE(later.answers.empty());
  kept.reset();
  EXPECT_THAT(later.reason(), HasSubstr("dropped its Completion"));
}

TEST(Completion, OnlyTheFirstEndCounts) {
  std::vector<Completion> kept;
  Later f([&](Context&, const Message&, Completion done) { kept.assign(3, done); });
  f.start();
  kept[0].complete();
  kept[1].fail("too late");
  kept[2].complete();
  kept[0].complete();
  kept.clear();
  ASSERT_EQ(f.answers.size(), 1u);
  EXPECT_EQ(f.answers[0].status, Status::Ok);
}

TEST(Completion, AThrowBeforeItFailsTheCallAndAThrowAfterItDoesNot) {
  Later before([](Context&, const Message&, Completion) { throw std::runtime_error("no"); });
  before.start(2);
  EXPECT_EQ(before.reason(), "example/f/bob: no");
  int calls = 0;
  Later after([&](Context&, const Message&, Completion done) {
    ++calls;
    done.complete();
    throw std::runtime_error("no");
  });
  after.start(2);
  ASSERT_EQ(after.answers.size(), 1u);
  EXPECT_EQ(after.answers[0].status, Status::Ok);
  EXPECT_EQ(calls, 2);
}

TEST(Completion, AFunctionHasReturnedBeforeTheNextIsCalled) {
  int inside = 0;
  int most = 0;
  Later f([&](Context&, const Message&, Completion done) {
    most = std::max(most, ++inside);
    done.complete();
    --inside;
  });
  f.start(100'000);  // Which the stack would not hold, either.
  ASSERT_EQ(f.answers.size(), 1u);
  EXPECT_EQ(most, 1);
}

TEST(Completion, RequestsThatNeedNoFunctionAreAnsweredAtOnce) {
  Later f([](Context&, const Message&, Completion) { FAIL(); });
  f.handler.handle("garbage", [&](Answer&& answer) { f.answers.push_back(std::move(answer)); });
  f.handler.handle(Request({"example/f", "1"}).message(typed("x")).bytes(), [&](Answer&& answer) { f.answers.push_back(std::move(answer)); });
  ASSERT_EQ(f.answers.size(), 2u);
  EXPECT_EQ(f.answers[0].status, Status::Malformed);
  EXPECT_THAT(f.answers[1].body, testing::StartsWith("\xaa\x06"));
}

TEST(Completion, SynchronousFunctionsAnswerFromWithin) {
  Functions functions;
  functions.bind({"example/f", [](Context&, const Message&) {}});
  const Handler handler(functions);
  int answers = 0;
  handler.handle(Request({"example/f", "1"}).message(typed("x")).bytes(), [&](Answer&& answer) {
    EXPECT_EQ(answer.status, Status::Ok);
    ++answers;
  });
  EXPECT_EQ(answers, 1);
}

// Completions that another thread ends as soon as it gets them, while their function may still be running.
class Completer {
 public:
  Completer() : thread_([this] { run(); }) {}
  ~Completer() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  void give(Completion done) {
    {
      const std::lock_guard lock(mutex_);
      given_.push_back(std::move(done));
    }
    changed_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || !given_.empty(); });
      if (given_.empty()) return;
      Completion done = std::move(given_.front());
      given_.pop_front();
      lock.unlock();
      done.complete();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Completion> given_;
  bool stopping_ = false;
  std::thread thread_;
};

TEST(Completion, ThreadsMayEndCallsWhileTheirFunctionsRun) {
  Completer completer;
  Functions functions;
  functions.bind({"example/f", {kSeen}, [&](Context& ctx, const Message&, Completion done) {
                    ctx.storage()[kSeen] += 1;
                    completer.give(std::move(done));
                  }});
  const Handler handler(functions);
  Request request({"example/f", "bob"});
  request.state("seen");
  for (int i = 0; i < 100; ++i) request.message(typed(i));
  const std::string bytes = request.bytes();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) {
        const auto answer = handler.handle(bytes);  // The one that waits.
        EXPECT_EQ(answer.status, Status::Ok);
        EXPECT_THAT(answer.body, HasSubstr(typed(std::int64_t{100}).bytes));
      }
    });
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace holdfast::sdk

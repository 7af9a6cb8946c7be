// Built by a compiler whose coroutines are sound, with ASan: see cmake/tests.cmake.
#include "holdfast/sdk/coroutine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/sdk.h"
#include "holdfast/sdk/testing.h"

namespace holdfast::sdk {
namespace {

constexpr State<std::int64_t> kSeen{"seen"};

std::string failure(TestContext& test) {
  try {
    test.call("x");
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

// Threads that end before the test does.
class Threads {
 public:
  ~Threads() {
    for (auto& thread : threads_) thread.join();
  }
  void run(std::function<void()> work) { threads_.emplace_back(std::move(work)); }

 private:
  std::vector<std::thread> threads_;
};

Task<> nothing(Context&, const Message&) { co_return; }

TEST(Coroutine, ThatWaitsForNothingIsAFunction) {
  TestContext test({"a/f", coroutine(nothing)}, "1");
  test.call("x");
  EXPECT_THAT(test, sent_nothing());
}

TEST(Coroutine, HasContextAndMessageOverItsWaits) {
  Threads threads;
  TestContext test({"a/f", {kSeen}, coroutine([&](Context& ctx, const Message& message) -> Task<> {
                      const auto twice = co_await callback<int>([&](Resume<int> resume) {
                        threads.run([resume, n = message.as<std::int32_t>()] { resume(2 * n); });
                      });
                      ctx.storage()[kSeen] += twice;
                      const auto text = co_await callback<std::string>([&](Resume<std::string> resume) {
                        threads.run([resume] { resume("later"); });
                      });
                      ctx.send(ctx.self(), text + std::to_string(message.as<std::int32_t>()));
                    })},
                   "1");
  test.call_batch({typed(5), typed(7)});
  EXPECT_THAT(test, state_is(kSeen, 24));
  EXPECT_THAT(test, sent({"a/f", "1"}, "later5"));
  EXPECT_THAT(test, sent({"a/f", "1"}, "later7"));
}

TEST(Coroutine, ResultsFromWithinStartTakeNoStack) {
  TestContext test({"a/f", {kSeen}, coroutine([](Context& ctx, const Message&) -> Task<> {
                      std::int64_t sum = 0;
                      for (int i = 0; i < 100'000; ++i) sum += co_await callback<int>([](Resume<int> resume) { resume(1); });
                      ctx.storage()[kSeen] = sum;
                    })},
                   "1");
  test.call("x");
  EXPECT_THAT(test, state_is(kSeen, 100'000));
}

Task<int> fibonacci(int n) {
  if (n < 2) co_return n;
  co_return co_await fibonacci(n - 1) + co_await fibonacci(n - 2);
}
Task<std::unique_ptr<int>> moved() { co_return std::make_unique<int>(7); }

TEST(Coroutine, AwaitsOthersAndTheirValues) {
  TestContext test({"a/f", {kSeen}, coroutine([](Context& ctx, const Message&) -> Task<> {
                      auto later = moved();
                      ctx.storage()[kSeen] = co_await fibonacci(12) + *co_await std::move(later);
                    })},
                   "1");
  test.call("x");
  EXPECT_THAT(test, state_is(kSeen, 151));
}

Task<> throws_deep(int depth) {
  if (depth == 0) throw std::out_of_range("too deep");
  co_await throws_deep(depth - 1);
}

TEST(Coroutine, ExceptionsReachTheCall) {
  TestContext direct({"a/f", coroutine([](Context&, const Message&) -> Task<> { co_await throws_deep(3); })}, "1");
  EXPECT_THROW(direct.call("x"), std::out_of_range);
  TestContext caught({"a/f", {kSeen}, coroutine([](Context& ctx, const Message&) -> Task<> {
                        bool failed = false;
                        try {
                          co_await throws_deep(3);
                        } catch (const std::out_of_range&) {
                          failed = true;
                        }
                        if (failed) ctx.storage()[kSeen] = 1;
                      })},
                     "1");
  caught.call("x");
  EXPECT_THAT(caught, state_is(kSeen, 1));
}

TEST(Coroutine, OperationsFailWithAReasonOrAnException) {
  Threads threads;
  TestContext reason({"a/f", coroutine([&](Context&, const Message&) -> Task<> {
                        co_await callback([&](Resume<> resume) { threads.run([resume] { resume.fail("no route to host"); }); });
                      })},
                     "1");
  EXPECT_EQ(failure(reason), "no route to host");
  TestContext error({"a/f", coroutine([&](Context&, const Message&) -> Task<> {
                       co_await callback([&](Resume<> resume) { resume.fail(std::make_exception_ptr(std::out_of_range("7"))); });
                     })},
                    "1");
  EXPECT_THROW(error.call("x"), std::out_of_range);
  TestContext start({"a/f", coroutine([&](Context&, const Message&) -> Task<> {
                       co_await callback([&](const Resume<>&) { throw std::runtime_error("cannot start"); });
                     })},
                    "1");
  EXPECT_EQ(failure(start), "cannot start");
}

TEST(Coroutine, AnOperationThatIsDroppedFails) {
  TestContext now({"a/f", coroutine([](Context&, const Message&) -> Task<> { co_await callback([](const Resume<>&) {}); })}, "1");
  EXPECT_EQ(failure(now), "an operation that a coroutine waits for was dropped without a result");
  std::vector<Resume<>> kept;
  TestContext later({"a/f", coroutine([&](Context&, const Message&) -> Task<> {
                       co_await callback([&](const Resume<>& resume) { kept.assign(3, resume); });
                     })},
                    "1");
  later.start("x");
  kept.clear();
  EXPECT_THROW(later.finish(), Error);
}

TEST(Coroutine, OnlyTheFirstResultCounts) {
  TestContext test({"a/f", {kSeen}, coroutine([](Context& ctx, const Message&) -> Task<> {
                      ctx.storage()[kSeen] = co_await callback<int>([](const Resume<int>& resume) {
                        resume(1);
                        resume(2);
                        resume.fail("too late");
                      });
                    })},
                   "1");
  test.call("x");
  EXPECT_THAT(test, state_is(kSeen, 1));
}

struct Request {
  std::string a;
  std::vector<std::string> list;
};
Task<std::string> joined(Request request) {
  co_await callback([](const Resume<>& resume) { resume(); });
  std::string out = request.a;
  for (const auto& one : request.list) out += one;
  co_return out;
}

// The forms that g++ 12 destroys twice.
TEST(Coroutine, TemporariesOfAwaitsAreDestroyedOnce) {
  TestContext test({"a/f", coroutine([long_one = std::string(100, 'x')](Context& ctx, const Message&) -> Task<> {
                      ctx.send(ctx.self(), co_await joined({long_one, {long_one, "b"}}));
                      ctx.send(ctx.self(), co_await joined(Request{std::string(50, 'c'), {}}));
                      const bool first = ctx.self().id == "1";
                      const auto either = first ? co_await joined({std::string(60, 'y'), {}}) : co_await joined({"z", {}});
                      const auto value = co_await callback<std::string>(
                          [copy = long_one, either](const Resume<std::string>& resume) { resume(copy + either); });
                      ctx.send(ctx.self(), value);
                    })},
                   "1");
  test.call("x");
  EXPECT_EQ(test.sent().at(0).value.as<std::string>(), std::string(200, 'x') + "b");
  EXPECT_EQ(test.sent().at(1).value.as<std::string>(), std::string(50, 'c'));
  EXPECT_EQ(test.sent().at(2).value.as<std::string>(), std::string(100, 'x') + std::string(60, 'y'));
}

// The result comes while the coroutine suspends, now earlier, now later.
TEST(Coroutine, ResultsMayComeWhileItSuspends) {
  std::atomic<const Resume<>*> given = nullptr;
  std::atomic<bool> stopping = false;
  std::thread other([&] {
    while (!stopping) {
      if (const auto* resume = given.exchange(nullptr)) {
        (*resume)();
        delete resume;
      }
    }
  });
  TestContext test({"a/f", {kSeen}, coroutine([&](Context& ctx, const Message&) -> Task<> {
                      for (int i = 0; i < 5'000; ++i) {
                        co_await callback([&](const Resume<>& resume) { given = new Resume<>(resume); });
                        ctx.storage()[kSeen] += 1;
                      }
                    })},
                   "1");
  test.call("x");
  EXPECT_THAT(test, state_is(kSeen, 5'000));
  stopping = true;
  other.join();
}

}  // namespace
}  // namespace holdfast::sdk

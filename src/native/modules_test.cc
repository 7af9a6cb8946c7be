// Real modules (tests/modules), called as the runtime calls them, on a loop of their own.
#include "native/modules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/worker_loop.h"
#include "codec/standard_types.h"

namespace holdfast::native {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = model::InvocationFailure::Kind;

constexpr std::string_view kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string module(const std::string& name) { return std::string(TEST_MODULES) + "/" + name + ".so"; }

model::EndpointSpec endpoint(std::string functions, std::string path) {
  model::EndpointSpec spec;
  spec.functions = std::move(functions);
  spec.native = model::NativeSpec{};
  spec.native->module = std::move(path);
  spec.native->place = "m.yaml:3:11: spec.module";
  return spec;
}

class MetricsMap final : public MetricsSink {
 public:
  void counter(std::string_view name, std::string_view, MetricLabels, std::uint64_t value) override { values[std::string(name)] += value; }
  void gauge(std::string_view name, std::string_view, MetricLabels, double value) override {
    values[std::string(name)] += static_cast<std::uint64_t>(value);
  }
  void histogram(std::string_view, std::string_view, MetricLabels, const LatencyHistogram&) override {}
  std::map<std::string, std::uint64_t> values;
};

class NativeTest : public ::testing::Test {
 protected:
  ~NativeTest() override { end(); }

  // What the destructors of the program do, in its order.
  void end() {
    if (target_) on_loop([this] { target_.reset(); });
    modules_.reset();
  }

  void open(const model::EndpointSpec& spec) {
    auto modules = Modules::open({&spec, 1}, {}, "holdfast test");
    EXPECT_TRUE(modules.has_value()) << modules.error().message;
    modules_ = *std::move(modules);
    target_ = modules_->make_target(spec, loop_);
  }

  void on_loop(const std::function<void()>& what) {
    std::promise<void> done;
    loop_.post([&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  // Starts a call of `function` with one message; the state "count" is there unless it is to be asked for.
  std::future<model::InvocationOutcome> start(const std::string& function, const std::string& text, bool declared = true,
                                              const std::string& count = "") {
    auto promise = std::make_shared<std::promise<model::InvocationOutcome>>();
    auto future = promise->get_future();
    on_loop([&] {
      const model::Address address{function, "7"};
      const model::StateSpec spec{"count", std::string(model::kStringType)};
      const model::StateValue value{"count", codec::encode_string(count), {}};
      const ports::StateEntry entry{&spec, count.empty() ? nullptr : &value};
      model::Message message;
      message.argument = {std::string(model::kStringType), codec::encode_string(text), true};
      message.caller = model::Address{"holdfast/request", "1"};
      const model::Message* batch[] = {&message};
      const std::shared_ptr<bool> inside = std::make_shared<bool>(true);
      target_->invoke({address, declared ? std::span(&entry, 1) : std::span<const ports::StateEntry>(), batch, kTrace},
                      [promise, inside](model::InvocationOutcome outcome) {
                        EXPECT_FALSE(*inside) << "answered from within invoke()";
                        promise->set_value(std::move(outcome));
                      });
      *inside = false;
    });
    return future;
  }
  model::InvocationOutcome call(const std::string& function, const std::string& text, bool declared = true, const std::string& count = "") {
    return start(function, text, declared, count).get();
  }
  // The text that was sent to the caller.
  static std::string reply(const model::InvocationOutcome& outcome) {
    if (const auto* failure = std::get_if<model::InvocationFailure>(&outcome)) return "failure: " + failure->message;
    const auto* response = std::get_if<model::InvocationResponse>(&outcome);
    if (response == nullptr) return "states are missing";
    if (response->sends.empty()) return "nothing";
    return codec::decode_string(response->sends[0].argument.value).value();
  }
  static model::InvocationFailure failure(const model::InvocationOutcome& outcome) {
    const auto* found = std::get_if<model::InvocationFailure>(&outcome);
    return found == nullptr ? model::InvocationFailure{Kind::Unreachable, "it did not fail"} : *found;
  }
  std::vector<ports::ModuleInfo> reload() {
    std::promise<std::vector<ports::ModuleInfo>> done;
    modules_->reload([&](auto infos) { done.set_value(std::move(infos)); });
    return done.get_future().get();
  }
  std::uint64_t metric(const std::string& name) {
    MetricsMap map;
    modules_->collect(map);
    return map.values[name];
  }

  WorkerLoop loop_{"shard"};
  std::unique_ptr<Modules> modules_;
  std::unique_ptr<ports::FunctionTarget> target_;
};

class EachWayOfAnswering : public NativeTest, public ::testing::WithParamInterface<std::string> {};
INSTANTIATE_TEST_SUITE_P(Native, EachWayOfAnswering, ::testing::Values("test/counter", "test/blocking", "test/async"));

TEST_P(EachWayOfAnswering, HasTheStateAndGivesTheEffects) {
  open(endpoint("test/*", module("functions_v1")));
  const auto outcome = call(GetParam(), "hello", true, "4");
  EXPECT_EQ(reply(outcome), "v1: 5");
  const auto* response = std::get_if<model::InvocationResponse>(&outcome);
  ASSERT_NE(response, nullptr);
  ASSERT_EQ(response->mutations.size(), 1u);
  EXPECT_EQ(response->mutations[0].name, "count");
  EXPECT_EQ(codec::decode_string(response->mutations[0].value).value(), "5");
}

TEST_P(EachWayOfAnswering, HasTheTrace) {
  open(endpoint("test/*", module("functions_v1")));
  EXPECT_EQ(reply(call(GetParam(), "trace")), kTrace);
}

TEST_P(EachWayOfAnswering, MayAskForItsStates) {
  open(endpoint("test/*", module("functions_v1")));
  const auto outcome = call(GetParam(), "hello", false);
  const auto* incomplete = std::get_if<model::IncompleteContext>(&outcome);
  ASSERT_NE(incomplete, nullptr);
  EXPECT_EQ(incomplete->missing.at(0).name, "count");
}

TEST_P(EachWayOfAnswering, MayFailWithAReason) {
  open(endpoint("test/*", module("functions_v1")));
  const auto why = failure(call(GetParam(), "fail no more in stock"));
  EXPECT_EQ(why.kind, Kind::Failed);
  EXPECT_EQ(why.message, "functions_v1.so: " + GetParam() + " failed: no more in stock");
}

TEST_P(EachWayOfAnswering, ThrowingIsAFailureWithTheTextOfTheException) {
  open(endpoint("test/*", module("functions_v1")));
  const auto why = failure(call(GetParam(), "throw out of range"));
  EXPECT_EQ(why.kind, Kind::Failed);
  EXPECT_THAT(why.message, HasSubstr("out of range"));
  EXPECT_EQ(reply(call(GetParam(), "hello")), "v1: 1");
}

TEST_P(EachWayOfAnswering, GarbageIsRefused) {
  open(endpoint("test/*", module("functions_v1")));
  const auto why = failure(call(GetParam(), "garbage"));
  EXPECT_EQ(why.kind, Kind::Refused);
  EXPECT_THAT(why.message, HasSubstr("functions_v1.so: " + GetParam() + " answered 3 bytes that make no sense: "));
}

TEST_P(EachWayOfAnswering, SilenceIsAFailureAfterTheCallTimeout) {
  auto spec = endpoint("test/*", module("functions_v1"));
  spec.call_timeout = Duration{30};
  open(spec);
  const auto why = failure(call(GetParam(), "silence"));
  EXPECT_EQ(why.kind, Kind::Failed);
  EXPECT_EQ(why.message, "functions_v1.so: " + GetParam() + " gave no answer within 30 ms");
  EXPECT_EQ(reply(call(GetParam(), "hello")), "v1: 1");
  EXPECT_EQ(metric("holdfast_native_given_up_calls_total"), 1u);
}

TEST_P(EachWayOfAnswering, SecondAnswersAreDropped) {
  open(endpoint("test/*", module("functions_v1")));
  EXPECT_EQ(reply(call(GetParam(), "twice")), "nothing");
  EXPECT_EQ(reply(call(GetParam(), "hello")), "v1: 1");
  EXPECT_EQ(metric("holdfast_native_unwanted_answers_total"), 1u);
}

TEST_P(EachWayOfAnswering, ManyCallsAtOnceAreAllAnswered) {
  open(endpoint("test/*", module("functions_v1")));
  std::vector<std::future<model::InvocationOutcome>> calls;
  for (int i = 1; i <= 1000; ++i) calls.push_back(start(GetParam(), "hello", true, std::to_string(i)));
  for (int i = 1; i <= 1000; ++i) EXPECT_EQ(reply(calls[static_cast<std::size_t>(i - 1)].get()), "v1: " + std::to_string(i + 1));
}

TEST_P(EachWayOfAnswering, AnswerOverTheLimitIsRefused) {
  auto spec = endpoint("test/*", module("functions_v1"));
  spec.payload_bytes_max = 500;
  open(spec);
  const auto why = failure(call(GetParam(), "large 501"));
  EXPECT_EQ(why.kind, Kind::Refused);
  EXPECT_EQ(why.message, "functions_v1.so: " + GetParam() + " answered 501 bytes, more than the endpoint's limit of 500");
}

TEST_P(EachWayOfAnswering, RequestOverTheLimitIsRefusedWithoutACall) {
  auto spec = endpoint("test/*", module("functions_v1"));
  spec.payload_bytes_max = 500;
  open(spec);
  const auto why = failure(call(GetParam(), std::string(500, 'x')));
  EXPECT_EQ(why.kind, Kind::Refused);
  EXPECT_THAT(why.message, HasSubstr("functions_v1.so is not called for a request of "));
}

TEST_P(EachWayOfAnswering, NobodyIsAnsweredAfterTheTargetIsGone) {
  std::string folder = ::testing::TempDir() + "holdfast_native_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  auto spec = endpoint("test/*", module("functions_v1"));
  spec.native->execution = model::NativeExecution::Auto;
  open(spec);
  if (GetParam() == "test/counter") return;  // Has answered when invoke() returns.
  auto waiting = start(GetParam(), "wait " + folder + "/go");
  on_loop([this] { target_.reset(); });
  std::ofstream(folder + "/go") << "x";
  modules_.reset();  // Waits for the function, and destroys the instance.
  EXPECT_THROW((void)waiting.get(), std::future_error);
  std::filesystem::remove_all(folder);
}

TEST_F(NativeTest, CallsOfThePoolRunSideBySide) {
  std::string folder = ::testing::TempDir() + "holdfast_native_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  auto spec = endpoint("test/*", module("functions_v1"));
  spec.native->execution = model::NativeExecution::Pool;
  open(spec);
  auto waits = start("test/counter", "wait " + folder + "/go");
  EXPECT_EQ(reply(call("test/counter", "hello")), "v1: 1");
  std::ofstream(folder + "/go") << "x";
  EXPECT_EQ(reply(waits.get()), "v1: 1");
  std::filesystem::remove_all(folder);
}

TEST_F(NativeTest, CallThatFindsNoThreadInTimeFailsWithoutHavingRun) {
  std::string folder = ::testing::TempDir() + "holdfast_native_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  auto spec = endpoint("test/*", module("functions_v1"));
  spec.native->threads = 1;
  spec.call_timeout = Duration{50};
  open(spec);
  auto waits = start("test/blocking", "wait " + folder + "/go");
  auto queued = start("test/blocking", "wait " + folder + "/never");
  EXPECT_EQ(failure(waits.get()).message, "functions_v1.so: test/blocking gave no answer within 50 ms");
  EXPECT_EQ(failure(queued.get()).message, "functions_v1.so: test/blocking gave no answer within 50 ms: all threads of its pool were busy");
  std::ofstream(folder + "/go") << "x";  // Now the thread comes back, and the late answer is dropped.
  model::InvocationOutcome outcome;
  while (!std::holds_alternative<model::InvocationResponse>(outcome = call("test/blocking", "hello"))) {
  }
  EXPECT_EQ(reply(outcome), "v1: 1");
  EXPECT_EQ(metric("holdfast_native_unwanted_answers_total"), 1u);
  std::filesystem::remove_all(folder);
}

TEST_F(NativeTest, QuickCallsThatAreSlowAreCounted) {
  open(endpoint("test/*", module("functions_v1")));
  EXPECT_EQ(reply(call("test/counter", "hello")), "v1: 1");
  EXPECT_EQ(metric("holdfast_native_slow_calls_total"), 0u);
  EXPECT_EQ(reply(call("test/counter", "sleep 101")), "v1: 1");
  EXPECT_EQ(metric("holdfast_native_slow_calls_total"), 1u);
}

TEST_F(NativeTest, FunctionThatIsNotThereIsRefusedWithThoseThatAre) {
  open(endpoint("test/*", module("functions_v1")));
  const auto why = failure(call("test/nobody", "x"));
  EXPECT_EQ(why.kind, Kind::Refused);
  EXPECT_EQ(why.message, "functions_v1.so has no function test/nobody; it has test/async, test/blocking, test/counter");
}

// --- A module whose calls the test answers itself.

struct Answering {
  static const holdfast_module_descriptor* descriptor() {
    static const holdfast_function function{"test/later", HOLDFAST_QUICK, 0};
    static const holdfast_module_descriptor out{
        sizeof(holdfast_module_descriptor), HOLDFAST_ABI_MAJOR, HOLDFAST_ABI_MINOR, "", "", &function, 1, sizeof function,
        [](const holdfast_host* host, char*, std::size_t) -> void* { return new Answering{host, {}}; },
        [](void* self, const holdfast_request* request) {
          static_cast<Answering*>(self)->calls.push_back(request->call);
          latest = static_cast<Answering*>(self);
        },
        nullptr, [](void* self) { delete static_cast<Answering*>(self); }, nullptr};
    return &out;
  }
  static inline Answering* latest = nullptr;
  const holdfast_host* host;
  std::vector<holdfast_call> calls;
};

TEST_F(NativeTest, StaleAnswersDoNotReachTheCallThatHasTheirPlace) {
  const auto spec = endpoint("test/*", "");
  const holdfast_module_descriptor* linked[] = {Answering::descriptor()};
  auto modules = Modules::open({&spec, 1}, linked, "");
  ASSERT_TRUE(modules.has_value()) << modules.error().message;
  modules_ = *std::move(modules);
  target_ = modules_->make_target(spec, loop_);
  const auto fail = [](std::size_t call, std::string_view why) {
    return Answering::latest->host->fail(Answering::latest->calls.at(call), why.data(), why.size());
  };

  auto first = start("test/later", "x");
  EXPECT_EQ(fail(0, "first"), 1);
  EXPECT_EQ(failure(first.get()).message, "linked: test/later failed: first");
  auto second = start("test/later", "x");
  ASSERT_EQ(Answering::latest->calls.at(0).id & 0xffff, Answering::latest->calls.at(1).id & 0xffff);
  EXPECT_EQ(fail(0, "first again"), 0);
  EXPECT_EQ(fail(1, "second"), 1);
  EXPECT_EQ(failure(second.get()).message, "linked: test/later failed: second");
  EXPECT_EQ(Answering::latest->host->answer({nullptr, 0}, "", 0), 0);
}

// --- What is wrong before anything runs.

TEST(CheckModules, NamesEveryProblemAtItsPlace) {
  const model::EndpointSpec endpoints[] = {endpoint("test/*", module("functions_v1")), endpoint("test/counter", module("without_counter")),
                                           endpoint("shop/*", module("functions_v1")), endpoint("a/*", module("other_abi")),
                                           endpoint("b/*", module("other_abi")),       endpoint("c/*", "")};
  EXPECT_THAT(check_modules(endpoints, {}),
              ElementsAre("m.yaml:3:11: spec.module: " + module("without_counter") + " has no function test/counter; it has test/async, test/blocking",
                          "m.yaml:3:11: spec.module: " + module("functions_v1") + " has no function shop/*; it has test/async, test/blocking, test/counter",
                          "m.yaml:3:11: spec.module: " + module("other_abi") +
                              " is made for version 2.0 of the module ABI, this program has 1.0: build it with an SDK whose major version is 1",
                          "m.yaml:3:11: spec.module: no functions are linked into this program: name a file, as module: functions.so"));
}

TEST(OpenModules, SaysWhyAModuleCannotStart) {
  const auto spec = endpoint("test/*", module("cannot_start"));
  EXPECT_TRUE(check_modules({&spec, 1}, {}).empty());
  const auto modules = Modules::open({&spec, 1}, {}, "");
  ASSERT_FALSE(modules.has_value());
  EXPECT_EQ(modules.error().message, "m.yaml:3:11: spec.module: cannot_start.so cannot start: there is no stock to sell");
}

// --- Reload.

class Reload : public NativeTest {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "holdfast_reload_XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    put("functions_v1");
    auto spec = endpoint("test/*", path());
    spec.native->threads = 2;
    open(spec);
  }
  void TearDown() override {
    end();
    std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] std::string path() const { return folder_ + "/functions.so"; }
  void put(const std::string& name) {
    std::filesystem::copy_file(module(name), path(), std::filesystem::copy_options::overwrite_existing);
  }
  std::string folder_;
};

TEST_F(Reload, TurnsToTheNewFile) {
  EXPECT_EQ(reply(call("test/counter", "x")), "v1: 1");
  put("functions_v2");
  EXPECT_EQ(reply(call("test/counter", "x")), "v1: 1");
  const auto infos = reload();
  ASSERT_EQ(infos.size(), 1u);
  EXPECT_TRUE(infos[0].reloaded);
  EXPECT_EQ(infos[0].build, "version 2");
  for (const char* function : {"test/counter", "test/blocking", "test/async"}) EXPECT_EQ(reply(call(function, "x")), "v2: 1");
  EXPECT_EQ(metric("holdfast_native_reloads_total"), 1u);
}

TEST_F(Reload, LeavesCallsUnderWayToTheOldOne) {
  auto pooled = start("test/blocking", "wait " + folder_ + "/go");
  auto async = start("test/async", "wait " + folder_ + "/go");
  put("functions_v2");
  reload();
  EXPECT_EQ(reply(call("test/blocking", "x")), "v2: 1");
  EXPECT_EQ(reply(call("test/async", "x")), "v2: 1");
  std::ofstream(folder_ + "/go") << "x";
  EXPECT_EQ(reply(pooled.get()), "v1: 1");
  EXPECT_EQ(reply(async.get()), "v1: 1");
}

TEST_F(Reload, OfAFileThatIsRefusedChangesNothingAndSaysWhy) {
  for (const auto& [name, why] : {std::pair{"no_symbol", "is not a module"}, {"other_abi", "is made for version 2.0"},
                                  {"cannot_start", "cannot start: there is no stock"}, {"plain", "has no function test/*"}, {"without_counter", "has no function test/counter any more"}}) {
    put(name);
    const auto infos = reload();
    ASSERT_EQ(infos.size(), 1u);
    EXPECT_FALSE(infos[0].reloaded);
    EXPECT_THAT(infos[0].refused, HasSubstr(why));
    EXPECT_EQ(infos[0].build, "version 1");
    EXPECT_EQ(reply(call("test/counter", "x")), "v1: 1");
  }
  std::filesystem::remove(path());
  EXPECT_THAT(reload().at(0).refused, HasSubstr("there is no file"));
  EXPECT_EQ(metric("holdfast_native_refused_reloads_total"), 6u);
}

TEST_F(Reload, ManyTimesUnderLoadAnswersEveryCall) {
  for (int round = 0; round < 10; ++round) {
    std::vector<std::future<model::InvocationOutcome>> calls;
    for (int i = 0; i < 50; ++i)
      for (const char* function : {"test/counter", "test/blocking", "test/async"}) calls.push_back(start(function, "x"));
    put(round % 2 == 0 ? "functions_v2" : "functions_v1");
    std::promise<void> done;
    modules_->reload([&](auto infos) {
      EXPECT_TRUE(infos.at(0).reloaded);
      done.set_value();
    });
    for (int i = 0; i < 50; ++i)
      for (const char* function : {"test/counter", "test/blocking", "test/async"}) calls.push_back(start(function, "x"));
    for (auto& c : calls) EXPECT_THAT(reply(c.get()), ::testing::MatchesRegex("v[12]: 1"));
    done.get_future().wait();
    EXPECT_EQ(reply(call("test/counter", "x")), round % 2 == 0 ? "v2: 1" : "v1: 1");
  }
}

}  // namespace
}  // namespace holdfast::native

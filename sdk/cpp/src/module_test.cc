#include "holdfast/sdk/module.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "holdfast/sdk.h"
#include "wire.h"

namespace holdfast::sdk {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A host that notes what it is told.
struct Host {
  struct Told {
    bool ok = false;
    std::string bytes;
  };
  std::map<std::uint64_t, std::vector<Told>> told;
  holdfast_host host{sizeof(holdfast_host), HOLDFAST_ABI_MAJOR, HOLDFAST_ABI_MINOR, "test",
                     [](holdfast_call call, const void* bytes, std::size_t size) {
                       static_cast<Host*>(call.owner)->told[call.id].push_back({true, {static_cast<const char*>(bytes), size}});
                       return 1;
                     },
                     [](holdfast_call call, const char* reason, std::size_t size) {
                       static_cast<Host*>(call.owner)->told[call.id].push_back({false, {reason, size}});
                       return 1;
                     }};
};

std::string request_for(std::string_view name) {
  std::string address;
  detail::wire::append_string(address, 1, "example");
  detail::wire::append_string(address, 2, name);
  detail::wire::append_string(address, 3, "1");
  std::string batch;
  detail::wire::append_bytes(batch, 1, address);
  std::string caller;
  detail::wire::append_string(caller, 1, "x");
  detail::wire::append_string(caller, 2, "y");
  detail::wire::append_string(caller, 3, "z");
  std::string invocation;
  detail::wire::append_bytes(invocation, 1, caller);
  detail::wire::append_bytes(batch, 3, invocation);
  std::string out;
  detail::wire::append_bytes(out, 100, batch);
  return out;
}

class Loaded {
 public:
  Loaded(Host& host, const holdfast_module_descriptor& module) : host_(host), module_(module) {
    instance_ = module.create(&host.host, error.data(), error.size());
  }
  ~Loaded() {
    if (instance_ != nullptr) module_.destroy(instance_);
  }
  // What the host was told until it returned.
  std::vector<Host::Told> invoke(const std::string& bytes) {
    const std::string borrowed = bytes;  // Gone afterwards.
    const holdfast_request request{sizeof request, {&host_, ++id}, borrowed.data(), borrowed.size(), "", 0, 0};
    module_.invoke(instance_, &request);
    return host_.told[id];
  }
  [[nodiscard]] bool is_there() const { return instance_ != nullptr; }

  std::array<char, 100> error{};
  std::uint64_t id = 0;

 private:
  Host& host_;
  const holdfast_module_descriptor& module_;
  void* instance_ = nullptr;
};

std::optional<Completion> g_kept;  // Of the function example/later.

Functions several() {
  Functions out;
  out.bind({"example/reply", [](Context& ctx, const Message&) { ctx.reply("hi"); }});
  out.bind({"example/throw", [](Context&, const Message&) { throw std::runtime_error("why not"); }, Execution::Blocking});
  out.bind({"example/odd", [](Context&, const Message&) { throw 5; }});
  out.bind({"example/later", [](Context&, const Message&, Completion done) { g_kept = std::move(done); }});
  return out;
}
Functions none() { throw InvalidArgument("no database at db:5432"); }

TEST(Module, DescribesItsFunctions) {
  const auto& module = *module_descriptor<several>();
  EXPECT_EQ(module.struct_size, sizeof module);
  EXPECT_EQ(module.abi_major, HOLDFAST_ABI_MAJOR);
  EXPECT_EQ(module.function_size, sizeof(holdfast_function));
  EXPECT_STREQ(module.sdk, "holdfast-sdk-cpp " SDK_VERSION);
  EXPECT_THAT(module.build, HasSubstr(", "));
  std::map<std::string, std::uint32_t> functions;
  for (std::size_t i = 0; i < module.function_count; ++i) functions[module.functions[i].type] = module.functions[i].execution;
  EXPECT_EQ(functions, (std::map<std::string, std::uint32_t>{{"example/later", HOLDFAST_QUICK},
                                                             {"example/odd", HOLDFAST_QUICK},
                                                             {"example/reply", HOLDFAST_QUICK},
                                                             {"example/throw", HOLDFAST_BLOCKING}}));
}

TEST(Module, AnswersWithTheBytesOfAHandler) {
  Host host;
  Loaded module(host, *module_descriptor<several>());
  const auto told = module.invoke(request_for("reply"));
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].ok);
  EXPECT_EQ(told[0].bytes, Handler(several()).handle(request_for("reply")).body);
}

TEST(Module, FailuresAreToldWithTheirReason) {
  Host host;
  Loaded module(host, *module_descriptor<several>());
  const auto reason = [&](const std::string& request) {
    const auto told = module.invoke(request);
    EXPECT_EQ(told.size(), 1u);
    EXPECT_FALSE(told.at(0).ok);
    return told.at(0).bytes;
  };
  EXPECT_EQ(reason(request_for("throw")), "example/throw/1: why not");
  EXPECT_EQ(reason(request_for("odd")), "example/odd/1: an exception that is no std::exception");
  EXPECT_EQ(reason(request_for("other")),
            "no function example/other here; there are: example/later, example/odd, example/reply, example/throw");
  EXPECT_THAT(reason("garbage"), HasSubstr("malformed request"));
  EXPECT_THAT(module.invoke(request_for("reply")), testing::SizeIs(1));  // The answer before leaves nothing behind.
}

TEST(Module, AFunctionMayAnswerLaterFromAnotherThread) {
  Host host;
  Loaded module(host, *module_descriptor<several>());
  EXPECT_TRUE(module.invoke(request_for("later")).empty());
  std::thread([] { std::exchange(g_kept, std::nullopt)->complete(); }).join();
  ASSERT_EQ(host.told[module.id].size(), 1u);
  EXPECT_TRUE(host.told[module.id][0].ok);
  EXPECT_TRUE(module.invoke(request_for("later")).empty());
  g_kept.reset();
  ASSERT_EQ(host.told[module.id].size(), 1u);
  EXPECT_THAT(host.told[module.id][0].bytes, HasSubstr("dropped its Completion"));
}

TEST(Module, AnExceptionOfItsMakerIsTheReasonThatItCannotStart) {
  Host host;
  const auto& module = *module_descriptor<none>();
  EXPECT_EQ(module.function_count, 0u);
  EXPECT_STREQ(module.failure, "no database at db:5432");
  EXPECT_EQ(module_descriptor<several>()->failure, nullptr);
  Loaded loaded(host, module);
  EXPECT_FALSE(loaded.is_there());
  EXPECT_STREQ(loaded.error.data(), "no database at db:5432");
  std::array<char, 5> small{};
  EXPECT_EQ(module.create(&host.host, small.data(), small.size()), nullptr);
  EXPECT_STREQ(small.data(), "no d");
}

TEST(Module, EachInstanceHasFunctionsOfItsOwn) {
  static int made = 0;
  made = 0;
  constexpr auto kMake = [] {
    Functions out;
    out.bind({"example/count", [id = ++made](Context& ctx, const Message&) { ctx.reply(id); }});
    return out;
  };
  Host host;
  const auto& module = *module_descriptor<kMake>();
  Loaded first(host, module);
  Loaded second(host, module);
  EXPECT_EQ(made, 2);
  second.id = 100;
  EXPECT_NE(first.invoke(request_for("count"))[0].bytes, second.invoke(request_for("count"))[0].bytes);
}

TEST(Module, TwoVersionsOfASharedLibraryDoNotMix) {
  Host host;
  const auto load = [](const char* path) {
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(library, nullptr) << dlerror();
    const auto entry = reinterpret_cast<holdfast_module_entry>(dlsym(library, HOLDFAST_MODULE_SYMBOL));
    EXPECT_NE(entry, nullptr);
    return entry();
  };
  const auto& first = *load(MODULE);
  const auto& second = *load(MODULE_2);
  EXPECT_EQ(first.function_count, 1u);
  EXPECT_EQ(second.function_count, 2u);
  Loaded one(host, first);
  Loaded two(host, second);
  two.id = 100;
  EXPECT_NE(one.invoke(request_for("version"))[0].bytes, two.invoke(request_for("version"))[0].bytes);
}

}  // namespace
}  // namespace holdfast::sdk

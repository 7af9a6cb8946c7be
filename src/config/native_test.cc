// holdfast.endpoints.v1/native: what it becomes, and what is said about mistakes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/describe.h"
#include "config/load.h"
#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::lines;
using testing::load_text;
using testing::problems_of;

constexpr std::string_view kNative = "holdfast.endpoints.v1/native";

using NativeEndpoint = testing::Folder;

TEST_F(NativeEndpoint, HasItsModuleBesideTheFileAndTheDefaultsOfOtherEndpoints) {
  write("shop.so", "x");
  const std::string file = write("m.yaml", "kind: holdfast.endpoints.v1/native\nspec: {functions: shop/*, module: shop.so}\n");
  const LoadResult result = load_files({file});
  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.endpoints.size(), 1u);
  const model::EndpointSpec& endpoint = result.configuration.endpoints[0];
  EXPECT_EQ(endpoint.functions, "shop/*");
  ASSERT_TRUE(endpoint.native.has_value());
  EXPECT_EQ(endpoint.native->module, (folder_ / "shop.so").string());
  EXPECT_EQ(endpoint.native->execution, model::NativeExecution::Auto);
  EXPECT_EQ(endpoint.native->threads, 16u);
  EXPECT_EQ(endpoint.native->place, file + ":2:35: spec.module");
  EXPECT_EQ(endpoint.url_template, "native://" + (folder_ / "shop.so").string());
  EXPECT_EQ(endpoint.max_batch, 1000u);
  EXPECT_EQ(endpoint.max_concurrent, 256u);
  EXPECT_EQ(endpoint.call_timeout, Duration{120'000});
  EXPECT_EQ(endpoint.on_failure.retry.max_attempts, 20u);
}

TEST_F(NativeEndpoint, TakesEveryKey) {
  const LoadResult result = load_text(
      "kind: holdfast.endpoints.v1/native\nspec: {functions: shop/cart, module: linked, execution: pool, threads: 3, timeouts: {call: 7s},\n"
      "  maxNumBatchRequests: 5, maxConcurrentRequests: 6, onFailure: {then: drop}}\n");
  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.endpoints.size(), 1u);
  const model::EndpointSpec& endpoint = result.configuration.endpoints[0];
  EXPECT_EQ(endpoint.native->module, "");
  EXPECT_EQ(endpoint.native->execution, model::NativeExecution::Pool);
  EXPECT_EQ(endpoint.native->threads, 3u);
  EXPECT_EQ(endpoint.call_timeout, Duration{7000});
  EXPECT_EQ(endpoint.max_batch, 5u);
  EXPECT_EQ(endpoint.max_concurrent, 6u);
  EXPECT_EQ(endpoint.on_failure.then, model::FailureAction::Drop);
  EXPECT_THAT(describe(result.configuration), HasSubstr("shop/cart   native://linked  (batch 5, concurrency 6, call 7s, after 20 attempts drop, "
                                                        "on up to 3 threads)"));
}

TEST(NativeEndpointErrors, NameWhatIsMissingUnknownAndOutOfBounds) {
  EXPECT_THAT(problems_of(kNative, "functions: shop/*\n"),
              ElementsAre("m.yaml:3:3: spec.module: expected a shared library, or linked for functions that are linked into the program, got nothing"));
  EXPECT_THAT(problems_of(kNative, "functions: shop/*\nmodule: nowhere.so\n"),
              ElementsAre("m.yaml:4:11: spec.module: expected a shared library, or linked for functions that are linked into the program, got "
                          "\"nowhere.so\" (there is no nowhere.so)"));
  EXPECT_THAT(problems_of(kNative, "functions: shop/*\nmodule: linked\nexecution: thread\nthreads: 0\ntimeouts: {call: 0s, connect: 1s}\nprotocol: v3\n"),
              ElementsAre(HasSubstr("m.yaml:5:14: spec.execution: expected "), HasSubstr("m.yaml:6:12: spec.threads: expected an integer from 1 to 1024"),
                          HasSubstr("m.yaml:7:20: spec.timeouts.call: expected a duration"),
                          HasSubstr("m.yaml:7:24: spec.timeouts.connect: expected a known key"),
                          HasSubstr("m.yaml:8:3: spec.protocol: expected a known key")));
}

TEST(NativeEndpointErrors, FunctionsOfAnotherEndpointAreTaken) {
  const auto result = load_text(
      "kind: holdfast.endpoints.v1/native\nspec: {functions: shop/*, module: linked}\n---\n"
      "kind: io.statefun.endpoints.v2/http\nspec: {functions: shop/*, urlPathTemplate: http://h}\n");
  EXPECT_THAT(lines(result), ElementsAre(HasSubstr("expected functions that no other endpoint has, got \"shop/*\" again")));
}

}  // namespace
}  // namespace holdfast::config

// Any bytes as a configuration file. Beyond surviving: a refusal has a place in the file, nothing said
// exceeds its bound, and what is accepted keeps the promises of Configuration.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/describe.h"
#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const config::Source source{"fuzz.yaml", std::string(reinterpret_cast<const char*>(data), size),
                              "/nonexistent"};
  const config::Environment environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SECRET") return "hunter2-hunter2";
    if (name == "PORT") return "8081";
    return std::nullopt;
  };
  const config::LoadResult result = config::load(std::span(&source, 1), environment);
  HOLDFAST_CHECK(result.problems.size() <= config::kProblemsMax);
  for (const config::Problem& problem : result.problems) {
    const std::string text = problem.text();
    HOLDFAST_CHECK(text.starts_with("fuzz.yaml"));
    HOLDFAST_CHECK(text.size() < 16'384);
    HOLDFAST_CHECK(text.find('\n') == std::string::npos);
    HOLDFAST_CHECK(source.text.find("hunter2") != std::string::npos ||
                   text.find("hunter2") == std::string::npos);
  }
  if (!result.ok()) return 0;
  HOLDFAST_CHECK(!config::describe(result.configuration).empty());
  for (const model::EndpointSpec& endpoint : result.configuration.endpoints) {
    HOLDFAST_CHECK(endpoint.functions.find('/') != std::string::npos);
    HOLDFAST_CHECK(endpoint.url_template.find("://") != std::string::npos);
    HOLDFAST_CHECK(endpoint.call_timeout.ms > 0 && endpoint.max_concurrent > 0);
    HOLDFAST_CHECK((endpoint.on_failure.then == model::FailureAction::DeadLetter) ==
                   !endpoint.on_failure.dead_letter_stream.empty());
  }
  for (const model::StreamEgressSpec& stream : result.configuration.streams)
    HOLDFAST_CHECK(!stream.default_topic.empty());
  return 0;
}

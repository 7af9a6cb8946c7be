// For tests of this module: configuration from text, environment from a map, problems as lines.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "config/load.h"

namespace holdfast::config::testing {

inline Environment environment(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

inline LoadResult load_text(std::string text,
                            std::map<std::string, std::string, std::less<>> variables = {}) {
  const Source source{"m.yaml", std::move(text), {}};
  return load(std::span(&source, 1), environment(std::move(variables)));
}

// Of a LoadResult, or a Loaded<T>.
std::vector<std::string> lines(const auto& result) {
  std::vector<std::string> out;
  for (const Problem& problem : result.problems) out.push_back(problem.text());
  return out;
}

// What is said about one document with this kind and the lines of its spec (the first is line 3).
inline std::vector<std::string> problems_of(std::string_view kind, std::string_view spec,
                                            std::map<std::string, std::string, std::less<>> variables = {}) {
  std::string text = "kind: " + std::string(kind) + "\nspec:\n";
  for (std::size_t at = 0; at < spec.size();) {
    const auto end = std::min(spec.find('\n', at), spec.size());
    text += "  " + std::string(spec.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return lines(load_text(text, std::move(variables)));
}

inline constexpr std::string_view kV2 = "io.statefun.endpoints.v2/http";
inline constexpr std::string_view kV1 = "io.statefun.endpoints.v1/http";
inline constexpr std::string_view kIngress = "io.statefun.playground.v1/ingress";
inline constexpr std::string_view kEgress = "io.statefun.playground.v1/egress";
inline constexpr std::string_view kStream = "holdfast.streams.v1/egress";
inline constexpr std::string_view kKafkaIngress = "io.statefun.kafka.v1/ingress";
inline constexpr std::string_view kKafkaEgress = "io.statefun.kafka.v1/egress";
inline constexpr std::string_view kKinesisIngress = "io.statefun.kinesis.v1/ingress";
inline constexpr std::string_view kKinesisEgress = "io.statefun.kinesis.v1/egress";
inline constexpr std::string_view kNatsIngress = "holdfast.nats.v1/ingress";
inline constexpr std::string_view kNatsEgress = "holdfast.nats.v1/egress";
inline constexpr std::string_view kSettings = "holdfast.runtime.v1/settings";

// An endpoint with nothing wrong, to which a test adds lines: they begin at line 5.
inline std::vector<std::string> problems_of_endpoint(
    std::string_view more, std::map<std::string, std::string, std::less<>> variables = {}) {
  return problems_of(kV2, "functions: a/*\nurlPathTemplate: http://h/f\n" + std::string(more),
                     std::move(variables));
}

// A folder of its own for each test, gone afterwards.
class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "holdfast_config_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  LoadResult load_files(std::vector<std::string> files) { return load(files, environment({})); }
  std::filesystem::path folder_;
};

}  // namespace holdfast::config::testing

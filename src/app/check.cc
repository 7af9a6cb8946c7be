#include "app/check.h"

#include <iostream>

#include "api/json_writer.h"
#include "config/describe.h"
#include "connect/egress_table.h"

namespace holdfast::app {
namespace {

std::string problems_json(const config::LoadResult& result, const std::string& further) {
  api::JsonWriter json;
  json.begin_object().key("ok").boolean(result.ok() && further.empty()).key("problems").begin_array();
  for (const auto& problem : result.problems) {
    json.begin_object();
    json.key("severity").string(problem.severity == config::Severity::Error ? "error" : "warning");
    json.key("file").string(problem.place.file).key("line").number(problem.place.line).key("column").number(problem.place.column);
    json.key("path").string(problem.path).key("expected").string(problem.expected).key("got").string(problem.got);
    if (!problem.hint.empty()) json.key("hint").string(problem.hint);
    json.key("text").string(problem.text()).end_object();
  }
  if (!further.empty()) json.begin_object().key("severity").string("error").key("text").string(further).end_object();
  json.end_array().key("more_problems").number(result.more_problems).end_object();
  return json.take();
}

}  // namespace

void report(const config::LoadResult& result) {
  for (const auto& problem : result.problems) std::cerr << problem.text() << "\n";
  if (result.more_problems != 0) std::cerr << "and " << result.more_problems << " more problems\n";
}

int check(const cli::CheckOptions& options) {
  const auto result = config::load(std::span<const std::string>(options.files), config::process_environment());
  std::string further;
  if (result.ok()) {
    const auto egresses = connect::EgressTable::create(result.configuration.streams, result.configuration.playground_egresses);
    if (!egresses) further = egresses.error().message;
  }
  const bool ok = result.ok() && further.empty();
  if (options.output == cli::Output::Json) {
    std::cout << problems_json(result, further) << "\n";
  } else {
    report(result);
    if (!further.empty()) std::cerr << further << "\n";
    if (ok) std::cout << config::describe(result.configuration);
  }
  return ok ? cli::kExitDone : cli::kExitUsage;
}

}  // namespace holdfast::app

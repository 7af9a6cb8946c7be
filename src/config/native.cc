// holdfast.endpoints.v1/native: functions that run in this process. What is in the module is not looked at
// here: native/ does that, and says it at the place that is kept for it.
#include "config/endpoints.h"
#include "config/kinds.h"

namespace holdfast::config {
namespace {

constexpr std::int64_t kThreadsMax = 1024;
constexpr std::string_view kLinked = "linked";

// A file, or the word for what is linked in.
Format<std::string> module_name(const std::string& folder) {
  Format<std::string> file = readable_file(folder);
  return {"a shared library, or linked for functions that are linked into the program",
          [file = std::move(file)](std::string_view text, std::string& hint) -> std::optional<std::string> {
            if (text == kLinked) return std::string();
            return file.parse(text, hint);
          }};
}

}  // namespace

void read_native_endpoint(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  model::EndpointSpec out;
  model::NativeSpec native;
  if (spec.required("functions", functions_pattern(), out.functions))
    declarations.functions(spec, "functions", out.functions);
  spec.required("module", module_name(spec.file().folder), native.module);
  native.place = spec.place("module").text() + ": " + spec.path("module");
  out.url_template = "native://" + (native.module.empty() ? std::string(kLinked) : native.module);
  std::string execution = "auto";
  spec.optional("execution", one_of({"auto", "shard", "pool"}), execution);
  native.execution = execution == "shard"  ? model::NativeExecution::Shard
                     : execution == "pool" ? model::NativeExecution::Pool
                                           : model::NativeExecution::Auto;
  spec.optional("threads", integer(1, kThreadsMax), native.threads);
  if (auto timeouts = spec.map("timeouts", Extras::Refused)) {
    timeouts->optional("call", timeout(), out.call_timeout);
    timeouts->finish();
  }
  read_bounds(spec, out);
  read_on_failure(spec, out.on_failure, configuration, declarations);
  spec.finish();
  out.native = std::move(native);
  add_endpoint(spec, std::move(out), configuration);
}

}  // namespace holdfast::config

#include "cli/module_commands.h"

#include <iostream>

#include "cli/answers.h"
#include "cli/table.h"

namespace holdfast::cli {
namespace {

constexpr Duration kReloadTimeout{600'000};  // A module may take its time to start, and a shard to come to it.
constexpr std::size_t kFunctionsWidthMax = 80;

}  // namespace

int ModuleCommands::modules() const {
  return show_answer(admin_, output_, "/v1/modules", [](const Json& json) {
    Table table({"MODULE", "FUNCTIONS", "LOADED", "ABI", "SDK", "BUILD"});
    for (const Json& m : json["modules"].items()) {
      std::string functions;
      for (const Json& f : m["functions"].items()) functions += (functions.empty() ? "" : ", ") + f.text();
      table.add({m["module"].text(), one_line(functions, kFunctionsWidthMax), m["loaded_at"].text(), m["abi"].text(), m["sdk"].text(),
                 m["build"].text()});
    }
    if (table.empty()) std::cout << "no functions run in this process\n";
    else std::cout << table.render();
  });
}

int ModuleCommands::reload() const {
  const auto response = admin_.ask("POST", "/v1/modules/reload", {}, {}, kReloadTimeout);
  if (!response) return failed(response.error());
  const bool known = response->status == 200 || response->status == 409;
  if (!known) return refused(*response);
  if (output_ == Output::Json) {
    print(response->body);
    return response->status == 200 ? kExitDone : kExitFailed;
  }
  const auto json = Json::parse(response->body);
  if (!json) return failed("the answer of the admin API is " + json.error().message);
  const auto& modules = (*json)["modules"].items();
  for (const Json& m : modules) {
    if (!m["reloaded"].is_true()) continue;
    const std::string build = m["build"].text();
    std::cout << "reloaded " << m["module"].text() << (build.empty() ? "" : " (" + one_line(build, kFunctionsWidthMax) + ")") << "\n";
  }
  if (modules.empty()) std::cout << "there are no modules to reload\n";
  std::cout << "certificates and token files are looked at; what is taken or refused is in the log\n";
  return response->status == 200 ? kExitDone : refused(*response);
}

}  // namespace holdfast::cli

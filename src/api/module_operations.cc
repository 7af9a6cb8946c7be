#include "api/module_operations.h"

#include "api/guard.h"
#include "api/json_writer.h"
#include "api/parameters.h"

namespace holdfast::api {
namespace {

void write_module(JsonWriter& json, const ports::ModuleInfo& info) {
  json.key("module").string(info.module).key("loaded_at").time(info.loaded_at);
  json.key("abi").string(info.abi).key("sdk").string(info.sdk).key("build").string(info.build);
  json.key("functions").begin_array();
  for (const auto& function : info.functions) json.string(function);
  json.end_array();
}

std::string list_json(const std::vector<ports::ModuleInfo>& infos) {
  JsonWriter json;
  json.begin_object().key("modules").begin_array();
  for (const auto& info : infos) {
    json.begin_object();
    write_module(json, info);
    json.end_object();
  }
  json.end_array().end_object();
  return json.take();
}

// What each file came to; with an error as the other answers have it, if any was refused.
void answer_reload(Exchange& exchange, const std::vector<ports::ModuleInfo>& infos) {
  std::string refused;
  for (const auto& info : infos)
    if (!info.refused.empty()) refused += (refused.empty() ? "" : "; ") + info.refused;
  JsonWriter json;
  json.begin_object();
  if (!refused.empty()) {
    json.key("error").begin_object().key("code").string("conflict");
    json.key("message").string("not reloaded, what was loaded goes on: " + refused).end_object();
  }
  json.key("modules").begin_array();
  for (const auto& info : infos) {
    json.begin_object();
    write_module(json, info);
    json.key("reloaded").boolean(info.reloaded);
    if (!info.refused.empty()) json.key("refused").string(info.refused);
    json.end_object();
  }
  json.end_array().end_object();
  exchange.answer_json(refused.empty() ? 200 : 409, json.take());
}

}  // namespace

bool ModuleOperations::is_path(const std::vector<std::string>& path) {
  return (path.size() == 2 || (path.size() == 3 && path[2] == "reload")) && path[0] == "v1" && path[1] == "modules";
}

void ModuleOperations::handle(ExchangePtr exchange, const std::vector<std::string>& path) {
  const net::HttpRequest& asked = exchange->request;
  const bool reload = path.size() == 3;
  if (reload && asked.method != "POST") return exchange->answer_method_not_allowed("POST");
  if (!reload && !is_safe_method(asked.method)) return exchange->answer_method_not_allowed("GET, HEAD");
  if (const auto query = Query::parse(asked, {}); !query) return exchange->answer_error(query.error());
  if (modules_ == nullptr) {
    if (reload) reloaded_();
    return exchange->answer_json(200, list_json({}));
  }
  if (!reload) return modules_->list([exchange](const auto& infos) { exchange->answer_json(200, list_json(infos)); });
  modules_->reload([exchange, reloaded = reloaded_](const auto& infos) {
    reloaded();
    answer_reload(*exchange, infos);
  });
}

}  // namespace holdfast::api

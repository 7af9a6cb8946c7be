#include "dapr/metadata_json.h"

#include "api/json_writer.h"

namespace holdfast::dapr {
namespace {

void add_texts(api::JsonWriter& json, const std::map<std::string, std::string>& texts) {
  json.begin_object();
  for (const auto& [name, text] : texts) json.key(name).string(text);
  json.end_object();
}

}  // namespace

std::string metadata_json(const App& app) {
  api::JsonWriter json;
  json.begin_object();
  json.key("id").string(app.id).key("runtimeVersion").string(app.runtime_version);
  if (!app.components.empty()) {
    json.key("components").begin_array();
    for (const auto& component : app.components) {
      json.begin_object().key("name").string(component.name).key("type").string(component.type).key("version").string(component.version);
      if (!component.capabilities.empty()) {
        json.key("capabilities").begin_array();
        for (const auto& capability : component.capabilities) json.string(capability);
        json.end_array();
      }
      json.end_object();
    }
    json.end_array();
  }
  auto extended = app.extended.all();
  extended["daprRuntimeVersion"] = app.runtime_version;
  json.key("extended");
  add_texts(json, extended);
  json.key("appConnectionProperties").begin_object();
  const AppConnection& connection = app.connection;
  if (connection.port != 0) json.key("port").number(connection.port);
  if (!connection.protocol.empty()) json.key("protocol").string(connection.protocol);
  if (!connection.channel_address.empty()) json.key("channelAddress").string(connection.channel_address);
  if (connection.max_concurrency != 0) json.key("maxConcurrency").number(connection.max_concurrency);
  json.end_object();
  json.key("actorRuntime").begin_object().key("runtimeStatus").string("DISABLED").key("hostReady").boolean(false).end_object();
  json.end_object();
  return json.take();
}

std::string secret_json(const std::map<std::string, std::string>& secret) {
  api::JsonWriter json;
  add_texts(json, secret);
  return json.take();
}

std::string secrets_json(const std::map<std::string, std::map<std::string, std::string>>& secrets) {
  api::JsonWriter json;
  json.begin_object();
  for (const auto& [key, secret] : secrets) {
    json.key(key);
    add_texts(json, secret);
  }
  json.end_object();
  return json.take();
}

}  // namespace holdfast::dapr

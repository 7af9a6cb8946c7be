// App: one application and what its sidecar has for it; what both ways to ask (http_api.h, grpc_api.h) stand on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/guard.h"
#include "dapr/app_channel.h"
#include "dapr/invocation.h"
#include "dapr/secrets.h"
#include "dapr/state.h"

namespace holdfast::dapr {

// What /v1.0/metadata says of a component.
struct ComponentInfo {
  std::string name, type, version;
  std::vector<std::string> capabilities;
};

// How the application is reached, as metadata has it.
struct AppConnection {
  std::uint16_t port = 0;  // 0: there is no application that could be called.
  std::string protocol;    // "http"
  std::string channel_address;
  std::uint32_t max_concurrency = 0;
};

// Attributes that the application has given its sidecar (PUT /v1.0/metadata/KEY). Any thread.
class ExtendedMetadata {
 public:
  // Invalid: more than is kept.
  [[nodiscard]] Result<void> set(const std::string& key, std::string value);
  [[nodiscard]] std::map<std::string, std::string> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> values_;
};

struct App {
  std::string id;
  std::string name_space;
  std::string runtime_version;
  api::Token api_token;
  std::vector<ComponentInfo> components;
  AppConnection connection;
  std::unique_ptr<States> states;
  std::unique_ptr<SecretStores> secrets;
  std::unique_ptr<Invocation> invocation;
  ExtendedMetadata extended;
  std::atomic<bool> is_ready{false};           // Of everything, the application included: /v1.0/healthz.
  std::atomic<bool> is_outbound_ready{false};  // Of what the application may ask for.
  std::function<void()> shut_down;             // Any thread.
};

}  // namespace holdfast::dapr

// App: one application and what its sidecar has for it; what both ways to ask (http_api.h, grpc_api.h) stand on.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/guard.h"
#include "codec/dapr_messages.h"
#include "dapr/app_channel.h"
#include "dapr/invocation.h"
#include "dapr/secrets.h"
#include "dapr/state.h"

namespace holdfast::dapr {

// Attributes that the application has given its sidecar (PUT /v1.0/metadata/KEY). Any thread.
class ExtendedMetadata {
 public:
  // Invalid: more than is kept.
  [[nodiscard]] Result<void> set(const std::string& key, std::string value);
  [[nodiscard]] Metadata all() const;

 private:
  mutable std::mutex mutex_;
  Metadata values_;
};

// Why one application of several does not end the process.
inline constexpr const char* kNotAlone = "this process serves other applications, too: end it with a signal";

struct App {
  std::string id;
  std::string name_space;
  std::string runtime_version;
  api::Token api_token;
  std::vector<codec::dapr::RegisteredComponent> components;
  std::vector<codec::dapr::Named> http_endpoints;
  codec::dapr::AppConnectionProperties connection;
  std::unique_ptr<States> states;
  std::unique_ptr<SecretStores> secrets;
  std::unique_ptr<Invocation> invocation;
  ExtendedMetadata extended;
  std::atomic<bool> is_ready{false};           // Of everything, the application included: /v1.0/healthz.
  std::atomic<bool> is_outbound_ready{false};  // Of what the application may ask for.
  std::function<void()> shut_down;             // Any thread. Null: the process is not this application's alone.
};

[[nodiscard]] codec::dapr::GetBulkSecretResponse bulk_secrets(std::map<std::string, Secret>&& secrets);

// What the sidecar says of itself and of the application.
[[nodiscard]] codec::dapr::GetMetadataResponse metadata_of(const App& app);

}  // namespace holdfast::dapr

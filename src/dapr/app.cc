#include "dapr/app.h"

#include <utility>

namespace holdfast::dapr {
namespace {

constexpr std::size_t kAttributesMax = 1'000;
constexpr std::size_t kAttributeBytesMax = 64u << 10;  // Name and value.

}  // namespace

Result<void> ExtendedMetadata::set(const std::string& key, std::string value) {
  if (key.size() + value.size() > kAttributeBytesMax)
    return fail(ErrorCode::TooLarge, "an attribute of " + std::to_string(key.size() + value.size()) + " bytes; at most " + std::to_string(kAttributeBytesMax) + " are kept");
  const std::lock_guard lock(mutex_);
  if (values_.size() >= kAttributesMax && !values_.contains(key))
    return fail(ErrorCode::TooLarge, std::to_string(kAttributesMax) + " attributes are kept already");
  values_.insert_or_assign(key, std::move(value));
  return {};
}

Metadata ExtendedMetadata::all() const {
  const std::lock_guard lock(mutex_);
  return values_;
}

codec::dapr::GetBulkSecretResponse bulk_secrets(std::map<std::string, Secret>&& secrets) {
  codec::dapr::GetBulkSecretResponse out;
  for (auto& [key, secret] : secrets) out.data[key] = {std::move(secret)};
  return out;
}

codec::dapr::GetMetadataResponse metadata_of(const App& app) {
  codec::dapr::GetMetadataResponse out;
  out.id = app.id;
  out.runtime_version = app.runtime_version;
  out.registered_components = app.components;
  out.http_endpoints = app.http_endpoints;
  out.app_connection_properties = app.connection;
  out.extended_metadata = app.extended.all();
  out.extended_metadata["daprRuntimeVersion"] = app.runtime_version;
  out.actor_runtime = codec::dapr::ActorRuntime{.runtime_status = "DISABLED", .active_actors = {}, .host_ready = false, .placement = {}};
  return out;
}

}  // namespace holdfast::dapr

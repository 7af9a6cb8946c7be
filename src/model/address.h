// Address: who is spoken to. Every entity of the system – a function instance, an open HTTP request, a stream – has one.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace holdfast::model {

struct Address {
  std::string type;  // "namespace/name", as in module.yaml.
  std::string id;    // May be empty: an id like any other.
  auto operator<=>(const Address&) const = default;
};

struct AddressHash {
  std::size_t operator()(const Address& a) const { return stable_hash(a.id) * 31 + stable_hash(a.type); }
};

// "namespace/name" split at its last slash, as StateFun's TypeName does. No slash: the namespace is empty.
struct TypeNameParts {
  std::string_view ns;
  std::string_view name;
};
[[nodiscard]] inline TypeNameParts split_type(std::string_view type) {
  const auto slash = type.rfind('/');
  if (slash == std::string_view::npos) return {{}, type};
  return {type.substr(0, slash), type.substr(slash + 1)};
}

// Where an address lives. Only the id counts, so that all functions of one entity share a partition.
struct PartitionId {
  std::uint16_t value = 0;
  auto operator<=>(const PartitionId&) const = default;
};
inline constexpr std::uint16_t kPartitionsMax = 4096;
[[nodiscard]] inline PartitionId partition_of(std::string_view id, std::uint16_t partitions) {
  return {static_cast<std::uint16_t>(stable_hash(id) % partitions)};
}

// Bounds on what an address may be made of, whoever names it.
inline constexpr std::size_t kTypeBytesMax = 512;
inline constexpr std::size_t kIdBytesMax = 4096;
inline constexpr std::size_t kIdempotencyKeyBytesMax = 255;

// Addresses of our own, not of functions. No function may be declared in this namespace.
inline constexpr std::string_view kOwnNamespace = "holdfast";
inline constexpr std::string_view kRequestType = "holdfast/request";  // id = request id; a message to it is the reply.
// A request's id may be made of a key, a type and an id, with a few bytes between them.
inline constexpr std::size_t kRequestIdBytesMax = kIdempotencyKeyBytesMax + kTypeBytesMax + kIdBytesMax + 16;
inline constexpr std::string_view kStreamType = "holdfast/stream";    // id = stream name; fed by egress records.
inline constexpr std::string_view kItemType = "holdfast/item";        // id = "table/key"; only to be shown.

}  // namespace holdfast::model

// Ingresses and egresses as the JSON of the admin API. docs/http-api.md lists the members.
#pragma once

#include <string>
#include <vector>

#include "ports/edges.h"
#include "ports/streams.h"

namespace holdfast::api {

[[nodiscard]] std::string ingress_json(const ports::IngressInfo& ingress);
[[nodiscard]] std::string ingresses_json(const std::vector<ports::IngressInfo>& ingresses);
[[nodiscard]] std::string egress_json(const ports::EgressInfo& egress);
[[nodiscard]] std::string egresses_json(const std::vector<ports::EgressInfo>& egresses);
// What records an ingress has parked, and why; not their values, which the stream has.
[[nodiscard]] std::string parked_records_json(const ports::StreamPage& page);

}  // namespace holdfast::api

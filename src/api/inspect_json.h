// What the runtime shows of itself, as the JSON of the admin API. docs/http-api.md lists the members.
#pragma once

#include <string>
#include <vector>

#include "runtime/inspect.h"

namespace holdfast::api {

[[nodiscard]] std::string functions_json(const runtime::Page<runtime::FunctionInfo>& functions);
[[nodiscard]] std::string endpoints_json(const std::vector<runtime::EndpointInfo>& endpoints);
[[nodiscard]] std::string addresses_json(const runtime::Page<runtime::AddressInfo>& addresses);
[[nodiscard]] std::string state_json(const runtime::StateInfo& state);
[[nodiscard]] std::string states_json(const runtime::Page<runtime::StateInfo>& states);
[[nodiscard]] std::string orphans_json(const std::vector<runtime::OrphanInfo>& orphans);
[[nodiscard]] std::string parked_json(const runtime::Page<runtime::ParkedInfo>& parked);
[[nodiscard]] std::string timers_json(const runtime::Page<runtime::TimerInfo>& timers);
[[nodiscard]] std::string streams_json(const runtime::Page<runtime::StreamInfo>& streams);

}  // namespace holdfast::api

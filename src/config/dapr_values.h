// What the readers of Dapr's documents share: formats, and the text that Dapr makes of a value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/formats.h"
#include "config/reader.h"
#include "config/yaml.h"
#include "model/dapr.h"
#include "model/dapr_resiliency.h"

namespace holdfast::config {

// A value as Dapr's string form has it: what quotes hold, and of plain scalars what Go's YAML and JSON make of them: yes as true, 0x10 as 16,
// 1.50 as 1.5. Lists and maps as JSON, keys in order.
[[nodiscard]] std::string dapr_text(const Node& value);

[[nodiscard]] Format<bool> boolean();
[[nodiscard]] Format<std::string> any_text(std::string expected);  // Empty, too.
[[nodiscard]] Format<std::string> resource_name();                 // No slash, no %, not a dot or two.
[[nodiscard]] Format<Duration> dapr_duration(Duration min, Duration max);

// A list of texts, in place of what `out` holds. False if it is not written, or (said) wrong.
bool read_texts(MapReader& map, std::string_view key, std::vector<std::string>& out);

// The items of `metadata` and `headers`.
void read_properties(MapReader& map, std::string_view key, std::vector<model::DaprProperty>& out);

// The `spec` of each kind. What is wrong is reported as an error.
void read_dapr_component(MapReader& document, model::DaprComponent& out);
void read_dapr_http_endpoint(MapReader& document, model::DaprHttpEndpoint& out);
void read_dapr_resiliency(MapReader& spec, model::DaprResiliency& out);

}  // namespace holdfast::config

// What the readers of Dapr's documents share: formats, and the text that Dapr makes of a value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/formats.h"
#include "config/reader.h"
#include "config/yaml.h"
#include "model/dapr.h"
#include "model/dapr_app.h"
#include "model/dapr_resiliency.h"

namespace holdfast::config {

// A value as Dapr's string form has it: what quotes hold, and of plain scalars what Go's YAML and JSON make of them: yes as true, 0x10 as 16,
// 1.50 as 1.5. Lists and maps as JSON, keys in order.
[[nodiscard]] std::string dapr_text(const Node& value);

[[nodiscard]] Format<bool> boolean();
[[nodiscard]] Format<std::string> any_text(std::string expected);  // Empty, too.
[[nodiscard]] Format<std::string> resource_name();                 // No slash, no %, not a dot or two.
[[nodiscard]] Format<Duration> dapr_duration(Duration min, Duration max);

[[nodiscard]] Format<std::string> app_id();
[[nodiscard]] Format<model::DaprAppProtocol> app_protocol();
[[nodiscard]] Format<std::uint64_t> quantity(std::uint64_t max);  // "4Mi", at least one byte.
// A number of `unit`, or a duration with its unit.
[[nodiscard]] Format<Duration> probe_time(std::string_view unit_name, Duration unit);
// Gives the absolute path; ~/ is `home`, if that is not empty.
[[nodiscard]] Format<std::string> folder_path(std::string base, std::string home);
[[nodiscard]] Format<std::string> file_path(std::string base, std::string home);

// What is as likely to be one text as a list of them, in place of what `out` holds. False if it is not written, or (said) wrong.
bool read_one_or_more(MapReader& map, std::string_view key, const Format<std::string>& format, std::vector<std::string>& out);

// A list of texts, in place of what `out` holds. False if it is not written, or (said) wrong.
bool read_texts(MapReader& map, std::string_view key, std::vector<std::string>& out);

// The items of `metadata` and `headers`.
void read_properties(MapReader& map, std::string_view key, std::vector<model::DaprProperty>& out);

// The `spec` of each kind. What is wrong is reported as an error.
void read_dapr_component(MapReader& document, model::DaprComponent& out);
void read_dapr_http_endpoint(MapReader& document, model::DaprHttpEndpoint& out);
void read_dapr_resiliency(MapReader& spec, model::DaprResiliency& out);

}  // namespace holdfast::config

// A file's text, as much of it as a configuration may have.
#pragma once

#include <optional>
#include <string>

namespace holdfast::config {

// At most kFileBytesMax and one more byte, which parse_yaml() then refuses. None: it cannot be read.
[[nodiscard]] std::optional<std::string> read_text(const std::string& path);

}  // namespace holdfast::config

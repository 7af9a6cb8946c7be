// Pieces of outgoing messages. For net/ only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::net {

void append_number(std::string& out, std::size_t value, int base = 10);
// "name: value" and a line end. Words from outside may come in here: what would end the line becomes a blank.
void append_field(std::string& out, std::string_view name, std::string_view value);
// Fields that say how the message is framed; whoever frames it writes them.
[[nodiscard]] bool is_framing_field(std::string_view name);

}  // namespace holdfast::net

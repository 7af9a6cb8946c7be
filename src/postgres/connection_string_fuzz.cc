// Any text as a connection string: it is refused, or its parameters are such that libpq knows each.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "postgres/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto parsed = holdfast::postgres::parse_connection_string(text);
  if (!parsed) {
    HOLDFAST_CHECK(!parsed.error().message.empty());
    return 0;
  }
  for (const auto& [name, value] : parsed->parameters) HOLDFAST_CHECK(!name.empty() && !name.starts_with("pool_"));
  HOLDFAST_CHECK(parsed->pool_max_connections >= 0);
  return 0;
}

// A function's answer: whatever the bytes, they are refused or read; and what was read is written to bytes that read as the same.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "codec/egress_records.h"
#include "codec/standard_types.h"
#include "codec/statefun_v3.h"

using namespace holdfast;
using namespace holdfast::codec;

namespace {

std::string written(const FunctionAnswer& answer) {
  std::string out;
  std::visit([&](const auto& a) { append_from_function(out, a); }, answer);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto answer = parse_from_function(bytes);
  if (!answer) {
    HOLDFAST_CHECK(!answer.error().message.empty());
    return 0;
  }
  const std::string once = written(*answer);
  const auto again = parse_from_function(once);
  HOLDFAST_CHECK(again.has_value());
  HOLDFAST_CHECK(again->index() == answer->index());
  HOLDFAST_CHECK(written(*again) == once);
  if (const auto* response = std::get_if<model::InvocationResponse>(&*answer)) {
    for (const auto& m : response->mutations) HOLDFAST_CHECK(is_json(display(m.type_name, m.value).json));
    for (const auto& e : response->egress)
      if (const auto record = parse_kafka_record(e.argument.value))
        HOLDFAST_CHECK(parse_kafka_record(encode_kafka_record(*record)).value() == *record);
  }
  return 0;
}

// Values from people and for people: the first byte picks the type, the second the content type, the rest is the value.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "codec/base64.h"
#include "codec/content_type.h"
#include "codec/egress_records.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"

using namespace holdfast;
using namespace holdfast::codec;

namespace {

constexpr std::string_view kTypes[] = {model::kBoolType,   model::kIntType,    model::kLongType, model::kFloatType,
                                       model::kDoubleType, model::kStringType, "holdfast.types/json", "shop/order",
                                       "type.googleapis.com/shop.Order", ""};
constexpr std::string_view kContentTypes[] = {"text/plain", "application/json", "application/vnd.shop/order",
                                              "application/octet-stream", ""};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view type = kTypes[data[0] % std::size(kTypes)];
  const std::string_view content_type = kContentTypes[data[1] % std::size(kContentTypes)];
  const std::string bytes(reinterpret_cast<const char*>(data) + 2, size - 2);

  const Display shown = display(type, bytes);
  HOLDFAST_CHECK(is_json(shown.json));
  HOLDFAST_CHECK(shown.json.find('\n') == std::string::npos);
  HOLDFAST_CHECK(is_utf8(quote_json(bytes)) && is_json(quote_json(bytes)));
  HOLDFAST_CHECK(is_text(excerpt(bytes)));
  if (const auto decoded = from_base64(bytes)) HOLDFAST_CHECK(to_base64(*decoded) == bytes);
  if (const auto record = parse_playground_record(bytes))
    HOLDFAST_CHECK(parse_playground_record(encode_playground_record(*record)).value() == *record);
  (void)value_of_playground_body(content_type, bytes);
  if (const auto value = value_of_body(content_type, type, bytes)) {
    const auto given = body_of_value(*value);
    const auto back = value_of_body(given.content_type, value->type_name, given.body);
    HOLDFAST_CHECK(back.has_value());
    HOLDFAST_CHECK(back->type_name == value->type_name && back->has_value == value->has_value);
    // A wrapper that no encoder writes comes back as one that shows the same.
    HOLDFAST_CHECK(back->value == value->value || display(*back).json == display(*value).json);
  }
  return 0;
}

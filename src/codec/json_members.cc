#include "codec/json_members.h"

#include <boost/json/serialize.hpp>

#include "codec/json.h"

namespace holdfast::codec {

Result<std::vector<JsonMember>> parse_json_members(std::string_view text) {
  const auto value = parse_json(text);
  if (!value) return fail(value.error());
  const auto* object = value->if_object();
  if (object == nullptr) return fail(ErrorCode::Invalid, "not a JSON object");
  std::vector<JsonMember> members;
  for (const auto& [name, member] : *object) {
    JsonMember out{.name = std::string(name), .text = {}};
    if (const auto* string = member.if_string()) {
      out.kind = JsonMember::Kind::String;
      out.text = std::string(*string);
    } else {
      if (member.is_int64() || member.is_uint64()) out.kind = JsonMember::Kind::Integer;
      out.text = boost::json::serialize(member);
    }
    members.push_back(std::move(out));
  }
  return members;
}

}  // namespace holdfast::codec

#include "codec/json_leaves.h"

#include <boost/json/serialize.hpp>

#include "codec/json.h"

namespace holdfast::codec {
namespace {

// Deep at most kJsonDepthMax, as the value.
void add(const boost::json::value& value, std::vector<std::string>& path, std::vector<JsonLeaf>& out) {
  if (const auto* object = value.if_object()) {
    for (const auto& [name, member] : *object) {
      path.emplace_back(name);
      add(member, path, out);
      path.pop_back();
    }
  } else if (const auto* array = value.if_array()) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      path.push_back(std::to_string(i));
      add((*array)[i], path, out);
      path.pop_back();
    }
  } else if (const auto* string = value.if_string()) {
    out.push_back({path, std::string(*string), true});
  } else {
    out.push_back({path, value.is_null() ? std::string() : boost::json::serialize(value), false});
  }
}

}  // namespace

Result<std::vector<JsonLeaf>> parse_json_leaves(std::string_view text) {
  const auto value = parse_json(text);
  if (!value) return fail(value.error());
  if (!value->is_object()) return fail(ErrorCode::Invalid, "not a JSON object");
  std::vector<JsonLeaf> out;
  std::vector<std::string> path;
  add(*value, path, out);
  return out;
}

}  // namespace holdfast::codec

#include "codec/json.h"

#include <boost/json/parse.hpp>

namespace holdfast::codec {

Result<boost::json::value> parse_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kJsonDepthMax;
  boost::json::error_code error;
  auto value = boost::json::parse(text, error, {}, options);
  if (error == boost::json::error::too_deep)
    return fail(ErrorCode::Invalid, "not JSON we take: nested more than " + std::to_string(kJsonDepthMax) + " deep");
  if (error) return fail(ErrorCode::Invalid, "not JSON: " + error.message());
  return value;
}

}  // namespace holdfast::codec

// Json: a JSON text as a tree, for the answers of the admin API. Every value knows its bytes in the text, so what is only
// passed on is passed on as it was written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace holdfast::cli {

inline constexpr int kJsonDepthMax = 256;

class Json {
 public:
  enum class Kind { Null, Bool, Number, String, Array, Object };

  // The tree keeps the text.
  [[nodiscard]] static Result<Json> parse(std::string text);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is_null() const { return kind_ == Kind::Null; }
  // The member of that name; a null if there is none, or this is no object.
  [[nodiscard]] const Json& operator[](std::string_view name) const;
  // Of an array; empty for anything else.
  [[nodiscard]] const std::vector<Json>& items() const { return items_; }
  // A string's content; the text of any other value. Null is "".
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::int64_t number() const;
  [[nodiscard]] bool is_true() const { return kind_ == Kind::Bool && raw_ == "true"; }
  // As it stands in the text.
  [[nodiscard]] std::string_view raw() const { return raw_; }

 private:
  friend class JsonReader;
  Kind kind_ = Kind::Null;
  std::string_view raw_;
  std::string string_;
  std::vector<Json> items_;
  std::vector<std::pair<std::string, Json>> members_;
  std::shared_ptr<const std::string> source_;  // Of the root only.
};

}  // namespace holdfast::cli

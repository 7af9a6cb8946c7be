// JSON as Go's encoding/json reads and writes it: what applications of Dapr send was tried against that, and what they are told are its
// words. A text is checked once, whole, with Go's messages; a cursor then walks it without a tree, so that any value can be taken as the very
// bytes it was written in: numbers beyond 2^53, order and duplicates of members, spaces.
//
// Stricter than Go in one thing: strings that are not UTF-8 are refused instead of mended, so that two keys never become one.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::codec {

// Of arrays and objects in each other, as in Go. Nothing here recurses.
inline constexpr std::size_t kGoJsonDepthMax = 10'000;

// "invalid character '}' looking for beginning of value", "unexpected end of JSON input".
[[nodiscard]] Result<void> check_go_json(std::string_view text);

// Stands before a value of a text that check_go_json has passed, or after the last one.
class GoJson {
 public:
  enum class Kind : std::uint8_t { Object, Array, String, Number, Bool, Null };

  explicit GoJson(std::string_view checked) : at_(checked.data()), end_(checked.data() + checked.size()) {}

  [[nodiscard]] Kind kind();
  // Each passes over the value. raw(): its bytes, without spaces around it.
  std::string_view raw();
  std::string string();  // Of a String.
  // Of an Object, in the order they are in; take(name) passes over the member's value.
  template <typename Take>
  void members(Take&& take) {
    for (open(); !closed('}');) {
      const std::string name = string();
      skip_colon();
      take(name);
    }
  }
  // Of an Array; take() passes over the element.
  template <typename Take>
  void elements(Take&& take) {
    for (open(); !closed(']');) take();
  }

 private:
  void skip_spaces();
  void skip_colon();
  void open();
  bool closed(char bracket);  // Passes over it, or over a comma.
  void skip_string();

  const char* at_;
  const char* end_;
};

// Member names are matched without regard to case; written in ASCII, that is all Go does too.
[[nodiscard]] bool same_name(std::string_view written, std::string_view name);

// As json.Marshal quotes: <, > and & are escaped too.
void append_go_string(std::string& out, std::string_view text);

// As %q quotes, in messages. (Characters that Go takes for unprintable are as they are here, but for those of Latin-1.)
[[nodiscard]] std::string go_quote(std::string_view text);

// Builds one JSON text from front to back. Commas are its business, nesting is the caller's.
class GoJsonWriter {
 public:
  explicit GoJsonWriter(std::string& out) : out_(out) {}

  GoJsonWriter& begin(char bracket) {
    separate();
    out_.push_back(bracket);
    comma_ = false;
    return *this;
  }
  GoJsonWriter& end(char bracket) {
    out_.push_back(bracket);
    comma_ = true;
    return *this;
  }
  GoJsonWriter& key(std::string_view name) {
    separate();
    append_go_string(out_, name);
    out_.push_back(':');
    comma_ = false;
    return *this;
  }
  GoJsonWriter& string(std::string_view value) {
    separate();
    append_go_string(out_, value);
    comma_ = true;
    return *this;
  }
  GoJsonWriter& number(std::integral auto value) { return raw(std::to_string(value)); }
  GoJsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  // What is JSON already.
  GoJsonWriter& raw(std::string_view json) {
    separate();
    out_ += json;
    comma_ = true;
    return *this;
  }
  // A member that Go marks with omitempty.
  GoJsonWriter& if_any(std::string_view name, std::string_view value) { return value.empty() ? *this : key(name).string(value); }
  GoJsonWriter& if_any(std::string_view name, std::integral auto value) { return value == 0 ? *this : key(name).number(value); }

 private:
  void separate() {
    if (comma_) out_.push_back(',');
  }
  std::string& out_;
  bool comma_ = false;
};

}  // namespace holdfast::codec

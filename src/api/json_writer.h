// JsonWriter: builds one JSON text from front to back. Commas are its business, nesting is the caller's.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "codec/rfc3339.h"
#include "codec/standard_types.h"

namespace holdfast::api {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name) {
    separate();
    text_ += codec::quote_json(name);
    text_.push_back(':');
    comma_ = false;
    return *this;
  }
  JsonWriter& string(std::string_view value) { return raw(codec::quote_json(value)); }
  JsonWriter& number(std::integral auto value) { return raw(std::to_string(value)); }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& time(Instant at) { return string(codec::rfc3339(at)); }
  // A value that is JSON already.
  JsonWriter& raw(std::string_view json) {
    separate();
    text_ += json;
    comma_ = true;
    return *this;
  }

  [[nodiscard]] std::size_t size() const { return text_.size(); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void separate() {
    if (comma_) text_.push_back(',');
  }
  JsonWriter& open(char bracket) {
    separate();
    text_.push_back(bracket);
    comma_ = false;
    return *this;
  }
  JsonWriter& close(char bracket) {
    text_.push_back(bracket);
    comma_ = true;
    return *this;
  }
  std::string text_;
  bool comma_ = false;
};

}  // namespace holdfast::api

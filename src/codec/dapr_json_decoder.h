// How bodies of Dapr's HTTP API are gone through: what Go's types allow, and how much of it. Private to codec/.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "codec/dapr_json.h"
#include "codec/go_json.h"
#include "codec/utf8.h"

namespace holdfast::codec::dapr {

using Kind = GoJson::Kind;

inline std::string_view go_word(Kind kind) {
  switch (kind) {
    case Kind::Object: return "object";
    case Kind::Array: return "array";
    case Kind::String: return "string";
    case Kind::Number: return "number";
    case Kind::Bool: return "bool";
    case Kind::Null: return "null";
  }
  return "";
}

// Counts what a body makes us keep.
class Parts {
 public:
  bool one_more() { return ++count_ <= kPartsMax; }
  [[nodiscard]] bool are_too_many() const { return count_ > kPartsMax; }
  static std::string error() { return "more than " + std::to_string(kPartsMax) + " items and entries in one body"; }

 private:
  std::size_t count_ = 0;
};

// By the names they were written with, of which the last counts.
using Members = std::map<std::string, std::string_view>;
inline Members members_of(GoJson& in, Parts& parts) {
  Members members;
  in.members([&](const std::string& name) {
    const auto value = in.raw();
    if (parts.one_more()) members.insert_or_assign(name, value);
  });
  return members;
}

// Goes through a body with what Go's types allow. As there, the first value of a wrong type is the error, and the rest is gone through
// all the same; null is no value, wherever it stands. `place` is Go's name of it: "Go struct field SetRequest.key".
class Decoder {
 public:
  explicit Decoder(std::string_view checked) : in_(checked) {}

  GoJson& in() { return in_; }
  void type_error(std::string_view got, std::string_view place, std::string_view type) {
    if (error_.empty())
      error_ = "json: cannot unmarshal " + std::string(got) + " into " + std::string(place) + " of type " + std::string(type);
  }
  // True: it is one, and stands before it. Else it is passed over.
  bool expect(Kind kind, std::string_view place, std::string_view type) {
    const Kind got = in_.kind();
    if (got == kind) return true;
    in_.raw();
    if (got != Kind::Null) type_error(go_word(got), place, type);
    return false;
  }
  void string(std::string& value, std::string_view place) {
    if (expect(Kind::String, place, "string")) value = in_.string();
  }
  void integer(std::int64_t& value, std::string_view place) {
    if (!expect(Kind::Number, place, "int")) return;
    const std::string_view text = in_.raw();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) type_error("number " + excerpt(text), place, "int");
  }
  void metadata(Metadata& all, std::string_view place) {
    if (in_.kind() == Kind::Null) all.clear();
    if (!expect(Kind::Object, place, "map[string]string")) return;
    in_.members([&](const std::string& name) {
      std::string value;
      string(value, place);
      if (one_more()) all.insert_or_assign(name, std::move(value));
    });
  }
  template <typename Take>
  void array(std::string_view place, std::string_view type, Take&& take) {
    if (!expect(Kind::Array, place, type)) return;
    in_.elements([&] {
      if (one_more()) take();
      else in_.raw();
    });
  }
  bool one_more() {
    if (parts_.one_more()) return true;
    error_ = Parts::error();
    return false;
  }
  [[nodiscard]] const std::string& error() const { return error_; }
  Parts& parts() { return parts_; }

 private:
  GoJson in_;
  std::string error_;
  Parts parts_;
};

}  // namespace holdfast::codec::dapr

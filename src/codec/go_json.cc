#include "codec/go_json.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "codec/utf8.h"

namespace holdfast::codec {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr char kHex[] = "0123456789abcdef";

// One character as strconv.Quote shows it, `quote` being the one around it.
void append_shown(std::string& out, std::string_view one, char quote) {
  const char c = one[0];
  const auto u = static_cast<unsigned char>(c);
  switch (c) {
    case '\\': out += "\\\\"; return;
    case '\a': out += "\\a"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\v': out += "\\v"; return;
    default: break;
  }
  const auto second = one.size() == 2 ? static_cast<unsigned char>(one[1]) : 0;
  if (c == quote) out += {'\\', c};
  else if (u < 0x20 || u == 0x7f || (u >= 0x80 && one.size() == 1)) out += {'\\', 'x', kHex[u >> 4], kHex[u & 15]};
  else if (u == 0xc2 && (second <= 0xa0 || second == 0xad)) out += {'\\', 'u', '0', '0', kHex[second >> 4], kHex[second & 15]};
  else out += one;
}

// A byte, in a message about it: Go takes it for the character of that number.
std::string shown(char c) {
  const auto u = static_cast<unsigned char>(c);
  const std::string one = u < 0x80 ? std::string(1, c) : std::string{static_cast<char>(0xc0 | u >> 6), static_cast<char>(0x80 | (u & 0x3f))};
  std::string out = "'";
  append_shown(out, one, '\'');
  return out + "'";
}

// Goes through a text as Go's scanner does, which sees a space after the end.
class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  bool run() {
    enum class Expect : std::uint8_t { Value, ValueOrEnd, Name, NameOrEnd, After } expect = Expect::Value;
    for (;;) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      if (expect == Expect::After && open_.empty()) return at_ == text_.size() || bad("after top-level value");
      if (at_ == text_.size()) return ends();
      const char c = text_[at_];
      switch (expect) {
        case Expect::ValueOrEnd:
          if (c == ']') {
            close();
            expect = Expect::After;
            break;
          }
          [[fallthrough]];
        case Expect::Value:
          if (c == '{' || c == '[') {
            if (open_.size() == kGoJsonDepthMax) return bad("exceeded max depth");
            open_.push_back(c == '{');
            ++at_;
            expect = c == '{' ? Expect::NameOrEnd : Expect::ValueOrEnd;
          } else {
            if (!scalar(c)) return false;
            expect = Expect::After;
          }
          break;
        case Expect::NameOrEnd:
          if (c == '}') {
            close();
            expect = Expect::After;
            break;
          }
          [[fallthrough]];
        case Expect::Name:
          if (c != '"') return bad("looking for beginning of object key string");
          if (!string()) return false;
          while (at_ < text_.size() && is_space(text_[at_])) ++at_;
          if (at_ == text_.size()) return ends();
          if (text_[at_] != ':') return bad("after object key");
          ++at_;
          expect = Expect::Value;
          break;
        case Expect::After:
          if (c == ',') {
            ++at_;
            expect = open_.back() ? Expect::Name : Expect::Value;
          } else if (c == (open_.back() ? '}' : ']')) {
            close();
          } else {
            return bad(open_.back() ? "after object key:value pair" : "after array element");
          }
          break;
      }
    }
  }
  [[nodiscard]] std::string take_error() { return std::move(error_); }

 private:
  [[nodiscard]] char now() const { return at_ < text_.size() ? text_[at_] : ' '; }
  bool bad(std::string_view where) {
    error_ = "invalid character " + shown(now()) + " " + std::string(where);
    return false;
  }
  bool ends() {
    error_ = "unexpected end of JSON input";
    return false;
  }
  void close() {
    open_.pop_back();
    ++at_;
  }

  bool scalar(char c) {
    switch (c) {
      case '"': return string();
      case 't': return literal("true");
      case 'f': return literal("false");
      case 'n': return literal("null");
      default: return c == '-' || is_digit(c) ? number() : bad("looking for beginning of value");
    }
  }
  bool literal(std::string_view word) {
    for (const char c : word) {
      if (now() != c) return bad("in literal " + std::string(word) + " (expecting '" + c + "')");
      ++at_;
    }
    return true;
  }
  bool number() {
    if (now() == '-') ++at_;
    if (now() == '0') {
      ++at_;
    } else {
      if (!is_digit(now())) return bad("in numeric literal");
      while (is_digit(now())) ++at_;
    }
    if (now() == '.') {
      ++at_;
      if (!is_digit(now())) return bad("after decimal point in numeric literal");
      while (is_digit(now())) ++at_;
    }
    if (now() == 'e' || now() == 'E') {
      ++at_;
      if (now() == '+' || now() == '-') ++at_;
      if (!is_digit(now())) return bad("in exponent of numeric literal");
      while (is_digit(now())) ++at_;
    }
    return true;
  }
  bool string() {
    ++at_;
    for (;;) {
      if (at_ == text_.size()) return ends();
      const char c = text_[at_];
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 0x20) return bad("in string literal");
      ++at_;
      if (c == '\\' && !escape()) return false;
    }
    ++at_;
    return true;
  }
  bool escape() {
    if (now() != 'u') {
      if (std::string_view("bfnrt\\/\"").find(now()) == std::string_view::npos) return bad("in string escape code");
      ++at_;
      return true;
    }
    ++at_;
    for (int i = 0; i < 4; ++i, ++at_)
      if (!is_hex(now())) return bad("in \\u hexadecimal character escape");
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<bool> open_;  // True: an object.
  std::string error_;
};

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out += {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3f)), static_cast<char>(0x80 | (c & 0x3f))};
  } else {
    out += {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3f)), static_cast<char>(0x80 | (c >> 6 & 0x3f)),
            static_cast<char>(0x80 | (c & 0x3f))};
  }
}

std::uint32_t hex4(const char* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    value = value << 4 | static_cast<std::uint32_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

}  // namespace

Result<void> check_go_json(std::string_view text) {
  Checker checker(text);
  if (!checker.run()) return fail(ErrorCode::Invalid, checker.take_error());
  if (!is_utf8(text)) return fail(ErrorCode::Invalid, "invalid UTF-8 in string literal");
  return {};
}

GoJson::Kind GoJson::kind() {
  skip_spaces();
  HOLDFAST_CHECK(at_ != end_);
  switch (*at_) {
    case '{': return Kind::Object;
    case '[': return Kind::Array;
    case '"': return Kind::String;
    case 't':
    case 'f': return Kind::Bool;
    case 'n': return Kind::Null;
    default: return Kind::Number;
  }
}

std::string_view GoJson::raw() {
  skip_spaces();
  HOLDFAST_CHECK(at_ != end_);
  const char* start = at_;
  if (*at_ == '{' || *at_ == '[') {
    std::size_t depth = 0;
    do {
      const char c = *at_;
      if (c == '"') {
        skip_string();
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') ++depth;
      else if (c == '}' || c == ']') --depth;
    } while (depth != 0);
  } else if (*at_ == '"') {
    skip_string();
  } else {
    while (at_ != end_ && !is_space(*at_) && *at_ != ',' && *at_ != '}' && *at_ != ']') ++at_;
  }
  return {start, static_cast<std::size_t>(at_ - start)};
}

std::string GoJson::string() {
  std::string_view inner = raw();
  HOLDFAST_CHECK(inner.size() >= 2 && inner.front() == '"');
  inner = inner.substr(1, inner.size() - 2);
  std::string out;
  for (std::size_t i = 0; i < inner.size();) {
    const auto escape = inner.find('\\', i);
    out += inner.substr(i, escape - i);
    if (escape == std::string_view::npos) break;
    i = escape + 2;
    switch (const char c = inner[escape + 1]) {
      case 'b': out.push_back('\b'); break;
      case 'f': out.push_back('\f'); break;
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case 'u': {
        std::uint32_t unit = hex4(inner.data() + i);
        i += 4;
        if (unit >= 0xd800 && unit < 0xe000) {  // Half of a pair; alone, it is no character.
          const bool second = unit < 0xdc00 && i + 6 <= inner.size() && inner[i] == '\\' && inner[i + 1] == 'u';
          const std::uint32_t low = second ? hex4(inner.data() + i + 2) : 0;
          if (low >= 0xdc00 && low < 0xe000) {
            unit = 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00));
            i += 6;
          } else {
            unit = 0xfffd;
          }
        }
        append_utf8(out, unit);
        break;
      }
      default: out.push_back(c);
    }
  }
  return out;
}

void GoJson::skip_spaces() {
  while (at_ != end_ && is_space(*at_)) ++at_;
}

void GoJson::skip_colon() {
  skip_spaces();
  HOLDFAST_CHECK(at_ != end_ && *at_ == ':');
  ++at_;
}

void GoJson::open() {
  skip_spaces();
  HOLDFAST_CHECK(at_ != end_ && (*at_ == '{' || *at_ == '['));
  ++at_;
}

bool GoJson::closed(char bracket) {
  skip_spaces();
  HOLDFAST_CHECK(at_ != end_);
  if (*at_ == bracket) {
    ++at_;
    return true;
  }
  if (*at_ == ',') ++at_;
  return false;
}

void GoJson::skip_string() {
  for (++at_; *at_ != '"'; ++at_)
    if (*at_ == '\\') ++at_;
  ++at_;
}

bool same_name(std::string_view written, std::string_view name) {
  if (written.size() != name.size()) return false;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  for (std::size_t i = 0; i < name.size(); ++i)
    if (lower(written[i]) != lower(name[i])) return false;
  return true;
}

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view one = text.substr(i, std::max<std::size_t>(utf8_sequence(text, i), 1));
    append_shown(out, one, '"');
    i += one.size();
  }
  return out + "\"";
}

void append_go_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x80) {
      ++i;
      switch (c) {
        case '"':
        case '\\': out += {'\\', c}; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
          if (u < 0x20 || c == '<' || c == '>' || c == '&') out += {'\\', 'u', '0', '0', kHex[u >> 4], kHex[u & 15]};
          else out.push_back(c);
      }
      continue;
    }
    const std::size_t length = utf8_sequence(text, i);
    if (length == 0) {
      out += "\\ufffd";
      ++i;
      continue;
    }
    const std::string_view one = text.substr(i, length);
    if (one == "\u2028") out += "\\u2028";
    else if (one == "\u2029") out += "\\u2029";
    else out += one;
    i += length;
  }
  out.push_back('"');
}

}  // namespace holdfast::codec

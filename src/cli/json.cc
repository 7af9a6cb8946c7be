#include "cli/json.h"

#include <cstdlib>

namespace holdfast::cli {
namespace {

void append_utf8(std::string& out, std::uint32_t point) {
  if (point < 0x80) {
    out.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out.push_back(static_cast<char>(0xc0 | point >> 6));
    out.push_back(static_cast<char>(0x80 | (point & 0x3f)));
  } else if (point < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | point >> 12));
    out.push_back(static_cast<char>(0x80 | (point >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (point & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | point >> 18));
    out.push_back(static_cast<char>(0x80 | (point >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (point >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (point & 0x3f)));
  }
}

}  // namespace

// Recursive descent (RFC 8259); nothing is copied but the content of strings.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  bool document(Json& out) {
    if (!value(out, 0)) return false;
    blanks();
    return at_ == text_.size();
  }
  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  bool value(Json& out, int depth) {
    if (depth > kJsonDepthMax) return false;
    blanks();
    const std::size_t begin = at_;
    if (!content(out, depth)) return false;
    out.raw_ = text_.substr(begin, at_ - begin);
    return true;
  }

  bool content(Json& out, int depth) {
    switch (peek()) {
      case '{': return object(out, depth);
      case '[': return array(out, depth);
      case '"': out.kind_ = Json::Kind::String; return string(out.string_);
      case 't': out.kind_ = Json::Kind::Bool; return word("true");
      case 'f': out.kind_ = Json::Kind::Bool; return word("false");
      case 'n': out.kind_ = Json::Kind::Null; return word("null");
      default: out.kind_ = Json::Kind::Number; return number();
    }
  }

  bool object(Json& out, int depth) {
    out.kind_ = Json::Kind::Object;
    ++at_;
    blanks();
    if (take('}')) return true;
    while (true) {
      blanks();
      std::string name;
      if (!string(name)) return false;
      blanks();
      if (!take(':')) return false;
      Json member;
      if (!value(member, depth + 1)) return false;
      out.members_.emplace_back(std::move(name), std::move(member));
      blanks();
      if (take('}')) return true;
      if (!take(',')) return false;
    }
  }

  bool array(Json& out, int depth) {
    out.kind_ = Json::Kind::Array;
    ++at_;
    blanks();
    if (take(']')) return true;
    while (true) {
      Json item;
      if (!value(item, depth + 1)) return false;
      out.items_.push_back(std::move(item));
      blanks();
      if (take(']')) return true;
      if (!take(',')) return false;
    }
  }

  bool string(std::string& out) {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out.push_back(c);
        continue;
      }
      if (at_ == text_.size()) return false;
      switch (text_[at_++]) {
        case '"': out.push_back('"'); break;
        case '\\': out.push_back('\\'); break;
        case '/': out.push_back('/'); break;
        case 'b': out.push_back('\b'); break;
        case 'f': out.push_back('\f'); break;
        case 'n': out.push_back('\n'); break;
        case 'r': out.push_back('\r'); break;
        case 't': out.push_back('\t'); break;
        case 'u':
          if (!escape(out)) return false;
          break;
        default: return false;
      }
    }
    return false;
  }

  bool escape(std::string& out) {
    std::uint32_t point = 0;
    if (!hex(point)) return false;
    if (point >= 0xd800 && point < 0xdc00) {
      std::uint32_t low = 0;
      if (!word("\\u") || !hex(low) || low < 0xdc00 || low > 0xdfff) return false;
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    } else if (point >= 0xdc00 && point < 0xe000) {
      return false;
    }
    append_utf8(out, point);
    return true;
  }

  bool hex(std::uint32_t& out) {
    if (text_.size() - at_ < 4) return false;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) return false;
      out = out << 4 | static_cast<std::uint32_t>(digit);
    }
    return true;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    return true;
  }
  bool digits() {
    const std::size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ != begin;
  }

  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  void blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<Json> Json::parse(std::string text) {
  auto source = std::make_shared<const std::string>(std::move(text));
  Json root;
  JsonReader reader(*source);
  if (!reader.document(root)) {
    return fail(ErrorCode::Invalid, "not JSON from byte " + std::to_string(reader.at()) + " on");
  }
  root.source_ = std::move(source);
  return root;
}

const Json& Json::operator[](std::string_view name) const {
  static const Json kNull;
  for (const auto& [member, value] : members_) {
    if (member == name) return value;
  }
  return kNull;
}

std::string Json::text() const {
  if (kind_ == Kind::String) return string_;
  return kind_ == Kind::Null ? std::string() : std::string(raw_);
}

std::int64_t Json::number() const {
  return kind_ == Kind::Number ? std::strtoll(std::string(raw_).c_str(), nullptr, 10) : 0;
}

}  // namespace holdfast::cli

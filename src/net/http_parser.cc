#include "net/http_parser.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/check.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kChunkLineBytesMax = 256;
constexpr std::size_t kMethodBytesMax = 32;
constexpr int kInterimResponsesMax = 32;
// What is set aside for a body before its bytes have come: a promise of a large one costs the promiser nothing.
constexpr std::uint64_t kBodyReserveMax = 256 * 1024;

constexpr std::string_view kCrLf = "\r\n";

// RFC 9110 token.
constexpr auto kTokenChars = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = table[static_cast<std::size_t>(c - 32)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// RFC 9110 field-content, blanks included.
constexpr auto kValueChars = [] {
  std::array<bool, 256> table{};
  for (int c = 0x20; c < 0x100; ++c) table[static_cast<std::size_t>(c)] = c != 0x7f;
  table['\t'] = true;
  return table;
}();

template <typename Table>
bool all_of(std::string_view text, const Table& table) {
  for (const char c : text)
    if (!table[static_cast<unsigned char>(c)]) return false;
  return true;
}

bool is_token(std::string_view text) { return !text.empty() && all_of(text, kTokenChars); }

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> decimal(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::optional<std::uint64_t> hexadecimal(std::string_view text) {
  if (text.empty() || text.size() > 15) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const char l = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') value = value << 4 | static_cast<std::uint64_t>(c - '0');
    else if (l >= 'a' && l <= 'f') value = value << 4 | static_cast<std::uint64_t>(l - 'a' + 10);
    else return std::nullopt;
  }
  return value;
}

// A line feed without a carriage return before it, or a carriage return without a line feed after it (the last byte excepted).
// `from` is where to begin; bytes before it have been looked at.
bool has_bare_line_end(std::string_view bytes, std::size_t from) {
  for (std::size_t i = from; i < bytes.size(); ++i) {
    if (bytes[i] == '\n' && (i == 0 || bytes[i - 1] != '\r')) return true;
    if (i > 0 && bytes[i - 1] == '\r' && bytes[i] != '\n') return true;
  }
  return false;
}

struct RawField {
  std::string_view name;
  std::string_view value;
};

// Null: what is wrong with it.
const char* split_field(std::string_view line, RawField& out) {
  if (line.front() == ' ' || line.front() == '\t') return "a folded header line";
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return "a header line without a colon";
  out.name = line.substr(0, colon);
  if (!is_token(out.name)) return "a header name with a character that is not allowed";
  out.value = trim(line.substr(colon + 1));
  if (!all_of(out.value, kValueChars)) return "a header value with a control character";
  return nullptr;
}

}  // namespace

struct HeadParser::Framing {
  std::optional<std::uint64_t> length;
  bool chunked = false;
  bool close = false;
  bool keep_alive = false;
  bool expects_continue = false;
};

void HeadParser::reset() {
  state_ = ParseState::More;
  phase_ = Phase::Head;
  started_ = false;
  keep_alive_ = true;
  expects_continue_ = false;
  no_body_ = false;
  may_switch_ = false;
  minor_ = 1;
  request_ = {};
  response_ = {};
  interim_ = 0;
  pending_.clear();
  searched_ = 0;
  remaining_ = 0;
  trailer_bytes_ = 0;
  trailer_count_ = 0;
}

void HeadParser::fail(int status, std::string message) {
  state_ = ParseState::Failed;
  keep_alive_ = false;
  error_ = {status, std::move(message)};
}

std::size_t HeadParser::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ == ParseState::More && used < bytes.size()) {
    const std::string_view rest = bytes.substr(used);
    switch (phase_) {
      case Phase::Head: used += feed_head(rest); break;
      case Phase::Length:
      case Phase::UntilClose:
      case Phase::ChunkData: used += feed_data(rest); break;
      case Phase::ChunkSize:
      case Phase::ChunkEnd:
      case Phase::Trailer: used += feed_line(rest); break;
      case Phase::Complete: HOLDFAST_CHECK(false);
    }
  }
  return used;
}

std::size_t HeadParser::feed_head(std::string_view bytes) {
  const bool buffered = !pending_.empty();
  if (buffered) pending_.append(bytes);
  const std::size_t before = buffered ? pending_.size() - bytes.size() : 0;
  std::string_view all = buffered ? std::string_view(pending_) : bytes;

  // One empty line before a request is left over from the one before (RFC 9112 2.2).
  if (kind_ == Kind::Request && !started_ && all.starts_with(kCrLf)) {
    started_ = true;
    pending_.clear();
    searched_ = 0;
    return 2 - before;
  }
  if (!(all.size() == 1 && all[0] == '\r')) started_ = true;

  const auto end = all.find("\r\n\r\n", searched_);
  if (end != std::string_view::npos) {
    parse_head(all.substr(0, end + 2));
    pending_.clear();
    searched_ = 0;
    return end + 4 - before;
  }
  if (has_bare_line_end(all, searched_)) {
    fail(400, "a line that does not end in CR LF");
    return bytes.size();
  }
  const auto line_end = all.substr(0, limits_.start_line_bytes_max + 2).find(kCrLf);
  if (line_end == std::string_view::npos && all.size() > limits_.start_line_bytes_max + 1) {
    fail(414, "the first line is longer than start_line_bytes_max=" + std::to_string(limits_.start_line_bytes_max));
    return bytes.size();
  }
  if (line_end != std::string_view::npos && all.size() > line_end + 4 + limits_.header_bytes_max) {
    fail(431, "the headers are longer than header_bytes_max=" + std::to_string(limits_.header_bytes_max));
    return bytes.size();
  }
  if (!buffered) pending_.assign(bytes);
  searched_ = pending_.size() < 3 ? 0 : pending_.size() - 3;
  return bytes.size();
}

void HeadParser::parse_head(std::string_view head) {
  const auto line_end = head.find(kCrLf);
  const std::string_view line = head.substr(0, line_end);
  const std::string_view block = head.substr(line_end + 2);
  if (line.size() > limits_.start_line_bytes_max)
    return fail(414, "the first line is longer than start_line_bytes_max=" + std::to_string(limits_.start_line_bytes_max));
  if (block.size() > std::min<std::size_t>(limits_.header_bytes_max, UINT32_MAX))
    return fail(431, "the headers are longer than header_bytes_max=" + std::to_string(limits_.header_bytes_max));
  std::string authority;
  if (kind_ == Kind::Request ? !parse_request_line(line, authority) : !parse_status_line(line)) return;
  Framing framing;
  HeaderList& headers = kind_ == Kind::Request ? request_.headers : response_.headers;
  if (!parse_headers(block, headers, framing)) return;
  if (!authority.empty()) headers.set("host", authority);  // RFC 9112 3.2.2: it wins.
  keep_alive_ = minor_ == 0 ? framing.keep_alive && !framing.close : !framing.close;
  begin_body(framing);
}

bool HeadParser::parse_request_line(std::string_view line, std::string& authority) {
  const auto bad = [this](int status, std::string message) {
    fail(status, std::move(message));
    return false;
  };
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) return bad(400, "a request line that is not method, target and version");
  const std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method) || method.size() > kMethodBytesMax) return bad(400, "a method that is not a token");
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.' || version[5] < '0' || version[5] > '9' ||
      version[7] < '0' || version[7] > '9')
    return bad(400, "a request line that does not end in an HTTP version");
  if (version[5] != '1') return bad(505, "HTTP version " + std::string(version.substr(5)) + " is not supported");
  minor_ = version[7] == '0' ? 0 : 1;
  for (const char c : target)
    if (c <= 0x20 || c >= 0x7f || c == '#') return bad(400, "a request target with a character that must be escaped");
  if (method == "CONNECT") return bad(501, "method CONNECT is not supported");
  if (!target.starts_with('/') && !(target == "*" && method == "OPTIONS")) {
    std::size_t scheme = 0;
    if (equals_ignoring_case(target.substr(0, 7), "http://")) scheme = 7;
    if (equals_ignoring_case(target.substr(0, 8), "https://")) scheme = 8;
    if (scheme == 0) return bad(400, "a request target that does not begin with a slash");
    target.remove_prefix(scheme);
    const auto path = target.find_first_of("/?");
    authority = target.substr(0, path);
    if (authority.empty() || authority.find('@') != std::string::npos) return bad(400, "a request target with a malformed authority");
    target = path == std::string_view::npos ? std::string_view() : target.substr(path);
    if (!target.starts_with('/')) request_.target = "/";
  }
  request_.method = method;
  request_.target.append(target);
  return true;
}

bool HeadParser::parse_status_line(std::string_view line) {
  const bool shaped = line.size() >= 12 && line.starts_with("HTTP/1.") && line[7] >= '0' && line[7] <= '9' && line[8] == ' ' &&
                      (line.size() == 12 || line[12] == ' ');
  const auto status = shaped ? decimal(line.substr(9, 3)) : std::nullopt;
  if (!status || *status < 100 || *status > 599 || !all_of(line, kValueChars)) {
    fail(400, "a first line that is not an HTTP/1 status line");
    return false;
  }
  minor_ = line[7] == '0' ? 0 : 1;
  response_.status = static_cast<int>(*status);
  return true;
}

bool HeadParser::parse_headers(std::string_view block, HeaderList& out, Framing& framing) {
  const auto bad = [this](int status, std::string message) {
    fail(status, std::move(message));
    return false;
  };
  out.bytes_.assign(block);
  const char* const base = block.data();
  std::size_t hosts = 0;
  bool has_coding = false;
  out.spans_.reserve(std::min<std::size_t>(limits_.header_count_max, 16));
  for (std::string_view rest = block; !rest.empty();) {
    const auto end = rest.find(kCrLf);  // Always found: the block ends in one.
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (out.spans_.size() == limits_.header_count_max)
      return bad(431, "more headers than header_count_max=" + std::to_string(limits_.header_count_max));
    RawField field;
    if (const char* wrong = split_field(line, field)) return bad(400, wrong);
    out.spans_.push_back({static_cast<std::uint32_t>(field.name.data() - base), static_cast<std::uint32_t>(field.name.size()),
                          static_cast<std::uint32_t>(field.value.data() - base), static_cast<std::uint32_t>(field.value.size())});
    switch (field.name.size()) {
      case 4:
        hosts += equals_ignoring_case(field.name, "host");
        break;
      case 6:
        if (kind_ == Kind::Request && minor_ == 1 && equals_ignoring_case(field.name, "expect")) {
          if (!equals_ignoring_case(field.value, "100-continue")) return bad(417, "an expectation other than 100-continue");
          framing.expects_continue = true;
        }
        break;
      case 10:
        if (equals_ignoring_case(field.name, "connection")) read_connection(field.value, framing);
        break;
      case 14:
        if (equals_ignoring_case(field.name, "content-length")) {
          const auto length = decimal(field.value);
          if (!length) return bad(400, "a content-length that is not a number");
          if (framing.length && *framing.length != *length) return bad(400, "two content-lengths that differ");
          framing.length = length;
        }
        break;
      case 17:
        if (equals_ignoring_case(field.name, "transfer-encoding")) {
          if (has_coding) return bad(400, "more than one transfer-encoding");
          if (minor_ == 0) return bad(400, "a transfer-encoding in an HTTP/1.0 message");
          if (!equals_ignoring_case(field.value, "chunked")) return bad(501, "a transfer-encoding other than chunked");
          has_coding = true;
        }
        break;
      default: break;
    }
  }
  if (has_coding && framing.length) return bad(400, "both content-length and transfer-encoding");
  framing.chunked = has_coding;
  if (kind_ == Kind::Request && (hosts > 1 || (hosts == 0 && minor_ == 1))) return bad(400, "not exactly one host header");
  return true;
}

void HeadParser::read_connection(std::string_view value, Framing& framing) {
  while (!value.empty()) {
    const auto comma = value.find(',');
    const std::string_view token = trim(value.substr(0, comma));
    if (equals_ignoring_case(token, "close")) framing.close = true;
    if (equals_ignoring_case(token, "keep-alive")) framing.keep_alive = true;
    value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
  }
}

void HeadParser::begin_body(const Framing& framing) {
  const auto complete = [this] {
    phase_ = Phase::Complete;
    state_ = ParseState::Done;
  };
  if (kind_ == Kind::Response) {
    const int status = response_.status;
    if (status == 101) return may_switch_ ? complete() : fail(400, "a protocol switch nobody asked for");
    if (status < 200) {
      if (++interim_ > kInterimResponsesMax) return fail(400, "more than 32 interim responses");
      response_ = {};
      phase_ = Phase::Head;
      return;
    }
    if (no_body_ || status == 204 || status == 304) return complete();
  }
  if (framing.chunked) {
    phase_ = Phase::ChunkSize;
  } else if (framing.length) {
    if (*framing.length > limits_.body_bytes_max)
      return fail(413, "a body of " + std::to_string(*framing.length) +
                           " bytes, more than body_bytes_max=" + std::to_string(limits_.body_bytes_max));
    remaining_ = *framing.length;
    if (remaining_ == 0) return complete();
    phase_ = Phase::Length;
    body().reserve(static_cast<std::size_t>(std::min(remaining_, kBodyReserveMax)));
  } else if (kind_ == Kind::Request) {
    return complete();
  } else {
    phase_ = Phase::UntilClose;
    keep_alive_ = false;
  }
  expects_continue_ = framing.expects_continue;
}

std::size_t HeadParser::feed_data(std::string_view bytes) {
  expects_continue_ = false;
  if (phase_ == Phase::UntilClose) {
    if (bytes.size() > limits_.body_bytes_max - body().size())
      fail(413, "a body of more than body_bytes_max=" + std::to_string(limits_.body_bytes_max) + " bytes");
    else
      body().append(bytes);
    return bytes.size();
  }
  const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
  body().append(bytes.substr(0, take));
  remaining_ -= take;
  if (remaining_ == 0) {
    if (phase_ == Phase::ChunkData) {
      phase_ = Phase::ChunkEnd;
    } else {
      phase_ = Phase::Complete;
      state_ = ParseState::Done;
    }
  }
  return take;
}

std::size_t HeadParser::feed_line(std::string_view bytes) {
  expects_continue_ = false;
  const std::size_t line_max = phase_ == Phase::Trailer ? limits_.header_bytes_max : kChunkLineBytesMax;
  const auto newline = bytes.find('\n');
  const std::size_t used = newline == std::string_view::npos ? bytes.size() : newline + 1;
  if (pending_.size() + used > line_max + 2) {
    if (phase_ == Phase::Trailer) fail(431, "the trailers are longer than header_bytes_max=" + std::to_string(limits_.header_bytes_max));
    else fail(400, "a chunk line of more than " + std::to_string(kChunkLineBytesMax) + " bytes");
    return bytes.size();
  }
  if (newline == std::string_view::npos) {
    pending_.append(bytes);
    return used;
  }
  std::string_view line = bytes.substr(0, used);
  std::string joined;
  if (!pending_.empty()) {
    joined.swap(pending_);
    joined.append(line);
    line = joined;
  }
  if (line.size() < 2 || line[line.size() - 2] != '\r') {
    fail(400, "a line that does not end in CR LF");
    return used;
  }
  end_line(line.substr(0, line.size() - 2));
  return used;
}

void HeadParser::end_line(std::string_view line) {
  switch (phase_) {
    case Phase::ChunkEnd:
      if (!line.empty()) return fail(400, "a chunk longer than its size");
      phase_ = Phase::ChunkSize;
      return;
    case Phase::ChunkSize: {
      const auto extension = line.find(';');
      const auto size = hexadecimal(trim(line.substr(0, extension)));
      if (!size || line.front() == ' ' || line.front() == '\t') return fail(400, "a chunk size that is not a hexadecimal number");
      if (!all_of(line, kValueChars)) return fail(400, "a chunk line with a control character");
      if (*size > limits_.body_bytes_max - body().size())
        return fail(413, "a body of more than body_bytes_max=" + std::to_string(limits_.body_bytes_max) + " bytes");
      remaining_ = *size;
      phase_ = *size == 0 ? Phase::Trailer : Phase::ChunkData;
      return;
    }
    case Phase::Trailer: {
      if (line.empty()) {
        phase_ = Phase::Complete;
        state_ = ParseState::Done;
        return;
      }
      trailer_bytes_ += line.size() + 2;
      if (trailer_bytes_ > limits_.header_bytes_max)
        return fail(431, "the trailers are longer than header_bytes_max=" + std::to_string(limits_.header_bytes_max));
      if (++trailer_count_ > limits_.header_count_max)
        return fail(431, "more trailers than header_count_max=" + std::to_string(limits_.header_count_max));
      RawField field;
      if (const char* wrong = split_field(line, field)) return fail(400, wrong);
      return;
    }
    default: HOLDFAST_CHECK(false);
  }
}

HttpRequest RequestParser::take() {
  HOLDFAST_CHECK(state_ == ParseState::Done);
  HttpRequest out = std::move(request_);
  reset();
  return out;
}

HttpResponse ResponseParser::take() {
  HOLDFAST_CHECK(state_ == ParseState::Done);
  HttpResponse out = std::move(response_);
  reset();
  return out;
}

void ResponseParser::end_of_input() {
  if (state_ != ParseState::More) return;
  if (phase_ == Phase::UntilClose) {
    response_.ends_with_connection = true;
    phase_ = Phase::Complete;
    state_ = ParseState::Done;
  } else if (started_) {
    fail(400, "the connection ended in the middle of a message");
  }
}

}  // namespace holdfast::net

// However a message is cut into pieces, the parser takes the same messages from it and fails at the same one; and it never
// accepts more than its limits allow. The first byte chooses request or response, and whether it may be a 101, the second where the input is cut.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "net/http_parser.h"

namespace {

using namespace holdfast::net;

MessageLimits limits() {
  MessageLimits out;
  out.start_line_bytes_max = 256;
  out.header_count_max = 16;
  out.header_bytes_max = 512;
  out.body_bytes_max = 1024;
  return out;
}

std::string render(const HeaderList& headers, const std::string& body) {
  HOLDFAST_CHECK(headers.size() <= limits().header_count_max + 1);
  HOLDFAST_CHECK(body.size() <= limits().body_bytes_max);
  std::string out;
  for (const auto [name, value] : headers) {
    HOLDFAST_CHECK(!name.empty());
    HOLDFAST_CHECK(value.find_first_of("\r\n") == std::string_view::npos);
    out.append(name).append("=").append(value).append(";");
  }
  return out + "|" + body;
}

template <typename Parser>
std::string take(Parser& parser) {
  const auto message = parser.take();
  if constexpr (std::is_same_v<Parser, RequestParser>) {
    HOLDFAST_CHECK(!message.target.empty());
    return message.method + " " + message.target + " " + render(message.headers, message.body);
  } else {
    return std::to_string(message.status) + " " + render(message.headers, message.body);
  }
}

enum class Answer { Ordinary, WithoutBody, Switch };

template <typename Parser>
std::vector<std::string> run(std::string_view bytes, std::size_t piece, Answer answer) {
  Parser parser(limits());
  std::vector<std::string> out;
  if constexpr (std::is_same_v<Parser, ResponseParser>) {
    if (answer == Answer::WithoutBody) parser.expect_no_body();
    if (answer == Answer::Switch) parser.expect_switch();
  }
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view part = bytes.substr(at, piece);
    const std::size_t used = parser.feed(part);
    HOLDFAST_CHECK(used <= part.size());
    at += used;
    if (parser.state() == ParseState::Failed) {
      HOLDFAST_CHECK(!parser.error().message.empty());
      out.push_back("failed");  // Of several mistakes, the one seen first depends on the cuts.
      return out;
    }
    if (parser.state() == ParseState::More) HOLDFAST_CHECK(used == part.size());
    if (parser.state() == ParseState::Done) {
      const std::string kept = parser.keep_alive() ? "keep " : "close ";
      out.push_back(kept + take(parser));
    }
  }
  if constexpr (std::is_same_v<Parser, ResponseParser>) {
    parser.end_of_input();
    if (parser.state() == ParseState::Done) out.push_back("end " + take(parser));
  }
  return out;
}

template <typename Parser>
void check(std::string_view bytes, std::size_t piece, Answer answer) {
  const auto whole = run<Parser>(bytes, bytes.size() + 1, answer);
  HOLDFAST_CHECK(whole == run<Parser>(bytes, piece, answer));
  HOLDFAST_CHECK(whole == run<Parser>(bytes, 1, answer));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t piece = data[1] == 0 ? 1 : data[1];
  if (data[0] % 2 == 0) check<RequestParser>(bytes, piece, Answer::Ordinary);
  else check<ResponseParser>(bytes, piece, data[0] % 4 == 3 ? Answer::WithoutBody : data[0] % 8 == 5 ? Answer::Switch : Answer::Ordinary);
  return 0;
}

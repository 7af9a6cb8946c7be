#include "config/edge_formats.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "config/load.h"
#include "config/problem.h"
#include "model/address.h"

namespace holdfast::config {
namespace {

constexpr std::size_t kTopicBytesMax = 249;
constexpr std::size_t kBrokersMax = 1000;
constexpr std::size_t kStreamBytesMax = 128;
constexpr std::size_t kSubjectBytesMax = 1024;
constexpr std::size_t kNameBytesMax = 255;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_name_part(char c) { return is_word(c) || c == '.' || c == '_' || c == '-'; }
bool is_blank(unsigned char c) { return c <= 0x20 || c == 0x7f; }

template <typename T>
std::optional<T> whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_kafka_topic(std::string_view text) {
  return !text.empty() && text.size() <= kTopicBytesMax && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), is_name_part);
}

std::string broker_fault(std::string_view broker) {
  std::string_view rest = broker;
  if (const auto scheme = broker.find("://"); scheme != std::string_view::npos) {
    const std::string_view name = broker.substr(0, scheme);
    if (name.empty() || !std::all_of(name.begin(), name.end(), [](char c) { return is_word(c) || c == '_'; }))
      return in_quotes(broker) + " has an odd scheme";
    rest = broker.substr(scheme + 3);
  }
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || (rest.front() == '[' && rest.back() == ']'))
    return "the port of " + in_quotes(broker) + " is missing";
  const auto port = whole<std::uint32_t>(rest.substr(colon + 1));
  if (!port || *port == 0 || *port > 65535)
    return "the port of " + in_quotes(broker) + " is not a number from 1 to 65535";
  std::string_view host = rest.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty()) return "the host of " + in_quotes(broker) + " is missing";
  const bool plain = std::all_of(host.begin(), host.end(), [&](char c) {
    return is_word(c) || c == '.' || c == '-' || c == '_' || c == '%' || (bracketed && c == ':');
  });
  return plain ? std::string() : in_quotes(broker) + " is not host:port";
}

// Why it is no subject; `wildcards`: * as a token, and > as the last one, are.
std::string subject_fault(std::string_view text, bool wildcards) {
  if (text.empty()) return "it is empty";
  if (text.size() > kSubjectBytesMax)
    return "it is longer than " + std::to_string(kSubjectBytesMax) + " bytes";
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('.', at), text.size());
    const std::string_view token = text.substr(at, end - at);
    if (token.empty()) return "a token of it is empty";
    if (std::any_of(token.begin(), token.end(), is_blank))
      return "it has white space or control characters in it";
    const bool wildcard = token == "*" || token == ">";
    if (token.find_first_of("*>") != std::string_view::npos && (!wildcard || !wildcards))
      return wildcards ? "* and > stand for whole tokens" : "it has wildcards in it";
    if (token == ">" && end != text.size()) return "> can only be the last token";
    at = end + 1;
  }
  return {};
}

Format<std::string> subject(std::string expected, bool wildcards) {
  return {std::move(expected),
          [wildcards](std::string_view text, std::string& hint) -> std::optional<std::string> {
            if (hint = subject_fault(text, wildcards); !hint.empty()) return std::nullopt;
            return std::string(text);
          }};
}

bool is_identifier(std::string_view text) {
  return !text.empty() && !is_digit(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '_'; });
}

// Why `path` is not $ and fields behind it, as $.a.b[0].
std::string path_fault(std::string_view path) {
  const std::string shown = in_quotes("{{" + std::string(path) + "}}");
  if (!path.starts_with("$.")) return shown + " does not begin with $.";
  for (std::size_t at = 2; at <= path.size();) {
    const auto end = std::min(path.find('.', at), path.size());
    std::string_view field = path.substr(at, end - at);
    if (const auto bracket = field.find('['); bracket != std::string_view::npos) {
      if (!field.ends_with(']') ||
          !whole<std::uint32_t>(field.substr(bracket + 1, field.size() - bracket - 2)))
        return shown + " has an index that is no number";
      field = field.substr(0, bracket);
    }
    if (!is_identifier(field)) return shown + " has something in it that is no field";
    at = end + 1;
  }
  return {};
}

std::string template_fault(std::string_view text) {
  if (text.size() > model::kTypeBytesMax + model::kIdBytesMax) return "it is too long";
  if (std::any_of(text.begin(), text.end(), is_blank))
    return "it has white space or control characters in it";
  std::string plain;  // With a letter for each expression.
  for (std::size_t at = 0; at < text.size();) {
    const auto open = std::min(text.find("{{", at), text.size());
    plain += text.substr(at, open - at);
    if (open == text.size()) break;
    const auto close = text.find("}}", open);
    if (close == std::string_view::npos) return "the }} of a {{ is missing";
    if (std::string fault = path_fault(text.substr(open + 2, close - open - 2)); !fault.empty()) return fault;
    plain += 'x';
    at = close + 2;
  }
  if (plain.find_first_of("{}") != std::string::npos) return "braces stand in pairs: {{$.field}}";
  const auto slash = plain.rfind('/');
  if (slash == std::string::npos || slash + 1 == plain.size()) return "the id is missing";
  std::string hint;
  if (!functions_pattern().parse(std::string_view(plain).substr(0, slash), hint) || plain[slash - 1] == '*')
    return hint.empty() ? "a message goes to one function, not to all of a namespace" : hint;
  return {};
}

}  // namespace

Format<std::string> nats_url() {
  return {"the URL of a server, as nats://host:4222 or tls://host:4222",
          [](std::string_view text, std::string& hint) -> std::optional<std::string> {
            const std::string_view scheme = text.substr(0, std::min(text.find("://"), text.size()));
            if (scheme != "nats" && scheme != "tls") {
              hint = "the scheme is neither nats nor tls";
              return std::nullopt;
            }
            // The rest follows the rules of every other URL of a server.
            if (!url_template().parse("http" + std::string(text.substr(scheme.size())), hint))
              return std::nullopt;
            if (text.find_first_of("/?{", scheme.size() + 3) != std::string_view::npos) {
              hint = "nothing stands behind the port";
              return std::nullopt;
            }
            return std::string(text);
          }};
}

Format<std::string> nats_name(std::string expected) {
  return {std::move(expected), [](std::string_view text, std::string& hint) -> std::optional<std::string> {
            if (text.empty()) return std::nullopt;
            if (text.size() > kNameBytesMax || std::any_of(text.begin(), text.end(), is_blank) ||
                text.find_first_of(".*>/\\") != std::string_view::npos) {
              hint = "at most 255 bytes without white space, ., *, >, / and \\";
              return std::nullopt;
            }
            return std::string(text);
          }};
}

Format<std::string> header_name() {
  return {"the name of a header", [](std::string_view text, std::string&) -> std::optional<std::string> {
            const bool plain = std::all_of(text.begin(), text.end(),
                                           [](unsigned char c) { return c > 0x20 && c < 0x7f && c != ':'; });
            if (text.empty() || text.size() > kNameBytesMax || !plain) return std::nullopt;
            return std::string(text);
          }};
}

Format<std::string> http_url() {
  return {"a URL as https://host:port",
          [](std::string_view text, std::string& hint) -> std::optional<std::string> {
            if (!url_template().parse(text, hint)) return std::nullopt;
            if (!(text.starts_with("http://") || text.starts_with("https://")) ||
                text.find('{') != std::string_view::npos)
              return std::nullopt;
            return std::string(text);
          }};
}

Format<std::string> nats_subject() { return subject("a subject as orders.new", false); }
Format<std::string> nats_pattern() { return subject("a subject as orders.new, orders.* or orders.>", true); }

Format<std::string> ingress_id() {
  Format<std::string> id = egress_id();
  return {"an ingress id as namespace/name", std::move(id.parse)};
}

Format<std::string> function_type() {
  Format<std::string> pattern = functions_pattern();
  return {"a function as namespace/name",
          [parse = std::move(pattern.parse)](std::string_view text,
                                             std::string& hint) -> std::optional<std::string> {
            if (text.ends_with("/*")) {
              hint = "a message goes to one function, not to all of a namespace";
              return std::nullopt;
            }
            return parse(text, hint);
          }};
}

// RoutableKafkaIngressSpec takes it to the letter, whatever it is.
Format<std::string> value_type() {
  return {"a type as namespace/name",
          [](std::string_view text, std::string& hint) -> std::optional<std::string> {
            if (text.empty()) return std::nullopt;
            if (text.size() > model::kTypeBytesMax)
              hint = "it is longer than " + std::to_string(model::kTypeBytesMax) + " bytes";
            else if (std::any_of(text.begin(), text.end(), is_blank))
              hint = "it has white space or control characters in it";
            if (!hint.empty()) return std::nullopt;
            return std::string(text);
          }};
}

Format<std::string> type_url() {
  return {"the URL of a type, as type.googleapis.com/org.x.Message",
          [](std::string_view text, std::string&) -> std::optional<std::string> {
            if (text.empty() || text.size() > model::kTypeBytesMax ||
                std::any_of(text.begin(), text.end(), is_blank))
              return std::nullopt;
            return std::string(text);
          }};
}

Format<std::string> message_type() {
  return {"the full name of a Protobuf message, as org.x.Message",
          [](std::string_view text, std::string&) -> std::optional<std::string> {
            if (text.size() > model::kTypeBytesMax) return std::nullopt;
            for (std::size_t at = 0; at <= text.size();) {
              const auto end = std::min(text.find('.', at), text.size());
              if (!is_identifier(text.substr(at, end - at))) return std::nullopt;
              at = end + 1;
            }
            return std::string(text);
          }};
}

Format<std::string> address_template() {
  return {"an address as namespace/name/{{$.field}}",
          [](std::string_view text, std::string& hint) -> std::optional<std::string> {
            if (hint = template_fault(text); !hint.empty()) return std::nullopt;
            return std::string(text);
          }};
}

Format<std::string> kafka_topic() {
  return {"a Kafka topic: 1 to 249 letters, digits, ., _ and -",
          [](std::string_view text, std::string&) -> std::optional<std::string> {
            if (!is_kafka_topic(text)) return std::nullopt;
            return std::string(text);
          }};
}

Format<std::string> broker_list() {
  return {"brokers as host:port, separated by commas",
          [](std::string_view text, std::string& hint) -> std::optional<std::string> {
            std::string out;
            std::size_t brokers = 0;
            for (std::size_t at = 0; at <= text.size(); ++brokers) {
              const auto end = std::min(text.find(',', at), text.size());
              std::string_view broker = text.substr(at, end - at);
              while (!broker.empty() && (broker.front() == ' ' || broker.front() == '\t'))
                broker.remove_prefix(1);
              while (!broker.empty() && (broker.back() == ' ' || broker.back() == '\t'))
                broker.remove_suffix(1);
              at = end + 1;
              // Kafka's clients skip empty ones (ClientUtils.parseAndValidateAddresses).
              if (broker.empty()) continue;
              if (hint = broker_fault(broker); !hint.empty()) return std::nullopt;
              out.append(out.empty() ? "" : ",").append(broker);
            }
            if (out.empty()) return std::nullopt;
            if (brokers > kBrokersMax) {
              hint = "they are more than " + std::to_string(kBrokersMax);
              return std::nullopt;
            }
            return out;
          }};
}

Format<std::string> kinesis_stream() {
  return {"a Kinesis stream: 1 to 128 letters, digits, ., _ and -",
          [](std::string_view text, std::string&) -> std::optional<std::string> {
            if (text.empty() || text.size() > kStreamBytesMax ||
                !std::all_of(text.begin(), text.end(), is_name_part))
              return std::nullopt;
            return std::string(text);
          }};
}

Format<std::pair<std::string, std::int32_t>> topic_partition() {
  return {"a partition as topic/number",
          [](std::string_view text, std::string&) -> std::optional<std::pair<std::string, std::int32_t>> {
            const auto slash = text.rfind('/');
            if (slash == std::string_view::npos || !is_kafka_topic(text.substr(0, slash)))
              return std::nullopt;
            const auto partition = whole<std::int32_t>(text.substr(slash + 1));
            if (!partition || *partition < 0) return std::nullopt;
            return std::pair{std::string(text.substr(0, slash)), *partition};
          }};
}

Format<Instant> start_date() {
  return {
      "a date as 2020-02-01 04:15:00.000 +0000",
      [](std::string_view text, std::string& hint) -> std::optional<Instant> {
        constexpr std::string_view kShape = "dddd-dd-dd dd:dd:dd.ddd sdddd";
        const auto fits = [](char shape, char c) {
          return shape == 'd' ? is_digit(c) : shape == 's' ? c == '+' || c == '-' : c == shape;
        };
        if (text.size() != kShape.size() || !std::equal(kShape.begin(), kShape.end(), text.begin(), fits)) {
          hint = "the pattern is yyyy-MM-dd HH:mm:ss.SSS Z: three digits of milliseconds, +HHMM for the zone";
          return std::nullopt;
        }
        const auto part = [&](std::size_t at, std::size_t size) {
          return *whole<int>(text.substr(at, size));
        };
        const std::chrono::year_month_day day{std::chrono::year{part(0, 4)},
                                              std::chrono::month{static_cast<unsigned>(part(5, 2))},
                                              std::chrono::day{static_cast<unsigned>(part(8, 2))}};
        const int hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
        const int zone_hour = part(25, 2), zone_minute = part(27, 2);
        if (!day.ok()) {
          hint = "there is no such day";
          return std::nullopt;
        }
        if (hour > 23 || minute > 59 || second > 59) {
          hint = "there is no such time of day";
          return std::nullopt;
        }
        if (zone_minute > 59 || zone_hour * 60 + zone_minute > 18 * 60) {
          hint = "there is no such zone";
          return std::nullopt;
        }
        const std::int64_t days = std::chrono::sys_days{day}.time_since_epoch().count();
        const std::int64_t zone = (zone_hour * 60 + zone_minute) * (text[24] == '-' ? -1 : 1);
        return Instant{(((days * 24 + hour) * 60 + minute - zone) * 60 + second) * 1000 + part(20, 3)};
      }};
}

Format<std::string> any_case(Format<std::string> format) {
  return {std::move(format.expected),
          [parse = std::move(format.parse)](std::string_view text, std::string& hint) {
            std::string lower(text);
            for (char& c : lower)
              if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
            return parse(lower, hint);
          }};
}

Format<std::string> not_empty(std::string expected) {
  return {std::move(expected), [](std::string_view text, std::string&) -> std::optional<std::string> {
            if (text.empty()) return std::nullopt;
            return std::string(text);
          }};
}

}  // namespace holdfast::config

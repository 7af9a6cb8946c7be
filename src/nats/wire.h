// What NATS says in subjects, headers and small JSON answers, taken apart. Pure; nothing here needs a connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::nats {

// --- Subjects

// Whether it may be published to: tokens with something in them, no wildcards, no white space or control characters, at most
// kSubjectBytesMax. Of the subjects that begin with '$', which are the server's own, only those of key-value buckets: a function must not
// get at the server's API by naming a subject.
inline constexpr std::size_t kSubjectBytesMax = 1024;
[[nodiscard]] bool is_subject(std::string_view text);
// Whether it may be subscribed to: as above, but * may stand for a token and > for the rest.
[[nodiscard]] bool is_pattern(std::string_view text);
[[nodiscard]] bool matches(std::string_view pattern, std::string_view subject);
// Whether every subject that `narrow` matches is matched by `wide`.
[[nodiscard]] bool covers(std::string_view wide, std::string_view narrow);
// Counted from 0. None: it has fewer.
[[nodiscard]] std::optional<std::string_view> subject_token(std::string_view subject, std::uint32_t index);
// Whether it may name a stream or a consumer.
[[nodiscard]] bool is_name(std::string_view text);

// The subject that a server's error says may not be published to. None: it says something else.
[[nodiscard]] std::optional<std::string> forbidden_subject(std::string_view error);

// --- Headers

[[nodiscard]] bool is_header_name(std::string_view name);
// Whether it arrives as it is: no control characters, no white space at its ends (which servers and clients take away).
[[nodiscard]] bool is_header_value(std::string_view value);

// --- JetStream

// The reply subject of a message that a consumer delivers:
// $JS.ACK.<stream>.<consumer>.<times delivered>.<stream sequence>.<consumer sequence>.<time>.<pending>, or, from servers that say the domain,
// $JS.ACK.<domain>.<account hash>.<stream>. …
struct DeliveredAs {
  std::uint64_t stream_sequence = 0;
  std::uint64_t consumer_sequence = 0;  // Counts deliveries, so one that got lost leaves a hole.
  std::uint64_t pending = 0;            // Messages that the consumer has not delivered yet.
};
[[nodiscard]] std::optional<DeliveredAs> parse_ack_subject(std::string_view reply);

// The answer to a publish.
struct PublishAnswer {
  bool stored = false;  // Now, or before under the same Nats-Msg-Id.
  bool duplicate = false;
  std::uint32_t error = 0;   // err_code, where it was not stored; 0: the answer makes no sense.
  std::string description;
};
[[nodiscard]] PublishAnswer parse_publish_answer(std::string_view json);

// The answer to STREAM.NAMES. Empty: there is none.
struct StreamNames {
  bool understood = false;
  std::string first;
};
[[nodiscard]] StreamNames parse_stream_names(std::string_view json);

// --- URLs

// For people: without user, password or token.
[[nodiscard]] std::string without_credentials(std::string_view url);

}  // namespace holdfast::nats

// What gRPC writes over HTTP/2 (its PROTOCOL-HTTP2.md): messages with a prefix of five bytes, timeouts, statuses as trailers. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "grpc/status.h"
#include "net/header_list.h"

namespace holdfast::grpc {

inline constexpr std::size_t kPrefixBytes = 5;
inline constexpr std::string_view kContentType = "application/grpc";

// Whether it is one of gRPC's: application/grpc, application/grpc+proto, …
[[nodiscard]] bool is_grpc(std::string_view content_type);

// Puts the prefix before it. Never compressed. At most 2^32 - 1 bytes.
[[nodiscard]] std::string frame(std::string message);

// What the body of a unary call holds.
struct Message {
  std::string_view bytes;  // Of the body, or of `inflated`.
  std::string inflated;    // Of a compressed one.
};
using Unframed = tl::expected<Message, Status>;
// The one message of a whole body; `encoding` is what grpc-encoding says. Statuses are grpc-go's.
[[nodiscard]] Unframed unframe(std::string_view body, std::string_view encoding, std::size_t message_bytes_max);
// What is known of a body that was cut for its length: whose message is too large, or is not alone.
[[nodiscard]] Status judge_cut_body(std::string_view beginning, std::size_t message_bytes_max);

// "250m" -> 250 ms; rounded up to whole ones. Invalid, in grpc-go's words.
[[nodiscard]] Result<Duration> parse_timeout(std::string_view text);
// At most 8 digits, so that what is long is coarser, and never shorter.
[[nodiscard]] std::string format_timeout(Duration timeout);

// Of grpc-message.
[[nodiscard]] std::string percent_encode(std::string_view message);
[[nodiscard]] std::string percent_decode(std::string_view text);
// Of fields whose names end in -bin: base64, which need not be padded and here is not. Nothing if it is none.
[[nodiscard]] std::string encode_binary(std::string_view bytes);
[[nodiscard]] std::optional<std::string> decode_binary(std::string_view text);

// grpc-status, grpc-message, grpc-status-details-bin.
void add_status(net::HeaderList& fields, const Status& status);
// Of a whole answer: its trailers, or its headers if it has nothing else. None: there is no status in it.
[[nodiscard]] std::optional<Status> find_status(const net::HeaderList& fields);
// Names that the protocol keeps to itself: no metadata.
[[nodiscard]] bool is_reserved(std::string_view name);

// As Go writes it, for words that quote what came in.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace holdfast::grpc

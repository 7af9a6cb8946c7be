// Frames of holdfast-calls/1, the transport that carries many calls at once over one connection (call_pipe.h is the client's end,
// call_server.h the server's; docs/adr/0005-pipelined-calls.md has the bytes, the rules and how versions grow).
//
//   0  u32  length   of the payload, which follows the header
//   4  u8   kind
//   5  u8   flags    bit 0: who does not know the kind skips the frame; the others are ignored
//   6  u16  detail   see FrameKind
//   8  u64  call     chosen by the client, given back by the server; 0 where the frame is not about a call
//
// Little endian throughout. FrameReader checks what can be checked without knowing the conversation: sizes and kinds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::net {

// The token in `upgrade` fields. What comes after the slash is the major version.
inline constexpr std::string_view kCallProtocol = "holdfast-calls/1";
inline constexpr std::size_t kFrameHeaderBytes = 16;
// Frames of up to this size are taken whatever frame_bytes_max is, so that nobody need ask before it says why it hangs up.
inline constexpr std::size_t kSmallFrameBytes = 4096;
inline constexpr std::uint8_t kFlagSkippable = 1;

enum class FrameKind : std::uint8_t {
  Hello = 1,   // First frame of each side, the server's first. detail: minor version. Payload: Hello.
  Call = 2,    // Client. detail: length of the traceparent, which the payload begins with; the rest is the request.
  Answer = 3,  // Server. The payload is the answer.
  Failed = 4,  // Server. detail: an HTTP status of 400 to 599, or one of kFailed… below. Payload: why, UTF-8.
  Cancel = 5,  // Client: it has given up on the call. The server ends it with a Failed at once, unless it has answered.
  Goaway = 6,  // Either. detail 0: no new calls, please; those sent so far are answered. Else: what was wrong, the connection
               // is closed. Payload: why, UTF-8.
};

inline constexpr std::uint16_t kFailedTooLarge = 1;   // The answer is over the client's frame_bytes_max.
inline constexpr std::uint16_t kFailedCancelled = 2;  // The answer to Cancel.
inline constexpr std::uint16_t kGoawayGraceful = 0;
inline constexpr std::uint16_t kGoawayBroken = 1;     // The other side broke the rules.

struct Frame {
  FrameKind kind = FrameKind::Hello;
  std::uint16_t detail = 0;
  std::uint64_t call = 0;
  std::string_view payload;
};

// What a side takes. Of the client's only frame_bytes_max means something.
struct Hello {
  std::uint32_t calls_max = 0;        // Calls under way at once.
  std::uint32_t frame_bytes_max = 0;  // Payload of one frame.
  std::uint64_t bytes_max = 0;        // Payloads of the calls under way, together.
};

// What follows must be `payload_bytes` long.
void append_frame_header(std::string& out, FrameKind kind, std::uint16_t detail, std::uint64_t call, std::size_t payload_bytes);
void append_frame(std::string& out, FrameKind kind, std::uint16_t detail, std::uint64_t call, std::string_view payload);
// Fills in the call of a frame that begins at `at`.
void set_frame_call(std::string& frames, std::size_t at, std::uint64_t call);
void append_hello(std::string& out, const Hello& hello);
// Nothing if it is too short. Longer ones are of a later minor version: what is not known is ignored.
[[nodiscard]] std::optional<Hello> parse_hello(std::string_view payload);

// Bytes in, frames out, without copying a payload that came whole. Holds at most one frame, and never more memory for it than twice what
// has come of it.
class FrameReader {
 public:
  explicit FrameReader(std::size_t frame_bytes_max);

  // Where to read the next bytes to; never empty. Ends the life of payloads given out.
  [[nodiscard]] std::span<char> space();
  void filled(std::size_t bytes);
  // Both in one, for bytes that are somewhere already.
  void feed(std::string_view bytes);

  enum class Status { More, Frame, Broken };
  // Call until it is not Frame. Broken stays so, with error() saying why.
  [[nodiscard]] Status next(Frame& out);
  // Bytes of the frame that has not come whole.
  [[nodiscard]] std::size_t held() const { return end_ - begin_; }
  // The frame given out last comes again. Only before anything else is asked of the reader.
  void put_back() { begin_ = last_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  Status broken(std::string why);
  void make_room(std::size_t bytes);

  std::size_t frame_bytes_max_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;  // Of what has not been given out.
  std::size_t end_ = 0;
  std::size_t last_ = 0;   // Where the frame given out last begins.
  std::string error_;
};

}  // namespace holdfast::net

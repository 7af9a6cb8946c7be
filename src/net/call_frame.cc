#include "net/call_frame.h"

#include <algorithm>
#include <cstring>

namespace holdfast::net {
namespace {

constexpr std::size_t kCapacityMin = 64 * 1024;
constexpr std::size_t kHelloBytes = 16;

template <typename Int>
void put_le(char* at, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i) at[i] = static_cast<char>(value >> (8 * i) & 0xff);
}

template <typename Int>
Int get_le(const char* at) {
  Int value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) value = static_cast<Int>(value | static_cast<Int>(static_cast<unsigned char>(at[i])) << (8 * i));
  return value;
}

bool is_known(std::uint8_t kind) {
  return kind >= static_cast<std::uint8_t>(FrameKind::Hello) && kind <= static_cast<std::uint8_t>(FrameKind::Goaway);
}

}  // namespace

void append_frame_header(std::string& out, FrameKind kind, std::uint16_t detail, std::uint64_t call, std::size_t payload_bytes) {
  char header[kFrameHeaderBytes];
  put_le(header, static_cast<std::uint32_t>(payload_bytes));
  header[4] = static_cast<char>(kind);
  header[5] = 0;
  put_le(header + 6, detail);
  put_le(header + 8, call);
  out.append(header, sizeof header);
}

void append_frame(std::string& out, FrameKind kind, std::uint16_t detail, std::uint64_t call, std::string_view payload) {
  append_frame_header(out, kind, detail, call, payload.size());
  out.append(payload);
}

void set_frame_call(std::string& frames, std::size_t at, std::uint64_t call) { put_le(frames.data() + at + 8, call); }

void append_hello(std::string& out, const Hello& hello) {
  char payload[kHelloBytes];
  put_le(payload, hello.calls_max);
  put_le(payload + 4, hello.frame_bytes_max);
  put_le(payload + 8, hello.bytes_max);
  append_frame(out, FrameKind::Hello, 0, 0, {payload, sizeof payload});
}

std::optional<Hello> parse_hello(std::string_view payload) {
  if (payload.size() < kHelloBytes) return std::nullopt;
  return Hello{get_le<std::uint32_t>(payload.data()), get_le<std::uint32_t>(payload.data() + 4), get_le<std::uint64_t>(payload.data() + 8)};
}

FrameReader::FrameReader(std::size_t frame_bytes_max) : frame_bytes_max_(std::max(frame_bytes_max, kSmallFrameBytes)) {}

// Room for `bytes` more behind what is there. Memory grows with what has come, not with what a header says will come, and what a
// large frame needed is not kept for the small ones after it.
void FrameReader::make_room(std::size_t bytes) {
  if (begin_ == end_) begin_ = end_ = 0;
  const std::size_t held = end_ - begin_;
  std::size_t capacity = kCapacityMin;
  while (capacity < held + bytes) capacity *= 2;
  if (capacity >= capacity_ && capacity_ - end_ >= bytes) return;
  if (capacity != capacity_) {
    auto moved = std::make_unique_for_overwrite<char[]>(capacity);
    if (held > 0) std::memcpy(moved.get(), buffer_.get() + begin_, held);
    buffer_ = std::move(moved);
    capacity_ = capacity;
  } else if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, held);
  }
  begin_ = 0;
  end_ = held;
}

std::span<char> FrameReader::space() {
  make_room(std::max(kCapacityMin / 2, end_ - begin_));  // Twice what there is: a large frame is moved a few times, not often.
  return {buffer_.get() + end_, capacity_ - end_};
}

void FrameReader::filled(std::size_t bytes) { end_ += bytes; }

void FrameReader::feed(std::string_view bytes) {
  if (bytes.empty()) return;
  make_room(bytes.size());
  std::memcpy(buffer_.get() + end_, bytes.data(), bytes.size());
  end_ += bytes.size();
}

FrameReader::Status FrameReader::broken(std::string why) {
  error_ = std::move(why);
  return Status::Broken;
}

FrameReader::Status FrameReader::next(Frame& out) {
  if (!error_.empty()) return Status::Broken;
  for (;;) {
    if (end_ - begin_ < kFrameHeaderBytes) return Status::More;
    const char* const at = buffer_.get() + begin_;
    const std::size_t length = get_le<std::uint32_t>(at);
    const auto kind = static_cast<std::uint8_t>(at[4]);
    const auto flags = static_cast<std::uint8_t>(at[5]);
    if (!is_known(kind) && (flags & kFlagSkippable) == 0) return broken("a frame of unknown kind " + std::to_string(kind));
    if (length > frame_bytes_max_)
      return broken("a frame of " + std::to_string(length) + " bytes, over the limit of " + std::to_string(frame_bytes_max_));
    if (end_ - begin_ - kFrameHeaderBytes < length) return Status::More;
    last_ = begin_;
    begin_ += kFrameHeaderBytes + length;
    if (!is_known(kind)) continue;
    out.kind = static_cast<FrameKind>(kind);
    out.detail = get_le<std::uint16_t>(at + 6);
    out.call = get_le<std::uint64_t>(at + 8);
    out.payload = {at + kFrameHeaderBytes, length};
    return Status::Frame;
  }
}

}  // namespace holdfast::net

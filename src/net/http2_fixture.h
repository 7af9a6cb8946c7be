// Http2Peer: a client of HTTP/2 for tests, nghttp2's own over a RawPeer, that does what the test says; and frames by hand, for what
// nghttp2 would not say.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http2_fields.h"
#include "net/net_fixture.h"

namespace holdfast::net {

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  for (const int shift : {16, 8, 0}) out.push_back(static_cast<char>(payload.size() >> shift));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(stream >> shift));
  return out.append(payload);
}

class Http2Peer {
 public:
  struct Answer {
    std::string status;
    HeaderList headers;
    HeaderList trailers;
    std::string body;
    int interim = 0;        // 1xx before it.
    bool has_head = false;
    bool ended = false;     // END_STREAM has come.
    bool closed = false;
    std::uint32_t error = 0;  // Of a closed one.
  };
  enum class Windows { Open, Shut };  // Shut: it never lets more come than the first window.

  explicit Http2Peer(std::shared_ptr<RawPeer> peer, Windows windows = Windows::Open) : peer_(std::move(peer)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    if (windows == Windows::Shut) nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    peer_->on_bytes = [this](RawPeer& from) { receive(std::exchange(from.got, {})); };
    flush();
  }
  ~Http2Peer() {
    peer_->on_bytes = nullptr;
    nghttp2_session_del(session_);
  }
  Http2Peer(const Http2Peer&) = delete;

  // Begins a request; with `rest_follows`, say() and end() go on with it.
  std::int32_t request(std::string_view method, std::string_view path, const HeaderList& headers = {}, std::string body = {},
                       bool rest_follows = false) {
    Http2Fields fields;
    fields.add_own(":method", std::string(method));
    fields.add_own(":scheme", "http");
    fields.add_own(":authority", "test.example");
    fields.add_own(":path", std::string(path));
    for (const auto [name, value] : headers) fields.add_own(name, std::string(value));
    return request(fields, std::move(body), rest_follows);
  }
  std::int32_t request(const Http2Fields& fields, std::string body, bool rest_follows) {
    nghttp2_data_provider provider{};
    provider.read_callback = on_wanted;
    const bool has_body = rest_follows || !body.empty();
    const std::int32_t stream =
        nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), has_body ? &provider : nullptr, nullptr);
    EXPECT_GT(stream, 0);
    bodies[stream] = {std::move(body), !rest_follows};
    flush();
    return stream;
  }
  void say(std::int32_t stream, std::string_view more) {
    bodies[stream].first.append(more);
    nghttp2_session_resume_data(session_, stream);
    flush();
  }
  void end(std::int32_t stream) {
    bodies[stream].second = true;
    nghttp2_session_resume_data(session_, stream);
    flush();
  }
  void reset(std::int32_t stream, std::uint32_t why = NGHTTP2_CANCEL) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, why);
    flush();
  }
  // Lets as much more come of the stream, and of the connection.
  void open_window(std::int32_t stream, std::int32_t bytes) {
    nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, stream, bytes);
    nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, 0, bytes);
    flush();
  }
  void flush() {
    const std::uint8_t* bytes = nullptr;
    for (;;) {
      const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
      if (size <= 0 || !peer_->stream) return;
      peer_->say({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
    }
  }

  nghttp2_session* session() { return session_; }
  RawPeer& raw() { return *peer_; }
  [[nodiscard]] bool ended() const { return peer_->ended; }

  std::map<std::int32_t, Answer> answers;
  std::optional<std::uint32_t> goaway;  // Its error code.
  std::map<std::int32_t, std::pair<std::string, bool>> bodies;  // What is left to send, and whether that is all.

 private:
  static Http2Peer& of(void* self) { return *static_cast<Http2Peer*>(self); }
  static std::string_view view(const std::uint8_t* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }
  void receive(const std::string& bytes) {
    const ssize_t used = nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    EXPECT_EQ(used, static_cast<ssize_t>(bytes.size())) << "the server's frames are wrong";
    flush();
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
    Answer& answer = of(self).answers[frame->hd.stream_id];
    if (view(name, name_size) == ":status") {
      answer.status = view(value, value_size);
      answer.interim += answer.status.starts_with('1');
    } else if (frame->headers.cat == NGHTTP2_HCAT_HEADERS && answer.status != "100" && answer.has_head) {
      answer.trailers.add(view(name, name_size), view(value, value_size));
    } else {
      answer.headers.add(view(name, name_size), view(value, value_size));
    }
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_GOAWAY) of(self).goaway = frame->goaway.error_code;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Answer& answer = of(self).answers[frame->hd.stream_id];
    if (frame->hd.type == NGHTTP2_HEADERS && !answer.status.starts_with('1')) answer.has_head = true;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) answer.ended = true;
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* bytes, std::size_t size, void* self) {
    of(self).answers[stream].body.append(view(bytes, size));
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self) {
    Answer& answer = of(self).answers[stream];
    answer.closed = true;
    answer.error = error;
    return 0;
  }
  static ssize_t on_wanted(nghttp2_session*, std::int32_t stream, std::uint8_t* into, std::size_t size, std::uint32_t* flags,
                           nghttp2_data_source*, void* self) {
    auto& [body, is_all] = of(self).bodies[stream];
    if (body.empty() && !is_all) return NGHTTP2_ERR_DEFERRED;
    const std::size_t some = body.copy(reinterpret_cast<char*>(into), size);
    body.erase(0, some);
    if (body.empty() && is_all) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(some);
  }

  std::shared_ptr<RawPeer> peer_;
  nghttp2_session* session_ = nullptr;
};

}  // namespace holdfast::net

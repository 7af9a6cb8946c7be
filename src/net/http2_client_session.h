// Http2ClientSession: the client's end of an HTTP/2 connection, on nghttp2: one connection of Http2Calls. For net/ only; on the loop's thread.
//
// Callers' functions never run while nghttp2 is on the stack (`inside_`): what has ended meanwhile waits in `over_`. Calls that begin in one
// turn of the loop are written once.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/http2_calls.h"
#include "net/http2_fields.h"
#include "net/stream.h"

namespace holdfast::net {

class Http2ClientSession final : public IoHandler, public std::enable_shared_from_this<Http2ClientSession> {
 public:
  Http2ClientSession(std::shared_ptr<Http2Calls> calls, std::unique_ptr<UpgradedStream> connection);

  void start();
  [[nodiscard]] bool has_room() const;
  [[nodiscard]] bool is_idle() const { return open_ == 0; }
  // Only with room. Nothing comes of it before it returns.
  void begin(Http2Call& call);
  // Nobody waits for it any more.
  void forget(Http2Call& call);
  // Without a word to those whose calls are on it.
  void close();

  void on_readable() override;
  void on_writable() override;

 private:
  struct Callbacks;
  struct SessionFree {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  void on_field(Http2Call& call, std::string_view name, std::string_view value);
  void on_head(Http2Call& call, const nghttp2_frame& frame);
  void on_body(Http2Call& call, std::string_view bytes);
  void on_stream_close(std::int32_t stream, std::uint32_t error);
  void fail_stream(Http2Call& call, ClientError error);
  [[nodiscard]] Http2Call* find(std::int32_t stream) const;

  void read();
  void feed(std::string_view bytes);
  void deliver();
  void flush_later();
  void flush();
  [[nodiscard]] bool write_out();
  void end(const std::string& why);
  void rest();
  void arm_read();
  void arm_write();

  std::shared_ptr<Http2Calls> calls_;
  std::unique_ptr<UpgradedStream> connection_;
  std::unique_ptr<nghttp2_session, SessionFree> session_;
  std::vector<Http2Call*> on_it_;  // Calls that have a stream.
  struct Over {
    Http2Call* call;
    bool again;
  };
  std::vector<Over> over_;
  std::string out_;  // Frames that the system has not taken yet.
  std::size_t out_at_ = 0;
  std::size_t open_ = 0;
  Loop::TimerId idle_timer_ = 0;
  bool inside_ = false;
  bool flush_posted_ = false;
  bool draining_ = false;  // Takes no further calls.
  bool closed_ = false;
  bool armed_read_ = false;
  bool armed_write_ = false;
  Http2Fields fields_;
};

}  // namespace holdfast::net

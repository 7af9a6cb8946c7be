// Whatever bytes a connection of HTTP/2 begins with, and however they come in pieces, the server survives them, keeps its bounds, answers
// each request once, and the connection ends when its client does. The first byte says where the input is cut; without a preface of its
// own the input gets one, so that most of what is tried is frames.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "net/http_server.h"
#include "net/server_connection.h"

namespace {

using namespace holdfast;
using namespace holdfast::net;

constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

std::shared_ptr<ServerShared> small_server() {
  auto shared = std::make_shared<ServerShared>();
  shared->limits.message.body_bytes_max = 1024;
  shared->limits.message.header_count_max = 16;
  shared->limits.message.header_bytes_max = 512;
  shared->limits.message.start_line_bytes_max = 256;
  shared->limits.http2.protocol = http2();
  shared->limits.http2.streams_max = 8;
  shared->limits.http2.idle_frames_per_second_max = 100;
  shared->limits.http2.resets_per_second_max = 20;
  shared->limits.http2.unread_bytes_max = 4096;
  shared->limits.stream_buffer_bytes_max = 4096;
  shared->check_head = [](const HttpRequest& head) -> std::optional<HttpResponse> {
    if (head.headers.contains("x-refuse")) return HttpResponse{401, {}, "no"};
    return std::nullopt;
  };
  const std::weak_ptr<ServerShared> weak = shared;
  shared->handler = [weak](HttpRequest&& request, Responder responder) {
    const MessageLimits& limits = weak.lock()->limits.message;
    HOLDFAST_CHECK(request.body.size() <= limits.body_bytes_max);
    HOLDFAST_CHECK(request.headers.size() <= limits.header_count_max + 1);
    HOLDFAST_CHECK(request.target.starts_with('/') || request.target == "*");
    if (request.body.size() % 3 == 0) {
      HttpResponse response{200, request.headers, request.body + request.target};
      response.trailers = {{"grpc-status", "0"}};
      return responder.send(std::move(response));
    }
    if (request.body.size() % 3 == 1) return;
    StreamWriter stream = responder.stream(200, {});
    stream.write(std::string(3000, 'x'));
    stream.write(request.body);
    stream.close(request.headers);
  };
  return shared;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 16 * 1024) return 0;
  const std::string_view given(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = data[0] == 0 ? size : data[0];
  const std::string bytes = given.starts_with("PRI") ? std::string(given) : std::string(kPreface).append(given);

  int ends[2] = {};
  HOLDFAST_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  EventLoop loop;
  const auto shared = small_server();
  const auto shard = std::make_shared<ServerShard>(loop, shared);
  Arrival arrival;
  arrival.fd = UniqueFd(ends[0]);
  arrival.peer = std::make_shared<const std::string>("fuzz");
  arrival.has_place = shared->take_place(arrival.place);
  shard->add(std::move(arrival));

  UniqueFd client(ends[1]);
  std::size_t at = 0;
  loop.set_after_turn([&] {
    char taken[4096];
    while (::recv(client.get(), taken, sizeof taken, 0) > 0) continue;
    if (shared->connections == 0) return loop.stop();
    if (at < bytes.size()) {
      const auto put = ::send(client.get(), bytes.data() + at, std::min(piece, bytes.size() - at), MSG_NOSIGNAL);
      if (put > 0) at += static_cast<std::size_t>(put);
      if (at == bytes.size()) ::shutdown(client.get(), SHUT_WR);
    }
    loop.post([] {});  // Another turn.
  });
  loop.post([] {});
  loop.run();
  HOLDFAST_CHECK(shared->buffered_bytes == 0);
  return 0;
}

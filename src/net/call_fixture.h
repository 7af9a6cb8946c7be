// CallTest: both ends of holdfast-calls/1 on one loop, over TCP, a unix socket or TLS; a Recorder of what becomes of calls; and raw
// peers that speak frames byte by byte.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/call_frame.h"
#include "net/call_pipe.h"
#include "net/call_server.h"
#include "net/tls_fixture.h"

namespace holdfast::net {

// Keeps calls by the name the test gives them.
class Recorder final : public CallReceiver {
 public:
  void on_answer(std::uint32_t slot, std::string_view body) override {
    const std::string name = take(slot);
    answers[name] = body;
    if (on_end) on_end(name);
  }
  void on_failed(std::uint32_t slot, const CallFailure& failure) override {
    const std::string name = take(slot);
    failures[name] = {failure.kind, failure.status, std::string(failure.message)};
    if (on_end) on_end(name);
  }
  void on_unsent(std::uint32_t slot, std::string_view traceparent, std::string_view body) override {
    unsent.emplace_back(take(slot), std::string(traceparent) + "|" + std::string(body));
  }
  void on_open() override { open = true; }
  void on_closed(std::string_view why) override { closed = why; }

  void call(CallPipe& pipe, const std::string& name, std::string_view body, std::string_view traceparent = {}) {
    ASSERT_TRUE(pipe.takes(traceparent.size(), body.size()));
    pipe.begin_call(traceparent, body.size()).append(body);
    const std::uint32_t slot = pipe.end_call();
    ASSERT_TRUE(names.emplace(slot, name).second) << "slot " << slot << " is in use";
  }
  [[nodiscard]] std::size_t ended() const { return answers.size() + failures.size() + unsent.size(); }

  struct Failure {
    CallFailure::Kind kind;
    int status;
    std::string message;
  };
  std::map<std::uint32_t, std::string> names;
  std::map<std::string, std::string> answers;
  std::map<std::string, Failure> failures;
  std::vector<std::pair<std::string, std::string>> unsent;
  std::function<void(const std::string&)> on_end;
  bool open = false;
  std::string closed;

 private:
  std::string take(std::uint32_t slot) {
    const auto found = names.find(slot);
    if (found == names.end()) {
      ADD_FAILURE() << "slot " << slot << " has no call";
      return {};
    }
    std::string name = std::move(found->second);
    names.erase(found);
    return name;
  }
};

// What a raw peer has got, as frames; bytes of HTTP before them are skipped.
inline std::vector<std::pair<Frame, std::string>> frames_in(const std::string& got) {
  std::vector<std::pair<Frame, std::string>> out;
  const auto end_of_head = got.find("\r\n\r\n");
  if (end_of_head == std::string::npos) return out;
  FrameReader reader(1 << 30);
  reader.feed(std::string_view(got).substr(end_of_head + 4));
  Frame frame;
  while (reader.next(frame) == FrameReader::Status::Frame) out.emplace_back(frame, std::string(frame.payload));
  return out;
}
inline std::size_t count_frames(const std::string& got, FrameKind kind) {
  std::size_t n = 0;
  for (const auto& [frame, payload] : frames_in(got)) n += frame.kind == kind;
  return n;
}

inline constexpr std::string_view kSwitching = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: holdfast-calls/1\r\n\r\n";
inline constexpr std::string_view kAskToSwitch = "GET /fn HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: holdfast-calls/1\r\n\r\n";

inline std::string hello_bytes(std::uint32_t calls_max = 100, std::uint32_t frame_bytes_max = 1 << 20, std::uint64_t bytes_max = 1 << 24) {
  std::string out;
  append_hello(out, {calls_max, frame_bytes_max, bytes_max});
  return out;
}
inline std::string frame_bytes(FrameKind kind, std::uint16_t detail, std::uint64_t call, std::string_view payload) {
  std::string out;
  append_frame(out, kind, detail, call, payload);
  return out;
}

class CallTest : public TlsTest {
 protected:
  enum class Over { Tcp, Unix, Tls };

  void TearDown() override {
    for (auto& pipe : pipes_) pipe->shut();
    pipes_.clear();
    held_.clear();
    TlsTest::TearDown();
  }

  // Function server: calls at /fn, and HTTP that is answered with what was sent.
  void serve_calls(CallLimits limits, CallServer::Handler handler, Over over = Over::Tcp, HttpLimits http_limits = {}) {
    calls_ = std::make_unique<CallServer>(limits, std::move(handler));
    over_ = over;
    ListenSpec spec;
    if (over == Over::Unix) spec.unix_path = file("calls.sock");
    if (over == Over::Tls) {
      auto context = load_tls_server({file("server.pem"), file("server.key"), "", ""});
      ASSERT_TRUE(context) << context.error().message;
      spec.tls = *context;
    }
    serve(
        [this](HttpRequest&& request, Responder responder) {
          if (CallServer::is_wanted_by(request)) return calls_->accept(request, std::move(responder));
          HttpResponse response{200, {}, std::move(request.body)};
          CallServer::advertise(response);
          responder.send(std::move(response));
        },
        http_limits, spec);
  }
  // Answers each call with what it said.
  void serve_echo(CallLimits limits = {}, Over over = Over::Tcp) {
    serve_calls(
        limits,
        [this](const IncomingCall& call, CallToken token) {
          traceparents_.emplace_back(call.traceparent);
          token.answer(call.body);
        },
        over);
  }
  // Keeps the tokens.
  void serve_held(CallLimits limits = {}, HttpLimits http_limits = {}) {
    serve_calls(
        limits,
        [this](const IncomingCall& call, CallToken token) { held_.emplace_back(std::string(call.body), std::move(token)); }, Over::Tcp,
        http_limits);
  }

  CallPipe& open(CallPipeOptions options = {}) {
    Url origin = url(over_ == Over::Tls);
    ClientOptions client_options;
    if (over_ == Over::Unix) origin.socket_path = file("calls.sock");
    if (over_ == Over::Tls) client_options.tls = *load_tls_client(trusting("ca.pem"));
    return open_on(connect(origin, client_options), options);
  }
  CallPipe& open_on(HttpClient& client, CallPipeOptions options = {}) {
    pipes_.push_back(CallPipe::open(loop_, client, "/fn", options, recorder_));
    CallPipe& pipe = *pipes_.back();
    run_until([&] { return recorder_.open || !recorder_.closed.empty(); });
    return pipe;
  }
  // A server that speaks frames as the test says; `on_frames` runs when it has got something after the upgrade.
  CallPipe& open_raw(std::string first, CallPipeOptions options = {}, std::function<void(RawPeer&)> on_frames = {}) {
    raw_serve([first, on_frames, switched = std::make_shared<std::set<RawPeer*>>()](RawPeer& peer) {
      if (!switched->contains(&peer)) {
        if (peer.got.find("\r\n\r\n") == std::string::npos) return;
        switched->insert(&peer);
        peer.say(std::string(kSwitching) + first);
        return;
      }
      if (on_frames) on_frames(peer);
    });
    return open_on(connect_raw(), options);
  }

  std::unique_ptr<CallServer> calls_;
  Over over_ = Over::Tcp;
  Recorder recorder_;
  std::vector<std::shared_ptr<CallPipe>> pipes_;
  std::vector<std::pair<std::string, CallToken>> held_;
  std::vector<std::string> traceparents_;
};

}  // namespace holdfast::net

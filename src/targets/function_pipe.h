// FunctionPipe: the pipelined way to one URL (net/call_pipe.h), beside the HTTP one of StatefunHttpTarget.
//
// It begins with nothing. When an HTTP answer of the URL offers pipelined calls, a connection is opened; while it is up, calls go over
// it, while it is not, they go over HTTP, which offers again. After a connection that could not be opened or broke, offers are not looked
// at for a while that grows, so that a server or proxy that cannot do what it offers costs next to nothing. Calls that were not sent when
// a connection ended are made over HTTP; those that were have failed, as they would have with an HTTP connection.
//
// A connection that is as old as pool_ttl is replaced, so that whoever is new behind a name or a load balancer gets calls, too: the next is
// opened beside it, and takes over when it is up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/endpoint.h"
#include "net/call_pipe.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/http_message.h"
#include "ports/function_target.h"

namespace holdfast::targets {

struct PipePauses {
  Duration first{200};
  Duration max{60'000};
};

class FunctionPipe {
 public:
  using Done = ports::FunctionTarget::Done;
  // Makes a call over HTTP that was not sent.
  using Fallback = std::function<void(std::string_view traceparent, std::string body, Done done)>;

  // `client` and `loop` outlive it. `url` is named in messages.
  FunctionPipe(net::EventLoop& loop, net::HttpClient& client, std::string url, std::string path_and_query, const model::EndpointSpec& spec,
               Fallback fallback, PipePauses pauses = {}, ByteBudget* room = nullptr);
  // Calls under way are dropped: their `done` never runs.
  ~FunctionPipe();
  FunctionPipe(const FunctionPipe&) = delete;
  FunctionPipe& operator=(const FunctionPipe&) = delete;

  // Looks at an answer of the URL for an offer.
  void look_at(const net::HttpResponse& response);
  // As net::CallPipe's.
  [[nodiscard]] bool takes(std::size_t traceparent_bytes, std::size_t body_bytes) const;
  [[nodiscard]] std::string& begin_call(std::string_view traceparent, std::size_t body_bytes);
  // No call of it is waiting or under way.
  [[nodiscard]] bool is_idle() const;
  // `done` as in FunctionTarget::invoke().
  void end_call(Done done);

 private:
  class Line;
  void on_open(Line& line);
  void on_aged(Line& line);
  void on_closed(Line& line, std::string_view why);

  net::EventLoop& loop_;
  net::HttpClient& client_;
  const std::string url_;
  const std::string path_and_query_;
  const std::size_t payload_bytes_max_;
  net::CallPipeOptions options_;
  const Fallback fallback_;
  const PipePauses pauses_;
  std::unique_ptr<Line> line_;                   // For new calls.
  std::unique_ptr<Line> next_;                   // Being opened, in the place of the one above, which is old.
  std::vector<std::unique_ptr<Line>> leaving_;   // They wait for their last answers.
  Duration pause_;
  bool is_announced_ = false;
  std::uint64_t not_before_us_ = 0;
};

}  // namespace holdfast::targets

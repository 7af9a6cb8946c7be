// StatefunHttpTarget: functions behind a StateFun HTTP endpoint, in the protocol that its spec names. One POST for one batch, over
// net::HttpClient; what the answer means is decided here, what becomes of it is not:
//
//   answer                                                          outcome
//   2xx, application/octet-stream, a FromFunction or nothing        its effects, or the states it asks for
//   2xx, a FromFunction that makes no sense; larger than            Refused
//     payload_bytes_max
//   502, 503, 504, 429                                              Away
//   any other; timeout; cut off; no HTTP; 2xx with another content  Failed
//     type or a body that is no FromFunction (redirects are not
//     followed)
//   no connection, TLS handshake failed, client's queue full, too   Unreachable
//     many hosts at once
//
// Refused is what the function itself said; what a proxy on the way may have done to its answer is a failure, and tried again.
//
// Where the server offers pipelined calls, they go over FunctionPipe instead (function_pipe.h); of the table, an answer there counts as a
// 2xx with the right content type.
//
// An empty body without the content type, or cut by the end of a connection that alone said where it ends, is a failure too: it is what a
// proxy or a wrong URL answers, and taking it for "no effects" would lose messages silently.
//
// Functions of StateFun 2 cannot ask for their states: where configuration has states that the invocation does not know yet, the target
// asks in their name, without a call. A v2 function that does ask is refused: it speaks another protocol than it is said to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/statefun_v3.h"
#include "model/endpoint.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/tls.h"
#include "ports/function_target.h"
#include "targets/function_pipe.h"

namespace holdfast::targets {

// Hosts of one endpoint that are spoken to: its URL template may have {function.name} in the host, and names come from anywhere. One that
// is not being called gives way to another.
inline constexpr std::size_t kOriginsMax = 256;
// Functions of one endpoint whose URL is remembered; those of the others are worked out for each call.
inline constexpr std::size_t kRoutesMax = 10'000;

// URLs of one endpoint that have pipelined connections; those of the others are spoken to in plain HTTP.
inline constexpr std::size_t kPipesMax = 64;

class StatefunHttpTarget final : public ports::FunctionTarget {
 public:
  // `tls`: of endpoints with an https URL, see load_endpoint_tls(). `connections`: as net::ClientOptions'.
  StatefunHttpTarget(model::EndpointSpec spec, net::EventLoop& loop, net::TlsClient tls, std::string user_agent,
                     std::shared_ptr<net::ConnectionBudget> connections = nullptr);
  ~StatefunHttpTarget() override;

  void share(ByteBudget& room) override { room_ = &room; }
  void invoke(const ports::Invocation& invocation, Done done) override;
  // Scheme and authority, or socket.
  [[nodiscard]] std::string origin(std::string_view type) const override;

 private:
  struct Host {
    std::unique_ptr<net::HttpClient> client;
    std::uint64_t used = 0;  // When last, counted in calls.
  };
  struct Route {
    Host* host = nullptr;
    std::string path;  // And query.
    std::string url;
    std::shared_ptr<const std::string> shown;  // The URL, for messages. Each call keeps it until it ends.
    FunctionPipe* pipe = nullptr;  // Null: never.
  };

  void call(const Route& route, std::string_view traceparent, std::string body, Done done);
  FunctionPipe* find_pipe(const Route& route);
  Result<Route> find_route(std::string_view function_name);
  // Makes room for one more; Overloaded: all are being called.
  Result<void> drop_host();
  // Of configuration's, those that the invocation comes without.
  [[nodiscard]] model::IncompleteContext missing_states(const ports::Invocation& invocation) const;
  void answer_later(Done done, model::InvocationOutcome outcome);

  model::EndpointSpec spec_;
  net::EventLoop& loop_;
  net::TlsClient tls_;
  std::string user_agent_;
  ByteBudget* room_ = nullptr;
  const std::string only_origin_;  // Empty: it depends on the function.
  std::shared_ptr<net::ConnectionBudget> connections_;
  std::map<std::string, std::unique_ptr<Host>> hosts_;  // By origin.
  struct Pipe {
    const Host* host = nullptr;
    std::unique_ptr<FunctionPipe> calls;
  };
  std::map<std::string, Pipe> pipes_;                                // By URL. After the hosts they use.
  std::uint64_t calls_ = 0;
  std::map<std::string, Route, std::less<>> routes_;                // By function name.
  std::vector<codec::StateView> states_;                            // Reused by each call.
  std::shared_ptr<void> alive_;                                      // Callbacks hold it weakly.
};

// The certificates an endpoint names, read and checked; null for endpoints without TLS.
[[nodiscard]] Result<net::TlsClient> load_endpoint_tls(const model::EndpointSpec& spec);

// Of all endpoints, by the endpoint's functions, which are unique; their URLs are checked, too. Errors name the endpoint.
using EndpointCertificates = std::map<std::string, net::TlsClient>;
[[nodiscard]] Result<EndpointCertificates> load_endpoint_certificates(std::span<const model::EndpointSpec> endpoints);

struct StatefunHttpOptions {
  std::string user_agent;
  std::shared_ptr<net::ConnectionBudget> connections;  // Of all endpoints and loops together; null: none.
};
// A factory for these endpoints. The loops it is called with must be net::EventLoops. Any thread.
[[nodiscard]] ports::TargetFactory make_statefun_http_factory(EndpointCertificates certificates, StatefunHttpOptions options);

}  // namespace holdfast::targets

// Exchange: one request of an API and the answer it gets, counted. Shared by the callbacks that lead to the answer; dropped
// without one, the client gets 500.
#pragma once

#include <array>
#include <atomic>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/guard.h"
#include "base/metrics.h"
#include "base/result.h"
#include "net/http_server.h"

namespace holdfast::api {

// Answers given by one listener. Any thread.
class RequestCounters final : public MetricsSource {
 public:
  explicit RequestCounters(std::string listener) : listener_(std::move(listener)) {}
  void count(int status);
  void collect(MetricsSink& sink) const override;

 private:
  static constexpr int kFirst = 100, kLast = 599;
  std::string listener_;
  std::array<std::atomic<std::uint64_t>, kLast - kFirst + 1> by_status_{};
};

class Exchange {
 public:
  // The counters are shared because an answer may come when the listener's owner is gone already: from an edge that is slow to stop.
  Exchange(net::HttpRequest request, net::Responder responder, std::shared_ptr<RequestCounters> counters)
      : request(std::move(request)), responder_(std::move(responder)), counters_(std::move(counters)) {}

  net::HttpRequest request;

  // Exactly one of these, once; then the exchange is over.
  // `hold` as in net::Responder::send().
  void answer(net::HttpResponse response, std::shared_ptr<void> hold = nullptr);
  void answer_json(int status, std::string body, std::shared_ptr<void> hold = nullptr);
  void answer_error(const Error& error);
  // `code` is for programs, `message` for people.
  void answer_error(int status, std::string_view code, std::string_view message);
  void answer_method_not_allowed(std::string_view allowed);
  void answer_refusal(Refusal refusal);
  void answer_encoded();  // The body is compressed.
  [[nodiscard]] net::StreamWriter answer_stream(int status, net::HeaderList headers);

  // Goes into the answer, whatever it is.
  void set_header(std::string_view name, std::string_view value) { headers_.set(name, value); }

 private:
  net::HeaderList headers_;
  net::Responder responder_;
  std::shared_ptr<RequestCounters> counters_;
};
using ExchangePtr = std::shared_ptr<Exchange>;

// A net::HeadCheck from what a guard says: what is refused is counted.
[[nodiscard]] std::optional<net::HttpResponse> refuse_head(std::optional<Refusal> refusal, const net::HttpRequest& head,
                                                           RequestCounters& counters);

struct StatusAndCode {
  int status;
  std::string_view code;
};
[[nodiscard]] StatusAndCode status_of(ErrorCode code);

// A net::ErrorFormatter: what the HTTP layer refuses looks like what the APIs refuse, and names limits as the settings do.
[[nodiscard]] net::HttpResponse http_error(int status, std::string_view message);

}  // namespace holdfast::api

// EdgeOperations: what the admin API says of ingresses and egresses, and what people tell them: /v1/ingresses and /v1/egresses.
//
// Edges answer on threads of theirs; an answer goes out from there (net::Responder). An edge that ends without answering drops the
// request, and the client gets 500.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/exchange.h"
#include "ports/edges.h"
#include "ports/streams.h"

namespace holdfast::api {

class EdgeOperations {
 public:
  using Path = std::vector<std::string>;

  // All outlive the requests. `limit_max`: entries of a list.
  EdgeOperations(ports::Streams& streams, std::vector<ports::Ingress*> ingresses, std::vector<ports::Egress*> egresses, std::uint32_t limit_max);

  // Whether there is something to be said or done at a path; all others are not for handle().
  [[nodiscard]] static bool is_path(const Path& path);
  void handle(ExchangePtr exchange, const Path& path);

 private:
  enum class Operation { List, Show, Pause, Resume, Seek, ListParked, RetryParked, SkipParked, RetryUnsendable, SkipUnsendable };
  struct Route;
  static const Route kRoutes[];
  [[nodiscard]] static const Route* find_route(const Path& path);

  void handle_ingress(ExchangePtr exchange, Operation operation, ports::Ingress& ingress);
  void handle_egress(ExchangePtr exchange, Operation operation, ports::Egress& egress);
  void list_parked(ExchangePtr exchange, const ports::Ingress& ingress);

  ports::Streams& streams_;
  std::vector<ports::Ingress*> ingresses_;  // Sorted by id.
  std::vector<ports::Egress*> egresses_;
  std::uint32_t limit_max_;
};

}  // namespace holdfast::api

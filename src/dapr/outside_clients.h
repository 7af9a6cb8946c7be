// OutsideClients: HTTP to servers that are no applications of ours: URLs that a caller names, HTTP endpoints of resources, other sidecars.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dapr/app_channel.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/url.h"

namespace holdfast::dapr {

class OutsideClients {
 public:
  // The loops outlive it; it ends when they do not run.
  OutsideClients(const std::vector<net::EventLoop*>& loops, std::size_t response_bytes_max, std::shared_ptr<net::ConnectionBudget> connections,
                 net::ClientProtocol protocol = nullptr);

  // `done` as AppChannel's. Any thread.
  void call(net::Url origin, net::HttpCall call, net::HttpClient::Done done);
  // On the loop that it is called on.
  void after(Duration time, Task task);

 private:
  struct Line {
    net::EventLoop* loop = nullptr;
    std::map<std::string, std::unique_ptr<net::HttpClient>> clients;  // By origin.
  };
  [[nodiscard]] Line& line_here();
  [[nodiscard]] Result<net::HttpClient*> client_of(Line& line, const net::Url& origin) const;

  std::vector<Line> lines_;
  std::size_t response_bytes_max_;
  std::shared_ptr<net::ConnectionBudget> connections_;
  net::ClientProtocol protocol_;
};

}  // namespace holdfast::dapr

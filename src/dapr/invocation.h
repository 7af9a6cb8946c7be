// Invocation: service invocation over HTTP: from an application, through its sidecar, to itself, to another application, or to a server that
// is none.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr/app_channel.h"
#include "dapr/neighbours.h"
#include "dapr/outside_clients.h"
#include "dapr/state.h"
#include "net/http_message.h"
#include "net/url.h"

namespace holdfast::dapr {

// Who is called, and what of it.
struct InvokeTarget {
  std::string app_id;  // Or the URL of somebody who is no Dapr application.
  std::string method;  // Path without its first slash; still percent-encoded.
};
// From the header dapr-app-id, the user dapr-app-id of basic authorization, or the path /v1.0/invoke/ID/method/METHOD, in this order. None: nobody is.
[[nodiscard]] std::optional<InvokeTarget> find_invoke_target(const net::HttpRequest& request);

// The path without empty and dot segments, and without a slash at its end; still percent-encoded.
[[nodiscard]] std::string clean_path(std::string_view path);

// Applications of this process, by id: a call between two of them is a call. Filled before anything runs.
class Applications {
 public:
  void add(const std::string& app_id, AppChannel* channel) { channels_[app_id] = channel; }
  // None: it is not here. Null: it is, and there is no application that could be called.
  [[nodiscard]] std::optional<AppChannel*> find(std::string_view app_id) const;

 private:
  std::map<std::string, AppChannel*, std::less<>> channels_;
};

// A server that is called by a name of the resources' choosing.
struct HttpEndpoint {
  net::Url base;  // What is called is below its path.
  std::vector<std::pair<std::string, std::string>> headers;
};
using HttpEndpoints = std::map<std::string, HttpEndpoint, std::less<>>;

// Sidecars of other processes. All of it outlives the invocation.
struct OtherSidecars {
  OutsideClients& clients;  // Of HTTP/2.
  Neighbours& neighbours;
  std::map<std::string, std::string, std::less<>> fixed;  // "host:port" by application, before neighbours are asked.
  std::string not_found = {};  // What is said of who is not found; empty: daprd's words without a resolver of names.
  std::string our_host, our_name;  // As they are told who has called: our address, and the machine's name.
};

class Invocation {
 public:
  using Done = std::function<void(DaprResult<net::HttpResponse>)>;

  // `applications` and `outside` outlive the invocation.
  Invocation(std::string app_id, std::string name_space, const Applications& applications, HttpEndpoints endpoints, OutsideClients& outside, OtherSidecars sidecars)
      : app_id_(std::move(app_id)),
        name_space_(std::move(name_space)),
        applications_(applications),
        endpoints_(std::move(endpoints)),
        outside_(outside),
        sidecars_(std::move(sidecars)) {}

  // `done` as of AppChannel. Trailers of the answer are only there if an application has answered in gRPC: its status is in them.
  void call(const InvokeTarget& target, const net::HttpRequest& request, Done done) const;
  // A call of any gRPC service, as it came, to the application that its metadata names. `done` with what it answered.
  void proxy(std::string_view target, net::HttpCall call, net::HttpClient::Done done, const std::function<void(const std::string& why)>& nobody) const;

 private:
  struct Remote;
  [[nodiscard]] std::optional<std::string> address_of(std::string_view id, std::string_view name_space) const;
  void call_remote(std::shared_ptr<Remote> remote) const;
  void on_remote_answer(std::shared_ptr<Remote> remote, net::CallResult result) const;
  void name_us(net::HttpCall& call, const std::string& callee) const;
  void call_outside(const HttpEndpoint& endpoint, const InvokeTarget& target, const net::HttpRequest& request, Done done) const;

  std::string app_id_, name_space_;
  const Applications& applications_;
  HttpEndpoints endpoints_;
  OutsideClients& outside_;
  OtherSidecars sidecars_;
};

}  // namespace holdfast::dapr

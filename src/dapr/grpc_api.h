// GrpcApi: dapr.proto.runtime.v1.Dapr of one application: from messages to what they mean (state.h, invocation.h, secrets.h), and back. What carries
// the messages is grpc/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dapr/app.h"
#include "net/header_list.h"

namespace holdfast::dapr {

class GrpcApi {
 public:
  struct Reply {
    std::string message;             // Bytes of it.
    net::HeaderList headers;         // Metadata.
    std::optional<DaprError> error;  // An answer that is a status instead.
  };
  // Exactly once, any thread.
  using Done = std::function<void(DaprResult<Reply>)>;

  static constexpr std::string_view kService = "dapr.proto.runtime.v1.Dapr";

  // The application outlives the API and every answer.
  explicit GrpcApi(App& app) : app_(app) {}

  // What there is of the service. Everything else is UNIMPLEMENTED.
  [[nodiscard]] static std::vector<std::string_view> methods();
  // One of them. On a loop.
  void call(std::string_view method, std::string_view message, const net::HeaderList& metadata, Done done);

 private:
  struct Call {
    std::string_view message;
    const net::HeaderList& metadata;
    Done done;
  };
  using Handler = void (GrpcApi::*)(Call);
  struct Method {
    std::string_view name;
    Handler handler;
  };
  static const Method kMethods[];

  void get_state(Call call);
  void get_bulk_state(Call call);
  void save_state(Call call);
  void delete_state(Call call);
  void delete_bulk_state(Call call);
  void execute_state_transaction(Call call);
  void query_state(Call call);
  void invoke_service(Call call);
  void get_secret(Call call);
  void get_bulk_secret(Call call);
  void get_metadata(Call call);
  void set_metadata(Call call);
  void shut_down(Call call);

  App& app_;
};

}  // namespace holdfast::dapr

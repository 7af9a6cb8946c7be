// What sidecars say to each other: dapr.proto.internals.v1.ServiceInvocation, of which CallLocal is spoken here: daprd 1.14 asks for
// CallLocalStream first and takes CallLocal where that is UNIMPLEMENTED. Calls and answers are HTTP; those of applications that speak gRPC as
// app_callback.h has them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "dapr/app_channel.h"
#include "grpc/server.h"
#include "net/http_client.h"

namespace holdfast::dapr {

inline constexpr std::string_view kInternalService = "dapr.proto.internals.v1.ServiceInvocation";

// Bytes of an InternalInvokeRequest, and of an InternalInvokeResponse.
[[nodiscard]] std::string call_local(const net::HttpCall& call);
[[nodiscard]] std::string call_local_answer(const net::HttpResponse& response);
[[nodiscard]] tl::expected<net::HttpCall, grpc::Status> read_call_local(std::string_view bytes);
[[nodiscard]] tl::expected<net::HttpResponse, grpc::Status> read_call_local_answer(std::string_view bytes);

// One application, called by the sidecars of others. On any loop.
class InternalApi {
 public:
  // Nobody proves who they are, as without daprd's mTLS: so it is the default of an access control list that counts for all.
  enum class Others { Allowed, Denied };
  // The channel outlives every answer; null: there is no application to call.
  InternalApi(AppChannel* channel, Others others) : channel_(channel), others_(others) {}

  void call(const std::shared_ptr<grpc::Call>& call) const;

 private:
  AppChannel* channel_;
  Others others_;
};

}  // namespace holdfast::dapr

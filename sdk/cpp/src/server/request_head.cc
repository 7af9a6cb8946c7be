#include "server/request_head.h"

#include "wire.h"

namespace holdfast::sdk::server {

namespace {

using detail::wire::Kind;
using detail::wire::Reader;

// Numbers of request-reply.proto.
constexpr std::uint32_t kInvocationBatch = 100;  // ToFunction
constexpr std::uint32_t kTarget = 1;             // ToFunction.InvocationBatchRequest
constexpr std::uint32_t kInvocations = 3;

}  // namespace

std::optional<RequestHead> read_head(std::string_view request) try {
  std::string_view batch;
  for (Reader in(request); in.next();)
    if (in.is(kInvocationBatch, Kind::Bytes)) batch = in.bytes();
  RequestHead out;
  std::string_view target;
  for (Reader in(batch); in.next();) {
    if (in.is(kTarget, Kind::Bytes)) target = in.bytes();
    else if (in.is(kInvocations, Kind::Bytes)) ++out.messages;
  }
  for (Reader in(target); in.next();) {
    if (in.is(1, Kind::Bytes)) out.space = in.bytes();
    else if (in.is(2, Kind::Bytes)) out.name = in.bytes();
  }
  return out;
} catch (const MalformedRequest&) {
  return std::nullopt;
}

}  // namespace holdfast::sdk::server

#include "grpc/client.h"

#include <utility>

#include "grpc/wire.h"

namespace holdfast::grpc {
namespace {

Code code_of(net::ClientError::Kind kind) {
  using Kind = net::ClientError::Kind;
  switch (kind) {
    case Kind::Unreachable:
    case Kind::Disconnected:
    case Kind::Overloaded: return Code::Unavailable;
    case Kind::Timeout: return Code::DeadlineExceeded;
    case Kind::TooLarge: return Code::ResourceExhausted;
    case Kind::Protocol: return Code::Internal;
  }
  return Code::Unknown;
}

Code code_of(int http_status) {
  switch (http_status) {
    case 400: return Code::Internal;
    case 401: return Code::Unauthenticated;
    case 403: return Code::PermissionDenied;
    case 404: return Code::Unimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return Code::Unavailable;
    default: return Code::Unknown;
  }
}

net::HeaderList metadata_of(const net::HeaderList& fields) {
  net::HeaderList out;
  for (const auto [name, value] : fields)
    if (!is_reserved(name)) out.add(name, value);
  return out;
}

}  // namespace

net::HttpCall call_of(std::string path, std::string message, const net::HeaderList& metadata, std::optional<Duration> timeout) {
  net::HttpCall out;
  out.method = "POST";
  out.target = std::move(path);
  out.headers.add("content-type", kContentType);
  out.headers.add("te", "trailers");
  if (timeout) out.headers.add("grpc-timeout", format_timeout(*timeout));
  for (const auto [name, value] : metadata)
    if (!is_reserved(name)) out.headers.add(name, value);
  out.body = frame(std::move(message));
  return out;
}

tl::expected<Answer, Refusal> read_answer(net::CallResult result, std::size_t message_bytes_max) {
  const auto refused = [&](Status status) {
    Refusal out{std::move(status), {}, {}};
    if (result) {
      out.headers = metadata_of(result->headers);
      out.trailers = metadata_of(result->trailers);
    }
    return tl::unexpected<Refusal>(std::move(out));
  };
  if (!result) return refused({code_of(result.error().kind), result.error().message});
  auto status = find_status(result->trailers.empty() ? result->headers : result->trailers);
  if (!status && (result->status != 200 || !is_grpc(result->headers.get("content-type")))) {
    const std::string what = result->status != 200 ? "HTTP status code " + std::to_string(result->status) + " (" + std::string(net::reason_phrase(result->status)) + ")"
                                                   : "content-type " + quote(result->headers.get("content-type"));
    return refused({result->status != 200 ? code_of(result->status) : Code::Unknown, "unexpected " + what + " received from server"});
  }
  if (!status) return refused({Code::Internal, "server closed the stream without sending trailers"});
  if (status->code != Code::Ok) return refused(*std::move(status));
  auto message = unframe(result->body, result->headers.get("grpc-encoding"), message_bytes_max);
  if (!message) return refused(std::move(message.error()));
  Answer out{std::string(message->inflated.empty() ? message->bytes : std::string_view(message->inflated)), metadata_of(result->headers), metadata_of(result->trailers)};
  return out;
}

}  // namespace holdfast::grpc

#include "dapr/error.h"

#include "codec/dapr_messages.h"
#include "codec/go_json.h"

namespace holdfast::dapr {

namespace {

constexpr std::string_view kDomain = "dapr.io";
constexpr std::string_view kTypePrefix = "type.googleapis.com/google.rpc.";

// Go's http.StatusText.
std::string_view status_text(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Request Entity Too Large";
    case 414: return "Request URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Requested Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 418: return "I'm a teapot";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Entity";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 506: return "Variant Also Negotiates";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 510: return "Not Extended";
    case 511: return "Network Authentication Required";
    default: return "";
  }
}

std::string_view code_name(grpc::Code code) {
  using grpc::Code;
  switch (code) {
    case Code::Ok: return "OK";
    case Code::Cancelled: return "Canceled";
    case Code::Unknown: return "Unknown";
    case Code::InvalidArgument: return "InvalidArgument";
    case Code::DeadlineExceeded: return "DeadlineExceeded";
    case Code::NotFound: return "NotFound";
    case Code::AlreadyExists: return "AlreadyExists";
    case Code::PermissionDenied: return "PermissionDenied";
    case Code::ResourceExhausted: return "ResourceExhausted";
    case Code::FailedPrecondition: return "FailedPrecondition";
    case Code::Aborted: return "Aborted";
    case Code::OutOfRange: return "OutOfRange";
    case Code::Unimplemented: return "Unimplemented";
    case Code::Internal: return "Internal";
    case Code::Unavailable: return "Unavailable";
    case Code::DataLoss: return "DataLoss";
    case Code::Unauthenticated: return "Unauthenticated";
  }
  return "Unknown";
}

bool has_resource(const DaprError& error) { return !error.resource_type.empty() || !error.resource_name.empty(); }

const std::string& description_of(const std::pair<std::string, std::string>& violation, const std::string& message) {
  return violation.second.empty() ? message : violation.second;
}

codec::GoJsonWriter& begin_detail(codec::GoJsonWriter& out, std::string_view name) {
  return out.begin('{').key("@type").string(std::string(kTypePrefix) + std::string(name));
}

template <typename Message>
void add_detail(codec::dapr::Status& status, std::vector<std::string>& bytes, std::string_view name, const Message& message) {
  bytes.push_back(codec::dapr::write(message));
  status.details.push_back({std::string(kTypePrefix) + std::string(name), {}});
}

}  // namespace

// In the order daprd adds them. Members of its own objects are sorted by name; those of violations and links are as their types have them.
std::string to_json(const DaprError& error) {
  std::string text;
  codec::GoJsonWriter out(text);
  out.begin('{').key("errorCode").string(error.code).key("message").string(error.message);
  if (!error.reason.empty()) {
    out.key("details").begin('[');
    if (!error.violations.empty()) {
      begin_detail(out, "BadRequest").key("field_violations").begin('[');
      for (const auto& violation : error.violations) {
        out.begin('{').if_any("field", violation.first);
        out.if_any("description", description_of(violation, error.message)).end('}');
      }
      out.end(']').end('}');
    }
    if (!error.links.empty()) {
      begin_detail(out, "Help").key("links").begin('[');
      for (const auto& [url, description] : error.links)
        out.begin('{').if_any("description", description).if_any("url", url).end('}');
      out.end(']').end('}');
    }
    if (has_resource(error)) {
      begin_detail(out, "ResourceInfo").key("description").string(error.resource_description).key("owner").string("");
      out.key("resource_name").string(error.resource_name).key("resource_type").string(error.resource_type).end('}');
    }
    begin_detail(out, "ErrorInfo").key("domain").string(kDomain).key("metadata");
    if (error.metadata) {
      out.begin('{');
      for (const auto& [name, value] : *error.metadata) out.key(name).string(value);
      out.end('}');
    } else {
      out.raw("null");
    }
    out.key("reason").string(error.reason).end('}').end(']');
  }
  out.end('}');
  return text;
}

const std::string& grpc_message(const DaprError& error) { return error.grpc_message.empty() ? error.message : error.grpc_message; }

std::string to_status_details(const DaprError& error) {
  using namespace codec::dapr;
  if (error.reason.empty()) return {};
  Status status{static_cast<std::int32_t>(error.grpc_code), grpc_message(error), {}};
  std::vector<std::string> bytes;
  if (!error.violations.empty()) {
    BadRequest detail;
    for (const auto& violation : error.violations)
      detail.field_violations.push_back({violation.first, description_of(violation, status.message)});
    add_detail(status, bytes, "BadRequest", detail);
  }
  if (!error.links.empty()) {
    Help detail;
    for (const auto& [url, description] : error.links) detail.links.push_back({description, url});
    add_detail(status, bytes, "Help", detail);
  }
  if (has_resource(error))
    add_detail(status, bytes, "ResourceInfo", ResourceInfo{error.resource_type, error.resource_name, "", error.resource_description});
  ErrorInfo info{error.reason, std::string(kDomain), {}};
  if (error.metadata && error.has_metadata_in_grpc) info.metadata = *error.metadata;
  add_detail(status, bytes, "ErrorInfo", info);
  for (std::size_t i = 0; i < bytes.size(); ++i) status.details[i].value = bytes[i];
  return write(status);
}

int http_status_of(grpc::Code code) {
  using grpc::Code;
  switch (code) {
    case Code::Ok: return 200;
    case Code::Cancelled: return 408;
    case Code::InvalidArgument:
    case Code::FailedPrecondition:
    case Code::OutOfRange: return 400;
    case Code::DeadlineExceeded: return 504;
    case Code::NotFound: return 404;
    case Code::AlreadyExists:
    case Code::Aborted: return 409;
    case Code::PermissionDenied: return 403;
    case Code::Unauthenticated: return 401;
    case Code::ResourceExhausted: return 429;
    case Code::Unimplemented: return 501;
    case Code::Unavailable: return 503;
    case Code::Unknown:
    case Code::Internal:
    case Code::DataLoss: return 500;
  }
  return 500;
}

grpc::Code grpc_code_of(int http_status) {
  using grpc::Code;
  if (http_status >= 200 && http_status < 300) return Code::Ok;
  switch (http_status) {
    case 400: return Code::Internal;
    case 401: return Code::Unauthenticated;
    case 403: return Code::PermissionDenied;
    case 404: return Code::NotFound;
    case 408: return Code::Cancelled;
    case 409: return Code::AlreadyExists;
    case 429: return Code::ResourceExhausted;
    case 501: return Code::Unimplemented;
    case 503: return Code::Unavailable;
    case 504: return Code::DeadlineExceeded;
    default: return Code::Unknown;
  }
}

std::string rpc_error_text(grpc::Code code, std::string_view message) {
  return "rpc error: code = " + std::string(code_name(code)) + " desc = " + std::string(message);
}

std::string text_of(const StoreError& error) {
  std::string out;
  switch (error.kind) {
    case StoreError::Kind::EtagMismatch: out = "possible etag mismatch. error from state store"; break;
    case StoreError::Kind::EtagInvalid: out = "invalid etag value"; break;
    case StoreError::Kind::Failed: return error.message;
  }
  if (!error.message.empty()) out += ": " + error.message;
  return out;
}

namespace errors {

DaprError answered_with_status(int http_status, std::string_view phrase, std::string_view body) {
  // Of ErrorInfo's metadata: no value has more.
  constexpr std::size_t kMetadataBytesMax = 63;
  DaprError error;
  error.http_status = http_status;
  error.grpc_code = grpc_code_of(http_status);
  const std::string_view text = status_text(http_status);
  error.code = error.reason = error.message = text.empty() ? phrase : text;
  error.metadata = {{"http.code", std::to_string(http_status)}, {"http.error_message", std::string(body.substr(0, kMetadataBytesMax))}};
  return error;
}

}  // namespace errors
}  // namespace holdfast::dapr

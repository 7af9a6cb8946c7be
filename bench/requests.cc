#include "bench/requests.h"

#include <vector>

#include "base/check.h"
#include "codec/standard_types.h"

namespace holdfast::bench {
namespace {

std::string value_of(const Workload& workload) { return std::string(workload.value_bytes, 'x'); }

// Head and body as net::HttpClient writes them for the runtime.
std::string request(std::string_view path, std::string_view host, std::string_view headers, std::string_view body) {
  std::string out = "POST ";
  out.append(path).append(" HTTP/1.1\r\nhost: ").append(host).append("\r\nuser-agent: holdfast-bench\r\n").append(headers);
  out.append("content-length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return out;
}

std::string endpoint_request(const Workload& workload, std::string_view host, std::string_view path,
                             const std::vector<codec::StateView>& states) {
  model::Message message{{workload.function, std::string(kKey)}, std::nullopt, {}, ""};
  if (workload.has_caller) message.caller = {std::string(model::kRequestType), "0123456789abcdef0123456789abcdef"};
  if (workload.value_type.empty())
    message.argument = {std::string(model::kStringType), codec::encode_string(value_of(workload))};
  else
    message.argument = {workload.value_type, workload.value};
  const std::vector<const model::Message*> batch(workload.batch, &message);
  std::string body;
  codec::append_to_function(body, message.target, states, batch);
  return request(path, host, "content-type: application/octet-stream\r\naccept: application/octet-stream\r\n", body);
}

}  // namespace

Requests::Requests(std::string bytes) : bytes_(std::move(bytes)), key_at_(bytes_.find(kKey)) {
  HOLDFAST_CHECK(key_at_ != std::string::npos);
  HOLDFAST_CHECK(bytes_.find(kKey, key_at_ + 1) == std::string::npos);
}

Requests Requests::to_gateway(const Workload& workload, std::string_view host, std::string_view verb) {
  std::string path = "/v1/functions/" + workload.function + "/" + std::string(kKey) + "/" + std::string(verb);
  return Requests(request(path, host, "content-type: text/plain\r\n", value_of(workload)));
}

Result<Requests> Requests::to_path(const Workload& workload, std::string_view host, std::string_view path) {
  const auto key_at = path.find(kKey);
  if (key_at == std::string_view::npos || path.find(kKey, key_at + 1) != std::string_view::npos)
    return fail(ErrorCode::Invalid, "expected a path that has " + std::string(kKey) + " once, got " + std::string(path));
  const bool is_text = workload.value_type.empty();
  std::string bytes = request(path, host, "content-type: " + (is_text ? std::string("text/plain") : workload.value_type) + "\r\n",
                              is_text ? value_of(workload) : workload.value);
  if (bytes.find(kKey) == bytes.rfind(kKey)) return Requests(std::move(bytes));
  return fail(ErrorCode::Invalid, "the value has " + std::string(kKey) + ", too, which stands for the key");
}

Requests Requests::first_contact(const Workload& workload, std::string_view host, std::string_view path) {
  return Requests(endpoint_request(workload, host, path, {}));
}

Requests Requests::to_endpoint(const Workload& workload, std::string_view host, std::string_view path,
                               const model::IncompleteContext& declared) {
  const model::StateValue int_value{"", codec::encode_int(1000), {}};
  const model::StateValue long_value{"", codec::encode_long(1000), {}};
  std::vector<codec::StateView> states;
  for (const auto& spec : declared.missing)
    states.push_back({&spec, spec.type_name == model::kIntType ? &int_value : &long_value});
  return Requests(endpoint_request(workload, host, path, states));
}

std::string_view Requests::for_key(std::uint64_t key) {
  HOLDFAST_CHECK(key < kKeysMax);
  for (std::size_t digit = kKey.size() - 1; digit > 0; --digit, key /= 10)
    bytes_[key_at_ + digit] = static_cast<char>('0' + key % 10);
  return bytes_;
}

}  // namespace holdfast::bench

#include "codec/statefun_v3.h"

#include "codec/statefun_dialect.h"

namespace holdfast::codec {

void append_to_function(std::string& out, const model::Address& target, std::span<const StateView> states,
                        std::span<const model::Message* const> batch) {
  write_request<Dialect::V3>(out, target, states, batch);
}

std::size_t to_function_size(const model::Address& target, std::span<const StateView> states,
                             std::span<const model::Message* const> batch) {
  return request_size<Dialect::V3>(target, states, batch);
}

Result<FunctionAnswer> parse_from_function(std::string_view bytes) { return read_answer<Dialect::V3>(bytes); }
Result<InvocationBatch> parse_to_function(std::string_view bytes) { return read_request<Dialect::V3>(bytes); }

void append_from_function(std::string& out, const model::InvocationResponse& response) {
  write_answer<Dialect::V3>(out, response);
}
void append_from_function(std::string& out, const model::IncompleteContext& incomplete) {
  write_answer<Dialect::V3>(out, incomplete);
}

}  // namespace holdfast::codec

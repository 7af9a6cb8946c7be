#include "holdfast/sdk/context.h"

#include "batch.h"
#include "utf8.h"

namespace holdfast::sdk {

namespace detail {

std::optional<std::string_view> read_state(Batch& batch, std::string_view name, std::string_view type) {
  return batch.read_state(name, type);
}
std::string& write_state(Batch& batch, std::string_view name, std::string_view type) { return batch.write_state(name, type); }
std::string& scratch(Batch& batch) { return batch.scratch(); }
void remove_state(Batch& batch, std::string_view name, std::string_view type) { batch.remove_state(name, type); }

}  // namespace detail

const Address& Context::self() const { return batch_.self(); }

std::optional<Address> Context::caller() const {
  const auto& caller = batch_.current().caller;
  if (!caller.is_there()) return std::nullopt;
  return caller.address();
}

void Context::cancel_delayed_message(const CancellationToken& token) { batch_.cancel(token.text()); }

void Context::send_egress(std::string_view egress, const KafkaRecord& record) { send_egress(egress, typed(record)); }
void Context::send_egress(std::string_view egress, const KinesisRecord& record) { send_egress(egress, typed(record)); }

void Context::send_bytes(AddressView target, std::string_view type, std::string_view bytes) { batch_.send(target, type, bytes); }
void Context::reply_bytes(std::string_view type, std::string_view bytes) { batch_.send_to_caller(type, bytes); }
void Context::send_bytes_after(std::chrono::milliseconds delay, AddressView target, std::string_view type, std::string_view bytes,
                               std::string_view token) {
  batch_.send_after(delay, target, type, bytes, token);
}
void Context::send_egress_bytes(std::string_view egress, std::string_view type, std::string_view bytes) {
  batch_.send_egress(egress, type, bytes);
}
void Context::check_type_name(std::string_view type) {
  if (type.empty()) throw InvalidArgument("a value without a type");
  detail::check_utf8("the type of a value", type);
}

}  // namespace holdfast::sdk

// Both directions of the protocol of StateFun 2, by the first byte: refused or read; and what was read is written to bytes that read as
// the same.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "codec/statefun_v2.h"

using namespace holdfast;
using namespace holdfast::codec;

namespace {

std::string written(const FunctionAnswer& answer) {
  std::string out;
  std::visit([&](const auto& a) { v2::append_from_function(out, a); }, answer);
  return out;
}

std::string written(const InvocationBatch& batch) {
  std::vector<model::StateSpec> specs(batch.states.size());
  std::vector<model::StateValue> values(batch.states.size());
  std::vector<StateView> states;
  for (std::size_t i = 0; i < batch.states.size(); ++i) {
    const auto& s = batch.states[i];
    specs[i] = {s.name, std::string(kUnsetType)};
    values[i] = {s.name, s.value ? s.value->value : "", {}};
    states.push_back({&specs[i], s.value ? &values[i] : nullptr});
  }
  std::vector<model::Message> messages;
  for (const auto& i : batch.invocations) messages.push_back({batch.target, i.caller, i.argument, ""});
  std::vector<const model::Message*> pointers;
  for (const auto& m : messages) pointers.push_back(&m);
  std::string out;
  v2::append_to_function(out, batch.target, states, pointers);
  HOLDFAST_CHECK(out.size() == v2::to_function_size(batch.target, states, pointers));
  return out;
}

void answer(std::string_view bytes) {
  const auto read = v2::parse_from_function(bytes);
  if (!read) {
    HOLDFAST_CHECK(!read.error().message.empty());
    return;
  }
  const std::string once = written(*read);
  const auto again = v2::parse_from_function(once);
  HOLDFAST_CHECK(again.has_value());
  HOLDFAST_CHECK(again->index() == read->index());
  HOLDFAST_CHECK(written(*again) == once);
}

void request(std::string_view bytes) {
  const auto read = v2::parse_to_function(bytes);
  if (!read) return;
  const std::string once = written(*read);
  const auto again = v2::parse_to_function(once);
  HOLDFAST_CHECK(again.has_value());
  HOLDFAST_CHECK(again->invocations.size() == read->invocations.size());
  HOLDFAST_CHECK(again->states.size() == read->states.size());
  HOLDFAST_CHECK(written(*again) == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) answer(bytes);
  else request(bytes);
  return 0;
}

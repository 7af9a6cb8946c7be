// A runtime's request, as a function reads it: refused or read; and what was read is written to bytes that read as the same.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "codec/statefun_v3.h"

using namespace holdfast;
using namespace holdfast::codec;

namespace {

std::string written(const InvocationBatch& batch) {
  std::vector<model::StateSpec> specs(batch.states.size());
  std::vector<model::StateValue> values(batch.states.size());
  std::vector<StateView> states;
  for (std::size_t i = 0; i < batch.states.size(); ++i) {
    const auto& s = batch.states[i];
    specs[i] = {s.name, s.value ? s.value->type_name : ""};
    values[i] = {s.name, s.value ? s.value->value : "", {}};
    states.push_back({&specs[i], s.value ? &values[i] : nullptr});
  }
  std::vector<model::Message> messages;
  for (const auto& i : batch.invocations) messages.push_back({batch.target, i.caller, i.argument, ""});
  std::vector<const model::Message*> pointers;
  for (const auto& m : messages) pointers.push_back(&m);
  std::string out;
  append_to_function(out, batch.target, states, pointers);
  HOLDFAST_CHECK(out.size() == to_function_size(batch.target, states, pointers));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto batch = parse_to_function({reinterpret_cast<const char*>(data), size});
  if (!batch) return 0;
  const std::string once = written(*batch);
  const auto again = parse_to_function(once);
  HOLDFAST_CHECK(again.has_value());
  HOLDFAST_CHECK(again->invocations.size() == batch->invocations.size());
  HOLDFAST_CHECK(again->states.size() == batch->states.size());
  HOLDFAST_CHECK(written(*again) == once);
  return 0;
}

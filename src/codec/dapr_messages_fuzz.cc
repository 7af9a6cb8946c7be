// Dapr's messages, the first byte says which: refused or read; and what was read is written to bytes that read as the same.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "codec/dapr_messages.h"

using namespace holdfast;
using namespace holdfast::codec;

namespace {

template <typename Message>
void check(std::string_view bytes) {
  const auto message = dapr::read<Message>(bytes);
  if (!message) {
    HOLDFAST_CHECK(!message.error().message.empty());
    return;
  }
  const std::string once = dapr::write(*message);
  const auto again = dapr::read<Message>(once);
  HOLDFAST_CHECK(again.has_value());
  HOLDFAST_CHECK(dapr::write(*again) == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 15) {
    case 0: check<dapr::SaveStateRequest>(bytes); break;
    case 1: check<dapr::GetStateRequest>(bytes); break;
    case 2: check<dapr::GetBulkStateRequest>(bytes); break;
    case 3: check<dapr::DeleteStateRequest>(bytes); break;
    case 4: check<dapr::ExecuteStateTransactionRequest>(bytes); break;
    case 5: check<dapr::QueryStateRequest>(bytes); break;
    case 6: check<dapr::InvokeServiceRequest>(bytes); break;
    case 7: check<dapr::InvokeResponse>(bytes); break;
    case 8: check<dapr::GetSecretRequest>(bytes); break;
    case 9: check<dapr::SetMetadataRequest>(bytes); break;
    case 10: check<dapr::Status>(bytes); break;
    case 11: check<dapr::InternalInvokeRequestStream>(bytes); break;
    case 12: check<dapr::InternalInvokeResponseStream>(bytes); break;
    case 13: check<dapr::GetMetadataResponse>(bytes); break;
    case 14: check<dapr::GetBulkSecretResponse>(bytes); break;
  }
  return 0;
}

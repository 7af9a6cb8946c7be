// JSON bodies of Dapr's HTTP API, the first byte says which: refused with a message or read, and then values are JSON from inside of the
// body and answers made of them are JSON. What Boost takes for JSON, so do we.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "codec/dapr_json.h"
#include "codec/go_json.h"
#include "codec/json.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"

using namespace holdfast;
using namespace holdfast::codec;

namespace {

void check_value(std::string_view body, std::string_view value) {
  HOLDFAST_CHECK(check_go_json(value).has_value());
  if (value != "null") HOLDFAST_CHECK(value.data() >= body.data() && value.data() + value.size() <= body.data() + body.size());
}

void check_items(std::string_view body, const std::vector<dapr::StateItem>& items) {
  std::vector<dapr::BulkStateItem> answer;
  for (const auto& item : items) {
    check_value(body, item.value);
    answer.push_back({item.key, item.value, item.etag, "", item.metadata});
  }
  const std::string text = dapr::bulk_get_body(answer);
  HOLDFAST_CHECK(check_go_json(text).has_value());
}

void check_filter(std::string_view body, const dapr::QueryFilter& filter) {
  for (const auto value : filter.values) check_value(body, value);
  for (const auto& inner : filter.filters) check_filter(body, inner);
}

template <typename T>
bool read(const Result<T>& result) {
  HOLDFAST_CHECK(result.has_value() || !result.error().message.empty());
  return result.has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto checked = check_go_json(body);
  HOLDFAST_CHECK(checked || is_utf8(checked.error().message));
  if (parse_json(body)) HOLDFAST_CHECK(checked.has_value());
  switch (data[0] % 5) {
    case 0:
      if (const auto items = dapr::parse_states(body); read(items)) check_items(body, *items);
      break;
    case 1: (void)read(dapr::parse_bulk_get(body)); break;
    case 2:
      if (const auto transaction = dapr::parse_transaction(body); read(transaction)) {
        std::vector<dapr::StateItem> items;
        for (const auto& operation : transaction->request.operations) items.push_back(operation.request);
        check_items(body, items);
      }
      break;
    case 3:
      if (const auto query = dapr::parse_query(body); read(query) && query->filter) check_filter(body, *query->filter);
      break;
    case 4: {
      std::string text;
      dapr::append_value(text, body);
      HOLDFAST_CHECK(check_go_json(text).has_value());
      append_go_string(text = "", body);
      HOLDFAST_CHECK(check_go_json(text).has_value());
      if (is_utf8(body)) HOLDFAST_CHECK(GoJson(text).string() == body);
      HOLDFAST_CHECK(is_utf8(go_quote(body)));
      break;
    }
  }
  return 0;
}

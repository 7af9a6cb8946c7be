// JSON bodies of Dapr's HTTP API, from and to the messages of dapr_messages.h. Values are the exact bytes they were written in, where daprd
// goes through Go's values and loses what those do not hold; what is taken and what is refused, with which words, is daprd 1.14's
// (encoding/json, and mapstructure for operations of a transaction).
//
// Errors are Go's alone: what daprd says before them is dapr/error.h's affair. Nothing here looks at whether a key is there or a store is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/dapr_messages.h"

namespace holdfast::codec::dapr {

// Filters inside filters.
inline constexpr std::size_t kQueryDepthMax = 32;

// --- Requests. kPartsMax bounds their items and entries too.

// POST state/STORE. An item without a value has "null", one without a key an empty one.
[[nodiscard]] Result<std::vector<StateItem>> parse_states(std::string_view body);

// POST state/STORE/bulk; the store's name is not in it.
[[nodiscard]] Result<GetBulkStateRequest> parse_bulk_get(std::string_view body);

// POST state/STORE/transaction; the store's name is not in it. daprd goes through operations one by one, and so refuses what is wrong with the
// first before it looks at the second: of an operation that can not be read only what is wrong with it is known, and no other is read.
// One whose name is neither "upsert" nor "delete" has nothing but its name.
struct TransactionBody {
  ExecuteStateTransactionRequest request;
  std::string broken;  // Of the operation after the last in `request`; empty: there is none.
};
[[nodiscard]] Result<TransactionBody> parse_transaction(std::string_view body);

// A query of v1.0-alpha1; values are JSON as they were written.
struct QueryFilter {
  enum class Kind : std::uint8_t { Eq, Neq, Gt, Gte, Lt, Lte, In, And, Or };
  Kind kind = Kind::Eq;
  std::string path;                       // Of all but And and Or: "person.id".
  std::vector<std::string_view> values;   // One, or of In any number.
  std::vector<QueryFilter> filters;       // Of And and Or: at least two.
};
struct Query {
  struct Sorting {
    std::string key;
    std::string order;  // "ASC", "DESC", or whatever was written.
  };
  std::optional<QueryFilter> filter;
  std::vector<Sorting> sort;
  std::int64_t limit = 0;
  std::string token;
};
[[nodiscard]] Result<Query> parse_query(std::string_view text);

// --- Answers

// A value inside a larger JSON: as it is if it is JSON, as a string if it is text, and else its base64 as a string. daprd answers nothing at
// all when one value is no JSON.
void append_value(std::string& out, std::string_view value);

[[nodiscard]] std::string bulk_get_body(std::span<const BulkStateItem> items);
[[nodiscard]] std::string query_body(const QueryStateResponse& response);
[[nodiscard]] std::string metadata_body(const GetMetadataResponse& response);
[[nodiscard]] std::string secret_body(const Metadata& secret);
[[nodiscard]] std::string bulk_secret_body(const GetBulkSecretResponse& response);

// What a caller in HTTP gets of an app that speaks gRPC and answers with an error: the status, as protojson writes it. Details of types that
// are not in dapr_messages.h have their bytes, as base64, where daprd makes another error of them.
[[nodiscard]] std::string grpc_status_body(const Status& status);

}  // namespace holdfast::codec::dapr

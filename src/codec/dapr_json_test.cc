// Bodies of the HTTP API. What daprd says to wrong ones is what its types said, with encoding/json and mapstructure, of the same bodies.
#include "codec/dapr_json.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/go_json.h"

namespace holdfast::codec::dapr {
namespace {

enum class Body : std::uint8_t { State, BulkGet, Transaction, Query };
struct Case {
  Body kind;
  std::string_view body;
  std::string_view error;  // Empty: it is taken.
};
const Case kCases[] = {
    // clang-format off
    {Body::State, "", "unexpected end of JSON input"},
    {Body::State, "null", ""},
    {Body::State, "[]", ""},
    {Body::State, " [ ] ", ""},
    {Body::State, "{}", "json: cannot unmarshal object into Go value of type []state.SetRequest"},
    {Body::State, "5", "json: cannot unmarshal number into Go value of type []state.SetRequest"},
    {Body::State, "\"x\"", "json: cannot unmarshal string into Go value of type []state.SetRequest"},
    {Body::State, "true", "json: cannot unmarshal bool into Go value of type []state.SetRequest"},
    {Body::State, "[null]", ""},
    {Body::State, "[{}]", ""},
    {Body::State, "[5]", "json: cannot unmarshal number into Go value of type state.SetRequest"},
    {Body::State, "[\"a\"]", "json: cannot unmarshal string into Go value of type state.SetRequest"},
    {Body::State, "[[]]", "json: cannot unmarshal array into Go value of type state.SetRequest"},
    {Body::State, "[{\"key\":5}]", "json: cannot unmarshal number into Go struct field SetRequest.key of type string"},
    {Body::State, "[{\"key\":null}]", ""},
    {Body::State, "[{\"key\":\"k\",\"etag\":5}]", "json: cannot unmarshal number into Go struct field SetRequest.etag of type string"},
    {Body::State, "[{\"key\":\"k\",\"etag\":null}]", ""},
    {Body::State, "[{\"KEY\":\"k\",\"ETag\":\"1\",\"Value\":1}]", ""},
    {Body::State, "[{\"key\":\"k\",\"metadata\":{\"a\":1}}]", "json: cannot unmarshal number into Go struct field SetRequest.metadata of type string"},
    {Body::State, "[{\"key\":\"k\",\"metadata\":[]}]", "json: cannot unmarshal array into Go struct field SetRequest.metadata of type map[string]string"},
    {Body::State, "[{\"key\":\"k\",\"metadata\":\"x\"}]", "json: cannot unmarshal string into Go struct field SetRequest.metadata of type map[string]string"},
    {Body::State, "[{\"key\":\"k\",\"metadata\":null}]", ""},
    {Body::State, "[{\"key\":\"k\",\"metadata\":{\"a\":null}}]", ""},
    {Body::State, "[{\"key\":\"k\",\"options\":\"x\"}]", "json: cannot unmarshal string into Go struct field SetRequest.options of type state.SetStateOption"},
    {Body::State, "[{\"key\":\"k\",\"options\":{\"concurrency\":1}}]", "json: cannot unmarshal number into Go struct field SetStateOption.options.Concurrency of type string"},
    {Body::State, "[{\"key\":\"k\",\"options\":{\"consistency\":[]}}]", "json: cannot unmarshal array into Go struct field SetStateOption.options.Consistency of type string"},
    {Body::State, "[{\"key\":\"k\",\"options\":null}]", ""},
    {Body::State, "[{\"key\":\"k\",\"contentType\":{}}]", "json: cannot unmarshal object into Go struct field SetRequest.contentType of type string"},
    {Body::State, "[{\"key\":5},{\"key\":true}]", "json: cannot unmarshal number into Go struct field SetRequest.key of type string"},
    {Body::State, "[{\"key\":{\"a\":1}}]", "json: cannot unmarshal object into Go struct field SetRequest.key of type string"},
    {Body::State, "[{\"key\":false,\"value\":1}]", "json: cannot unmarshal bool into Go struct field SetRequest.key of type string"},
    {Body::State, "[{\"key\":\"k\" \"value\":1}]", "invalid character '\"' after object key:value pair"},
    {Body::State, "[{\"key\":\"k\",}]", "invalid character '}' looking for beginning of object key string"},
    {Body::State, "[{\"key\":\"k\"},]", "invalid character ']' looking for beginning of value"},
    {Body::State, "[{\"key\":\"k\"", "unexpected end of JSON input"},
    {Body::State, "[{\"key\"", "unexpected end of JSON input"},
    {Body::State, "[{\"key\":", "unexpected end of JSON input"},
    {Body::State, "[{\"key\" 1}]", "invalid character '1' after object key"},
    {Body::State, "[{key:1}]", "invalid character 'k' looking for beginning of object key string"},
    {Body::State, "[1 2]", "invalid character '2' after array element"},
    {Body::State, "[] x", "invalid character 'x' after top-level value"},
    {Body::State, "[]]", "invalid character ']' after top-level value"},
    {Body::State, "[{\"key\":\"a\001\"}]", "invalid character '\\x01' in string literal"},
    {Body::State, "[{\"key\":\"\\x\"}]", "invalid character 'x' in string escape code"},
    {Body::State, "[{\"key\":\"\\u12g4\"}]", "invalid character 'g' in \\u hexadecimal character escape"},
    {Body::State, "[{\"key\":\"\\u12", "invalid character ' ' in \\u hexadecimal character escape"},
    {Body::State, "[\"abc", "unexpected end of JSON input"},
    {Body::State, "[\"abc\\", "invalid character ' ' in string escape code"},
    {Body::State, "[-]", "invalid character ']' in numeric literal"},
    {Body::State, "-", "invalid character ' ' in numeric literal"},
    {Body::State, "[01]", "invalid character '1' after array element"},
    {Body::State, "[1.]", "invalid character ']' after decimal point in numeric literal"},
    {Body::State, "[1.e]", "invalid character 'e' after decimal point in numeric literal"},
    {Body::State, "[1e]", "invalid character ']' in exponent of numeric literal"},
    {Body::State, "[1e+]", "invalid character ']' in exponent of numeric literal"},
    {Body::State, "[tru]", "invalid character ']' in literal true (expecting 'e')"},
    {Body::State, "tru", "invalid character ' ' in literal true (expecting 'e')"},
    {Body::State, "[nul1]", "invalid character '1' in literal null (expecting 'l')"},
    {Body::State, "[fals", "invalid character ' ' in literal false (expecting 'e')"},
    {Body::State, "[falsx]", "invalid character 'x' in literal false (expecting 'e')"},
    {Body::State, "['a']", "invalid character '\\'' looking for beginning of value"},
    {Body::State, "[\\]", "invalid character '\\\\' looking for beginning of value"},
    {Body::State, "[\011\013]", "invalid character '\\v' looking for beginning of value"},
    {Body::State, "\303\251", "invalid character '\303\203' looking for beginning of value"},
    {Body::State, "[\303\251]", "invalid character '\303\203' looking for beginning of value"},
    {Body::State, "[{\"a\":1\303\251}]", "invalid character '\303\203' after object key:value pair"},
    {Body::State, "[+1]", "invalid character '+' looking for beginning of value"},
    {Body::State, "[.5]", "invalid character '.' looking for beginning of value"},
    {Body::State, "[NaN]", "invalid character 'N' looking for beginning of value"},
    {Body::State, "[{}]", ""},
    {Body::State, "<html>", "invalid character '<' looking for beginning of value"},
    {Body::State, "key=value", "invalid character 'k' looking for beginning of value"},
    {Body::State, std::string_view("[{\"key\":\"k\"}\000]", 14), "invalid character '\\x00' after array element"},
    {Body::State, "\177", "invalid character '\\x7f' looking for beginning of value"},
    {Body::State, "\"", "unexpected end of JSON input"},
    {Body::State, "[{\"a\":1]", "invalid character ']' after object key:value pair"},
    {Body::State, "[1}", "invalid character '}' after array element"},
    {Body::State, "{\"a\":[}", "invalid character '}' looking for beginning of value"},
    {Body::State, "[,]", "invalid character ',' looking for beginning of value"},
    {Body::State, "{,}", "invalid character ',' looking for beginning of object key string"},
    {Body::State, "{\"a\":1,,}", "invalid character ',' looking for beginning of object key string"},
    {Body::State, "[{\"key\":\"k\",\"value\":}]", "invalid character '}' looking for beginning of value"},
    {Body::BulkGet, "", "unexpected end of JSON input"},
    {Body::BulkGet, "null", ""},
    {Body::BulkGet, "{}", ""},
    {Body::BulkGet, "[]", "json: cannot unmarshal array into Go value of type http.BulkGetRequest"},
    {Body::BulkGet, "{\"keys\":null}", ""},
    {Body::BulkGet, "{\"keys\":[\"a\",null]}", ""},
    {Body::BulkGet, "{\"keys\":\"a\"}", "json: cannot unmarshal string into Go struct field BulkGetRequest.keys of type []string"},
    {Body::BulkGet, "{\"keys\":[1]}", "json: cannot unmarshal number into Go struct field BulkGetRequest.keys of type string"},
    {Body::BulkGet, "{\"keys\":[{}]}", "json: cannot unmarshal object into Go struct field BulkGetRequest.keys of type string"},
    {Body::BulkGet, "{\"parallelism\":1.5}", "json: cannot unmarshal number 1.5 into Go struct field BulkGetRequest.parallelism of type int"},
    {Body::BulkGet, "{\"parallelism\":1e3}", "json: cannot unmarshal number 1e3 into Go struct field BulkGetRequest.parallelism of type int"},
    {Body::BulkGet, "{\"parallelism\":\"3\"}", "json: cannot unmarshal string into Go struct field BulkGetRequest.parallelism of type int"},
    {Body::BulkGet, "{\"parallelism\":99999999999999999999}", "json: cannot unmarshal number 99999999999999999999 into Go struct field BulkGetRequest.parallelism of type int"},
    {Body::BulkGet, "{\"parallelism\":-2}", ""},
    {Body::BulkGet, "{\"Keys\":[],\"METADATA\":{\"a\":[]}}", "json: cannot unmarshal array into Go struct field BulkGetRequest.metadata of type string"},
    {Body::BulkGet, "{\"metadata\":5}", "json: cannot unmarshal number into Go struct field BulkGetRequest.metadata of type map[string]string"},
    {Body::Transaction, "", "unexpected end of JSON input"},
    {Body::Transaction, "null", ""},
    {Body::Transaction, "{}", ""},
    {Body::Transaction, "[]", "json: cannot unmarshal array into Go value of type http.stateTransactionRequestBody"},
    {Body::Transaction, "{\"operations\":null}", ""},
    {Body::Transaction, "{\"operations\":{}}", "json: cannot unmarshal object into Go struct field stateTransactionRequestBody.operations of type []http.stateTransactionRequestBodyOperation"},
    {Body::Transaction, "{\"operations\":[5]}", "json: cannot unmarshal number into Go struct field stateTransactionRequestBody.operations of type http.stateTransactionRequestBodyOperation"},
    {Body::Transaction, "{\"operations\":[null]}", ""},
    {Body::Transaction, "{\"operations\":[{\"operation\":5}]}", "json: cannot unmarshal number into Go struct field stateTransactionRequestBodyOperation.operations.operation of type string"},
    {Body::Transaction, "{\"metadata\":{\"a\":1}}", "json: cannot unmarshal number into Go struct field stateTransactionRequestBody.metadata of type string"},
    {Body::Transaction, "{\"metadata\":[]}", "json: cannot unmarshal array into Go struct field stateTransactionRequestBody.metadata of type map[string]string"},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"upsert\"}]}", ""},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"upsert\",\"request\":null}]}", ""},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"upsert\",\"request\":\"x\"}]}", "'' expected a map, got 'string'"},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"delete\",\"request\":[]}]}", "'' expected a map, got 'slice'"},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"delete\",\"request\":5}]}", "'' expected a map, got 'float64'"},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"delete\",\"request\":true}]}", "'' expected a map, got 'bool'"},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"key\":5}}]}", "1 error(s) decoding:\n\n* 'Key' expected type 'string', got unconvertible type 'float64', value: '5'"},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"key\":true,\"etag\":7,\"metadata\":{\"a\":1},\"options\":{\"concurrency\":2,\"consistency\":3},\"contentType\":4}}]}", "6 error(s) decoding:\n\n* 'ContentType' expected type 'string', got unconvertible type 'float64', value: '4'\n* 'ETag' expected type 'string', got unconvertible type 'float64', value: '7'\n* 'Key' expected type 'string', got unconvertible type 'bool', value: 'true'\n* 'Metadata[a]' expected type 'string', got unconvertible type 'float64', value: '1'\n* 'Options.Concurrency' expected type 'string', got unconvertible type 'float64', value: '2'\n* 'Options.Consistency' expected type 'string', got unconvertible type 'float64', value: '3'"},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"metadata\":[]}}]}", "1 error(s) decoding:\n\n* 'Metadata' expected a map, got 'slice'"},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"metadata\":\"x\",\"options\":[]}}]}", "2 error(s) decoding:\n\n* 'Metadata' expected a map, got 'string'\n* 'Options' expected a map, got 'slice'"},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"delete\",\"request\":{\"contentType\":5,\"value\":1,\"key\":null}}]}", ""},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"what\",\"request\":5}]}", ""},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"KEY\":\"a\",\"Etag\":\"1\",\"OPTIONS\":{\"CONCURRENCY\":\"x\"}}}]}", ""},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"key\":\"a\",\"etag\":null,\"metadata\":null,\"options\":null}}]}", ""},
    {Body::Transaction, "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"metadata\":{\"a\":null,\"b\":true}}}]}", "1 error(s) decoding:\n\n* 'Metadata[b]' expected type 'string', got unconvertible type 'bool', value: 'true'"},
    {Body::Query, "", "unexpected end of JSON input"},
    {Body::Query, "null", ""},
    {Body::Query, "{}", ""},
    {Body::Query, "[]", "json: cannot unmarshal array into Go value of type query.QueryFields"},
    {Body::Query, "{\"filter\":null}", ""},
    {Body::Query, "{\"filter\":[]}", "json: cannot unmarshal array into Go struct field QueryFields.filter of type map[string]interface {}"},
    {Body::Query, "{\"filter\":{}}", ""},
    {Body::Query, "{\"sort\":{}}", "json: cannot unmarshal object into Go struct field QueryFields.sort of type []query.Sorting"},
    {Body::Query, "{\"sort\":[1]}", "json: cannot unmarshal number into Go struct field QueryFields.sort of type query.Sorting"},
    {Body::Query, "{\"sort\":[{\"key\":1}]}", "json: cannot unmarshal number into Go struct field Sorting.sort.key of type string"},
    {Body::Query, "{\"sort\":[{\"key\":\"a\",\"order\":1}]}", "json: cannot unmarshal number into Go struct field Sorting.sort.order of type string"},
    {Body::Query, "{\"page\":[]}", "json: cannot unmarshal array into Go struct field QueryFields.page of type query.Pagination"},
    {Body::Query, "{\"page\":{\"limit\":\"1\"}}", "json: cannot unmarshal string into Go struct field Pagination.page.limit of type int"},
    {Body::Query, "{\"page\":{\"limit\":1.5}}", "json: cannot unmarshal number 1.5 into Go struct field Pagination.page.limit of type int"},
    {Body::Query, "{\"page\":{\"token\":1}}", "json: cannot unmarshal number into Go struct field Pagination.page.token of type string"},
    {Body::Query, "{\"Page\":{\"LIMIT\":3}}", ""},
    // clang-format on
};

template <typename T>
std::string error_of(const Result<T>& result) {
  return result ? "" : result.error().message;
}

TEST(DaprJson, BodiesAreTakenAndRefusedInTheWordsOfDaprd) {
  for (const auto& [kind, body, error] : kCases) {
    std::string got;
    switch (kind) {
      case Body::State: got = error_of(parse_states(body)); break;
      case Body::BulkGet: got = error_of(parse_bulk_get(body)); break;
      case Body::Query: got = error_of(parse_query(body)); break;
      case Body::Transaction: {
        const auto parsed = parse_transaction(body);
        got = parsed ? parsed->broken : parsed.error().message;
      }
    }
    EXPECT_EQ(got, error) << body;
  }
}

TEST(DaprJson, ValuesAreTheBytesTheyWereWrittenIn) {
  const std::string body = R"( [ {"key" : "a", "value" : {"z":1, "a": 12345678901234567890, "a":1.0, "<": [ ] }  },
                                 {"value":1e400,"key":"b"}, {"key":"c","value":"x\u00e9\"y" }, {"key":"d"}, {"key":"e", "value":null} ])";
  const auto items = parse_states(body);
  ASSERT_TRUE(items.has_value()) << items.error().message;
  ASSERT_EQ(items->size(), 5u);
  EXPECT_EQ(items->at(0).value, R"({"z":1, "a": 12345678901234567890, "a":1.0, "<": [ ] })");
  EXPECT_EQ(items->at(1).value, "1e400");
  EXPECT_EQ(items->at(2).value, R"("x\u00e9\"y")");
  EXPECT_EQ(items->at(3).value, "null");
  EXPECT_EQ(items->at(4).value, "null");
}

TEST(DaprJson, NamesDifferInCaseAndTheLastOfSeveralCounts) {
  const auto items = parse_states(
      R"([{"KEY":"a","key":"k\ud83d\ude00","eTag":"1","etag":"2","metadata":{"a":"1"},"Metadata":{"b":"2"},"unknown":[{"key":"no"}],
           "options":{"Concurrency":"first-write"},"OPTIONS":{"CONSISTENCY":"strong"},"contentType":"text/plain"}])");
  ASSERT_TRUE(items.has_value()) << items.error().message;
  const StateItem& item = items->at(0);
  EXPECT_EQ(item.key, "k\xf0\x9f\x98\x80");
  EXPECT_EQ(item.etag, "2");
  EXPECT_EQ(item.metadata, (Metadata{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(item.options.concurrency, "first-write");
  EXPECT_EQ(item.options.consistency, "strong");
  EXPECT_EQ(item.content_type, "text/plain");
  EXPECT_EQ(parse_states(R"([{"metadata":{"a":"1"},"metadata":null,"etag":"1","etag":null}])")->at(0).metadata, Metadata{});
}

TEST(DaprJson, ABulkGetIsRead) {
  const auto request = parse_bulk_get(R"({"keys":["a","b",null],"parallelism":10,"metadata":{"m":"1"}})");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->keys, (std::vector<std::string>{"a", "b", ""}));
  EXPECT_EQ(request->parallelism, 10);
  EXPECT_EQ(request->metadata, (Metadata{{"m", "1"}}));
}

TEST(DaprJson, OperationsAreReadUpToTheFirstThatIsBroken) {
  const auto body = parse_transaction(
      R"({"operations":[{"operation":"upsert","request":{"key":"a","value": [1, 2],"etag":"1","metadata":{"m":"1"},
                         "options":{"concurrency":"first-write","consistency":"strong"}}},
                        {"operation":"delete","request":{"key":"b","value":7,"ETag":"2"}},
                        {"operation":"what","request":{"key":5}},
                        {"operation":"upsert","request":{"key":6}},
                        {"operation":"upsert","request":{"key":"never"}}],"metadata":{"m":"2"}})");
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(body->request.metadata, (Metadata{{"m", "2"}}));
  const auto& all = body->request.operations;
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].operation_type, "upsert");
  EXPECT_EQ(all[0].request.key, "a");
  EXPECT_EQ(all[0].request.value, "[1, 2]");
  EXPECT_EQ(all[0].request.etag, "1");
  EXPECT_EQ(all[0].request.metadata, (Metadata{{"m", "1"}}));
  EXPECT_EQ(all[0].request.options.concurrency, "first-write");
  EXPECT_EQ(all[0].request.options.consistency, "strong");
  EXPECT_EQ(all[1].operation_type, "delete");
  EXPECT_EQ(all[1].request.key, "b");
  EXPECT_EQ(all[1].request.etag, "2");
  EXPECT_EQ(all[2].operation_type, "what");
  EXPECT_EQ(all[2].request.key, "");
  EXPECT_EQ(body->broken, "1 error(s) decoding:\n\n* 'Key' expected type 'string', got unconvertible type 'float64', value: '6'");
}

TEST(DaprJson, AQueryIsATree) {
  const auto query = parse_query(
      R"({"filter":{"AND":[{"EQ":{"person.org":"Dev"}},{"OR":[{"IN":{"state":["CA", 12345678901234567890]}},{"GTE":{"n":1.0}}]}]},
          "sort":[{"key":"state","order":"DESC"},{"key":"id"}],"page":{"limit":3,"token":"t"}})");
  ASSERT_TRUE(query.has_value()) << query.error().message;
  using Kind = QueryFilter::Kind;
  ASSERT_TRUE(query->filter.has_value());
  EXPECT_EQ(query->filter->kind, Kind::And);
  const auto& both = query->filter->filters;
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].kind, Kind::Eq);
  EXPECT_EQ(both[0].path, "person.org");
  EXPECT_EQ(both[0].values, (std::vector<std::string_view>{R"("Dev")"}));
  EXPECT_EQ(both[1].kind, Kind::Or);
  EXPECT_EQ(both[1].filters.at(0).kind, Kind::In);
  EXPECT_EQ(both[1].filters.at(0).values, (std::vector<std::string_view>{R"("CA")", "12345678901234567890"}));
  EXPECT_EQ(both[1].filters.at(1).kind, Kind::Gte);
  EXPECT_EQ(both[1].filters.at(1).values, (std::vector<std::string_view>{"1.0"}));
  ASSERT_EQ(query->sort.size(), 2u);
  EXPECT_EQ(query->sort[0].order, "DESC");
  EXPECT_EQ(query->sort[1].key, "id");
  EXPECT_EQ(query->limit, 3);
  EXPECT_EQ(query->token, "t");
  EXPECT_FALSE(parse_query(R"({"filter":{},"page":{"limit":2}})")->filter.has_value());
}

TEST(DaprJson, FiltersThatMakeNoSenseAreRefusedInTheWordsOfDaprd) {
  const std::pair<const char*, const char*> kWrong[] = {
      {R"({"XX":{"a":1}})", "unsupported filter \"XX\""},
      {R"({"eq":{"a":1}})", "unsupported filter \"eq\""},
      {R"({"EQ":{"a":1},"NEQ":{"a":1}})", "filter unit must have a single element"},
      {R"({"EQ":[]})", "EQ filter must be a map"},
      {R"({"NEQ":null})", "NEQ filter must be a map"},
      {R"({"GT":{}})", "GT filter must contain a single key/value pair"},
      {R"({"LTE":{"a":1,"b":2}})", "LTE filter must contain a single key/value pair"},
      {R"({"IN":{"a":1}})", "IN filter value must be an array"},
      {R"({"AND":{}})", "AND filter must be an array"},
      {R"({"OR":[{"EQ":{"a":1}}]})", "OR filter must contain at least two entries"},
      {R"({"OR":[{"EQ":{"a":1}},5]})", "filter unit must be a map"},
      {R"({"OR":[{"EQ":{"a":1}},{}]})", "filter unit must have a single element"},
  };
  for (const auto& [filter, error] : kWrong)
    EXPECT_EQ(error_of(parse_query(R"({"filter":)" + std::string(filter) + "}")), error) << filter;
}

TEST(DaprJson, FiltersInFiltersHaveABound) {
  std::string filter = R"({"EQ":{"a":1}})";
  for (std::size_t i = 1; i < kQueryDepthMax; ++i) filter = R"({"OR":[{"EQ":{"a":1}},)" + filter + "]}";
  EXPECT_EQ(error_of(parse_query(R"({"filter":)" + filter + "}")), "");
  EXPECT_EQ(error_of(parse_query(R"({"filter":{"OR":[{"EQ":{"a":1}},)" + filter + "]}}")), "filters in filters, more than 32 deep");
}

TEST(DaprJson, ItemsAndEntriesHaveABound) {
  std::string items = "[{}";
  for (std::size_t i = 1; i < kPartsMax; ++i) items += ",{}";
  EXPECT_EQ(parse_states(items + "]")->size(), kPartsMax);
  EXPECT_EQ(error_of(parse_states(items + ",{}]")), "more than 100000 items and entries in one body");
}

TEST(DaprJson, WhatIsInsideOfOperationsAndFiltersIsCountedToo) {
  std::string entries;
  for (std::size_t i = 0; i <= kPartsMax; ++i) entries += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
  const auto too_many = "more than 100000 items and entries in one body";
  const auto upsert = [](const std::string& request) { return R"({"operations":[{"operation":"upsert","request":{)" + request + "}}]}"; };
  EXPECT_EQ(error_of(parse_transaction(upsert(entries))), too_many);
  EXPECT_EQ(error_of(parse_transaction(upsert("\"metadata\":{" + entries + "}"))), too_many);
  EXPECT_EQ(error_of(parse_query("{\"filter\":{" + entries + "}}")), too_many);
  EXPECT_EQ(error_of(parse_query("{\"filter\":{\"EQ\":{" + entries + "}}}")), too_many);
  std::string elements = "1";
  for (std::size_t i = 0; i < kPartsMax; ++i) elements += ",1";
  EXPECT_EQ(error_of(parse_query("{\"filter\":{\"IN\":{\"a\":[" + elements + "]}}}")), too_many);
}

TEST(DaprJson, OfManyErrorsInOneOperationNotAllAreSaid) {
  std::string metadata = "\"0\":1";
  for (int i = 1; i < 1000; ++i) metadata += ",\"" + std::to_string(i) + "\":1";
  const auto body = parse_transaction(R"({"operations":[{"operation":"delete","request":{"metadata":{)" + metadata + "}}}]}");
  ASSERT_TRUE(body.has_value());
  EXPECT_TRUE(body->broken.starts_with("1000 error(s) decoding:\n\n* ")) << body->broken.substr(0, 100);
  EXPECT_LT(body->broken.size(), 20'000u);
}

TEST(DaprJson, KeysThatAreNotUtf8AreRefused) {
  EXPECT_EQ(error_of(parse_states("[{\"key\":\"\xff\"}]")), "invalid UTF-8 in string literal");
}

// --- Answers

TEST(DaprJson, ValuesInsideOfAnswersAreJsonOrTextOrBase64) {
  const auto value = [](std::string_view bytes) {
    std::string out;
    append_value(out, bytes);
    return out;
  };
  EXPECT_EQ(value(R"( {"b": 1.0, "a":"<"} )"), R"( {"b": 1.0, "a":"<"} )");
  EXPECT_EQ(value("12345678901234567890"), "12345678901234567890");
  EXPECT_EQ(value("plain \"text\""), R"("plain \"text\"")");
  EXPECT_EQ(value("\xff"), R"("/w==")");
  EXPECT_EQ(value("\"\xff\""), R"("Iv8i")");
}

TEST(DaprJson, BulkGetAnswers) {
  EXPECT_EQ(bulk_get_body({}), "[]");
  const BulkStateItem items[] = {{.key = "a", .data = "{\"x\": 1}", .etag = "1", .error = "", .metadata = {{"ttlExpireTime", "t"}}},
                                 {.key = "b"},
                                 {.key = "<c>", .error = "broken"}};
  EXPECT_EQ(bulk_get_body(items), R"([{"key":"a","data":{"x": 1},"etag":"1","metadata":{"ttlExpireTime":"t"}},{"key":"b"},)"
                                  R"({"key":"\u003cc\u003e","error":"broken"}])");
}

TEST(DaprJson, QueryAnswers) {
  EXPECT_EQ(query_body({.results = {{"a", "1", "7", ""}, {"b", "", "", "broken"}}, .token = "2", .metadata = {{"m", "v"}}}),
            R"({"results":[{"key":"a","data":1,"etag":"7"},{"key":"b","data":null,"error":"broken"}],"token":"2","metadata":{"m":"v"}})"
            "\n");
}

TEST(DaprJson, SecretAnswers) {
  EXPECT_EQ(secret_body({{"b", "2"}, {"a", "1"}}), "{\"a\":\"1\",\"b\":\"2\"}\n");
  EXPECT_EQ(bulk_secret_body({{{"k", {{{"k", "v"}}}}, {"e", {}}}}), "{\"e\":{},\"k\":{\"k\":\"v\"}}\n");
}

TEST(DaprJson, AStatusOfGrpcIsAsProtojsonWritesIt) {
  EXPECT_EQ(grpc_status_body({5, "no such order", {}}), R"({"code":5,"message":"no such order"})");
  const std::string info = write(ErrorInfo{"R", "d", {{"a", "b"}}}), resource = write(ResourceInfo{"t", "n", "", "x"}),
                    request = write(BadRequest{{{"f", "d"}}}), help = write(Help{{{"d", "u"}}});
  EXPECT_EQ(grpc_status_body({3, "",
                              {{"type.googleapis.com/google.rpc.ErrorInfo", info},
                               {"type.googleapis.com/google.rpc.ResourceInfo", resource},
                               {"type.googleapis.com/google.rpc.BadRequest", request},
                               {"type.googleapis.com/google.rpc.Help", help},
                               {"type.googleapis.com/shop.Sold", "\xff"},
                               {"google.rpc.Help", "\xff"}}}),
            R"({"code":3,"details":[)"
            R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R","domain":"d","metadata":{"a":"b"}},)"
            R"({"@type":"type.googleapis.com/google.rpc.ResourceInfo","resourceType":"t","resourceName":"n","description":"x"},)"
            R"({"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"f","description":"d"}]},)"
            R"({"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"d","url":"u"}]},)"
            R"({"@type":"type.googleapis.com/shop.Sold","value":"/w=="},{"@type":"google.rpc.Help","value":"/w=="}]})");
}

TEST(DaprJson, MetadataAnswersHaveTheMembersOfDaprdInItsOrder) {
  GetMetadataResponse m;
  EXPECT_EQ(metadata_body(m), R"({"appConnectionProperties":{},"actorRuntime":{"runtimeStatus":"INITIALIZING","hostReady":false}})"
                              "\n");
  m.id = "app";
  m.runtime_version = "1.14.0";
  m.enabled_features = {"f"};
  m.active_actors_count = {{"t", 1}};
  m.registered_components = {{"n", "state.in-memory", "v1", {"ETAG", "TTL"}}, {"x", "y", "", {}}};
  m.extended_metadata = {{"daprRuntimeVersion", "1.14.0"}};
  m.subscriptions = {{"p", "t", {{"a", "b"}}, {{{"m", "/p"}, {"", "/q"}}}, "", "PROGRAMMATIC"}};
  m.http_endpoints = {{"h"}};
  m.app_connection_properties = AppConnectionProperties{8080, "http", "127.0.0.1", 0, AppConnectionHealthProperties{"/healthz", "5s", "500ms", 3}};
  m.actor_runtime = ActorRuntime{"DISABLED", {}, false, ""};
  m.scheduler = MetadataScheduler{{"a:1"}};
  m.workflows = MetadataWorkflows{2};
  m.resiliencies = {{"r"}};
  EXPECT_EQ(
      metadata_body(m),
      R"({"id":"app","runtimeVersion":"1.14.0","enabledFeatures":["f"],"actors":[{"type":"t","count":1}],)"
      R"("components":[{"name":"n","type":"state.in-memory","version":"v1","capabilities":["ETAG","TTL"]},{"name":"x","type":"y"}],)"
      R"("extended":{"daprRuntimeVersion":"1.14.0"},)"
      R"("subscriptions":[{"pubsubname":"p","topic":"t","metadata":{"a":"b"},"rules":[{"match":"m","path":"/p"},{"path":"/q"}],)"
      R"("deadLetterTopic":"","type":"PROGRAMMATIC"}],"httpEndpoints":[{"name":"h"}],)"
      R"("appConnectionProperties":{"port":8080,"protocol":"http","channelAddress":"127.0.0.1",)"
      R"("health":{"healthCheckPath":"/healthz","healthProbeInterval":"5s","healthProbeTimeout":"500ms","healthThreshold":3}},)"
      R"("actorRuntime":{"runtimeStatus":"DISABLED","hostReady":false},"scheduler":{"connected_addresses":["a:1"]},)"
      R"("workflows":{"connectedWorkers":2},"resiliencies":[{"name":"r"}]})"
      "\n");
}

}  // namespace
}  // namespace holdfast::codec::dapr

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "codec/dapr_json.h"
#include "codec/go_json.h"

namespace holdfast::codec::dapr {

namespace {

using Kind = GoJson::Kind;

std::string_view go_word(Kind kind) {
  switch (kind) {
    case Kind::Object: return "object";
    case Kind::Array: return "array";
    case Kind::String: return "string";
    case Kind::Number: return "number";
    case Kind::Bool: return "bool";
    case Kind::Null: return "null";
  }
  return "";
}

// Goes through a body with what Go's types allow. As there, the first value of a wrong type is the error, and the rest is gone through
// all the same; null is no value, wherever it stands. `place` is Go's name of it: "Go struct field SetRequest.key".
class Decoder {
 public:
  explicit Decoder(std::string_view checked) : in_(checked) {}

  GoJson& in() { return in_; }
  void type_error(std::string_view got, std::string_view place, std::string_view type) {
    if (error_.empty())
      error_ = "json: cannot unmarshal " + std::string(got) + " into " + std::string(place) + " of type " + std::string(type);
  }
  // True: it is one, and stands before it. Else it is passed over.
  bool expect(Kind kind, std::string_view place, std::string_view type) {
    const Kind got = in_.kind();
    if (got == kind) return true;
    in_.raw();
    if (got != Kind::Null) type_error(go_word(got), place, type);
    return false;
  }
  void string(std::string& value, std::string_view place) {
    if (expect(Kind::String, place, "string")) value = in_.string();
  }
  void integer(std::int64_t& value, std::string_view place) {
    if (!expect(Kind::Number, place, "int")) return;
    const std::string_view text = in_.raw();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) type_error("number " + std::string(text), place, "int");
  }
  void metadata(Metadata& all, std::string_view place) {
    if (in_.kind() == Kind::Null) all.clear();
    if (!expect(Kind::Object, place, "map[string]string")) return;
    in_.members([&](const std::string& name) {
      std::string value;
      string(value, place);
      if (one_more()) all.insert_or_assign(name, std::move(value));
    });
  }
  template <typename Take>
  void array(std::string_view place, std::string_view type, Take&& take) {
    if (!expect(Kind::Array, place, type)) return;
    in_.elements([&] {
      if (one_more()) take();
      else in_.raw();
    });
  }
  bool one_more() {
    if (++parts_ <= kPartsMax) return true;
    error_ = "more than " + std::to_string(kPartsMax) + " items and entries in one body";
    return false;
  }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  GoJson in_;
  std::string error_;
  std::size_t parts_ = 0;
};

void read_options(Decoder& d, StateOptions& options) {
  if (!d.expect(Kind::Object, "Go struct field SetRequest.options", "state.SetStateOption")) return;
  d.in().members([&](const std::string& name) {
    if (same_name(name, "concurrency")) d.string(options.concurrency, "Go struct field SetStateOption.options.Concurrency");
    else if (same_name(name, "consistency")) d.string(options.consistency, "Go struct field SetStateOption.options.Consistency");
    else d.in().raw();
  });
}

void read_state(Decoder& d, StateItem& item) {
  item.value = "null";
  if (!d.expect(Kind::Object, "Go value", "state.SetRequest")) return;
  d.in().members([&](const std::string& name) {
    if (same_name(name, "key")) {
      d.string(item.key, "Go struct field SetRequest.key");
    } else if (same_name(name, "value")) {
      item.value = d.in().raw();
    } else if (same_name(name, "etag")) {
      if (d.in().kind() == Kind::Null) item.etag.clear();
      d.string(item.etag, "Go struct field SetRequest.etag");
    } else if (same_name(name, "metadata")) {
      d.metadata(item.metadata, "Go struct field SetRequest.metadata");
    } else if (same_name(name, "options")) {
      read_options(d, item.options);
    } else if (same_name(name, "contentType")) {
      if (d.in().kind() == Kind::Null) item.content_type.clear();
      d.string(item.content_type, "Go struct field SetRequest.contentType");
    } else {
      d.in().raw();
    }
  });
}

// --- Operations, which daprd reads with mapstructure.

// The request of one operation: its members by the names they were written with, of which the last counts.
class Operation {
 public:
  explicit Operation(std::string_view request) {
    GoJson in(request);
    in.members([&](const std::string& name) { members_.insert_or_assign(name, in.raw()); });
  }

  // A field is the member with exactly its name in Go, or any that differs in case alone.
  [[nodiscard]] std::string_view find(std::string_view field) const {
    const auto exact = members_.find(std::string(field));
    if (exact != members_.end()) return exact->second;
    for (const auto& [name, value] : members_)
      if (same_name(name, field)) return value;
    return "null";
  }
  void string(std::string_view text, const std::string& name, std::string& value) {
    GoJson in(text);
    switch (in.kind()) {
      case Kind::Null: return;
      case Kind::String: value = in.string(); return;
      case Kind::Object: return unconvertible(name, "map[string]interface {}", text);
      case Kind::Array: return unconvertible(name, "[]interface {}", text);
      case Kind::Number: return unconvertible(name, "float64", text);
      case Kind::Bool: return unconvertible(name, "bool", text);
    }
  }
  void metadata(Metadata& all) {
    const std::string_view text = find("Metadata");
    if (!is_map(text, "Metadata")) return;
    GoJson in(text);
    in.members([&](const std::string& name) { string(in.raw(), "Metadata[" + name + "]", all[name]); });
  }
  void options(StateOptions& options) {
    const std::string_view text = find("Options");
    if (!is_map(text, "Options")) return;
    Operation inner(text);
    inner.string(inner.find("Concurrency"), "Options.Concurrency", options.concurrency);
    inner.string(inner.find("Consistency"), "Options.Consistency", options.consistency);
    for (auto& error : inner.errors_) errors_.push_back(std::move(error));
  }
  [[nodiscard]] std::string error() {
    if (errors_.empty()) return {};
    std::sort(errors_.begin(), errors_.end());
    std::string out = std::to_string(errors_.size()) + " error(s) decoding:\n";
    for (const auto& error : errors_) out += "\n* " + error;
    return out;
  }

  static std::string_view go_kind(Kind kind) {
    switch (kind) {
      case Kind::Array: return "slice";
      case Kind::Number: return "float64";
      default: return go_word(kind);
    }
  }

 private:
  void unconvertible(const std::string& name, std::string_view type, std::string_view value) {
    errors_.push_back("'" + name + "' expected type 'string', got unconvertible type '" + std::string(type) + "', value: '" +
                      std::string(value) + "'");
  }
  bool is_map(std::string_view text, const char* name) {
    const Kind kind = GoJson(text).kind();
    if (kind == Kind::Object) return true;
    if (kind != Kind::Null)
      errors_.push_back("'" + std::string(name) + "' expected a map, got '" + std::string(go_kind(kind)) + "'");
    return false;
  }

  std::map<std::string, std::string_view> members_;
  std::vector<std::string> errors_;
};

// What is wrong with it, or nothing.
std::string read_operation(std::string_view request, TransactionalStateOperation& operation) {
  StateItem& item = operation.request;
  item.value = "null";
  if (operation.operation_type != "upsert" && operation.operation_type != "delete") return {};
  const Kind kind = GoJson(request).kind();
  if (kind == Kind::Null) return {};
  if (kind != Kind::Object) return "'' expected a map, got '" + std::string(Operation::go_kind(kind)) + "'";
  Operation in(request);
  in.string(in.find("Key"), "Key", item.key);
  in.string(in.find("ETag"), "ETag", item.etag);
  in.metadata(item.metadata);
  in.options(item.options);
  if (operation.operation_type == "upsert") {
    item.value = in.find("Value");
    in.string(in.find("ContentType"), "ContentType", item.content_type);
  }
  return in.error();
}

// --- Filters

Result<QueryFilter> read_filter(std::string_view text, std::size_t depth);

Result<void> read_filters(const std::string& name, std::string_view text, std::size_t depth, std::vector<QueryFilter>& filters) {
  GoJson in(text);
  if (in.kind() != Kind::Array) return fail(ErrorCode::Invalid, name + " filter must be an array");
  std::vector<std::string_view> entries;
  in.elements([&] { entries.push_back(in.raw()); });
  if (entries.size() < 2) return fail(ErrorCode::Invalid, name + " filter must contain at least two entries");
  for (const auto entry : entries) {
    auto filter = read_filter(entry, depth + 1);
    if (!filter) return fail(filter.error());
    filters.push_back(std::move(*filter));
  }
  return {};
}

Result<void> read_comparison(const std::string& name, std::string_view text, QueryFilter& filter) {
  GoJson in(text);
  if (in.kind() != Kind::Object) return fail(ErrorCode::Invalid, name + " filter must be a map");
  std::map<std::string, std::string_view> members;
  in.members([&](const std::string& member) { members.insert_or_assign(member, in.raw()); });
  if (members.size() != 1) return fail(ErrorCode::Invalid, name + " filter must contain a single key/value pair");
  filter.path = members.begin()->first;
  const std::string_view value = members.begin()->second;
  if (filter.kind != QueryFilter::Kind::In) {
    filter.values.push_back(value);
    return {};
  }
  GoJson list(value);
  if (list.kind() != Kind::Array) return fail(ErrorCode::Invalid, "IN filter value must be an array");
  list.elements([&] { filter.values.push_back(list.raw()); });
  return {};
}

Result<QueryFilter> read_filter(std::string_view text, std::size_t depth) {
  using K = QueryFilter::Kind;
  static constexpr std::pair<std::string_view, K> kKinds[] = {{"EQ", K::Eq},   {"NEQ", K::Neq}, {"GT", K::Gt},
                                                              {"GTE", K::Gte}, {"LT", K::Lt},   {"LTE", K::Lte},
                                                              {"IN", K::In},   {"AND", K::And}, {"OR", K::Or}};
  if (depth > kQueryDepthMax)
    return fail(ErrorCode::Invalid, "filters in filters, more than " + std::to_string(kQueryDepthMax) + " deep");
  GoJson in(text);
  if (in.kind() != Kind::Object) return fail(ErrorCode::Invalid, "filter unit must be a map");
  std::map<std::string, std::string_view> units;
  in.members([&](const std::string& name) { units.insert_or_assign(name, in.raw()); });
  if (units.size() != 1) return fail(ErrorCode::Invalid, "filter unit must have a single element");
  const auto& [name, inner] = *units.begin();
  for (const auto& [word, kind] : kKinds) {
    if (name != word) continue;
    QueryFilter filter;
    filter.kind = kind;
    const auto read = kind == K::And || kind == K::Or ? read_filters(name, inner, depth, filter.filters)
                                                      : read_comparison(name, inner, filter);
    if (!read) return fail(read.error());
    return filter;
  }
  return fail(ErrorCode::Invalid, "unsupported filter " + go_quote(name));
}

}  // namespace

Result<std::vector<StateItem>> parse_states(std::string_view body) {
  if (auto checked = check_go_json(body); !checked) return fail(checked.error());
  Decoder d(body);
  std::vector<StateItem> items;
  d.array("Go value", "[]state.SetRequest", [&] { read_state(d, items.emplace_back()); });
  if (!d.error().empty()) return fail(ErrorCode::Invalid, d.error());
  return items;
}

Result<GetBulkStateRequest> parse_bulk_get(std::string_view body) {
  if (auto checked = check_go_json(body); !checked) return fail(checked.error());
  Decoder d(body);
  GetBulkStateRequest request;
  std::int64_t parallelism = 0;
  if (d.expect(Kind::Object, "Go value", "http.BulkGetRequest"))
    d.in().members([&](const std::string& name) {
      if (same_name(name, "keys")) {
        request.keys.clear();
        d.array("Go struct field BulkGetRequest.keys", "[]string",
                [&] { d.string(request.keys.emplace_back(), "Go struct field BulkGetRequest.keys"); });
      } else if (same_name(name, "metadata")) {
        d.metadata(request.metadata, "Go struct field BulkGetRequest.metadata");
      } else if (same_name(name, "parallelism")) {
        d.integer(parallelism, "Go struct field BulkGetRequest.parallelism");
      } else {
        d.in().raw();
      }
    });
  if (!d.error().empty()) return fail(ErrorCode::Invalid, d.error());
  request.parallelism = static_cast<std::int32_t>(std::clamp<std::int64_t>(parallelism, INT32_MIN, INT32_MAX));
  return request;
}

Result<TransactionBody> parse_transaction(std::string_view body) {
  if (auto checked = check_go_json(body); !checked) return fail(checked.error());
  struct Raw {
    std::string operation;
    std::string_view request = "null";
  };
  Decoder d(body);
  TransactionBody out;
  std::vector<Raw> all;
  if (d.expect(Kind::Object, "Go value", "http.stateTransactionRequestBody"))
    d.in().members([&](const std::string& name) {
      if (same_name(name, "metadata")) {
        d.metadata(out.request.metadata, "Go struct field stateTransactionRequestBody.metadata");
      } else if (same_name(name, "operations")) {
        all.clear();
        d.array("Go struct field stateTransactionRequestBody.operations", "[]http.stateTransactionRequestBodyOperation", [&] {
          Raw& raw = all.emplace_back();
          if (!d.expect(Kind::Object, "Go struct field stateTransactionRequestBody.operations",
                        "http.stateTransactionRequestBodyOperation"))
            return;
          d.in().members([&](const std::string& member) {
            if (same_name(member, "operation"))
              d.string(raw.operation, "Go struct field stateTransactionRequestBodyOperation.operations.operation");
            else if (same_name(member, "request")) raw.request = d.in().raw();
            else d.in().raw();
          });
        });
      } else {
        d.in().raw();
      }
    });
  if (!d.error().empty()) return fail(ErrorCode::Invalid, d.error());
  for (Raw& raw : all) {
    TransactionalStateOperation operation{std::move(raw.operation), {}};
    out.broken = read_operation(raw.request, operation);
    if (!out.broken.empty()) break;
    out.request.operations.push_back(std::move(operation));
  }
  return out;
}

Result<Query> parse_query(std::string_view text) {
  if (auto checked = check_go_json(text); !checked) return fail(checked.error());
  Decoder d(text);
  Query query;
  std::string_view filter;
  if (d.expect(Kind::Object, "Go value", "query.QueryFields"))
    d.in().members([&](const std::string& name) {
      if (same_name(name, "filter")) {
        const bool is_filter = d.expect(Kind::Object, "Go struct field QueryFields.filter", "map[string]interface {}");
        filter = is_filter ? d.in().raw() : std::string_view{};
      } else if (same_name(name, "sort")) {
        query.sort.clear();
        d.array("Go struct field QueryFields.sort", "[]query.Sorting", [&] {
          auto& by = query.sort.emplace_back();
          if (!d.expect(Kind::Object, "Go struct field QueryFields.sort", "query.Sorting")) return;
          d.in().members([&](const std::string& member) {
            if (same_name(member, "key")) d.string(by.key, "Go struct field Sorting.sort.key");
            else if (same_name(member, "order")) d.string(by.order, "Go struct field Sorting.sort.order");
            else d.in().raw();
          });
        });
      } else if (same_name(name, "page")) {
        if (!d.expect(Kind::Object, "Go struct field QueryFields.page", "query.Pagination")) return;
        d.in().members([&](const std::string& member) {
          if (same_name(member, "limit")) d.integer(query.limit, "Go struct field Pagination.page.limit");
          else if (same_name(member, "token")) d.string(query.token, "Go struct field Pagination.page.token");
          else d.in().raw();
        });
      } else {
        d.in().raw();
      }
    });
  if (!d.error().empty()) return fail(ErrorCode::Invalid, d.error());
  bool is_any = false;
  if (!filter.empty()) {
    GoJson in(filter);
    in.members([&](const std::string&) {
      is_any = true;
      in.raw();
    });
  }
  if (is_any) {
    auto read = read_filter(filter, 1);
    if (!read) return fail(read.error());
    query.filter = std::move(*read);
  }
  return query;
}

}  // namespace holdfast::codec::dapr

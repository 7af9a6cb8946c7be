#include <algorithm>
#include <cstdint>

#include "codec/dapr_json_decoder.h"

namespace holdfast::codec::dapr {

namespace {

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

// Of one operation; the others are only counted.
constexpr std::size_t kErrorsShownMax = 100;

// The request of one operation.
class Operation {
 public:
  Operation(std::string_view request, Parts& parts) : parts_(parts) {
    GoJson in(request);
    members_ = members_of(in, parts);
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
    for (const auto& [name, value] : members_of(in, parts_)) string(value, "Metadata[" + name + "]", all[name]);
  }
  void options(StateOptions& options) {
    const std::string_view text = find("Options");
    if (!is_map(text, "Options")) return;
    Operation inner(text, parts_);
    inner.string(inner.find("Concurrency"), "Options.Concurrency", options.concurrency);
    inner.string(inner.find("Consistency"), "Options.Consistency", options.consistency);
    for (auto& error : inner.errors_) add_error(std::move(error));
  }
  [[nodiscard]] std::string error() {
    if (errors_.empty()) return {};
    std::sort(errors_.begin(), errors_.end());
    std::string out = std::to_string(error_count_) + " error(s) decoding:\n";
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
    add_error("'" + name + "' expected type 'string', got unconvertible type '" + std::string(type) + "', value: '" + excerpt(value) + "'");
  }
  bool is_map(std::string_view text, const char* name) {
    const Kind kind = GoJson(text).kind();
    if (kind == Kind::Object) return true;
    if (kind != Kind::Null)
      add_error("'" + std::string(name) + "' expected a map, got '" + std::string(go_kind(kind)) + "'");
    return false;
  }

  void add_error(std::string error) {
    if (++error_count_ <= kErrorsShownMax) errors_.push_back(std::move(error));
  }

  Parts& parts_;
  Members members_;
  std::vector<std::string> errors_;
  std::size_t error_count_ = 0;
};

// What is wrong with it, or nothing.
std::string read_operation(std::string_view request, Parts& parts, TransactionalStateOperation& operation) {
  StateItem& item = operation.request;
  item.value = "null";
  if (operation.operation_type != "upsert" && operation.operation_type != "delete") return {};
  const Kind kind = GoJson(request).kind();
  if (kind == Kind::Null) return {};
  if (kind != Kind::Object) return "'' expected a map, got '" + std::string(Operation::go_kind(kind)) + "'";
  Operation in(request, parts);
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
    out.broken = read_operation(raw.request, d.parts(), operation);
    if (d.parts().are_too_many()) return fail(ErrorCode::Invalid, Parts::error());
    if (!out.broken.empty()) break;
    out.request.operations.push_back(std::move(operation));
  }
  return out;
}

}  // namespace holdfast::codec::dapr

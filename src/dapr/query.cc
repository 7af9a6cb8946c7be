#include "dapr/query.h"

#include <algorithm>
#include <charconv>
#include <compare>
#include <cstdlib>
#include <utility>

#include "base/base64.h"
#include "codec/go_json.h"

namespace holdfast::dapr {
namespace {

using codec::GoJson;
using Kind = QueryValue::Kind;
using Op = codec::dapr::QueryFilter::Kind;

long double number_of(std::string_view text) {
  std::int64_t whole = 0;
  const char* end = text.data() + text.size();
  if (const auto [at, error] = std::from_chars(text.data(), end, whole); error == std::errc() && at == end) return static_cast<long double>(whole);
  double number = 0;
  if (std::from_chars(text.data(), end, number).ec == std::errc()) return static_cast<long double>(number);
  return static_cast<long double>(std::strtod(std::string(text).c_str(), nullptr));  // Beyond what there is: infinite, or next to nothing.
}

// Of JSON that was checked.
QueryValue value_of(std::string_view json) {
  GoJson in(json);
  switch (in.kind()) {
    case GoJson::Kind::Null: return {};
    case GoJson::Kind::Bool: return {in.raw() == "true" ? Kind::True : Kind::False, 0, {}};
    case GoJson::Kind::Number: {
      const auto text = in.raw();
      return {Kind::Number, number_of(text), std::string(text)};
    }
    case GoJson::Kind::String: return {Kind::String, 0, in.string()};
    case GoJson::Kind::Object:
    case GoJson::Kind::Array: break;
  }
  return {Kind::Other, 0, {}};
}

std::strong_ordering order_of(const QueryValue& a, const QueryValue& b) {
  if (a.kind != b.kind) return a.kind <=> b.kind;
  if (a.kind == Kind::Number) return a.number < b.number ? std::strong_ordering::less : a.number > b.number ? std::strong_ordering::greater : std::strong_ordering::equal;
  return a.text <=> b.text;
}

bool are_equal(const QueryValue& a, const QueryValue& b) { return a.kind != Kind::Other && order_of(a, b) == 0; }

// Whether one may be greater than the other.
bool are_comparable(const QueryValue& a, const QueryValue& b) {
  const auto is_bool = [](const QueryValue& value) { return value.kind == Kind::False || value.kind == Kind::True; };
  if (is_bool(a)) return is_bool(b);
  return a.kind == b.kind && (a.kind == Kind::Number || a.kind == Kind::String);
}

}  // namespace

Result<PreparedQuery::Slot> PreparedQuery::slot_of(std::string_view path) {
  std::size_t node = 0, depth = 0;
  for (std::size_t at = 0; at <= path.size();) {
    if (++depth > kQueryPathDepthMax)
      return fail(ErrorCode::Invalid, "a path of more than " + std::to_string(kQueryPathDepthMax) + " names: " + codec::go_quote(path.substr(0, 100)));
    const std::size_t end = std::min(path.find('.', at), path.size());
    const auto [member, is_new] = nodes_[node].members.try_emplace(std::string(path.substr(at, end - at)), nodes_.size());
    node = member->second;
    if (is_new) nodes_.emplace_back();
    at = end + 1;
  }
  if (!nodes_[node].slot) nodes_[node].slot = slots_++;
  return *nodes_[node].slot;
}

Result<PreparedQuery::Filter> PreparedQuery::prepare(const codec::dapr::QueryFilter& filter) {
  Filter out{filter.kind, 0, {}, {}};
  counted_ += 1 + filter.values.size();
  if (counted_ > kQueryValuesMax) return fail(ErrorCode::Invalid, "more than " + std::to_string(kQueryValuesMax) + " filters and values in one query");
  if (filter.kind == Op::And || filter.kind == Op::Or) {
    for (const auto& inner : filter.filters) {
      auto one = prepare(inner);
      if (!one) return one;
      out.filters.push_back(*std::move(one));
    }
    return out;
  }
  if (filter.values.empty()) return fail(ErrorCode::Invalid, "empty IN operator for key " + codec::go_quote(filter.path));
  auto slot = slot_of(filter.path);
  if (!slot) return fail(std::move(slot.error()));
  out.slot = *slot;
  for (const auto json : filter.values) {
    out.values.push_back(value_of(json));
    if (out.values.back().kind == Kind::Other)
      return fail(ErrorCode::Invalid, "the filter of " + codec::go_quote(filter.path) + " compares with a list or an object; expected a string, a number, true, false or null");
  }
  return out;
}

Result<PreparedQuery> PreparedQuery::prepare(const codec::dapr::Query& query) {
  PreparedQuery out;
  if (query.filter) {
    auto filter = out.prepare(*query.filter);
    if (!filter) return fail(std::move(filter.error()));
    out.filter_ = *std::move(filter);
  }
  if (out.counted_ + query.sort.size() > kQueryValuesMax)
    return fail(ErrorCode::Invalid, "more than " + std::to_string(kQueryValuesMax) + " filters, values and keys to sort by in one query");
  for (const auto& by : query.sort) {
    auto slot = out.slot_of(by.key);
    if (!slot) return fail(std::move(slot.error()));
    const bool descends = codec::same_name(by.order, "DESC");
    if (!descends && !by.order.empty() && !codec::same_name(by.order, "ASC"))
      return fail(ErrorCode::Invalid, "the order of " + codec::go_quote(by.key) + " is " + codec::go_quote(by.order) + "; expected ASC or DESC");
    out.sort_.push_back({*slot, descends});
  }
  // As with Dapr's own stores, none and less are no limit.
  out.limit_ = static_cast<std::size_t>(std::max<std::int64_t>(0, query.limit));
  if (!query.token.empty()) {
    auto after = place_of(query.token, out.sort_.size());
    if (!after) return fail(std::move(after.error()));
    out.after_ = *std::move(after);
  }
  return out;
}

PreparedQuery PreparedQuery::all(std::int64_t limit, std::string after) {
  PreparedQuery out;
  out.limit_ = static_cast<std::size_t>(limit);
  if (!after.empty()) out.after_ = QueryPlace{{}, std::move(after)};
  return out;
}

void PreparedQuery::find(std::string_view json, std::size_t node, std::vector<QueryValue>& values) const {
  // Of members with one name the last counts that the path leads through to its end.
  if (nodes_[node].slot) values[*nodes_[node].slot] = value_of(json);
  GoJson in(json);
  if (nodes_[node].members.empty() || in.kind() != GoJson::Kind::Object) return;
  in.members([&](const std::string& name) {
    const auto value = in.raw();
    if (const auto it = nodes_[node].members.find(name); it != nodes_[node].members.end()) find(value, it->second, values);
  });
}

bool PreparedQuery::holds(const Filter& filter, const std::vector<QueryValue>& values) {
  const auto inner_holds = [&](const Filter& inner) { return holds(inner, values); };
  if (filter.kind == Op::And) return std::ranges::all_of(filter.filters, inner_holds);
  if (filter.kind == Op::Or) return std::ranges::any_of(filter.filters, inner_holds);
  const QueryValue& value = values[filter.slot];
  const QueryValue& wanted = filter.values.front();
  switch (filter.kind) {
    case Op::Eq: return are_equal(value, wanted);
    case Op::Neq: return !are_equal(value, wanted);
    case Op::Gt: return are_comparable(value, wanted) && order_of(value, wanted) > 0;
    case Op::Gte: return are_comparable(value, wanted) && order_of(value, wanted) >= 0;
    case Op::Lt: return are_comparable(value, wanted) && order_of(value, wanted) < 0;
    case Op::Lte: return are_comparable(value, wanted) && order_of(value, wanted) <= 0;
    case Op::In: return std::ranges::any_of(filter.values, [&](const QueryValue& one) { return are_equal(value, one); });
    case Op::And:
    case Op::Or: break;
  }
  return false;
}

std::optional<QueryPlace> PreparedQuery::match(std::string_view key, std::string_view value) const {
  QueryPlace place{{}, std::string(key)};
  if (slots_ == 0) return place;
  std::vector<QueryValue> values(slots_);
  if (codec::check_go_json(value)) find(value, 0, values);
  else if (filter_) return std::nullopt;
  if (filter_ && !holds(*filter_, values)) return std::nullopt;
  place.values.reserve(sort_.size());
  for (const auto& by : sort_) place.values.push_back(values[by.slot]);
  return place;
}

bool PreparedQuery::is_before(const QueryPlace& a, const QueryPlace& b) const {
  for (std::size_t i = 0; i < sort_.size(); ++i)
    if (const auto order = order_of(a.values[i], b.values[i]); order != 0) return sort_[i].descends ? order > 0 : order < 0;
  return a.key < b.key;
}

std::string PreparedQuery::token_of(const QueryPlace& place) {
  std::string json;
  codec::GoJsonWriter out(json);
  out.begin('[');
  for (const auto& value : place.values) {
    switch (value.kind) {
      case Kind::Null: out.raw("null"); break;
      case Kind::False: out.raw("false"); break;
      case Kind::True: out.raw("true"); break;
      case Kind::Number: out.raw(value.text); break;
      case Kind::String: out.string(value.text); break;
      case Kind::Other: out.raw("{}"); break;
    }
  }
  // Keys of gRPC need be no text.
  out.string(to_base64(place.key)).end(']');
  std::string token = to_base64(json);
  std::ranges::replace(token, '+', '-');
  std::ranges::replace(token, '/', '_');
  std::erase(token, '=');
  return token;
}

Result<QueryPlace> PreparedQuery::place_of(std::string_view token, std::size_t values) {
  const auto none = [] { return fail(ErrorCode::Invalid, "the token is none that a page of this query ended with"); };
  std::string padded(token);
  std::ranges::replace(padded, '-', '+');
  std::ranges::replace(padded, '_', '/');
  padded.append((4 - padded.size() % 4) % 4, '=');
  const auto json = from_base64(padded);
  if (!json || !codec::check_go_json(*json)) return none();
  GoJson in(*json);
  if (in.kind() != GoJson::Kind::Array) return none();
  QueryPlace place;
  bool is_text = false;
  in.elements([&] {
    is_text = in.kind() == GoJson::Kind::String;
    place.values.push_back(value_of(in.raw()));
  });
  if (place.values.size() != values + 1 || !is_text) return none();
  auto key = from_base64(place.values.back().text);
  if (!key) return none();
  place.key = *std::move(key);
  place.values.pop_back();
  return place;
}

}  // namespace holdfast::dapr

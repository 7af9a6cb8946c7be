#include "codec/dapr_json_decoder.h"

namespace holdfast::codec::dapr {

namespace {

Result<QueryFilter> read_filter(std::string_view text, std::size_t depth, Parts& parts);

std::vector<std::string_view> elements_of(GoJson& in, Parts& parts) {
  std::vector<std::string_view> elements;
  in.elements([&] {
    const auto value = in.raw();
    if (parts.one_more()) elements.push_back(value);
  });
  return elements;
}

Result<void> read_filters(const std::string& name, std::string_view text, std::size_t depth, Parts& parts,
                          std::vector<QueryFilter>& filters) {
  GoJson in(text);
  if (in.kind() != Kind::Array) return fail(ErrorCode::Invalid, name + " filter must be an array");
  const auto entries = elements_of(in, parts);
  if (entries.size() < 2) return fail(ErrorCode::Invalid, name + " filter must contain at least two entries");
  for (const auto entry : entries) {
    auto filter = read_filter(entry, depth + 1, parts);
    if (!filter) return fail(filter.error());
    filters.push_back(std::move(*filter));
  }
  return {};
}

Result<void> read_comparison(const std::string& name, std::string_view text, Parts& parts, QueryFilter& filter) {
  GoJson in(text);
  if (in.kind() != Kind::Object) return fail(ErrorCode::Invalid, name + " filter must be a map");
  const Members members = members_of(in, parts);
  if (members.size() != 1) return fail(ErrorCode::Invalid, name + " filter must contain a single key/value pair");
  filter.path = members.begin()->first;
  const std::string_view value = members.begin()->second;
  if (filter.kind != QueryFilter::Kind::In) {
    filter.values.push_back(value);
    return {};
  }
  GoJson list(value);
  if (list.kind() != Kind::Array) return fail(ErrorCode::Invalid, "IN filter value must be an array");
  filter.values = elements_of(list, parts);
  return {};
}

Result<QueryFilter> read_filter(std::string_view text, std::size_t depth, Parts& parts) {
  using K = QueryFilter::Kind;
  static constexpr std::pair<std::string_view, K> kKinds[] = {{"EQ", K::Eq},   {"NEQ", K::Neq}, {"GT", K::Gt},
                                                              {"GTE", K::Gte}, {"LT", K::Lt},   {"LTE", K::Lte},
                                                              {"IN", K::In},   {"AND", K::And}, {"OR", K::Or}};
  if (depth > kQueryDepthMax)
    return fail(ErrorCode::Invalid, "filters in filters, more than " + std::to_string(kQueryDepthMax) + " deep");
  GoJson in(text);
  if (in.kind() != Kind::Object) return fail(ErrorCode::Invalid, "filter unit must be a map");
  const Members units = members_of(in, parts);
  if (units.size() != 1) return fail(ErrorCode::Invalid, "filter unit must have a single element");
  const auto& [name, inner] = *units.begin();
  for (const auto& [word, kind] : kKinds) {
    if (name != word) continue;
    QueryFilter filter;
    filter.kind = kind;
    const auto read = kind == K::And || kind == K::Or ? read_filters(name, inner, depth, parts, filter.filters)
                                                      : read_comparison(name, inner, parts, filter);
    if (!read) return fail(read.error());
    return filter;
  }
  return fail(ErrorCode::Invalid, "unsupported filter " + go_quote(name));
}

}  // namespace

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
    auto read = read_filter(filter, 1, d.parts());
    if (d.parts().are_too_many()) return fail(ErrorCode::Invalid, Parts::error());
    if (!read) return fail(read.error());
    query.filter = std::move(*read);
  }
  return query;
}

}  // namespace holdfast::codec::dapr

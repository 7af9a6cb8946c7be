#include <libpq-fe.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>
#include <set>
#include <utility>

#include "postgres/settings.h"

namespace holdfast::postgres {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

std::string decode_percent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(&text[i + 1], &text[i + 3], code, 16).ptr == &text[i + 3]) {
      out.push_back(static_cast<char>(code));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// What stands before the question mark is libpq's business.
Result<Pairs> parse_url(const std::string& text) {
  const auto question = std::min(text.find('?'), text.size());
  char* message = nullptr;
  const Options options(PQconninfoParse(text.substr(0, question).c_str(), &message));
  const std::string why = message == nullptr ? "out of memory" : message;
  PQfreemem(message);
  if (!options) return fail(ErrorCode::Invalid, why.substr(0, why.find_last_not_of('\n') + 1));
  Pairs pairs;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) pairs.emplace_back(option->keyword, option->val);
  for (std::size_t at = question; at < text.size();) {
    const auto end = std::min(text.find('&', at + 1), text.size());
    const std::string_view word = std::string_view(text).substr(at + 1, end - at - 1);
    at = end;
    const auto equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    pairs.emplace_back(decode_percent(word.substr(0, equals)), decode_percent(word.substr(equals + 1)));
  }
  return pairs;
}

// host=localhost password='it\'s'
Result<Pairs> parse_words(const std::string& text) {
  Pairs pairs;
  std::size_t at = 0;
  const auto is_space = [&] { return std::isspace(static_cast<unsigned char>(text[at])) != 0; };
  const auto skip_spaces = [&] {
    while (at < text.size() && is_space()) ++at;
  };
  for (skip_spaces(); at < text.size(); skip_spaces()) {
    std::string name, value;
    while (at < text.size() && text[at] != '=' && !is_space()) name.push_back(text[at++]);
    skip_spaces();
    // Not what it has: it may be a password.
    if (name.empty() || at == text.size() || text[at] != '=') return fail(ErrorCode::Invalid, "expected name=value at character " + std::to_string(at));
    ++at;
    skip_spaces();
    const bool is_quoted = at < text.size() && text[at] == '\'';
    if (is_quoted) ++at;
    while (at < text.size() && (is_quoted ? text[at] != '\'' : !is_space())) {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      value.push_back(text[at++]);
    }
    if (is_quoted && at++ >= text.size()) return fail(ErrorCode::Invalid, "a quoted value has no end");
    pairs.emplace_back(std::move(name), std::move(value));
  }
  return pairs;
}

bool is_of_pool(const std::string& name) {
  return name.starts_with("pool_") || name == "default_query_exec_mode" || name == "statement_cache_capacity" || name == "description_cache_capacity";
}

}  // namespace

Result<ConnectionString> parse_connection_string(const std::string& text) {
  const bool is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
  auto pairs = is_url ? parse_url(text) : parse_words(text);
  if (!pairs) return fail(std::move(pairs.error()));
  std::set<std::string, std::less<>> known;
  const Options defaults(PQconndefaults());
  for (const auto* option = defaults.get(); option != nullptr && option->keyword != nullptr; ++option) known.insert(option->keyword);
  ConnectionString out;
  std::string runtime;
  for (auto& [name, value] : *pairs) {
    if (name == "pool_max_conns") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out.pool_max_connections);
      if (error != std::errc() || end != value.data() + value.size() || out.pool_max_connections < 1)
        return fail(ErrorCode::Invalid, "pool_max_conns: expected a number, got '" + value + "'");
    } else if (is_of_pool(name)) {
      continue;
    } else if (name == "database") {
      out.parameters["dbname"] = std::move(value);
    } else if (known.contains(name)) {
      out.parameters[name] = std::move(value);
    } else {
      // A setting of the session, like search_path.
      runtime += " -c " + name + "=";
      for (const char c : value) {
        if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == '\\') runtime.push_back('\\');
        runtime.push_back(c);
      }
    }
  }
  if (!runtime.empty()) out.parameters["options"] += runtime;
  return out;
}

}  // namespace holdfast::postgres

#include "config/reader.h"

#include <algorithm>

#include "config/nearest.h"

namespace holdfast::config {
namespace {

// A stranger's name as part of a path: quoted where it could be taken for something else.
std::string in_path(std::string_view name) {
  std::string quoted = in_quotes(name);
  const bool plain = name.find_first_of(" .:[]\"\\") == std::string_view::npos &&
                     quoted.size() == name.size() + 2 && !name.empty();
  return plain ? std::string(name) : quoted;
}

}  // namespace

void File::report(Severity severity, Mark mark, std::string path, std::string expected, std::string got,
                  std::string hint) {
  problems.push_back(
      {severity, place(mark), std::move(path), std::move(expected), std::move(got), std::move(hint)});
}

const Node* MapReader::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  const Node* value = member(key);
  return value == nullptr || value->kind == Node::Kind::Null ? nullptr : value;
}

bool MapReader::is_empty(std::string_view key) {
  (void)find(key);
  const Node* value = member(key);
  return value != nullptr && (value->kind == Node::Kind::Null || (value->kind == Node::Kind::Scalar && value->scalar.empty()));
}

const Node& MapReader::owner(std::string_view key) const {
  return adopted_ && adopted_->key == key ? *adopted_->node : node_;
}

const Node* MapReader::member(std::string_view key) const {
  for (const auto& [name, value] : owner(key).members)
    if (name.name == key) return value.get();
  return nullptr;
}

void MapReader::adopt(std::string_view key, const MapReader& where) {
  adopted_ = Adopted{key, &where.node_, where.path(key)};
}

std::optional<MapReader> MapReader::required_map(std::string_view key, Extras extras, std::string expected) {
  if (find(key) == nullptr) missing(key, std::move(expected));
  return map(key, extras);
}

bool MapReader::missing(std::string_view key, std::string expected) {
  error(key, std::move(expected), "nothing");
  return false;
}

Mark MapReader::mark(std::string_view key) const {
  const Node* value = member(key);
  return value == nullptr ? owner(key).mark : value->mark;
}

std::string MapReader::written(std::string_view key) const {
  const Node* value = member(key);
  return value == nullptr ? "nothing" : value->shown();
}

std::string MapReader::shown_url(std::string_view key) const {
  const Node* value = member(key);
  return value == nullptr ? std::string() : config::shown_url(expand(value->scalar, file_.environment));
}

std::string MapReader::path(std::string_view key) const {
  if (adopted_ && adopted_->key == key) return adopted_->path;
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void MapReader::error(std::string_view key, std::string expected, std::string got, std::string hint) {
  file_.report(Severity::Error, mark(key), path(key), std::move(expected), std::move(got), std::move(hint));
}

void MapReader::warning(std::string_view key, std::string expected, std::string got, std::string hint) {
  file_.report(Severity::Warning, mark(key), path(key), std::move(expected), std::move(got), std::move(hint));
}

bool MapReader::list(std::string_view key, const Format<std::string>& format, std::vector<std::string>& out,
                     std::vector<Element>& elements) {
  const Node* value = find(key);
  if (value == nullptr) return false;
  const std::string at = path(key);
  if (value->kind != Node::Kind::List) {
    file_.report(Severity::Error, value->mark, at, "a list", value->shown());
    return false;
  }
  if (value->items.size() > kTopicsMax) {
    file_.report(Severity::Error, value->mark, at, "at most " + std::to_string(kTopicsMax) + " elements",
                 std::to_string(value->items.size()));
    return false;
  }
  bool good = true;
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    std::string element;
    if (read(*value->items[i], at + "[" + std::to_string(i) + "]", format, element)) {
      out.push_back(std::move(element));
      elements.push_back({value->items[i]->mark, value->items[i]->shown()});
    } else {
      good = false;
    }
  }
  return good;
}

std::vector<MapReader> MapReader::maps(std::string_view key, Extras extras) {
  std::vector<MapReader> out;
  const Node* value = find(key);
  if (value == nullptr) return out;
  if (value->kind != Node::Kind::List) {
    error(key, "a list of maps", value->shown());
    return out;
  }
  if (value->items.size() > kTopicsMax)
    error(key, "at most " + std::to_string(kTopicsMax) + " elements", std::to_string(value->items.size()));
  for (std::size_t i = 0; i < std::min(value->items.size(), kTopicsMax); ++i) {
    const Node& item = *value->items[i];
    std::string at = path(key) + "[" + std::to_string(i) + "]";
    if (item.kind == Node::Kind::Map)
      out.emplace_back(file_, item, std::move(at), extras);
    else
      file_.report(Severity::Error, item.mark, std::move(at), "a map", item.shown());
  }
  return out;
}

void MapReader::add_pairs(const Node& map, const std::string& path, const std::string& expected,
                          std::vector<Pair>& out) {
  for (const auto& [name, value] : map.members) {
    const std::string at = path + "." + in_path(name.name);
    if (out.size() == kPairsMax)
      return file_.report(Severity::Error, name.mark, path,
                          "at most " + std::to_string(kPairsMax) + " in all", "more");
    if (name.name.empty()) {
      file_.report(Severity::Error, name.mark, at, "a name as key", in_quotes(name.name));
      continue;
    }
    const auto text = scalar(*value, at, expected);
    if (!text) continue;
    Pair pair{name.name, value->plain ? yaml_scalar(text->text) : text->text, value->mark, at, value->shown(), text->from_environment};
    const auto same =
        std::find_if(out.begin(), out.end(), [&](const Pair& p) { return p.name == name.name; });
    if (same == out.end()) {
      out.push_back(std::move(pair));
      continue;
    }
    file_.report(Severity::Warning, name.mark, at, "each of them once", in_quotes(name.name) + " again",
                 "the value at " + file_.place(same->mark).text() + " has no effect");
    *same = std::move(pair);
  }
}

void MapReader::refuse(const Pair& pair, std::string expected, std::string hint) {
  if (pair.from_environment) hint = "the value of the variable is not shown";
  file_.report(Severity::Error, pair.mark, pair.path, std::move(expected), pair.written, std::move(hint));
}

std::vector<MapReader::Pair> MapReader::pairs(std::string_view key, const std::string& expected) {
  std::vector<Pair> out;
  const Node* value = find(key);
  if (value == nullptr) return out;
  if (value->kind == Node::Kind::Map) {
    add_pairs(*value, path(key), expected, out);
  } else if (value->kind != Node::Kind::List) {
    error(key, "a list of name: value", value->shown());
  } else {
    for (std::size_t i = 0; i < value->items.size(); ++i) {
      const Node& item = *value->items[i];
      const std::string at = path(key) + "[" + std::to_string(i) + "]";
      if (item.kind == Node::Kind::Map)
        add_pairs(item, at, expected, out);
      else
        file_.report(Severity::Error, item.mark, at, "name: value", item.shown());
    }
  }
  return out;
}

std::optional<MapReader> MapReader::map(std::string_view key, Extras extras) {
  const Node* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind != Node::Kind::Map) {
    error(key, "a map", value->shown());
    return std::nullopt;
  }
  return MapReader(file_, *value, path(key), extras);
}

void MapReader::finish() {
  for (const auto& [name, value] : node_.members) {
    if (std::find(known_.begin(), known_.end(), name.name) != known_.end()) continue;
    std::string hint = suggestion(name.name, known_);
    if (extras_ == Extras::Ignored) hint = hint.empty() ? "it is ignored" : "it is ignored; " + hint;
    file_.report(extras_ == Extras::Ignored ? Severity::Warning : Severity::Error, name.mark,
                 path(in_path(name.name)), "a known key", in_quotes(name.name), std::move(hint));
  }
}

std::optional<Expansion> MapReader::scalar(const Node& value, const std::string& path,
                                           const std::string& expected) {
  if (value.kind != Node::Kind::Scalar) {
    file_.report(Severity::Error, value.mark, path, expected, value.shown());
    return std::nullopt;
  }
  if (file_.dollars == Dollars::Literal) {
    Expansion literal;
    literal.text = value.scalar;
    return literal;
  }
  Expansion text = expand(value.scalar, file_.environment);
  if (text.ok()) return text;
  file_.report(Severity::Error, value.mark, path, text.expected, text.got, text.hint);
  return std::nullopt;
}

void MapReader::refuse(const Node& value, const std::string& path, const std::string& expected,
                       const Expansion& text, std::string hint) {
  // A variable may hold a secret: what was written is shown, not what it became.
  std::string got = in_quotes(value.scalar);
  if (text.from_environment)
    hint = "the value of the variable is not shown";
  else if (text.text != value.scalar)
    got = in_quotes(text.text);
  file_.report(Severity::Error, value.mark, path, expected, std::move(got), std::move(hint));
}

}  // namespace holdfast::config

#include "config/reader.h"

#include <algorithm>

#include "config/nearest.h"

namespace holdfast::config {

void File::report(Severity severity, Mark mark, std::string path, std::string expected, std::string got,
                  std::string hint) {
  problems.push_back(
      {severity, place(mark), std::move(path), std::move(expected), std::move(got), std::move(hint)});
}

const Node* MapReader::find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  for (const auto& [name, value] : node_.members)
    if (name.name == key) return value->kind == Node::Kind::Null ? nullptr : value.get();
  return nullptr;
}

bool MapReader::missing(std::string_view key, std::string expected) {
  error(key, std::move(expected), "nothing");
  return false;
}

Mark MapReader::mark(std::string_view key) const {
  for (const auto& [name, value] : node_.members)
    if (name.name == key) return value->mark;
  return node_.mark;
}

std::string MapReader::written(std::string_view key) const {
  for (const auto& [name, value] : node_.members)
    if (name.name == key) return value->shown();
  return "nothing";
}

std::string MapReader::path(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void MapReader::error(std::string_view key, std::string expected, std::string got, std::string hint) {
  file_.report(Severity::Error, mark(key), path(key), std::move(expected), std::move(got), std::move(hint));
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
    // The name is a stranger's: in the path it is quoted where it could be taken for something else.
    const bool plain = name.name.find_first_of(" .:[]\"\\") == std::string::npos &&
                       in_quotes(name.name) == "\"" + name.name + "\"";
    std::string hint = suggestion(name.name, known_);
    if (extras_ == Extras::Ignored) hint = hint.empty() ? "it is ignored" : "it is ignored; " + hint;
    file_.report(extras_ == Extras::Ignored ? Severity::Warning : Severity::Error, name.mark,
                 path(plain ? name.name : in_quotes(name.name)), "a known key", in_quotes(name.name),
                 std::move(hint));
  }
}

std::optional<Expansion> MapReader::scalar(const Node& value, const std::string& path,
                                           const std::string& expected) {
  if (value.kind != Node::Kind::Scalar) {
    file_.report(Severity::Error, value.mark, path, expected, value.shown());
    return std::nullopt;
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

#include "config/dapr_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "config/edge_formats.h"
#include "config/load.h"
#include "model/dapr_values.h"

namespace holdfast::config {
namespace {

// What Go's encoding/json writes of a float.
std::string go_float(double value) {
  const double size = std::fabs(value);
  const bool scientific = size != 0 && (size < 1e-6 || size >= 1e21);
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                                 scientific ? std::chars_format::scientific : std::chars_format::fixed)
                       .ptr;
  std::string out(buffer, end);
  // e-07 is e-7 to Go.
  const auto exponent = out.find("e-0");
  if (exponent != std::string::npos && out.size() == exponent + 4) out.erase(exponent + 2, 1);
  return out;
}

// A plain scalar: true, a number in Go's form, or itself.
struct Plain {
  std::string text;
  bool is_string = true;
};
Plain go_plain(const std::string& written) {
  std::string text = yaml_scalar(written);
  if (text == "true" || text == "false") return {text, false};
  std::string_view number = text;
  if (number.starts_with('+')) number.remove_prefix(1);
  const bool numeric = !number.empty() && number.find_first_not_of("0123456789.eE+-") == std::string_view::npos &&
                       number.find_first_of("0123456789") != std::string_view::npos;
  if (!numeric) return {std::move(text), true};
  const bool integer = number.find_first_not_of("0123456789", number.starts_with('-') ? 1 : 0) == std::string_view::npos;
  if (integer && number.size() <= 20) return {std::string(number), false};
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc{} || end != number.data() + number.size()) return {std::move(text), true};
  return {go_float(value), false};
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
      out += buffer;
    } else {
      out += c;
    }
  }
  out += '"';
}

// Deep at most kNestingMax, as the node.
void append_json(std::string& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null:
      out += "null";
      return;
    case Node::Kind::Scalar: {
      const Plain plain = node.plain ? go_plain(node.scalar) : Plain{node.scalar, true};
      if (plain.is_string)
        append_json_string(out, plain.text);
      else
        out += plain.text;
      return;
    }
    case Node::Kind::List:
      out += '[';
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (i != 0) out += ',';
        append_json(out, *node.items[i]);
      }
      out += ']';
      return;
    case Node::Kind::Map: {
      std::vector<std::pair<std::string_view, const Node*>> members;
      for (const auto& [key, value] : node.members) members.emplace_back(key.name, value.get());
      std::sort(members.begin(), members.end());
      out += '{';
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (i != 0) out += ',';
        append_json_string(out, members[i].first);
        out += ':';
        append_json(out, *members[i].second);
      }
      out += '}';
      return;
    }
  }
}

}  // namespace

std::string dapr_text(const Node& value) {
  if (value.kind == Node::Kind::Scalar) return value.plain ? go_plain(value.scalar).text : value.scalar;
  std::string out;
  append_json(out, value);
  return out;
}

Format<bool> boolean() {
  return {"true or false", [](std::string_view text, std::string&) -> std::optional<bool> {
            const std::string word = yaml_scalar(text);
            if (word != "true" && word != "false") return std::nullopt;
            return word == "true";
          }};
}

Format<std::string> any_text(std::string expected) {
  return {std::move(expected),
          [](std::string_view text, std::string&) -> std::optional<std::string> { return std::string(text); }};
}

Format<std::string> resource_name() {
  Format<std::string> out = text("a name without /, % and control characters");
  out.parse = [whole = out.parse](std::string_view name, std::string& hint) -> std::optional<std::string> {
    if (name == "." || name == ".." || name.find_first_of("/%") != std::string_view::npos) return std::nullopt;
    return whole(name, hint);
  };
  return out;
}

Format<Duration> dapr_duration(Duration min, Duration max) {
  return {"a duration from " + show(min) + " to " + show(max) + ", as 500ms, 5s or 1m30s",
          [=](std::string_view text, std::string&) -> std::optional<Duration> {
            const auto value = model::parse_dapr_duration(text);
            if (!value || *value < min || *value > max) return std::nullopt;
            return value;
          }};
}

Format<std::string> app_id() {
  return {"an app id without dots, slashes and control characters",
          [](std::string_view text, std::string& hint) -> std::optional<std::string> {
            if (hint = model::app_id_fault(text); !hint.empty()) return std::nullopt;
            return std::string(text);
          }};
}

Format<model::DaprAppProtocol> app_protocol() {
  return {"http, https, h2c, grpc or grpcs",
          [](std::string_view text, std::string&) { return model::parse_app_protocol(text); }};
}

Format<std::uint64_t> quantity(std::uint64_t max) {
  return {"a size up to " + show_bytes(max) + ", as 4Mi or 64Ki", [=](std::string_view text, std::string&) -> std::optional<std::uint64_t> {
            const auto value = model::parse_quantity(text);
            if (!value || *value < 1 || static_cast<std::uint64_t>(*value) > max) return std::nullopt;
            return static_cast<std::uint64_t>(*value);
          }};
}

Format<Duration> probe_time(std::string_view unit_name, Duration unit) {
  return {"a number of " + std::string(unit_name) + ", or a duration as 500ms or 5s, at most a day",
          [=](std::string_view text, std::string&) -> std::optional<Duration> {
            constexpr Duration kMax{24 * 3'600'000LL};
            std::int64_t count = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
            const bool is_number = error == std::errc{} && end == text.data() + text.size();
            const auto value = is_number ? std::optional(Duration{count < 0 || count > kMax.ms ? -1 : count * unit.ms})
                                         : model::parse_go_duration(text);
            if (!value || value->ms < 1 || *value > kMax) return std::nullopt;
            return value;
          }};
}

namespace {

Format<std::string> path_of(std::string expected, std::string base, std::string home, bool folder) {
  return {std::move(expected), [=](std::string_view text, std::string& hint) -> std::optional<std::string> {
            if (text.empty() || text.find('\0') != std::string_view::npos) return std::nullopt;
            std::filesystem::path path(text);
            if (!home.empty() && (text == "~" || text.starts_with("~/"))) path = home + std::string(text.substr(1));
            std::error_code error;
            path = std::filesystem::absolute(std::filesystem::path(base) / path, error).lexically_normal();
            const auto status = std::filesystem::status(path, error);
            if (!std::filesystem::exists(status))
              hint = "there is no " + path.string();
            else if (std::filesystem::is_directory(status) != folder)
              hint = path.string() + (folder ? " is no folder" : " is a folder");
            if (!hint.empty()) return std::nullopt;
            std::string out = path.string();
            if (out.size() > 1 && out.ends_with('/')) out.pop_back();
            return out;
          }};
}

}  // namespace

Format<std::string> folder_path(std::string base, std::string home) {
  return path_of("a folder that is there", std::move(base), std::move(home), true);
}
Format<std::string> file_path(std::string base, std::string home) {
  return path_of("a file that is there", std::move(base), std::move(home), false);
}

bool read_one_or_more(MapReader& map, std::string_view key, const Format<std::string>& format, std::vector<std::string>& out) {
  const Node* value = map.find(key);
  if (value == nullptr) return false;
  out.clear();
  if (value->kind == Node::Kind::Scalar) {
    std::string one;
    if (!map.optional(key, format, one)) return false;
    out.push_back(std::move(one));
    return true;
  }
  std::vector<MapReader::Element> elements;
  return map.list(key, format, out, elements);
}

bool read_texts(MapReader& map, std::string_view key, std::vector<std::string>& out) {
  if (!map.has(key)) return false;
  std::vector<MapReader::Element> elements;
  out.clear();
  return map.list(key, any_text("text"), out, elements);
}

void read_properties(MapReader& map, std::string_view key, std::vector<model::DaprProperty>& out) {
  for (MapReader& item : map.maps(key, Extras::Ignored)) {
    if (out.size() == kPairsMax)
      return item.file().report(Severity::Error, item.mark(), map.path(key), "at most " + std::to_string(kPairsMax), "more");
    model::DaprProperty property;
    item.required("name", not_empty("a name"), property.name);
    if (const Node* value = item.find("value")) {
      std::string text = dapr_text(*value);
      if (text.size() > kExpandedBytesMax)
        item.error("value", "at most " + std::to_string(kExpandedBytesMax) + " bytes", "more");
      else
        property.value = std::move(text);
    }
    if (auto reference = item.map("secretKeyRef", Extras::Ignored)) {
      reference->optional("name", any_text("the name of a secret"), property.secret_name);
      reference->optional("key", any_text("the name of a key"), property.secret_key);
      reference->finish();
    }
    item.optional("envRef", any_text("the name of an environment variable"), property.env);
    item.finish();
    if (!property.name.empty()) out.push_back(std::move(property));
  }
}

}  // namespace holdfast::config

// MapReader: takes the keys of one YAML map apart. Every key is asked for by name with the format its value
// must have; what was not asked for is unknown. Each mistake becomes a problem and leaves the target as it
// was, so that reading goes on and finds the next one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/environment.h"
#include "config/formats.h"
#include "config/load.h"
#include "config/yaml.h"

namespace holdfast::config {

// What a $ in a value is.
enum class Dollars : std::uint8_t {
  Expanded,  // ${NAME} is a variable: environment.h.
  Literal,   // A dollar: documents of Dapr, which has other ways.
};

// What the readers of all documents of one file share.
struct File {
  std::string name;
  std::string folder;
  const Environment& environment;
  std::vector<Problem>& problems;
  Dollars dollars = Dollars::Expanded;

  [[nodiscard]] Place place(Mark mark) const { return {name, mark.line, mark.column}; }
  void report(Severity severity, Mark mark, std::string path, std::string expected, std::string got,
              std::string hint = {});
};

// What an unknown key is.
enum class Extras : std::uint8_t {
  Refused,  // An error: our own formats.
  Ignored,  // A warning: formats of others, whose readers ignore it.
};

class MapReader {
 public:
  // `node` is a map and outlives the reader.
  MapReader(File& file, const Node& node, std::string path, Extras extras)
      : file_(file), node_(node), path_(std::move(path)), extras_(extras) {}

  // True if the key is there with a value of the format, which is then in `out`. A key without a value is not
  // there.
  template <typename T, typename Out>
  bool optional(std::string_view key, const Format<T>& format, Out& out) {
    const Node* value = find(key);
    return value != nullptr && read(*value, path(key), format, out);
  }
  template <typename T, typename Out>
  bool required(std::string_view key, const Format<T>& format, Out& out) {
    const Node* value = find(key);
    if (value == nullptr) return missing(key, format.expected);
    return read(*value, path(key), format, out);
  }
  struct Element {
    Mark mark;
    std::string written;
  };
  // A list of scalars, at most kTopicsMax. False also if any element is wrong; the good ones are in `out`,
  // and where they stand in `elements`.
  bool list(std::string_view key, const Format<std::string>& format, std::vector<std::string>& out,
            std::vector<Element>& elements);

  // `value`, which stands at `path`, as the format has it.
  template <typename T, typename Out>
  bool read(const Node& value, const std::string& path, const Format<T>& format, Out& out) {
    std::string hint;
    const auto text = scalar(value, path, format.expected);
    if (!text) return false;
    const bool is_plain_number = format.is_number && value.plain;
    auto parsed = format.parse(is_plain_number ? yaml_integer(text->text) : text->text, hint);
    if (!parsed) {
      refuse(value, path, format.expected, *text, std::move(hint));
      return false;
    }
    out = static_cast<Out>(std::move(*parsed));
    return true;
  }

  // The elements of a list of maps, without those that are (said) no maps. Nothing if the key is not there.
  [[nodiscard]] std::vector<MapReader> maps(std::string_view key, Extras extras);

  // Names of the writer's choice with values: a list of maps (StateFun's properties), or one map. At most
  // kPairsMax. Of a name that is written again (said) the last value stands.
  struct Pair {
    std::string name, text;
    Mark mark;            // Of the value.
    std::string path;     // Of the value.
    std::string written;  // As the file has it.
    bool from_environment = false;
  };
  [[nodiscard]] std::vector<Pair> pairs(std::string_view key, const std::string& expected);

  // What `pair` is not. A hint may quote its value.
  void refuse(const Pair& pair, std::string expected, std::string hint);

  // The map under a key; none if the key is not there, or (said) no map.
  [[nodiscard]] std::optional<MapReader> map(std::string_view key, Extras extras);
  [[nodiscard]] std::optional<MapReader> required_map(std::string_view key, Extras extras,
                                                      std::string expected = "a map");

  // A key of this map that its document has elsewhere: legacy documents keep the id of a spec in `meta`.
  // `where` has it or not; from now on it stands there for messages too.
  void adopt(std::string_view key, const MapReader& where);

  // The value under a key as it stands, which then counts as known; null if there is none.
  [[nodiscard]] const Node* find(std::string_view key);
  [[nodiscard]] bool has(std::string_view key) { return find(key) != nullptr; }
  // It is written, with nothing as its value, or "".
  [[nodiscard]] bool is_empty(std::string_view key);
  bool missing(std::string_view key, std::string expected);  // Reports; false.

  // To be called last: reports the keys nobody asked for.
  void finish();

  [[nodiscard]] const Node& node() const { return node_; }
  [[nodiscard]] File& file() { return file_; }
  [[nodiscard]] Mark mark() const { return node_.mark; }
  [[nodiscard]] Mark mark(std::string_view key) const;  // Of the value; of the map if there is none.
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path(std::string_view key) const;
  [[nodiscard]] std::string written(
      std::string_view key) const;  // The value as the file has it, to be shown.
  // A URL that has been read, as people may see it.
  [[nodiscard]] std::string shown_url(std::string_view key) const;
  [[nodiscard]] Place place(std::string_view key) const { return file_.place(mark(key)); }
  void error(std::string_view key, std::string expected, std::string got, std::string hint = {});
  void warning(std::string_view key, std::string expected, std::string got, std::string hint = {});

 private:
  // The value under a key, "nothing" included; null if there is none. And the map that has or would have it.
  [[nodiscard]] const Node* member(std::string_view key) const;
  [[nodiscard]] const Node& owner(std::string_view key) const;
  [[nodiscard]] std::optional<Expansion> scalar(const Node& value, const std::string& path,
                                                const std::string& expected);
  void refuse(const Node& value, const std::string& path, const std::string& expected, const Expansion& text,
              std::string hint);
  void add_pairs(const Node& map, const std::string& path, const std::string& expected,
                 std::vector<Pair>& out);

  File& file_;
  const Node& node_;
  std::string path_;
  Extras extras_;
  std::vector<std::string_view> known_;  // Views of string literals.
  struct Adopted {
    std::string_view key;
    const Node* node;  // The map that has it.
    std::string path;
  };
  std::optional<Adopted> adopted_;
};

}  // namespace holdfast::config

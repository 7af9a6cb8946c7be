#include "config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "config/load.h"

namespace holdfast::config {
namespace {

Mark mark_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {1, 1};
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

// A bound is exceeded or an alias makes no sense: the rest of the file cannot be trusted. Never leaves this
// file.
struct Refusal {
  Mark mark;
  std::string expected;
  std::string got;
};

// Builds the tree of one document from the parser's events.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string_view file, std::vector<Problem>& problems) : file_(file), problems_(problems) {}

  [[nodiscard]] NodePtr take_root() { return std::exchange(root_, nullptr); }

  void OnDocumentStart(const YAML::Mark&) override {
    root_ = nullptr;
    open_.clear();
    anchors_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    leaf(Node::Kind::Null, mark, anchor, {}, true);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    // Plain ("?") words of YAML's null; quoted ones are text.
    const bool null = tag == "?" && (value == "null" || value == "Null" || value == "NULL" || value == "~" ||
                                     value.empty());
    leaf(null ? Node::Kind::Null : Node::Kind::Scalar, mark, anchor, value, tag == "?");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw Refusal{mark_of(mark), "an alias of a value that is complete",
                    "one that is inside the value it names"};
    aliased_ += found->second.size;
    if (aliased_ > kAliasedNodesMax)
      throw Refusal{mark_of(mark),
                    "aliases that stand for at most " + std::to_string(kAliasedNodesMax) + " values", "more"};
    if (open_.size() + found->second.depth > kNestingMax) throw too_deep(mark_of(mark));
    add(found->second.node, mark_of(mark), found->second.size, found->second.depth);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(Node::Kind::List, mark, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(Node::Kind::Map, mark, anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Anchored {
    NodePtr node;
    std::size_t size = 1;   // Values in it, itself included.
    std::size_t depth = 0;  // Lists and maps in one another.
  };
  struct Open {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor = 0;
    std::size_t size = 1;
    std::size_t depth = 1;
    std::optional<Key> key;  // Of a map: read, and waiting for its value.
    bool skip = false;       // The value under the key just read is dropped.
    std::unordered_map<std::string, Mark> names;
  };

  static Refusal too_deep(Mark mark) {
    return {mark, "lists and maps nested at most " + std::to_string(kNestingMax) + " deep", "more"};
  }

  void count(Mark mark) {
    if (++nodes_ > kNodesMax)
      throw Refusal{mark, "at most " + std::to_string(kNodesMax) + " values in a file", "more"};
  }

  void leaf(Node::Kind kind, const YAML::Mark& at, YAML::anchor_t anchor, const std::string& value,
            bool plain) {
    Mark mark = mark_of(at);
    count(mark);
    // Nothing at all stands nowhere: say where its key is.
    if (kind == Node::Kind::Null && !open_.empty() && open_.back().key) mark = open_.back().key->mark;
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->mark = mark;
    if (kind == Node::Kind::Scalar) node->scalar = value;
    node->plain = plain;
    if (anchor != 0) anchors_[anchor] = {node, 1, 0};
    add(std::move(node), mark, 1, 0);
  }

  void begin(Node::Kind kind, const YAML::Mark& at, YAML::anchor_t anchor) {
    const Mark mark = mark_of(at);
    count(mark);
    if (open_.size() >= kNestingMax) throw too_deep(mark);
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->mark = mark;
    Open open;
    open.node = std::move(node);
    open.anchor = anchor;
    open_.push_back(std::move(open));
  }

  void end() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) anchors_[done.anchor] = {done.node, done.size, done.depth};
    const Mark mark = done.node->mark;
    add(std::move(done.node), mark, done.size, done.depth);
  }

  void add(NodePtr node, Mark mark, std::size_t size, std::size_t depth) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = open_.back();
    top.size += size;
    top.depth = std::max(top.depth, depth + 1);
    if (top.node->kind == Node::Kind::List) {
      top.node->items.push_back(std::move(node));
    } else if (!top.key) {
      read_key(top, *node, mark);
    } else {
      if (!top.skip) top.node->members.emplace_back(std::move(*top.key), std::move(node));
      top.key.reset();
    }
  }

  void read_key(Open& top, const Node& node, Mark mark) {
    top.key = Key{node.scalar, mark};
    top.skip = true;
    if (node.kind != Node::Kind::Scalar) {
      report(mark, "a name as key", node.shown(), {});
      return;
    }
    const auto [earlier, fresh] = top.names.emplace(node.scalar, mark);
    top.skip = !fresh;
    if (!fresh)
      report(mark, "each key once", in_quotes(node.scalar) + " again",
             "first at " + Place{std::string(file_), earlier->second.line, earlier->second.column}.text());
  }

  void report(Mark mark, std::string expected, std::string got, std::string hint) {
    problems_.push_back({Severity::Error,
                         {std::string(file_), mark.line, mark.column},
                         {},
                         std::move(expected),
                         std::move(got),
                         std::move(hint)});
  }

  std::string_view file_;
  std::vector<Problem>& problems_;
  NodePtr root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_ = 0;
  std::size_t aliased_ = 0;
};

// The first byte that cannot be in a configuration: what is not UTF-8, and control characters.
std::optional<std::size_t> first_bad_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) return i;
      ++i;
      continue;
    }
    const std::size_t length = c >= 0xc2 && c <= 0xdf   ? 2
                               : c >= 0xe0 && c <= 0xef ? 3
                               : c >= 0xf0 && c <= 0xf4 ? 4
                                                        : 0;
    if (length == 0 || i + length > text.size()) return i;
    std::uint32_t code = c & (0x7f >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return i;
      code = code << 6 | (next & 0x3f);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return i;
    i += length;
  }
  return std::nullopt;
}

Mark mark_at(std::string_view text, std::size_t offset) {
  Mark mark{1, 1};
  for (const char c : text.substr(0, offset)) {
    ++mark.column;
    if (c == '\n') mark = {mark.line + 1, 1};
  }
  return mark;
}

}  // namespace

std::string Node::shown() const {
  switch (kind) {
    case Kind::Null:
      return "nothing";
    case Kind::Scalar:
      return in_quotes(scalar);
    case Kind::List:
      return "a list";
    case Kind::Map:
      return "a map";
  }
  return {};
}

Documents parse_yaml(std::string_view file, const std::string& text, std::vector<Problem>& problems) {
  Documents out;
  const auto refuse = [&](Mark mark, std::string expected, std::string got, std::string hint = {}) {
    out.complete = false;
    problems.push_back({Severity::Error,
                        {std::string(file), mark.line, mark.column},
                        {},
                        std::move(expected),
                        std::move(got),
                        std::move(hint)});
  };
  if (text.size() > kFileBytesMax) {
    refuse({}, "a file of at most " + std::to_string(kFileBytesMax) + " bytes", "more");
    return out;
  }
  if (const auto bad = first_bad_byte(text)) {
    char hex[8];
    std::snprintf(hex, sizeof hex, "0x%02x", static_cast<unsigned char>(text[*bad]));
    refuse(mark_at(text, *bad), "UTF-8 text", "byte " + std::string(hex));
    return out;
  }
  try {
    std::istringstream in(text);
    YAML::Parser parser(in);
    Builder builder(file, problems);
    for (std::size_t documents = 0; parser.HandleNextDocument(builder);) {
      NodePtr root = builder.take_root();
      if (++documents > kDocumentsMax) {
        refuse(root ? root->mark : Mark{},
               "at most " + std::to_string(kDocumentsMax) + " documents in a file", "more");
        return out;
      }
      if (root && root->kind != Node::Kind::Null) out.roots.push_back(std::move(root));
    }
  } catch (const Refusal& refusal) {
    refuse(refusal.mark, refusal.expected, refusal.got);
  } catch (const YAML::Exception& error) {
    std::string hint = error.msg;
    if (hint.find("flow") != std::string::npos && text.find("${") != std::string::npos)
      hint += R"(; inside { } and [ ], "${NAME}" needs its quotes)";
    refuse(mark_of(error.mark), "YAML", "a syntax error", std::move(hint));
  } catch (const std::exception& error) {
    refuse({}, "YAML", "text the parser fails on", error.what());
  }
  return out;
}

}  // namespace holdfast::config

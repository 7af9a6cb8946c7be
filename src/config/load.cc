#include "config/load.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include "config/kinds.h"
#include "config/nearest.h"
#include "config/reader.h"
#include "config/text_file.h"
#include "config/yaml.h"

namespace holdfast::config {
namespace {

std::vector<std::string_view> known_kinds() {
  std::vector<std::string_view> out;
  for (const Kind& kind : kKinds) out.push_back(kind.name);
  return out;
}

// One load: the files go in one by one, the result comes out at the end.
class Loader {
 public:
  explicit Loader(const Environment& environment) : environment_(environment) {}

  void add_file(const std::string& name);
  void add_source(const Source& source);
  void refuse(const std::string& name, std::string expected, std::string got, std::string hint = {});
  [[nodiscard]] LoadResult finish() &&;

 private:
  void add_document(File& file, const Node& root);

  const Environment& environment_;
  LoadResult result_;
  Declarations declarations_;
  std::set<std::filesystem::path> paths_;
  std::map<std::string, std::size_t> order_;  // Of the files, by name.
  bool complete_ = true;                      // Every file could be read to its end.
};

void Loader::refuse(const std::string& name, std::string expected, std::string got, std::string hint) {
  order_.emplace(name, order_.size());
  complete_ = false;
  result_.problems.push_back(
      {Severity::Error, {name, 0, 0}, {}, std::move(expected), std::move(got), std::move(hint)});
}

void Loader::add_file(const std::string& name) {
  std::error_code error;
  const std::filesystem::path path(name);
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return refuse(name, "a file", "nothing of this name");
  if (std::filesystem::is_directory(status)) return refuse(name, "a file", "a folder");
  auto absolute = std::filesystem::canonical(path, error);
  if (error) absolute = path;
  if (!paths_.insert(absolute).second) return refuse(name, "each file once", "this one again");
  auto text = read_text(path.string());
  if (!text) return refuse(name, "a file that can be read", "one that cannot");
  add_source({name, *std::move(text), path.parent_path().string()});
}

void Loader::add_source(const Source& source) {
  order_.emplace(source.name, order_.size());
  File file{source.name, source.folder, environment_, result_.problems};
  const Documents documents = parse_yaml(source.name, source.text, result_.problems);
  complete_ = complete_ && documents.complete;
  if (documents.complete && documents.roots.empty())
    file.report(Severity::Warning, {}, {}, "documents with kind and spec", "none");
  for (const NodePtr& root : documents.roots) add_document(file, *root);
}

void Loader::add_document(File& file, const Node& root) {
  if (root.kind != Node::Kind::Map)
    return file.report(Severity::Error, root.mark, {}, "a document with kind and spec", root.shown());
  MapReader top(file, root, {}, Extras::Refused);
  if (is_legacy(top)) {
    MapReader document(file, root, {}, Extras::Ignored);
    return read_legacy(document, result_.configuration, declarations_);
  }
  const Node* written = top.find("kind");
  if (written == nullptr || written->kind != Node::Kind::Scalar)
    return top.error("kind", "the kind of the document, as io.statefun.endpoints.v2/http",
                     top.written("kind"));
  const std::string& name = written->scalar;
  const auto kind =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return k.name == name; });
  if (kind == std::end(kKinds))
    return top.error("kind", "a known kind", in_quotes(name), suggestion(name, known_kinds()));
  MapReader document(file, root, {}, kind->extras);
  (void)document.find("kind");
  if (auto spec = document.required_map("spec", kind->extras))
    kind->read(*spec, result_.configuration, declarations_);
  document.finish();
}

LoadResult Loader::finish() && {
  auto& problems = result_.problems;
  // Where a file could not be read, what is missing may be in it.
  if (complete_) {
    resolve_routers(result_.configuration, declarations_, problems);
    resolve_dead_letters(result_.configuration, declarations_, problems);
    check_targets(result_.configuration, declarations_, problems);
  }
  check_ports(result_.configuration, declarations_, problems);
  std::stable_sort(problems.begin(), problems.end(), [this](const Problem& a, const Problem& b) {
    const auto at = [this](const Problem& p) {
      return std::tuple(order_.at(p.place.file), p.place.line, p.place.column);
    };
    return at(a) < at(b);
  });
  result_.more_problems = bound(problems);
  return std::move(result_);
}

}  // namespace

std::size_t bound(std::vector<Problem>& problems) {
  const std::size_t all = problems.size();
  if (all <= kProblemsMax) return 0;
  // Errors before warnings: what is left out must not make a broken configuration look fine.
  std::stable_sort(problems.begin(), problems.end(),
                   [](const Problem& a, const Problem& b) { return a.severity < b.severity; });
  problems.resize(kProblemsMax);
  return all - kProblemsMax;
}

bool has_errors(const std::vector<Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const Problem& p) { return p.severity == Severity::Error; });
}

bool LoadResult::ok() const { return !has_errors(problems); }

LoadResult load(std::span<const std::string> files, const Environment& environment) {
  Loader loader(environment);
  if (files.size() > kFilesMax)
    loader.refuse(files[kFilesMax], "at most " + std::to_string(kFilesMax) + " files",
                  std::to_string(files.size()));
  for (const std::string& file : files.first(std::min(files.size(), kFilesMax))) loader.add_file(file);
  return std::move(loader).finish();
}

LoadResult load(std::span<const Source> sources, const Environment& environment) {
  Loader loader(environment);
  for (const Source& source : sources) loader.add_source(source);
  return std::move(loader).finish();
}

}  // namespace holdfast::config

// Folders of resources: which files, which documents of them, and for whom.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "config/dapr.h"
#include "config/dapr_values.h"
#include "config/nearest.h"
#include "config/text_file.h"
#include "config/yaml.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kKinds[] = {"Component", "HTTPEndpoint", "Resiliency", "Configuration", "Subscription"};

// A later one of a name replaces the earlier one.
template <typename T>
void merge(MapReader& document, std::map<std::string, T>& from, std::map<std::string, T>& into) {
  for (auto& [name, value] : from) into.insert_or_assign(name, std::move(value));
  if (into.size() > kDaprPoliciesMax)
    document.error("spec", "at most " + std::to_string(kDaprPoliciesMax) + " policies or targets of a sort", "more");
}

bool is_yaml(std::string_view name) { return name.ends_with(".yaml") || name.ends_with(".yml"); }

class ResourceLoader {
 public:
  explicit ResourceLoader(const model::DaprScope& scope) : scope_(scope) {}

  void add_folder(const std::string& folder);
  void add_source(const Source& source);
  void refuse(const std::string& name, std::string expected, std::string got) {
    say(Severity::Error, name, std::move(expected), std::move(got), {});
  }
  [[nodiscard]] Loaded<DaprResources> finish() &&;

 private:
  void add_document(File& file, const Node& root);
  template <typename T>
  void add_resource(MapReader& document, void (*read)(MapReader&, T&), std::set<std::string>& names, std::vector<T>& out);
  void add_resiliency(MapReader& document);
  [[nodiscard]] bool is_for_us(const std::string& name_space) const {
    return scope_.name_space.empty() || name_space.empty() || name_space == scope_.name_space;
  }
  [[nodiscard]] bool is_for_us(const std::vector<std::string>& scopes) const {
    return scopes.empty() || std::find(scopes.begin(), scopes.end(), scope_.app_id) != scopes.end();
  }
  void say(Severity severity, const std::string& name, std::string expected, std::string got, std::string hint) {
    out_.problems.push_back({severity, {name, 0, 0}, {}, std::move(expected), std::move(got), std::move(hint)});
  }
  // What daprd says a word about and goes on without. True if there was something wrong since `from`.
  bool forgive(std::size_t from, std::string_view consequence);

  const model::DaprScope& scope_;
  Loaded<DaprResources> out_;
  std::set<std::string> components_, http_endpoints_;
  std::size_t files_ = 0;
};

bool ResourceLoader::forgive(std::size_t from, std::string_view consequence) {
  bool any = false;
  for (std::size_t i = from; i < out_.problems.size(); ++i) {
    Problem& problem = out_.problems[i];
    if (problem.severity != Severity::Error) continue;
    any = true;
    problem.severity = Severity::Warning;
    problem.hint += (problem.hint.empty() ? "" : "; ") + std::string(consequence);
  }
  return any;
}

void ResourceLoader::add_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) return refuse(folder, "a folder of resources", error.message());
  std::vector<std::string> names;
  for (const auto end = std::filesystem::directory_iterator(); entries != end; entries.increment(error)) {
    if (error) break;
    std::error_code unknown;
    if (entries->is_directory(unknown)) continue;
    names.push_back(entries->path().filename().string());
  }
  if (error) return refuse(folder, "a folder that can be read to its end", error.message());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string path = (std::filesystem::path(folder) / name).string();
    if (!is_yaml(name)) {
      say(Severity::Warning, path, "files whose names end in .yaml or .yml", "another", "it is not loaded");
      continue;
    }
    if (++files_ > kFilesMax) return refuse(folder, "at most " + std::to_string(kFilesMax) + " files", "more");
    auto text = read_text(path);
    if (text)
      add_source({path, *std::move(text), folder});
    else
      say(Severity::Warning, path, "a file that can be read", "one that cannot", "it is not loaded");
  }
}

void ResourceLoader::add_source(const Source& source) {
  static const Environment kNone = [](std::string_view) { return std::nullopt; };
  File file{source.name, source.folder, kNone, out_.problems, Dollars::Literal};
  const std::size_t before = out_.problems.size();
  const Documents documents = parse_yaml(source.name, source.text, out_.problems);
  forgive(before, documents.complete ? "what stands first counts" : "what comes from there on is not loaded");
  for (const NodePtr& root : documents.roots) add_document(file, *root);
}

void ResourceLoader::add_document(File& file, const Node& root) {
  const std::size_t before = out_.problems.size();
  if (root.kind != Node::Kind::Map) {
    file.report(Severity::Warning, root.mark, {}, "a document with kind", root.shown(), "it is not loaded");
    return;
  }
  MapReader document(file, root, {}, Extras::Ignored);
  std::string kind;
  document.required("kind", any_text("the kind of the document, as Component"), kind);
  if (kind == "Component") {
    add_resource(document, read_dapr_component, components_, out_.value.components);
  } else if (kind == "HTTPEndpoint") {
    add_resource(document, read_dapr_http_endpoint, http_endpoints_, out_.value.http_endpoints);
  } else if (kind == "Resiliency") {
    add_resiliency(document);
  } else if (kind == "Subscription") {
    document.warning("kind", "Component, HTTPEndpoint or Resiliency", "\"Subscription\"",
                     "Holdfast does not know subscriptions yet; it is not loaded");
  } else if (kind == "Configuration") {
    document.warning("kind", "Component, HTTPEndpoint or Resiliency", "\"Configuration\"",
                     "it is not loaded from here, but given by --config");
  } else if (!forgive(before, "it is not loaded")) {
    std::string hint = "it is not loaded";
    if (const auto near = nearest(kind, kKinds); !near.empty()) hint += "; did you mean " + in_quotes(near) + "?";
    document.warning("kind", "Component, HTTPEndpoint or Resiliency", in_quotes(kind), std::move(hint));
  }
}

template <typename T>
void ResourceLoader::add_resource(MapReader& document, void (*read)(MapReader&, T&), std::set<std::string>& names,
                                  std::vector<T>& out) {
  const std::size_t before = out_.problems.size();
  T resource;
  read(document, resource);
  // Somebody else's documents are somebody else's to mend.
  if (!is_for_us(resource.name_space) || !is_for_us(resource.scopes)) {
    out_.problems.resize(before);
    return;
  }
  if (forgive(before, "this document is not loaded")) return;
  if (!names.insert(resource.name).second) {
    const auto first = std::find_if(out.begin(), out.end(), [&](const T& r) { return r.name == resource.name; });
    return document.error("metadata", "each name once among those of one kind", in_quotes(resource.name) + " again",
                          "first at " + first->place.text());
  }
  if (out.size() == kDaprResourcesMax)
    return document.error("kind", "at most " + std::to_string(kDaprResourcesMax) + " documents of a kind", "more");
  out.push_back(std::move(resource));
}

void ResourceLoader::add_resiliency(MapReader& document) {
  const std::size_t before = out_.problems.size();
  (void)document.find("apiVersion");
  (void)document.find("metadata");
  std::vector<std::string> scopes;
  read_texts(document, "scopes", scopes);
  if (!is_for_us(scopes)) {
    out_.problems.resize(before);
    return;
  }
  model::DaprResiliency read;
  if (auto spec = document.required_map("spec", Extras::Ignored)) read_dapr_resiliency(*spec, read);
  document.finish();
  if (forgive(before, "this document is not loaded")) return;
  model::DaprResiliency& all = out_.value.resiliency;
  merge(document, read.timeouts, all.timeouts);
  merge(document, read.retries, all.retries);
  merge(document, read.circuit_breakers, all.circuit_breakers);
  merge(document, read.apps, all.apps);
  merge(document, read.components, all.components);
}

Loaded<DaprResources> ResourceLoader::finish() && {
  out_.more_problems = bound(out_.problems);
  return std::move(out_);
}

}  // namespace

Loaded<DaprResources> load_dapr_resources(std::span<const std::string> folders, const model::DaprScope& scope) {
  ResourceLoader loader(scope);
  if (folders.size() > kDaprFoldersMax)
    loader.refuse(folders[kDaprFoldersMax], "at most " + std::to_string(kDaprFoldersMax) + " folders", std::to_string(folders.size()));
  for (const std::string& folder : folders.first(std::min(folders.size(), kDaprFoldersMax))) loader.add_folder(folder);
  return std::move(loader).finish();
}

Loaded<DaprResources> load_dapr_resources(std::span<const Source> sources, const model::DaprScope& scope) {
  ResourceLoader loader(scope);
  for (const Source& source : sources) loader.add_source(source);
  return std::move(loader).finish();
}

}  // namespace holdfast::config

#include "dapr/local_secret_stores.h"

#include <fstream>

#include "base/log.h"
#include "codec/json_leaves.h"

namespace holdfast::dapr {
namespace {

class FileStore final : public SecretStore {
 public:
  FileStore(std::map<std::string, Secret> secrets, bool multi_valued) : secrets_(std::move(secrets)), multi_valued_(multi_valued) {}

  [[nodiscard]] Result<Secret> get(const std::string& name) const override {
    const auto found = secrets_.find(name);
    if (found == secrets_.end()) return fail(ErrorCode::NotFound, "secret " + name + " not found");
    return found->second;
  }
  [[nodiscard]] Result<std::map<std::string, Secret>> get_all() const override { return secrets_; }
  [[nodiscard]] bool has_multiple_values() const override { return multi_valued_; }

 private:
  const std::map<std::string, Secret> secrets_;
  const bool multi_valued_;
};

// Names that are Dapr's own, which hold its tokens among others.
bool is_hidden(std::string_view name) {
  std::string upper(name);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper == "APP_API_TOKEN" || upper.starts_with("DAPR_");
}

class EnvStore final : public SecretStore {
 public:
  EnvStore(std::string prefix, const Variables& variables) : prefix_(std::move(prefix)) {
    for (const auto& [name, value] : variables)
      if (name.size() > prefix_.size() && name.starts_with(prefix_) && !is_hidden(name)) secrets_.emplace(name.substr(prefix_.size()), value);
  }

  [[nodiscard]] Result<Secret> get(const std::string& name) const override {
    if (is_hidden(prefix_ + name)) log_warn("access to an environment variable is forbidden", {{"name", name}});
    const auto found = secrets_.find(name);
    return Secret{{name, found == secrets_.end() ? std::string() : found->second}};
  }
  [[nodiscard]] Result<std::map<std::string, Secret>> get_all() const override {
    std::map<std::string, Secret> out;
    for (const auto& [name, value] : secrets_) out.emplace(name, Secret{{name, value}});
    return out;
  }

 private:
  const std::string prefix_;
  std::map<std::string, std::string> secrets_;
};

std::string joined(std::span<const std::string> path, const std::string& separator) {
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) out.append(i == 0 ? "" : separator).append(path[i]);
  return out;
}

}  // namespace

Result<std::unique_ptr<SecretStore>> open_local_file(const Properties& properties) {
  const auto path = properties.find("secretsFile");
  if (!path) return fail(ErrorCode::Invalid, "missing local secrets file in metadata");
  std::ifstream in(*path, std::ios::binary);
  if (!in.is_open()) return fail(ErrorCode::NotFound, "secretsFile " + *path + " cannot be read");
  std::string text(kSecretsFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.gcount() == 0 && !in.eof())) return fail(ErrorCode::Io, "secretsFile " + *path + " cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kSecretsFileBytesMax)
    return fail(ErrorCode::TooLarge, "secretsFile " + *path + " has more than " + std::to_string(kSecretsFileBytesMax) + " bytes");
  const auto leaves = codec::parse_json_leaves(text);
  if (!leaves) return fail(ErrorCode::Invalid, "secretsFile " + *path + ": " + leaves.error().message);
  const std::string separator = properties.find("nestedSeparator").value_or(":");
  const bool multi_valued = properties.is_true("multiValued");
  std::map<std::string, Secret> secrets;
  for (const auto& leaf : *leaves) {
    const std::span<const std::string> names(leaf.path);
    if (!multi_valued || names.size() == 1) {
      const std::string name = joined(names, separator);
      // Of two ways to one name the first counts; with multiValued daprd takes only strings at the top.
      if (!multi_valued || leaf.is_string) secrets.emplace(name, Secret{{name, leaf.text}});
    } else {
      secrets[names[0]].emplace(joined(names.subspan(1), separator), leaf.text);
    }
  }
  return std::make_unique<FileStore>(std::move(secrets), multi_valued);
}

std::unique_ptr<SecretStore> open_local_env(const Properties& properties, const Variables& variables) {
  return std::make_unique<EnvStore>(properties.find("prefix").value_or(""), variables);
}

}  // namespace holdfast::dapr

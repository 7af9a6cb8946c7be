#include "kafka/rotated_files.h"

#include <utility>
#include <vector>

#include "base/log.h"

namespace holdfast::kafka {
namespace {

constexpr std::uint64_t kLookUs = 1'000'000;

std::vector<std::string> named_files(const model::Properties& properties) {
  std::vector<std::string> paths;
  for (const auto& [name, value] : properties)
    if (name.starts_with("ssl.") && name.ends_with(".location")) paths.push_back(value);
  return paths;
}

}  // namespace

RotatedFiles::RotatedFiles(std::string edge, const model::Properties& properties, std::function<Result<void>()> validate)
    : edge_(std::move(edge)), validate_(std::move(validate)), files_(named_files(properties)) {}

bool RotatedFiles::are_rotated(std::uint64_t now_us) {
  if (files_.paths().empty() || now_us - looked_us_ < kLookUs) return false;
  looked_us_ = now_us;
  if (!files_.changed()) return false;
  if (auto good = validate_(); !good) {
    log_warn("changed certificates or keys cannot be used: the old ones stay", {{"edge", edge_}, {"error", good.error().message}});
    return false;
  }
  log_info("certificates or keys have changed", {{"edge", edge_}});
  return true;
}

}  // namespace holdfast::kafka

// RotatedFiles: whether the certificates and keys that a document names have been replaced by others that are good. librdkafka reads them
// when a client is made and never again, so whoever has one makes it anew then.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "base/watched_files.h"
#include "model/edges.h"

namespace holdfast::kafka {

class RotatedFiles {
 public:
  // Make it before the first client. `validate` makes a client of the files as they are now, and lets it go.
  RotatedFiles(std::string edge, const model::Properties& properties, std::function<Result<void>()> validate);

  // Once for each change. Files that no client can be made of are logged and not said to be rotated: the client that there is stays until
  // they change again. Looks once a second at most, however often it is asked; so nobody needs to tell it to.
  [[nodiscard]] bool are_rotated(std::uint64_t now_us);

 private:
  const std::string edge_;
  const std::function<Result<void>()> validate_;
  WatchedFiles files_;
  std::uint64_t looked_us_ = 0;
};

}  // namespace holdfast::kafka

// Modules: the functions loaded into this process, as operations sees them. All calls may be made from any thread; `done` is called once,
// on a thread of theirs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/time.h"

namespace holdfast::ports {

struct ModuleInfo {
  std::string module;    // As in the configuration: a file's path, or "linked".
  std::string abi;       // "1.0"
  std::string sdk;       // What made it, as it says.
  std::string build;     // Of what it was made, as it says.
  Instant loaded_at;
  std::vector<std::string> functions;
  bool reloaded = false;  // Of a reload: it was replaced.
  std::string refused;    // Of a reload: why it was not.
};

class Modules : public MetricsSource {
 public:
  using Done = std::function<void(std::vector<ModuleInfo>)>;

  virtual void list(Done done) = 0;
  // Opens the files anew. When it is done, new calls go to what was in them; a file that is refused leaves the code before it running.
  virtual void reload(Done done) = 0;
};

}  // namespace holdfast::ports

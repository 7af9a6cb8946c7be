// Rotation: certificates, keys and tokens in use whose files are replaced while Holdfast runs. Looks at all of them when told to and says
// in the log what has come of it; what cannot be used is refused, and what was there stays. One thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/watched_files.h"

namespace holdfast::app {

class Rotation {
 public:
  // Takes what is in its files now, if that is something else. False: it is not. May block.
  using Look = std::function<Result<bool>()>;
  void add(std::string name, Look look) { watched_.push_back({std::move(name), std::move(look), {}}); }
  void look();

 private:
  struct Watched {
    std::string name;
    Look look;
    std::string refused;  // What was said last, so that it is not said every few seconds.
  };
  std::vector<Watched> watched_;
};

}  // namespace holdfast::app

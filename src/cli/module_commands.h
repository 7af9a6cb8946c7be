// The commands about the functions in Holdfast's own process.
#pragma once

#include "cli/command_line.h"
#include "cli/remote.h"

namespace holdfast::cli {

class ModuleCommands {
 public:
  ModuleCommands(RemoteOptions admin, Output output) : admin_(std::move(admin)), output_(output) {}

  [[nodiscard]] int modules() const;
  [[nodiscard]] int reload() const;

 private:
  Remote admin_;
  Output output_;
};

}  // namespace holdfast::cli

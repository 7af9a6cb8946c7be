// The commands about ingresses and egresses: how they are, and what people tell them.
#pragma once

#include <cstdint>
#include <string>

#include "cli/command_line.h"
#include "cli/json.h"
#include "cli/remote.h"
#include "cli/seek_argument.h"

namespace holdfast::cli {

class EdgeCommands {
 public:
  EdgeCommands(RemoteOptions admin, Output output) : admin_(std::move(admin)), output_(output) {}

  [[nodiscard]] int ingress_ls() const;
  [[nodiscard]] int ingress_show(const std::string& id) const;
  [[nodiscard]] int ingress_pause(const std::string& id) const;
  [[nodiscard]] int ingress_resume(const std::string& id) const;
  [[nodiscard]] int ingress_seek(const SeekArguments& arguments) const;
  [[nodiscard]] int ingress_parked(const std::string& id, std::uint32_t limit) const;
  [[nodiscard]] int ingress_retry(const std::string& id) const;
  [[nodiscard]] int ingress_skip(const std::string& id) const;
  [[nodiscard]] int egress_retry(const std::string& id) const;
  [[nodiscard]] int egress_skip(const std::string& id) const;

  [[nodiscard]] int egress_ls() const;
  // `yes`: without asking.
  [[nodiscard]] int egress_resume(const std::string& id, bool yes) const;

 private:
  // Tells an edge to do something; prints the answer, or `said` of it.
  template <typename Said>
  [[nodiscard]] int tell(const std::string& path, std::string body, Said said) const;
  [[nodiscard]] Result<std::string> path_of(const std::string& collection, const std::string& id) const;
  // How it is before it is told something, into `out`; the exit code, if that cannot be found out.
  [[nodiscard]] int look(const std::string& path, Json& out) const;

  Remote admin_;
  Output output_;
};

}  // namespace holdfast::cli

// The commands that ask a running Holdfast: what they ask, and how they show the answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.h"
#include "cli/remote.h"
#include "cli/table.h"
#include "model/address.h"

namespace holdfast::cli {

struct MessageArguments {
  std::string address;
  std::string value;    // As typed; "-": standard input; "@FILE": a file's content.
  std::string type;     // Empty: string.
  std::string key;      // Idempotency-Key; empty: none.
  std::string timeout;  // Of a call; empty: the gateway's.
};

struct ListArguments {
  std::string type;
  std::string prefix;
  std::uint32_t limit = 100;
  std::string kind;  // Of timers; empty: those of functions.
  std::string page;  // Where to go on; empty: from the beginning.
  bool all = false;  // To the end, page after page; timers of every kind.
};

struct ResumeArguments {
  std::string address;  // Or:
  std::string type;
  bool all = false;
};

struct DropArguments {
  std::string type;
  std::vector<std::string> states;
  bool yes = false;
};

// "int" -> "io.statefun.types/int", "json" -> "holdfast.types/json"; what has a slash is a type already.
[[nodiscard]] std::string full_type_name(const std::string& type);

class ClientCommands {
 public:
  ClientCommands(RemoteOptions admin, RemoteOptions gateway, Output output)
      : admin_(std::move(admin)), gateway_(std::move(gateway)), output_(output) {}

  [[nodiscard]] int send(const MessageArguments& arguments) const;
  [[nodiscard]] int call(const MessageArguments& arguments) const;
  [[nodiscard]] int state_get(const std::string& address) const;
  [[nodiscard]] int state_ls(const ListArguments& list) const;
  [[nodiscard]] int orphans_ls(const std::string& type) const;
  [[nodiscard]] int orphans_drop(const DropArguments& arguments) const;
  [[nodiscard]] int functions(const ListArguments& list) const;
  [[nodiscard]] int endpoints() const;
  [[nodiscard]] int addresses(const ListArguments& list) const;
  [[nodiscard]] int parked_ls(const ListArguments& list) const;
  // `verb`: "retry" or "skip".
  // `which`: a function type, or an address.
  [[nodiscard]] int mail_drop(const std::string& which) const;
  [[nodiscard]] int parked_resume(const std::string& verb, const ResumeArguments& arguments) const;
  [[nodiscard]] int timers(const ListArguments& list) const;
  [[nodiscard]] int streams(const ListArguments& list) const;

 private:
  enum class Verb { Send, Call };
  [[nodiscard]] int message(Verb verb, const MessageArguments& arguments) const;
  // Of an address that gave no reply in time: why, or where to look.
  [[nodiscard]] std::string why_no_reply(const model::Address& address) const;
  template <typename Show>
  [[nodiscard]] int show(const std::string& path, Show show) const;
  // A list, or all of it: `add` puts each entry of member `name` into the table. `none`: what is said of an empty one.
  template <typename Add>
  [[nodiscard]] int show_list(const ListArguments& list, const std::string& path, std::string_view name, std::string_view none, Table table,
                              Add add) const;

  Remote admin_;
  Remote gateway_;
  Output output_;
};

}  // namespace holdfast::cli

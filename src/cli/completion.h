// Shell completion: scripts for bash, zsh and fish, made from the commands there are.
#pragma once

#include <string>
#include <vector>

namespace holdfast::cli {

struct CompletionEntry {
  std::string path;                   // "", "state", "state get", …: the words before the cursor, without options.
  std::vector<std::string> words;     // What may come next: subcommands and options.
  std::vector<std::string> helps;     // One for each word.
};

// `shell`: "bash", "zsh" or "fish"; empty for any other.
[[nodiscard]] std::string completion_script(const std::string& shell, const std::vector<CompletionEntry>& entries);

}  // namespace holdfast::cli

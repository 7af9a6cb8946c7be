#include "cli/completion.h"

#include <algorithm>

namespace holdfast::cli {
namespace {

// For single quotes.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') out += "'\\''";
    else out.push_back(c);
  }
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// The words typed so far that are not options, as one string: shared by bash and zsh.
constexpr const char* kPathLoop = R"(  local path="" word i
  for ((i = FIRST; i < CURRENT_WORD; i++)); do
    word="${words[i]}"
    case "$word" in
      -*) ;;
      *) if _holdfast_known "${path:+$path }$word"; then path="${path:+$path }$word"; fi ;;
    esac
  done
)";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) text.replace(at, what.size(), by);
  return text;
}

std::string known_function(const std::vector<CompletionEntry>& entries) {
  std::string out = "_holdfast_known() {\n  case \"$1\" in\n    ";
  bool first = true;
  for (const auto& entry : entries) {
    if (entry.path.empty()) continue;
    if (!first) out += "|";
    out += "'" + entry.path + "'";
    first = false;
  }
  return out + ") return 0 ;;\n  esac\n  return 1\n}\n";
}

std::string path_loop(const std::string& first, const std::string& current) {
  return replaced(replaced(kPathLoop, "FIRST", first), "CURRENT_WORD", current);
}

std::string bash(const std::vector<CompletionEntry>& entries) {
  std::string out = "# bash completion of holdfast: source <(holdfast completion bash)\n" + known_function(entries);
  out += "_holdfast() {\n  local words=(\"${COMP_WORDS[@]}\") cur=\"${COMP_WORDS[COMP_CWORD]}\" candidates=\"\"\n";
  out += path_loop("1", "COMP_CWORD");
  out += "  case \"$path\" in\n";
  for (const auto& entry : entries) out += "    '" + entry.path + "') candidates='" + joined(entry.words) + "' ;;\n";
  out += "  esac\n  COMPREPLY=($(compgen -W \"$candidates\" -- \"$cur\"))\n}\ncomplete -o default -F _holdfast holdfast\n";
  return out;
}

std::string zsh(const std::vector<CompletionEntry>& entries) {
  std::string out = "#compdef holdfast\n# zsh completion of holdfast: source <(holdfast completion zsh)\n" + known_function(entries);
  out += "_holdfast() {\n  local -a candidates\n";
  out += path_loop("2", "CURRENT");
  out += "  case \"$path\" in\n";
  for (const auto& entry : entries) {
    out += "    '" + entry.path + "') candidates=(";
    for (std::size_t i = 0; i < entry.words.size(); ++i) {
      out += " '" + escaped(entry.words[i]) + ":" + escaped(replaced(entry.helps[i], ":", "\\:")) + "'";
    }
    out += " ) ;;\n";
  }
  out += "  esac\n  _describe 'holdfast' candidates\n  _files\n}\ncompdef _holdfast holdfast\n";
  return out;
}

std::string fish(const std::vector<CompletionEntry>& entries) {
  std::string out =
      "# fish completion of holdfast: holdfast completion fish | source\n"
      "function __holdfast_path\n"
      "  set -l path\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    string match -q -- '-*' $word; or set path $path $word\n"
      "  end\n"
      "  test \"$path\" = \"$argv\"\n"
      "end\n";
  for (const auto& entry : entries) {
    for (std::size_t i = 0; i < entry.words.size(); ++i) {
      const std::string& word = entry.words[i];
      const std::string help = " -d '" + escaped(entry.helps[i]) + "'";
      // An option is known wherever its command has been said; a subcommand only right behind it.
      if (word.starts_with("--")) {
        const auto last = entry.path.substr(entry.path.rfind(' ') == std::string::npos ? 0 : entry.path.rfind(' ') + 1);
        const std::string when = entry.path.empty() ? "" : " -n '__fish_seen_subcommand_from " + last + "'";
        out += "complete -c holdfast" + when + " -l " + word.substr(2) + help + "\n";
      } else {
        out += "complete -c holdfast -n '__holdfast_path " + entry.path + "' -a '" + word + "'" + help + "\n";
      }
    }
  }
  return out;
}

}  // namespace

std::string completion_script(const std::string& shell, const std::vector<CompletionEntry>& entries) {
  if (shell == "bash") return bash(entries);
  if (shell == "zsh") return zsh(entries);
  if (shell == "fish") return fish(entries);
  return {};
}

}  // namespace holdfast::cli

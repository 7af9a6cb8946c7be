// Arguments: "--name value" pairs and then plain words, for the programs of bench/. A mistake ends the program with code 2.
#pragma once

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::bench {

[[noreturn]] inline void usage(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(2);
}

class Arguments {
 public:
  Arguments(int argc, char** argv, std::initializer_list<std::string_view> known) {
    for (int i = 1; i < argc; ++i) {
      const std::string_view word = argv[i];
      if (!word.starts_with("--")) {
        words_.emplace_back(word);
        continue;
      }
      const std::string_view name = word.substr(2);
      bool is_known = false;
      std::string names;
      for (const auto k : known) {
        is_known = is_known || k == name;
        names += " --" + std::string(k);
      }
      if (!is_known) usage("unknown option " + std::string(word) + ", there are" + names);
      if (i + 1 == argc) usage("option " + std::string(word) + " wants a value");
      named_[std::string(name)] = argv[++i];
    }
  }

  [[nodiscard]] std::string text(const std::string& name, std::string otherwise) const {
    const auto found = named_.find(name);
    return found == named_.end() ? std::move(otherwise) : found->second;
  }
  template <typename Number>
  [[nodiscard]] Number number(const std::string& name, Number otherwise, Number least, Number most) const {
    const auto found = named_.find(name);
    if (found == named_.end()) return otherwise;
    const std::string& t = found->second;
    Number value{};
    const auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), value);
    if (error != std::errc() || end != t.data() + t.size() || value < least || value > most)
      usage("--" + name + ": expected a number from " + std::to_string(least) + " to " + std::to_string(most) + ", got \"" + t + "\"");
    return value;
  }
  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }

 private:
  std::map<std::string, std::string> named_;
  std::vector<std::string> words_;
};

}  // namespace holdfast::bench

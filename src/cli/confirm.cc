#include "cli/confirm.h"

#include <unistd.h>

#include <iostream>

namespace holdfast::cli {

Confirmation confirm(const std::string& warning, bool yes) {
  std::cerr << warning << "\n";
  if (yes) return Confirmation::Given;
  if (::isatty(STDIN_FILENO) == 0) return Confirmation::NobodyToAsk;
  std::cerr << "Go on? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes" ? Confirmation::Given : Confirmation::Declined;
}

}  // namespace holdfast::cli

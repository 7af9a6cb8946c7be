#include "cli/answers.h"

#include <iostream>

#include "cli/table.h"

namespace holdfast::cli {

int failed(const std::string& message, int exit_code) {
  std::cerr << "holdfast: " << lines(message) << "\n";
  return exit_code;
}

int failed(const Error& error) { return failed(error.message, error.code == ErrorCode::Invalid ? kExitUsage : kExitFailed); }

int not_confirmed(Confirmation confirmation) {
  if (confirmation == Confirmation::Declined) return failed("nothing was done");
  return failed("nothing was done: nobody can be asked here; --yes says that you mean it", kExitUsage);
}

int refused(const net::HttpResponse& response, const std::string& hint) {
  std::string message;
  if (auto json = Json::parse(response.body)) message = (*json)["error"]["message"].text();
  if (message.empty()) message = "the answer was " + std::to_string(response.status) + " " + std::string(net::reason_phrase(response.status));
  if (response.status == 401) message += "\nHOLDFAST_TOKEN holds the token, or --token-file names the file it is in.";
  return failed(hint.empty() ? message : message + "\n" + hint);
}

void print(std::string text) {
  if (!text.ends_with('\n')) text.push_back('\n');
  std::cout << text << std::flush;
}

void hint_limit(std::size_t shown, std::uint32_t limit) {
  if (shown >= limit) std::cerr << "(the first " << limit << "; --limit N shows more)\n";
}

std::string count_of(const Json& value) { return value.number() == 0 ? "" : value.text(); }

}  // namespace holdfast::cli

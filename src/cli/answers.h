// What commands say when they are done, or cannot be: on standard output what was asked for, on standard error everything else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "cli/command_line.h"
#include "cli/confirm.h"
#include "cli/json.h"
#include "cli/remote.h"

namespace holdfast::cli {

// The exit code, after the message has been printed.
int failed(const std::string& message, int exit_code = kExitFailed);
int failed(const Error& error);
// What the API said went wrong; `hint`: what else may help, empty or whole lines.
int refused(const net::HttpResponse& response, const std::string& hint = "");

// Somebody who was asked did not say yes.
int not_confirmed(Confirmation confirmation);

// Ends with a line feed, so that the prompt does not stick to it.
void print(std::string text);

// Says on the side that a list may go on.
void hint_limit(std::size_t shown, std::uint32_t limit);

// A count for a table: nothing instead of 0.
[[nodiscard]] std::string count_of(const Json& value);

// Asks the admin API and shows the answer: as it came, or as `show` likes it.
template <typename Show>
[[nodiscard]] int show_answer(const Remote& admin, Output output, const std::string& path, Show show) {
  const auto response = admin.ask("GET", path);
  if (!response) return failed(response.error());
  if (response->status != 200) return refused(*response);
  if (output == Output::Json) {
    print(response->body);
    return kExitDone;
  }
  const auto json = Json::parse(response->body);
  if (!json) return failed("the answer of the admin API is " + json.error().message);
  show(*json);
  return kExitDone;
}

}  // namespace holdfast::cli

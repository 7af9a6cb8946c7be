// Where `holdfast ingress seek` is told to go, checked before anybody is asked whether they mean it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::cli {

struct SeekArguments {
  std::string ingress;
  std::string to;            // "earliest", "latest" or a time; or:
  std::string to_position;   // A number, as typed; needs a source.
  std::string source;        // As listed, with or without the ingress's id before it; empty: all.
  bool yes = false;          // Do not ask.
};

// The whole name of a source: "<ingress>/<topic>/<partition>".
[[nodiscard]] std::string full_source(std::string_view ingress, std::string_view source);

// The body of the request, a JSON object.
[[nodiscard]] Result<std::string> seek_body(const SeekArguments& arguments);

}  // namespace holdfast::cli

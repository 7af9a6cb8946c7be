// Remote: a running Holdfast, asked over HTTP, one question at a time.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http_message.h"

namespace holdfast::cli {

struct RemoteOptions {
  std::string url;     // "http://127.0.0.1:7780", https too; a path in it comes before every path asked for.
  std::string token;   // Empty: none.
  std::string trust_cacerts;  // PEM; empty: the system's.
  std::string client_cert;    // PEM; empty: none is shown.
  std::string client_key;
  std::string option;  // How the user says where it is, for error messages: "--admin".
};

class Remote {
 public:
  explicit Remote(RemoteOptions options) : options_(std::move(options)) {}

  // Waits for the answer, whatever its status.
  [[nodiscard]] Result<net::HttpResponse> ask(std::string method, std::string path_and_query, net::HeaderList headers = {},
                                              std::string body = {}, Duration timeout = {60'000}) const;

 private:
  RemoteOptions options_;
};

}  // namespace holdfast::cli

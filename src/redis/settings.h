// What a Redis component is configured with.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "dapr/store_settings.h"

namespace holdfast::redis {

struct Settings {
  std::string host;
  int port = 6379;
  std::string user;
  std::string password;
  std::int64_t database = 0;
  std::int64_t retries = 3;  // Of connecting, within a call.
  Duration retry_interval{512};
  Duration dial_timeout{5'000};
  Duration read_timeout{3'000};
  std::int64_t connections = 2;
  std::int64_t ttl_seconds = 0;  // Of what is saved without one; 0: none.

  [[nodiscard]] std::string address() const { return host + ":" + std::to_string(port); }
};

[[nodiscard]] Result<Settings> read_settings(const dapr::StoreDocument& document);

}  // namespace holdfast::redis

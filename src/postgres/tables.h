// The statements of a layout, and the tables they are about: made where they are not there, in the steps daprd makes them in, and with its
// counts of these in the metadata table.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "postgres/client.h"
#include "postgres/settings.h"

namespace holdfast::postgres {

class Tables {
 public:
  explicit Tables(const Settings& settings);

  // All of it has happened when this returns, whoever did it.
  [[nodiscard]] Result<void> make(Client& client) const;
  // What has expired is gone, unless another process did that in this interval.
  [[nodiscard]] Result<void> clean_up(Client& client) const;

  // $1: an array of keys. Columns: key, value, "true" if the value is base64 in JSON, etag, milliseconds of its end or null.
  [[nodiscard]] const std::string& select() const { return select_; }
  // $1: key. Rows that are there.
  [[nodiscard]] const std::string& select_live() const { return select_live_; }
  // $1: key, $2: value, of V1 $3: whether it is base64; then the etag. They affect a row, or the condition is not met.
  [[nodiscard]] std::string upsert(std::int64_t ttl_seconds) const;
  [[nodiscard]] std::string insert(std::int64_t ttl_seconds) const;
  [[nodiscard]] std::string update(std::int64_t ttl_seconds) const;
  // $1: key, then the etag.
  [[nodiscard]] const std::string& remove() const { return remove_; }
  [[nodiscard]] const std::string& remove_if() const { return remove_if_; }

 private:
  const Settings& settings_;
  const bool is_v1_;
  const std::string table_, expiry_, live_;
  std::string select_, select_live_, remove_, remove_if_;
};

}  // namespace holdfast::postgres

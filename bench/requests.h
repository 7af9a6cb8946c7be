// Requests: the bytes that the load driver sends, one request for each key. They differ in the key alone, which has a fixed width, so a
// request is made by writing the key over the last one: the driver should cost as little as it can.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/statefun_v3.h"

namespace holdfast::bench {

inline constexpr std::uint64_t kKeysMax = 10'000'000;
// What stands for the key in a request.
inline constexpr std::string_view kKey = "k0000000";

struct Workload {
  std::string function = "bench/counter";
  std::size_t value_bytes = 16;
  std::string value_type;        // Endpoints and paths. Not empty: the type of `value`, which is sent instead of text of value_bytes.
  std::string value;
  std::size_t batch = 1;         // Messages of one request; above 1 only for endpoints.
  bool has_caller = true;        // Endpoints only: whether somebody waits for the answer of each message.
};

class Requests {
 public:
  // To the gateway: `verb` is "send" or "call".
  static Requests to_gateway(const Workload& workload, std::string_view host, std::string_view verb);
  // To any server: a path that holds kKey, once. An empty value type is text/plain.
  static Result<Requests> to_path(const Workload& workload, std::string_view host, std::string_view path);
  // To an endpoint, as the runtime sends them: with the states it declared (ints and longs), each with a value.
  static Requests to_endpoint(const Workload& workload, std::string_view host, std::string_view path,
                              const model::IncompleteContext& declared);
  // The same without states, to which an endpoint answers with its declaration.
  static Requests first_contact(const Workload& workload, std::string_view host, std::string_view path);

  // Valid until the next call.
  [[nodiscard]] std::string_view for_key(std::uint64_t key);

 private:
  explicit Requests(std::string bytes);
  std::string bytes_;
  std::size_t key_at_;
};

}  // namespace holdfast::bench

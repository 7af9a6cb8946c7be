// EndpointSpec: where functions are and how they are called; the meaning of an io.statefun.endpoints document plus
// our own keys. Plain values: config/ fills them in, targets/ and runtime/ act on them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/state.h"

namespace holdfast::model {

struct RetryPolicy {
  Duration initial{50};
  double factor = 2.0;
  Duration max{10'000};
  double jitter = 0.2;               // Each wait is multiplied by a random number in [1 - jitter, 1 + jitter].
  std::uint32_t max_attempts = 20;   // Calls of one batch that the function answered with a failure, the first included; 0: no bound.
                                     // An endpoint that cannot be reached at all is waited for, and does not count.
};

// What becomes of a message when the retries are used up, or when the answer to it makes no sense.
enum class FailureAction : std::uint8_t {
  Park,        // The address stops, with its messages and the error, until somebody says retry or skip.
  DeadLetter,  // The message goes to a stream; the address goes on.
  Drop,        // The message is gone (and counted); the address goes on.
};

struct FailurePolicy {
  RetryPolicy retry;
  FailureAction then = FailureAction::Park;
  std::string dead_letter_stream;  // Stream name, "<egress id>/<topic>"; only for DeadLetter.
  std::string dead_letter_topic;   // Only where that egress is Kafka or NATS: it has one stream, and its records name their topic.
};

struct TlsSpec {
  std::string trust_cacerts;        // PEM file; empty: the system's.
  std::string client_cert;          // PEM file; empty: no client certificate.
  std::string client_key;           // PEM file.
  std::string client_key_password_file;
};

// What is spoken with the functions. A function cannot tell from a request, so configuration says.
enum class FunctionProtocol : std::uint8_t {
  V3,       // StateFun 3.0 on.
  V2,       // StateFun 2.0 to 2.2: Any, states from configuration.
  Interim,  // V2 with IncompleteInvocationContext: the early Go SDK.
};

// Where a function of this process runs.
enum class NativeExecution : std::uint8_t {
  Auto,   // As the function says of itself.
  Shard,  // On the shard of its address.
  Pool,   // On threads of its own.
};

// Functions of a module, loaded into this process.
struct NativeSpec {
  std::string module;  // A shared library; empty: linked into the program.
  NativeExecution execution = NativeExecution::Auto;
  std::uint32_t threads = 16;  // Of the pool, at most.
  std::string place;           // Where the module is named, as "file:line:column: key.path", for messages about it.
};

struct EndpointSpec {
  std::string functions;          // "ns/*" or "ns/name".
  std::string url_template;       // http://, https://, http+unix:// or https+unix://; {function.name} is replaced. Of native ones: only to be shown.
  std::string url_shown;          // The same without the values of variables, for logs and people; empty: there are none in it.
  std::optional<NativeSpec> native;  // There: the functions run in this process.
  FunctionProtocol protocol = FunctionProtocol::V3;
  std::vector<StateSpec> states;  // V2: declared here, as the functions do not; StateSpec::type_name is kUnsetType.
  std::uint32_t max_batch = 1000;           // maxNumBatchRequests; 0: no bound.
  std::uint32_t max_concurrent = 256;       // Requests under way at once, over all shards.
  std::size_t payload_bytes_max = 33554432;  // Of a request, and of an answer after decompression.
  Duration call_timeout{120'000};
  Duration connect_timeout{20'000};
  std::optional<Duration> read_timeout;   // okhttp transport only.
  std::optional<Duration> write_timeout;  // okhttp transport only.
  Duration idle_timeout{15'000};          // Connections without a call are closed after it.
  Duration connection_age_max{15'000};    // pool_ttl: older ones are not used again, so that new replicas get their part. 0: whatever their age.
  std::uint32_t pool_size = 1024;
  bool pipelining = true;                 // Of calls, where the function server offers it. V3 only.
  TlsSpec tls;
  FailurePolicy on_failure;

  [[nodiscard]] bool matches(std::string_view type) const {
    if (functions.ends_with("/*"))
      return type.size() > functions.size() - 1 &&
             type.substr(0, type.rfind('/') + 1) == std::string_view(functions).substr(0, functions.size() - 1);
    return type == functions;
  }
  [[nodiscard]] const std::string& shown_url() const { return url_shown.empty() ? url_template : url_shown; }
  [[nodiscard]] bool is_specific() const { return !functions.ends_with("/*"); }
};

}  // namespace holdfast::model

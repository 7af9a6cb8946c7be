// Settings: how one Holdfast process runs, beside what it runs – the meaning of a
// holdfast.runtime.v1/settings document. Plain values: config/ fills them in and checks them, app/ hands them
// to whoever acts on them. The data directory is not here: it is an argument of the command line. Secrets are
// not here: only where they are to be found.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace holdfast::model {

// TLS of a listening socket, in PEM files.
struct ListenTls {
  std::string certificate;  // The chain, the leaf first; empty: no TLS.
  std::string key;
  std::string client_ca;  // Not empty: clients must show a certificate signed by one of these (mTLS).
};

struct Listener {
  std::string host = "127.0.0.1";  // An IP address (IPv6 without its brackets), or "localhost".
  std::uint16_t port = 0;          // 0: any free port; which one is said at start.
  ListenTls tls;
  // Where the bearer token is that clients must show. At most one of the two; both empty: none is asked for.
  std::string token_file;  // The file's content, without surrounding white space.
  std::string token_env;   // The name of an environment variable.

  [[nodiscard]] bool is_loopback() const {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
  }
  // Whether a stranger is kept out: off loopback this is demanded, or --insecure.
  [[nodiscard]] bool is_guarded() const {
    return !token_file.empty() || !token_env.empty() || !tls.client_ca.empty();
  }
};

// Bounds on what comes from outside and on what is held for it. Over the whole process unless it says "each";
// app/ divides them among the shards. Keys in a document are the same words in camelCase.
struct Limits {
  // Each message from outside.
  std::uint64_t message_bytes = 16ull << 20;
  // Each HTTP request body on gateway, admin and playground.
  std::uint64_t request_bytes = 16ull << 20;
  // Messages that wait, in memory; the rest waits on disk. And the same of each address.
  std::uint64_t mailbox_memory = 32ull << 20;
  std::uint64_t address_mailbox_memory = 1ull << 20;
  // Rows of idle addresses kept in memory.
  std::uint64_t state_cache = 64ull << 20;
  // Messages that wait, in memory and on disk; beyond either new ones are answered 429.
  std::uint64_t backlog_messages = 10'000'000;
  std::uint64_t backlog_bytes = 16ull << 30;
  // Messages of one endpoint that wait while sources that can wait (Kafka, NATS) still give it more. Parked addresses do not count.
  std::uint64_t intake_backlog = 20'000;
  // Calls of functions under way, all endpoints together.
  std::uint32_t in_flight = 4096;
  // The nearest timers; the rest is read when its time comes.
  std::uint32_t timers_in_memory = 100'000;
  // An open epoch that has grown to it: no function is called until it is closed.
  std::uint64_t epoch_bytes = 32ull << 20;
  // Requests of calls under way; and their answers, until they are part of an epoch.
  std::uint64_t call_bytes = 128ull << 20;
  // Open calls and stream readers; beyond it 429.
  std::uint32_t waiting_requests = 20'000;
  // Answers with records of streams that clients have asked for and not read yet, about; beyond it no page is made, and after a while 429.
  std::uint64_t unread_bytes = 32ull << 20;
  // Open at once, each listener.
  std::uint32_t http_connections = 4096;
  // A connection without a request is closed after it.
  Duration http_idle_timeout{60'000};
  // From the first byte of a request to its last.
  Duration http_read_timeout{30'000};
  // How long a call waits that does not say so itself, and the longest that a call or a reader may ask for.
  Duration reply_timeout{30'000};
  Duration reply_timeout_max{600'000};
  // Between two tries of an endpoint that is down.
  Duration unreachable_pause_max{5'000};
};

struct IdempotencySettings {
  // How long the answer to a request with an Idempotency-Key is remembered.
  Duration retention{24LL * 3600 * 1000};
};

// The epoch log.
struct LogSettings {
  // A segment file that has grown to it is closed and the next one begun.
  std::uint64_t segment_bytes = 64ull << 20;
  // An epoch that nobody waits for is closed after this.
  Duration epoch_open_max{5};
};

// The view behind the log.
struct ViewSettings {
  // Log written between two checkpoints: what a restart may have to read again.
  std::uint64_t checkpoint_bytes = 64ull << 20;
  // Committed rows in memory, not yet in the store.
  std::uint64_t dirty_bytes = 16ull << 20;
  // The store's cache of what it read.
  std::uint64_t block_cache = 8ull << 20;
};

struct Settings {
  std::uint16_t shards = 0;  // 0: half as many as the process may use processors, at least one.
  // Fixed when the data directory is made. Without partitions_given an existing directory's own number is
  // taken; with it, another number in the directory is refused.
  std::uint16_t partitions = 64;
  bool partitions_given = false;
  Listener gateway{.port = 9999};
  Listener admin{.port = 7780};
  Limits limits;
  IdempotencySettings idempotency;
  LogSettings log;
  ViewSettings view;
};

}  // namespace holdfast::model

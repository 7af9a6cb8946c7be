// Settings: how one Holdfast process runs, beside what it runs – the meaning of a holdfast.runtime.v1/settings document.
// Plain values: config/ fills them in and checks them, app/ hands them to whoever acts on them. The data directory is
// not here: it is an argument of the command line. Secrets are not here: only where they are to be found.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace holdfast::model {

// TLS of a listening socket.
struct ListenTls {
  std::string certificate;  // PEM file, the chain with the leaf first; empty: no TLS.
  std::string key;          // PEM file.
  std::string client_ca;    // PEM file; not empty: clients must show a certificate signed by one of these (mTLS).
};

struct Listener {
  std::string host = "127.0.0.1";  // An IP address (IPv6 without its brackets), or "localhost".
  std::uint16_t port = 0;          // 0: any free port; which one is said at start.
  ListenTls tls;
  std::string token_file;  // Its content, without surrounding white space, is the bearer token; empty: see token_env.
  std::string token_env;   // Name of the environment variable that holds the bearer token; empty: none.

  [[nodiscard]] bool is_loopback() const { return host == "localhost" || host == "::1" || host.starts_with("127."); }
  // Whether a stranger is kept out: off loopback this is demanded, or --insecure.
  [[nodiscard]] bool is_guarded() const { return !token_file.empty() || !token_env.empty() || !tls.client_ca.empty(); }
};

// Bounds on what comes from outside and on what is held for it. Over the whole process unless it says "each"; app/
// divides them among the shards.
struct Limits {
  std::uint64_t message_bytes = 16ull << 20;          // messageBytes: each message from outside.
  std::uint64_t request_bytes = 16ull << 20;          // requestBytes: each HTTP request body on gateway, admin and playground.
  std::uint64_t mailbox_memory = 32ull << 20;         // mailboxMemory: messages that wait, in memory; the rest waits on disk.
  std::uint64_t address_mailbox_memory = 1ull << 20;  // addressMailboxMemory: the same, of each address.
  std::uint64_t state_cache = 64ull << 20;            // stateCache: rows of idle addresses kept in memory.
  std::uint64_t backlog_messages = 10'000'000;        // backlogMessages: waiting, memory and disk; beyond it 429.
  std::uint64_t backlog_bytes = 16ull << 30;          // backlogBytes: the same in bytes.
  std::uint32_t in_flight = 4096;                     // inFlight: calls of functions under way, all endpoints together.
  std::uint32_t timers_in_memory = 100'000;           // timersInMemory: the nearest ones; the rest is read when its time comes.
  std::uint64_t epoch_bytes = 32ull << 20;            // epochBytes: beyond it no function is called until the epoch is closed.
  std::uint32_t waiting_requests = 20'000;            // waitingRequests: open calls and stream readers; beyond it 429.
  std::uint32_t http_connections = 4096;              // httpConnections: open at once, each listener.
  Duration http_idle_timeout{60'000};                 // httpIdleTimeout: a connection without a request is closed.
  Duration http_read_timeout{30'000};                 // httpReadTimeout: from the first byte of a request to its last.
  Duration reply_timeout{30'000};                     // replyTimeout: a call that does not say how long it waits.
  Duration reply_timeout_max{600'000};                // replyTimeoutMax: the longest wait a call or reader may ask for.
  Duration unreachable_pause_max{5'000};              // unreachablePauseMax: between two tries of an endpoint that is down.
};

struct IdempotencySettings {
  Duration retention{24LL * 3600 * 1000};  // How long the answer to a request with an Idempotency-Key is remembered.
};

// The epoch log.
struct LogSettings {
  std::uint64_t segment_bytes = 64ull << 20;  // A segment file that has grown to it is closed and the next one begun.
  Duration epoch_open_max{5};                 // An epoch that nobody waits for is closed after this.
};

// The view behind the log.
struct ViewSettings {
  std::uint64_t checkpoint_bytes = 64ull << 20;  // Log written between two checkpoints: what a restart has to read again.
  std::uint64_t dirty_bytes = 32ull << 20;       // Closed epochs in memory, not yet in the store.
  std::uint64_t block_cache = 16ull << 20;       // The store's cache of what it read.
};

struct Settings {
  std::uint16_t shards = 0;       // 0: one for each processor the process may use.
  std::uint16_t partitions = 64;  // Fixed when the data directory is made; a directory made with another number is refused.
  bool partitions_given = false;  // Whether a document said so; if not, the data directory's own number is taken.
  Listener gateway{.port = 9999};
  Listener admin{.port = 7780};
  Limits limits;
  IdempotencySettings idempotency;
  LogSettings log;
  ViewSettings view;
};

}  // namespace holdfast::model

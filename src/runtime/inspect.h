// What the runtime shows of itself, as plain values: the admin API and the CLI are built on these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/address.h"
#include "model/message.h"
#include "model/rows.h"
#include "model/state.h"

namespace holdfast::runtime {

// Part of a list. It may have fewer entries than were asked for though there are more: `next` says.
template <typename Info>
struct Page {
  std::vector<Info> items;
  std::string next;  // AddressQuery::after of the page behind it; empty: there is none.

  [[nodiscard]] auto begin() const { return items.begin(); }
  [[nodiscard]] auto end() const { return items.end(); }
  [[nodiscard]] std::size_t size() const { return items.size(); }
  [[nodiscard]] bool empty() const { return items.empty(); }
};

// Which addresses to list. Lists come in the order of function types, shorter ones first, and of ids; timers in that of their due times.
struct AddressQuery {
  std::string type;        // Only this function type; empty: all.
  std::string id_prefix;   // Only ids that begin with this.
  std::uint32_t limit = 100;
  std::string after;      // Only what comes behind this: Page::next of the page before. Any bytes are a place.
  std::uint32_t messages = 3;              // Of parked addresses: so many of the messages that failed are shown.
  std::vector<std::string> kinds;          // Of timers: only these, see TimerInfo; empty: all.
  std::optional<Instant> parked_before;    // Of parked addresses: only those that were parked before this.
};

struct FunctionInfo {
  std::string type;
  std::string endpoint;                   // The pattern that serves it.
  std::vector<model::StateSpec> states;   // As declared; empty before first contact.
  std::uint64_t invocations = 0;          // Messages handled since start.
  std::uint64_t failures = 0;             // Calls that failed or were refused since start.
  std::uint64_t in_flight = 0;            // Calls under way.
  std::size_t counted_on = 0;             // The last shard whose numbers are in these.
};

struct EndpointInfo {
  std::string functions;
  std::string url_template;
  std::uint64_t in_flight = 0;
  std::uint64_t waiting = 0;   // Addresses that wait for a free place.
  bool down = false;           // None of its hosts could be reached; they are being tried again.
  std::string last_error;      // Of a host that is down.
  struct Host {
    std::string host;          // As "http://name:port", or a socket.
    std::string last_error;
  };
  std::vector<Host> hosts_down;       // At most kHostsShownMax of them.
  std::uint64_t hosts_down_count = 0;
};
inline constexpr std::size_t kHostsShownMax = 100;

// Mail that waits for a function that cannot be reached.
struct MailQuery {
  std::string type;
  std::optional<std::string> id;        // One address; none: all of the type.
  std::uint64_t messages_max = 10'000;  // Of each shard.
};

struct MailDropped {
  std::uint64_t messages = 0;
  std::uint64_t addresses = 0;  // That have no more.
  std::uint64_t tried = 0;      // Addresses that were passed over: a call for each is under way, to find out whether the function is back.
  bool more = false;
  bool is_reachable = false;    // Mail is there, but not for want of a way to the function: none was dropped.
};

struct AddressInfo {
  model::Address address;
  std::uint64_t mailbox = 0;    // Messages waiting or being handled.
  std::uint64_t in_flight = 0;  // Of those, being handled.
  bool parked = false;
  std::uint32_t attempts = 0;   // Failed so far of the batch at the head.
  std::string last_error;
};

struct StateInfo {
  model::Address address;
  struct Entry {
    std::string name;
    model::TypedValue value;
    Instant expires_at;  // 0: never.
    bool orphaned = false;  // The function no longer declares it, and is not sent it.
  };
  std::vector<Entry> entries;
};

// A state that the function type no longer declares.
struct OrphanInfo {
  std::string type;
  model::OrphanedState state;
  std::uint64_t values = 0;  // Addresses that have one.
};

struct ParkedInfo {
  model::Address address;
  model::Parked parked;
  std::uint64_t mailbox = 0;
  std::vector<model::Message> batch;  // The first few of the messages that failed.
};

struct TimerInfo {
  Instant due;
  std::string kind;  // "delayed-send", "expire-states", "forget-request", "trim-stream", "expire-item"
  model::Address target;
  std::string token;
};

struct StreamInfo {
  std::string name;
  model::StreamRow row;
};

}  // namespace holdfast::runtime

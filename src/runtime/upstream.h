// What the invoker knows of where functions are: endpoints, their upstreams, and the function types that are reached there.
//
// An upstream is one host (scheme and authority) or socket. Most endpoints have one; where {function.name} stands in the host of the URL
// template, each type has its own. Whether something can be reached is a property of the upstream alone: the others of its endpoint never
// notice.
//
// Who may be called next is a line of lines: endpoints that have a place free, in each its upstreams that may be tried, in each its types
// that have somebody ready, in each its addresses. Each gets one call and goes to the back of its line, so that nobody starves behind
// whoever has much to do, nothing is looked at that cannot be called, and an upstream that is down is tried by another address, of another
// type where there is one, each time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/metrics.h"
#include "base/time.h"
#include "model/endpoint.h"
#include "ports/function_target.h"
#include "runtime/entity.h"
#include "runtime/levels.h"
#include "runtime/pace.h"
#include "runtime/stored_mail.h"

namespace holdfast::runtime {

struct Upstream;

struct Endpoint {
  std::size_t index = 0;  // In the invoker's list, the same on all shards.
  model::EndpointSpec spec;
  std::unique_ptr<ports::FunctionTarget> target;
  std::uint32_t in_flight = 0;
  std::uint32_t in_flight_max = 1;
  Backlog backlog;         // Of all its upstreams; not of parked addresses:
  Backlog parked_backlog;
  std::uint64_t waiting = 0;  // Addresses that are ready,
  std::uint64_t left = 0;     // and those that are left, see FunctionType::left.

  std::map<std::string, std::unique_ptr<Upstream>, std::less<>> upstreams;
  std::vector<Upstream*> down;  // Of them.
  std::deque<Upstream*> line;
  // Those of which it is not known that they can be reached have a line of their own, and a part of the places: calls that hang while
  // they connect must not take them all.
  std::deque<Upstream*> unsure_line;
  std::uint32_t unsure_in_flight = 0;
  bool unsure_next = false;
  bool in_line = false;

  [[nodiscard]] bool takes_unsure() const {
    return unsure_in_flight < (upstreams.size() == 1 ? in_flight_max : std::max<std::uint32_t>(1, in_flight_max / 4));
  }

  Counter calls;
  Counter failed_calls;
  Counter is_down;         // 0 or 1: none of its upstreams can be reached.
  Counter upstreams_down;
  Counter burst;  // The last: messages taken in for one of its upstreams during one epoch.
  LatencyHistogram latency;
};

struct FunctionType {
  enum class Contact : std::uint8_t { Unknown, Probing, Known };

  std::string name;
  Endpoint* endpoint = nullptr;
  Upstream* upstream = nullptr;
  std::deque<Entity*> ready;
  bool in_line = false;
  std::uint64_t active = 0;      // Its addresses that are ready, waiting or in flight. None: it is at rest.

  // Its addresses that have mail to be handled and are not active, in memory or not: their turn comes when few are ready.
  std::uint64_t left = 0;
  MailWalk left_walk;            // Where they are looked for next, round and round.
  model::Epoch round_began{};
  bool is_news = false;          // Some were found, or left, since then.
  model::Epoch none_until{};     // Nothing was: what there is has no rows before this epoch.
  bool is_short = false;         // In the invoker's list of those that are looked for.

  std::size_t unspilled = 0;     // While nobody will call it soon: of those that are ready, not looked at yet whether they hold mail in memory.

  Contact contact = Contact::Unknown;
  Loop::TimerId contact_timer = 0;
  // Questions for its declaration are numbered, see Invoker::question().
  std::uint64_t asked = 0;     // The newest that a call has put to it,
  bool asks = false;           // and whether that call is under way.
  std::uint64_t answered = 0;  // The newest it has answered,
  Moment answered_at;          // and when.
  bool declaring = false;
  std::vector<const Levels::Outbox*> held_for;  // What it emits cannot leave: it is not called until all of these have room.
  std::vector<Entity*> asking;   // Those whose call asked for the declaration.

  std::uint64_t in_flight = 0;
  Counter messages;
  Counter failures;

  // Many of its addresses are ready or wait to be tried again: those, too, are in memory.
  [[nodiscard]] bool is_crowded(std::size_t ready_max) const { return active - in_flight >= 2 * ready_max; }
  [[nodiscard]] bool is_held() const { return !held_for.empty(); }
  [[nodiscard]] bool may_be_called() const { return contact != Contact::Probing && !declaring && !is_held(); }
  // Nobody will take its mail soon.
  [[nodiscard]] bool is_stuck() const;
};

struct Upstream {
  std::string origin;
  Endpoint* endpoint = nullptr;
  std::size_t types = 0;
  Backlog backlog;   // A part of its endpoint's,
  Backlog retrying;  // and what waits for addresses whose call has failed, until their next try: another part.
  Pace pace;
  bool is_paced = false;  // In the invoker's list of those that are at work.
  std::deque<FunctionType*> line;
  bool in_line = false;

  bool reached = false;      // Since it was down, or since the start.
  bool suspected = false;    // A proxy has answered in its place; the next call tells.
  std::uint64_t outages = 0;  // Times it went down.
  bool down = false;
  bool is_reported = false;  // In the log, so that its being back is, too.
  bool pausing = false;      // Until the next try, which is when `timer` fires.
  bool probe_due = false;    // While down: one call may go out, and the next when that one takes long.
  Loop::TimerId timer = 0;
  std::uint32_t failures_in_a_row = 0;
  std::int64_t balance = 0;  // Calls that were answered less those that a proxy answered in the function's place.
  std::string last_error;

  [[nodiscard]] bool may_be_tried() const { return !down || probe_due; }
};

inline bool FunctionType::is_stuck() const { return is_held() || upstream->down; }

}  // namespace holdfast::runtime

// Options: the bounds of the runtime, each with a name. Bounds are per shard unless they say otherwise; config/ and app/
// divide what the user gave for the whole process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/endpoint.h"
#include "partition/egress.h"
#include "ports/epoch_log.h"
#include "ports/function_target.h"
#include "ports/state_store.h"

namespace holdfast::runtime {

struct Options {
  std::uint16_t partitions = 64;  // Of the data directory; never changes.
  std::vector<model::EndpointSpec> endpoints;

  std::size_t message_bytes_max = 16u << 20;           // Of one message from outside.
  std::size_t mailbox_bytes_in_memory = 64u << 20;     // All mailboxes; beyond it messages wait in the view.
  std::size_t address_mailbox_bytes_in_memory = 1u << 20;
  std::uint64_t backlog_messages_max = 5'000'000;      // Waiting messages; beyond it new ones from outside are Overloaded.
  std::uint64_t backlog_bytes_max = 16ull << 30;
  std::uint64_t intake_backlog_messages = 20'000;      // Of one endpoint, all shards together, not counting parked addresses: beyond it
                                                       // nothing is taken in for it from sources that can wait.
  // Messages taken in for one upstream during one epoch: intake_backlog_messages at least,
  std::uint64_t intake_burst_messages_max = 50'000;    // this at most,
  Duration intake_burst_time{1'500};                   // else what its functions are expected to handle in this time.
  Duration intake_burst_max{2'000};                    // The epoch stays open for them at most so long;
  Duration prompt_answer_max{100};                     // so long, if a function has answered meanwhile that has nothing else to do.
  Duration answers_linger_max{10};                     // The answer to a call waits for others to share its epoch with: half as long as the
                                                       // call took, and at most so long.
  std::size_t stream_bytes_in_memory = 8u << 20;       // The newest records of one stream, before they become rows; of all: twice that.
  std::size_t state_cache_bytes = 128u << 20;          // Rows of idle addresses kept in memory.
  std::size_t ready_addresses_max = 32'768;            // Addresses that wait in memory for their call, about; the others' mail waits in the view.
  std::size_t mail_rows_per_turn = 100;              // Of that, looked at in one turn of the loop.
  std::uint64_t in_flight_max = 4096;                  // Calls of functions under way, all endpoints together.
  std::size_t open_epoch_bytes_max = 64u << 20;        // Beyond it no function is called until the epoch is closed.
  std::size_t call_bytes_max = 128u << 20;             // Requests of calls under way; and their answers, until they are in an epoch.
  std::size_t waiting_requests_max = 100'000;          // Open calls and stream readers.
  std::size_t unread_bytes_max = 16u << 20;            // Pages of streams that clients have asked for and not read yet.
  Duration unread_wait_max{30'000};                    // For room in that; then the reader is Overloaded.
  std::size_t timers_in_memory_max = 100'000;
  std::size_t link_messages_max = 100'000;             // Under way to one other shard.
  std::size_t dirty_bytes_max = 32u << 20;             // Committed rows not in the view yet, before they are written there.
  std::uint64_t log_bytes_max = 64ull << 20;           // Of the whole log, before a checkpoint lets it be trimmed.
  Duration epoch_open_max{5};                          // An epoch that nobody waits for is closed after this.
  std::size_t items_per_request_max = 1'000;           // Items of a transaction with what it sends, of a read, of a page.
  std::size_t transaction_bytes_max = 16u << 20;       // Values of a transaction, and what it sends.
  std::size_t read_bytes_max = 16u << 20;              // Items of one read, of one shard: a larger one is read alone.
  std::size_t transactions_max = 10'000;               // Led by one shard and under way, of those over several.
  std::size_t item_waiters_max = 10'000;               // Changes that wait for items which a transaction holds,
  Duration item_wait_max{1'000};                       // and for how long.
  std::size_t waiting_item_bytes_max = 64u << 20;      // Items that were read and wait until they are durable.
  std::size_t topics_per_egress_max = 100'000;         // Streams of one egress, all shards together; a record to one more is refused.
  Duration idempotency_retention{24LL * 3600 * 1000};
  // Streams that somebody has to send on, and how much may wait in each: beyond it functions that emit to it are not called.
  struct Outbox {
    std::string stream;
    std::uint64_t bytes_max = 0;
  };
  std::vector<Outbox> outboxes;
  Duration endpoint_down_max{5'000};                   // Longest pause between two tries of an endpoint that is down.
};

}  // namespace holdfast::runtime

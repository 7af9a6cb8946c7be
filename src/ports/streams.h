// Streams: what whoever sends records on (the outbox of an egress), or looks at them, needs of the core. Only durable records are seen.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/command.h"
#include "model/rows.h"

namespace holdfast::ports {

struct StreamQuery {
  std::string stream;         // model::stream_name(egress, topic)
  std::uint64_t from = 0;     // Position; one below the oldest kept means the oldest kept.
  std::uint32_t limit = 100;
  std::size_t bytes_max = 4u << 20;
  Duration wait;              // How long to wait for a first record when there is none; 0: not at all.
  // Pages for clients are made one after another, a few in a turn, and only while those not let go of (StreamPage::unread) are below a
  // bound; they may be smaller than asked for. Those of the core itself are made at once.
  enum class For : std::uint8_t { Core, Client };
  For reader = For::Core;
};
struct StreamPage {
  struct Entry {
    std::uint64_t position = 0;
    model::StreamRecord record;
  };
  std::vector<Entry> records;
  std::uint64_t next = 0;   // Ask from here next.
  std::uint64_t first = 0;  // Oldest position kept.
  std::uint64_t end = 0;    // Position after the last record that is durable.
  std::uint64_t bytes = 0;  // Of all records that are kept (partition::record_bytes).
  std::shared_ptr<void> unread = nullptr;  // For::Client: to be kept until the client has the page, or never will. Any thread.
};

// Records of an outbox that are done with.
struct Settlement {
  struct Aside {
    std::uint64_t position = 0;
    std::string reason;
  };
  std::uint64_t next = 0;    // Those below it go; they are sent, or are set aside.
  std::uint64_t bytes = 0;   // What those count together (partition::record_bytes).
  // Ascending. They cannot be sent: a copy, with the reason as its `error`, goes to `parked` (a stream). One that is not below `next` keeps
  // its place, with the reason, until it goes.
  std::vector<Aside> aside;
  std::string parked;
};

class Streams {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;

  virtual ~Streams() = default;
  virtual void read_stream(StreamQuery query, Done<StreamPage> done) = 0;
  // Takes away the records below `next`, which count `bytes` together (partition::record_bytes), and carries `instead` out in the same
  // epoch. Conflict: `next` is not within the stream. Answers when that is durable.
  virtual void release_records(std::string stream, std::uint64_t next, std::uint64_t bytes, std::vector<model::Command> instead,
                               Done<void> done) = 0;
  // What has become of records of an outbox, in one epoch. NotFound: one of those to set aside is not there; nothing has changed.
  // Conflict: as above. Answers when that is durable.
  virtual void settle_records(std::string stream, Settlement settlement, Done<void> done) = 0;
};

}  // namespace holdfast::ports

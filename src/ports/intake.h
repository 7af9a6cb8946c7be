// Intake: how records from outside (Kafka, NATS) get into the core exactly once. What has been taken in from a source and how far
// that is, is one thing: both are part of the same epoch, so a crash takes both or neither.
//
// A source is whatever numbers its records by itself: a Kafka partition, a JetStream stream. Its name begins with the ingress's id:
// "<ingress id>/<topic>/<partition>".
//
// What has the source's name may be deleted and made anew (a topic, a stream), and counts from its beginning again. A position means
// something only within one incarnation, which is whatever tells them apart: the id of a topic, the time when a stream was made. It is kept
// beside the position. Who finds another one than is kept sets the row, with the position where that one begins, before it takes in from it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/command.h"
#include "model/rows.h"

namespace holdfast::ports {

struct SourceBatch {
  std::string source;
  std::optional<std::uint64_t> from;  // The position this batch goes on from; none: the source has no position yet.
  std::uint64_t next = 0;             // The position after it.
  std::vector<model::Command> commands;  // In order. Messages to functions, records to streams (parked, dead letters).
  std::string incarnation{};          // That `from` and `next` count in; empty: not known.
};

class Intake {
 public:
  // Whether an epoch is closed for it, or it waits until one is for others.
  enum class Hurry : std::uint8_t { Yes, No };
  template <typename T>
  using Done = std::function<void(Result<T>)>;

  virtual ~Intake() = default;
  // `taken` is called when the batch is part of an epoch; the next one may be given then. That may take as long as functions do not keep
  // up, so there should be one batch of a source at a time. Not taken, as a whole: Conflict (the source is not at `from`, or is of
  // another incarnation: ask for its row), Overloaded (far too many batches wait: try the same later), Unavailable (stopping).
  // `durable`, which may be empty, is called when that epoch is durable. Any thread; both are called on a shard's loop.
  virtual void take_in(SourceBatch batch, Done<void> taken, std::function<void()> durable) = 0;
  // What is kept of a source, or of a whole ingress under its id. None: nothing.
  virtual void source(std::string name, Done<std::optional<model::SourceRow>> done) = 0;
  // Sets it whatever it was; answers when that is durable.
  virtual void set_source(std::string name, model::SourceRow row, Done<void> done, Hurry hurry = Hurry::Yes) = 0;
};

}  // namespace holdfast::ports

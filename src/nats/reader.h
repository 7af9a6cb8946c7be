// Reader: what reads one subject pattern of a NATS ingress, and feeds it into the epochs. Two kinds: core and JetStream.
//
// Everything on the ingress's loop. An ingress makes its readers once; connections come and go beneath them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/worker_loop.h"
#include "connect/ingress_parts.h"
#include "model/edges.h"
#include "nats/connection.h"
#include "ports/edges.h"
#include "ports/intake.h"

namespace holdfast::nats {

// One writer: the loop.
struct ReaderMetrics : connect::SourceMetrics {
  Counter reopened;  // Times a consumer was made anew: a gap, a lost connection, a silent server.
};

// What readers share. All of it is the ingress's and outlives them.
struct ReaderWorld {
  const model::NatsIngressSpec& spec;
  ports::Intake& intake;
  std::shared_ptr<WorkerLoop> loop;
  connect::RecordRouter& router;
  // The connection there is just now, connected or not; none: it is being made.
  std::function<Connection*()> connection;
};

class Reader {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;

  virtual ~Reader() = default;
  // Reads from now on, or no more; answers when nothing is under way any more. Both may be called in any state.
  virtual void start() = 0;
  virtual void stop(std::function<void()> done) = 0;
  // The connection is there, or there again, and what was under way on it is not known.
  virtual void connected() = 0;
  // It is about to be closed for good: subscriptions on it must be let go of.
  virtual void connection_ends() = 0;
  // Takes nothing in while held, whatever was read.
  virtual void hold(bool held) = 0;
  // Only while stopped; answers when the new position is durable.
  virtual void seek(ports::SeekTo to, Done<void> done) = 0;
  [[nodiscard]] virtual ports::SourceInfo info() = 0;
  [[nodiscard]] virtual const std::string& source() const = 0;
  // What keeps it from reading; empty: nothing.
  [[nodiscard]] virtual std::string trouble() const = 0;
  // Once a second: looks after what nobody tells.
  virtual void tick() = 0;
  // Brings metrics() up to date.
  virtual void count() = 0;

  [[nodiscard]] const ReaderMetrics& metrics() const { return metrics_; }  // Any thread.

 protected:
  ReaderMetrics metrics_;
};

// Hands a message to the router; `pattern` is the SourceTopic's, `place` what the record says for people about where it came from.
void route_message(connect::RecordRouter& router, const model::NatsIngressSpec::Subject& subject, natsMsg* message,
                   std::string_view stream, std::uint64_t position, std::vector<model::Command>& out);

[[nodiscard]] std::unique_ptr<Reader> make_core_reader(ReaderWorld world, const model::NatsIngressSpec::Subject& subject);
[[nodiscard]] std::unique_ptr<Reader> make_jetstream_reader(ReaderWorld world, const model::NatsIngressSpec::Subject& subject);

// Of the durable consumer that reads a subject: `durable` itself where the ingress has one subject; otherwise each has its own, whose
// name goes on with the subject: "." becomes "_", "*" "any" and ">" "rest".
[[nodiscard]] std::string durable_name(const model::NatsIngressSpec& spec, const std::string& subject);

}  // namespace holdfast::nats

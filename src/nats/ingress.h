// Ingress: messages of NATS become messages to functions. One connection, one loop, and a Reader for each subject pattern.
//
// Core: a message counts from when it is here: at most once, in a queue group where the document names one. JetStream: exactly once by
// stream sequence (jetstream_reader.cc says how).
//
// Sources: "<id>/<stream>/<subject pattern>", at the stream sequence to go on from, and "<id>/<subject pattern>" for core, at a count. Each
// pattern is a subscription of its own: a message that two of them match is taken in once for each, and what comes by two of them has no
// order among each other. The row under the ingress's id says whether it is paused.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/worker_loop.h"
#include "connect/ingress_parts.h"
#include "model/edges.h"
#include "nats/connection.h"
#include "nats/reader.h"
#include "nats/tls_options.h"
#include "ports/edges.h"
#include "ports/intake.h"
#include "ports/streams.h"

namespace holdfast::nats {

using connect::IngressWorld;

class Ingress final : public ports::Ingress {
 public:
  // Invalid: what the document says cannot be: a subject twice, a name that is none. Nothing is connected yet.
  [[nodiscard]] static Result<std::unique_ptr<Ingress>> create(model::NatsIngressSpec spec, IngressWorld world);
  ~Ingress() override;

  [[nodiscard]] const std::string& id() const override { return spec_.id; }
  void start() override;
  void stop(std::function<void()> done) override;
  void info(Done<ports::IngressInfo> done) override;
  void pause(Done<void> done) override;
  void resume(Done<void> done) override;
  void seek(std::string source, ports::SeekTo to, Done<void> done) override;
  void retry_parked(Done<std::uint64_t> done) override;
  void skip_parked(Done<std::uint64_t> done) override;
  void collect(MetricsSink& sink) const override;

 private:
  Ingress(model::NatsIngressSpec spec, IngressWorld world);

  void ask_whether_paused();
  void connect();
  void connected();
  void let_go();
  void renew_lost_connection();
  void lost(std::string why);
  void run_readers();
  void stop_readers(std::function<void()> done);
  void set_paused(bool paused, Done<void> done);
  void seek_stopped(std::vector<Reader*> readers, ports::SeekTo to, Done<void> done);
  void tick();
  [[nodiscard]] std::string trouble() const;
  // Posts what may be run only while the ingress is there.
  void post(std::function<void()> task);

  const model::NatsIngressSpec spec_;
  const IngressWorld world_;
  std::shared_ptr<WorkerLoop> loop_;  // Whoever answers late holds it.
  connect::RecordRouter router_;
  connect::ParkedKeeper parked_;
  TlsOptions tls_;
  bool tls_is_newer_ = false;  // Than the connection.
  std::unique_ptr<Connection> connection_;
  std::vector<std::unique_ptr<Reader>> readers_;

  // On the loop.
  bool asked_ = false;     // Whether it is paused is known.
  bool paused_ = false;
  bool stopping_ = false;
  bool running_ = false;   // The readers are to read.
  bool seeking_ = false;
  std::uint64_t connects_ = 0;
  std::uint64_t ticks_ = 0;
  std::string connection_trouble_;
  std::string last_error_;
  std::uint64_t last_error_us_ = 0;
  Counter paused_metric_, trouble_metric_;
};

}  // namespace holdfast::nats

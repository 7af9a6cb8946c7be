// Ingress: simulated topics of records that come in, and what reads them: batch by batch, as the ingresses of Kafka and NATS do, through the
// same router, with the same parked records.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop.h"
#include "base/random.h"
#include "connect/parked_records.h"
#include "connect/record_router.h"
#include "model/edges.h"
#include "ports/intake.h"
#include "ports/streams.h"

namespace holdfast::sim {

inline constexpr std::string_view kIngress = "sim/in";
inline constexpr std::size_t kSources = 2;
inline constexpr std::size_t kFarSource = 1;  // All that is for functions of the far endpoint comes from there, and nothing else.

struct Incoming {
  std::string topic;               // The name of the function type that it is for.
  std::optional<std::string> key;  // None: a bad record.
  std::string value;
};

// What there is outside, whatever becomes of us.
struct Topics {
  std::array<std::vector<Incoming>, kSources> sources;  // The index of a record is its position.
  bool is_late_served = false;                          // Until then records for kLateType are bad ones.
};
// Nobody routes to it at first.
inline constexpr std::string_view kLateType = "far/late";
[[nodiscard]] std::string source_name(std::size_t source);

class Ingress {
 public:
  Ingress(const Topics& topics, const model::BadRecordPolicy& on_bad_record, Random& random, ports::Intake& intake, ports::Streams& streams,
          Loop& loop);

  void start();
  // Nothing more is taken in; what is under way may be, or not.
  void stop() { is_over_ = true; }
  // Of parked records. One at a time: nothing happens while another one is under way.
  void retry();
  void skip();

 private:
  void begin(std::size_t source);
  void next(std::size_t source);
  void handle(std::function<void(connect::PostTask, connect::ParkedDone)> how);

  const Topics& topics_;
  Random& random_;
  ports::Intake& intake_;
  ports::Streams& streams_;
  Loop& loop_;
  connect::RecordRouter router_;
  std::array<std::optional<std::uint64_t>, kSources> at_;
  bool handling_ = false;
  bool is_over_ = false;
};

}  // namespace holdfast::sim

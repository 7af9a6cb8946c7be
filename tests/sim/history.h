// History: one run of a world, as its seed has it: requests, faults and crashes in any order, somebody who looks after what is parked, a siege,
// and at last rest; and what must be true of all this, then and on the way.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "program.h"
#include "streams.h"
#include "tables.h"
#include "tree.h"
#include "world.h"

namespace holdfast::sim {

class History {
 public:
  explicit History(std::uint64_t seed);

  // Empty: all is well.
  [[nodiscard]] std::string go();
  // Of everything the disk holds: the same for the same seed.
  [[nodiscard]] std::uint64_t fingerprint();
  [[nodiscard]] std::uint64_t crashes() const { return crashes_; }

 private:
  struct Request {
    std::uint64_t root = 0;
    std::string key;       // Empty: no idempotency key.
    bool is_call = false;
    bool is_with_item = false;  // Its message is sent by a transaction, with an item that must not be there yet: as good as a key.
    bool acked = false;
    bool given_up = false; // It was told that its message was.
    bool lost = false;     // No key, and a crash or error came before the answer: nobody can know.
    bool under_way = false;
    std::string payload;
    std::string reply;
    std::string trouble;   // Why it was not taken in, the last time.
    [[nodiscard]] bool is_repeatable() const { return !key.empty() || is_with_item; }
  };
  // What functions have emitted, as their logs say: by source, in order.
  using Emitted = std::array<StreamWatch::Emitted, kWays>;

  void broken(std::string why);
  bool start();
  void crash(World::Crash how);

  // What is asked.
  void begin_request();
  void ask_for(const Node& root, Request request);
  void come_in(const Node& root, std::size_t source);
  void come_in_bad();
  void issue(Request& request);
  void retry_requests();

  void advance();

  // What happens (trouble.cc).
  void step();
  void stop();
  void die_with_the_log_stalled();
  void deploy();
  void provoke_refusals();
  void trouble_outside();
  void operate();
  void operate_on_edges();

  // Coming to rest.
  void settle();
  [[nodiscard]] bool is_settled();
  [[nodiscard]] std::string what_is_stuck();
  // Runs until `is_so`, but at most for so long. Whether it came to be.
  bool run_until(Duration at_most, const std::function<bool()>& is_so);

  // Sieges (siege.cc): one thing outside is away, or wrong, for as long as it likes. What has nothing to do with it goes on in bounded time.
  void siege();
  void siege_of_egress();
  void siege_of_endpoint();
  void siege_of_clock();
  void siege_of_declaration();
  void siege_of_disk();
  void ask_surely(const Node& root);
  [[nodiscard]] bool is_stored(std::size_t away, std::uint64_t from, std::uint64_t to) const;

  // What must be true at rest (verify.cc).
  void verify(const std::string& when);
  void verify_address(const runtime::StateInfo& info, std::map<std::uint64_t, int>& handled, Emitted& emitted);
  void verify_nodes(const std::map<std::uint64_t, int>& handled, const std::set<std::uint64_t>& dead);
  void verify_changes();
  void verify_bad_records(const std::map<std::uint64_t, int>& handled);
  void verify_broker(std::size_t away, const StreamWatch::Emitted& emitted);
  [[nodiscard]] std::set<std::uint64_t> nodes_in(const std::string& stream);
  [[nodiscard]] std::set<std::uint64_t> dead_nodes(std::string_view topic);
  [[nodiscard]] runtime::StreamPage all_of(const std::string& stream);

  // Asks the runtime something and lets the world run until it has answered. If that dies first there is no answer.
  template <typename T>
  void ask(const std::function<void(std::function<void(Result<T>)>)>& question, const std::function<void(const T&)>& answer) {
    // An answer may come when we have given up, to what is gone by then.
    struct Asked {
      bool is_answered = false;
      bool is_given_up = false;
    };
    auto asked = std::make_shared<Asked>();
    question([asked, this, &answer](Result<T> result) {
      if (asked->is_given_up) return;
      asked->is_answered = true;
      if (!result) return broken("cannot look in: " + result.error().message);
      answer(*result);
    });
    for (int i = 0; i < 1'000'000 && !asked->is_answered; ++i) {
      world_.scheduler().step(world_.scheduler().monotonic() + Duration{20});
      if (!world_.is_dying()) continue;
      asked->is_given_up = true;
      return crash(World::Crash::Power);
    }
    if (asked->is_answered) return;
    asked->is_given_up = true;
    broken("a question was not answered");
  }

  SeededRandom random_;
  World world_;
  Trees trees_;
  StreamWatch streams_;
  Tables tables_;
  std::vector<Request> requests_;
  std::set<std::string> was_unsendable_;                       // Values of records that a broker has refused to take at some time.
  std::array<bool, kAway.size()> skipped_unsendable_{};        // Somebody has said so, whenever.
  bool skipped_bad_records_ = false;
  const bool skips_;                                           // Whether anybody ever does say so.
  std::uint64_t crashes_ = 0;
  bool full_ = false;
  bool operating_ = false;
  std::uint64_t calm_steps_ = 0;  // So many more, and nothing is done to the world before.
  std::string why_;
};

}  // namespace holdfast::sim

// Tables: clients that read and write items, one by one and in transactions, through all lives, and what they must therefore be shown.
//
// Two tables. In `free` each value that is written is the number of its write: what is shown was written by a write that had begun, and is not
// older than one that was answered before the read began. In `bank` clients move money between accounts, by what they have read, and count it now
// and then: whatever happens, it neither grows nor shrinks. So both tell what is lost, half done, or done by two at once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "runtime/runtime.h"
#include "scheduler.h"

namespace holdfast::sim {

class Tables {
 public:
  Tables(Random& random, const Scheduler& scheduler) : random_(random), scheduler_(scheduler) {}

  // With each life.
  void started(runtime::Runtime& runtime) { runtime_ = &runtime; }
  void crash();
  // Begins something.
  void do_something();
  // Begins to read everything.
  void read_all();
  [[nodiscard]] bool is_quiet() const { return under_way_ == 0; }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  using Step = std::uint64_t;  // The scheduler's: when.
  static constexpr std::size_t kKeys = 8, kAccounts = 6;
  static constexpr std::int64_t kEach = 100;

  // What may have made a key of `free` what it is.
  struct Write {
    enum class Fate : std::uint8_t { UnderWay, Done, Refused, Unknown };
    std::vector<std::size_t> keys;  // A deletion by prefix has several.
    bool is_put = false;
    Duration ttl;
    Instant latest_at_begin;        // By the clock.
    Step began = 0;
    Step ended = UINT64_MAX;
    Fate fate = Fate::UnderWay;
    std::optional<model::Sequence> version;  // Once it is known.
  };
  struct Read {
    Step began = 0;
    std::array<model::Sequence, kKeys> floor;  // Of versions, as they were answered before.
    Instant began_at;                          // By the clock, which had been set so often.
    std::size_t sets = 0;
  };
  using Ids = std::vector<std::uint64_t>;

  [[nodiscard]] static std::string name(std::size_t key);
  [[nodiscard]] std::uint64_t begin(Write write);
  void end(const Ids& ids, const std::optional<Error>& error);
  [[nodiscard]] Read begin_read() const { return {scheduler_.steps(), floor_, scheduler_.now(), scheduler_.sets()}; }
  [[nodiscard]] bool is_surely_over(const Write& write, std::size_t key, Step at) const;
  void check_shown(const Read& read, std::size_t key, const model::ItemRow& row);
  void check_absent(const Read& read, std::size_t key);
  void check(const Read& read, std::size_t key, const std::optional<model::ItemRow>& row);
  void broken(std::string why);
  template <typename T>
  [[nodiscard]] std::function<void(Result<T>)> answer(std::function<void(Result<T>)> then);

  void write_some();
  void get_some();
  void delete_some();
  void scan();
  void scan_on(Read read, std::string after, std::set<std::size_t> seen);
  void open_bank();
  void with_accounts(std::vector<std::size_t> accounts, std::function<void(std::vector<model::ItemRow>&&)> then);
  void move_money();
  void count_money();

  Random& random_;
  const Scheduler& scheduler_;
  runtime::Runtime* runtime_ = nullptr;
  std::map<std::uint64_t, Write> writes_;
  std::uint64_t last_write_ = 0;
  std::array<model::Sequence, kKeys> floor_{};
  std::array<std::optional<std::pair<std::uint64_t, model::Sequence>>, kKeys> last_seen_{};  // Write and version.
  std::set<std::pair<std::size_t, model::Sequence>> replaced_;
  std::uint64_t under_way_ = 0;
  std::string why_;
};

}  // namespace holdfast::sim

// Expiry: a state that functions declare to expire, one way after the other, and what must therefore be shown to them when they are called.
//
// The value of the state is the number of the call that wrote it. Beside it, in a state that never expires, each call leaves a note: what it
// did, and between which two times the value that it found would expire. With the time at which the call's answer was accepted the next one
// knows whether a value must be there, must not be, or may: because the clock was set in between, or another declaration came.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "model/state.h"
#include "scheduler.h"

namespace holdfast::sim {

class Expiry {
 public:
  static constexpr std::string_view kState = "timed", kNote = "note";
  // Where an answer says that it was accepted: an egress like others.
  static constexpr std::string_view kAccepted = "sim/accepted";

  Expiry(Random& random, const Scheduler& scheduler) : random_(random), scheduler_(scheduler) {}

  // Whether functions of this type have the state.
  [[nodiscard]] static bool is_of(std::string_view type);
  // How it is declared by what runs now.
  [[nodiscard]] const model::StateSpec& deployed(std::string_view type);
  // Another one runs from now on.
  void deploy(std::string_view type);
  // Whether the last call of this type was sent the state as it is declared by what runs now.
  [[nodiscard]] bool is_known(std::string_view type);

  void started();
  // The runtime has got an answer with this declaration.
  void declared(std::string_view type, const model::StateSpec& spec);
  // Whether it has, since it was started.
  [[nodiscard]] bool is_news(std::string_view type, const model::StateSpec& spec) const;

  struct Shown {
    std::string value;
    Instant expires_at;  // 0: never.
  };
  struct Answer {
    std::uint64_t call = 0;
    enum class Does : std::uint8_t { Nothing, Writes, Deletes } does = Does::Nothing;
    std::string note;
  };
  // A call comes, with the state as `sent` says that it is declared.
  [[nodiscard]] Answer called(std::string_view type, const model::StateSpec& sent, const std::string& note, const std::optional<Shown>& shown);
  void accepted(std::uint64_t call);
  // As somebody who looks in sees them; between that and now some time may have passed.
  void seen(const std::string& note, const std::optional<Shown>& shown);
  // What has been seen to be wrong so far.
  [[nodiscard]] const std::string& why() const { return why_; }
  void broken(std::string why);

 private:
  struct Note {
    std::uint64_t call = 0;
    Answer::Does does = Answer::Does::Nothing;  // Of that call; what follows is as it found it.
    Instant at;                                 // When it was called; monotonic.
    std::uint64_t value = 0;                    // Which call wrote it; 0: there is none.
    Instant min, max;                           // When it expires, at the earliest and at the latest.
    bool may_be_gone = false;
  };
  struct Call {
    std::string type;
    model::StateSpec sent;
    std::optional<Instant> accepted;  // Monotonic.
    Instant accepted_at;              // By the clock.
    std::vector<model::StateSpec> declarations;  // One of them counted then.
  };
  [[nodiscard]] static std::string encode(const Note& note);
  [[nodiscard]] static Note decode(const std::string& text);
  // What has become by now of what the note's call left behind.
  [[nodiscard]] Note now(Note note);
  void check(const Note& note, const std::optional<Shown>& shown);

  Random& random_;
  const Scheduler& scheduler_;
  std::map<std::string, model::StateSpec, std::less<>> deployed_;
  std::map<std::string, bool, std::less<>> is_known_;
  std::map<std::string, std::vector<model::StateSpec>, std::less<>> declared_;  // Since the start.
  std::map<std::uint64_t, Call> calls_;
  std::uint64_t last_call_ = 0;
  std::string why_;
};

}  // namespace holdfast::sim

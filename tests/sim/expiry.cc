#include "expiry.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "program.h"

namespace holdfast::sim {
namespace {

constexpr Instant kNever{INT64_MAX};

Instant expiry(const model::StateSpec& spec, Instant written) {
  return spec.expire_mode == model::ExpireMode::None ? kNever : written + spec.expire_after;
}

std::string show(Instant at) { return at == kNever ? "never" : std::to_string(at.unix_ms); }

}  // namespace

bool Expiry::is_of(std::string_view type) { return type == kTypes[1] || type.starts_with("only/"); }

const model::StateSpec& Expiry::deployed(std::string_view type) {
  if (!deployed_.contains(type)) deploy(type);
  return deployed_.find(type)->second;
}

void Expiry::deploy(std::string_view type) {
  model::StateSpec spec{std::string(kState), std::string(kTextType), model::ExpireMode::None, {}};
  static constexpr std::uint64_t kTimes_ms[] = {5, 50, 500, 5'000, 100'000};
  if (random_.below(4) != 0) {
    spec.expire_mode = random_.below(2) == 0 ? model::ExpireMode::AfterWrite : model::ExpireMode::AfterInvoke;
    spec.expire_after = {static_cast<std::int64_t>(1 + random_.below(kTimes_ms[random_.below(std::size(kTimes_ms))]))};
  }
  deployed_.insert_or_assign(std::string(type), std::move(spec));
  is_known_[std::string(type)] = false;
}

bool Expiry::is_known(std::string_view type) {
  const auto it = is_known_.find(type);
  return it != is_known_.end() && it->second;
}

void Expiry::started() { declared_.clear(); }

void Expiry::declared(std::string_view type, const model::StateSpec& spec) {
  auto& all = declared_[std::string(type)];
  if (std::ranges::find(all, spec) == all.end()) all.push_back(spec);
}

bool Expiry::is_news(std::string_view type, const model::StateSpec& spec) const {
  const auto it = declared_.find(type);
  return it != declared_.end() && std::ranges::find(it->second, spec) != it->second.end();
}

Expiry::Answer Expiry::called(std::string_view type, const model::StateSpec& sent, const std::string& note, const std::optional<Shown>& shown) {
  is_known_[std::string(type)] = sent == deployed(type);
  Note next = now(decode(note));
  check(next, shown);
  const bool is_late = shown && next.max != kNever && next.max <= scheduler_.now();
  if (is_late) broken("call " + std::to_string(next.value) + " wrote a value to expire at " + show(next.max) + ", which is shown at " + show(scheduler_.now()));
  if (shown) next.may_be_gone = false;
  Answer answer{.call = ++last_call_};
  if (const auto chance = random_.below(6); chance < 2) answer.does = Answer::Does::Writes;
  else if (chance == 2) answer.does = Answer::Does::Deletes;
  next.call = answer.call;
  next.does = answer.does;
  next.at = scheduler_.monotonic();
  calls_.insert_or_assign(answer.call, Call{std::string(type), sent, {}, {}, {}});
  answer.note = encode(next);
  return answer;
}

void Expiry::accepted(std::uint64_t number) {
  Call& call = calls_.at(number);
  call.accepted = scheduler_.monotonic();
  call.accepted_at = scheduler_.now();
  call.declarations = declared_[call.type];
  call.declarations.push_back(call.sent);
}

void Expiry::seen(const std::string& note, const std::optional<Shown>& shown) { check(now(decode(note)), shown); }

Expiry::Note Expiry::now(Note note) {
  if (note.call == 0) return note;
  const auto it = calls_.find(note.call);
  if (it == calls_.end() || !it->second.accepted) {
    broken("call " + std::to_string(note.call) + " has had its effect, but was not accepted");
    return note;
  }
  const Call& call = it->second;
  using Does = Answer::Does;
  if (note.does == Does::Deletes) {
    note.value = 0;
  } else if (note.does == Does::Writes) {
    note.value = note.call;
    note.may_be_gone = false;
    note.min = kNever;
    note.max = {};
    for (const auto& spec : call.declarations) {
      note.min = std::min(note.min, expiry(spec, call.accepted_at));
      note.max = std::max(note.max, expiry(spec, call.accepted_at));
    }
  } else if (note.value != 0) {
    if (scheduler_.latest_between(note.at, *call.accepted) >= note.min) note.may_be_gone = true;
    const Note before = note;
    note.min = kNever;
    note.max = {};
    for (const auto& spec : call.declarations) {
      const bool is_refreshed = spec.expire_mode == model::ExpireMode::AfterInvoke;
      note.min = std::min(note.min, is_refreshed ? expiry(spec, call.accepted_at) : before.min);
      note.max = std::max(note.max, is_refreshed ? expiry(spec, call.accepted_at) : before.max);
    }
  }
  if (note.value != 0 && scheduler_.latest_between(*call.accepted, scheduler_.monotonic()) >= note.min) note.may_be_gone = true;
  return note;
}

void Expiry::check(const Note& note, const std::optional<Shown>& shown) {
  const std::string which = "the value of call " + std::to_string(note.value) + ", which expires at " + show(note.min) +
                            (note.min == note.max ? "" : " to " + show(note.max)) + ",";
  if (!shown) {
    if (note.value != 0 && !note.may_be_gone) broken(which + " is not there at " + show(scheduler_.now()));
    return;
  }
  if (shown->value != std::to_string(note.value)) return broken("the value of call " + shown->value + " is there, not " + which);
  const Instant at = shown->expires_at.unix_ms == 0 ? kNever : shown->expires_at;
  if (at < note.min || at > note.max) broken(which + " is to expire at " + show(at));
}

void Expiry::broken(std::string why) {
  if (why_.empty()) why_ = std::move(why);
}

std::string Expiry::encode(const Note& note) {
  std::string out;
  append_varint(out, note.call);
  append_be(out, static_cast<std::uint8_t>(note.does));
  append_be(out, note.at.unix_ms);
  append_varint(out, note.value);
  append_be(out, note.min.unix_ms);
  append_be(out, note.max.unix_ms);
  append_be(out, static_cast<std::uint8_t>(note.may_be_gone));
  return out;
}

Expiry::Note Expiry::decode(const std::string& text) {
  Note note;
  if (text.empty()) return note;
  ByteReader in(text);
  note.call = in.varint();
  note.does = static_cast<Answer::Does>(in.be<std::uint8_t>());
  note.at = {in.be<std::int64_t>()};
  note.value = in.varint();
  note.min = {in.be<std::int64_t>()};
  note.max = {in.be<std::int64_t>()};
  note.may_be_gone = in.be<std::uint8_t>() != 0;
  HOLDFAST_CHECK(in.ok() && in.at_end());
  return note;
}

}  // namespace holdfast::sim

// What must be true of a history that has come to rest: everything accepted happened exactly once, in order, and is where it belongs.
#include <algorithm>
#include <optional>

#include "codec/egress_records.h"
#include "history.h"

namespace holdfast::sim {

runtime::StreamPage History::all_of(const std::string& stream) {
  runtime::StreamPage all;
  ask<runtime::StreamPage>([&](auto done) { world_.runtime().read_stream({.stream = stream, .limit = 10'000}, std::move(done)); },
                           [&](const runtime::StreamPage& page) { all = page; });
  return all;
}

// Of a stream that keeps messages to functions: which nodes they carry.
std::set<std::uint64_t> History::nodes_in(const std::string& stream) {
  std::set<std::uint64_t> nodes;
  for (const auto& entry : all_of(stream).records)
    if (const auto id = node_of_message(entry.record.value.value); !nodes.insert(id).second)
      broken("node " + std::to_string(id) + " is twice in " + stream);
  return nodes;
}

// Of dead letters, wherever they are.
std::set<std::uint64_t> History::dead_nodes(std::string_view topic) {
  auto nodes = nodes_in(model::stream_name(kDeadEgress, topic));
  for (const Broker& broker : world_.brokers) {
    std::set<std::uint64_t> here;  // Some of them more than once, where all is sent at least once.
    for (const auto& stored : broker.stored) {
      if (!codec::is_kafka_record(stored.value.type_name)) continue;
      const auto record = codec::parse_kafka_record(stored.value.value);
      if (!record || record->topic != topic) continue;
      const auto id = node_of_message(record->value);
      if (!here.insert(id).second && broker.kind() != Broker::Kind::Loose) broken("dead letter " + std::to_string(id) + " was sent twice");
    }
    for (const auto id : here)
      if (!nodes.insert(id).second) broken("dead letter " + std::to_string(id) + " is in two places");
  }
  return nodes;
}

void History::verify(const std::string& when) {
  tables_.read_all();
  if (!run_until(Duration{60'000}, [this] { return tables_.is_quiet(); })) broken("tables are not read");
  std::map<std::uint64_t, int> handled;
  Emitted emitted;
  for (const auto type : kTypes)
    ask<runtime::Page<runtime::StateInfo>>(
        [&](auto done) { world_.runtime().states({.type = std::string(type), .limit = 1000}, std::move(done)); },
        [&](const runtime::Page<runtime::StateInfo>& infos) {
          for (const auto& info : infos) verify_address(info, handled, emitted);
        });
  verify_nodes(handled, dead_nodes(kDeadLetters));
  verify_bad_records(handled);
  verify_changes();
  for (std::size_t i = 0; i < kTopics.size(); ++i)
    if (auto why = streams_.verify(i, all_of(std::string(kTopics[i])), emitted[i]); !why.empty()) broken(std::move(why));
  for (std::size_t i = 0; i < kAway.size(); ++i) verify_broker(i, emitted[way_to(i)]);
  if (!why_.empty()) why_ = when + ": " + why_;
}

// What the function has written down of itself.
void History::verify_address(const runtime::StateInfo& info, std::map<std::uint64_t, int>& handled, Emitted& emitted) {
  const std::string self = name_of(info.address);
  std::optional<std::string> flag, expected_flag;
  std::map<std::string, std::uint64_t> last;
  std::map<std::size_t, std::uint64_t> last_incoming;  // By source.
  std::string note;
  std::optional<Expiry::Shown> timed;
  for (const auto& entry : info.entries) {
    if (entry.name == "flag") flag = entry.value.value;
    if (entry.name == Expiry::kNote) note = entry.value.value;
    if (entry.name == Expiry::kState) timed = {entry.value.value, entry.expires_at};
    if (entry.name != "log") continue;
    for (const Handled& h : parse_log(entry.value.value)) {
      const std::string which = "node " + std::to_string(h.id);
      ++handled[h.id];
      const auto found = trees_.known.find(h.id);
      if (found == trees_.known.end()) return broken(which + " is unknown");
      const Known& known = found->second;
      if (name_of(known.target) != self) broken(which + " went to " + self);
      if (known.sender != h.sender) broken(which + " came from \"" + h.sender + "\", not \"" + known.sender + "\"");
      if (h.sequence != 0) {
        if (h.sequence <= last[h.sender])
          broken(self + " got message " + std::to_string(h.sequence) + " of " + h.sender + " after " + std::to_string(last[h.sender]));
        last[h.sender] = h.sequence;
      }
      if (known.incoming && !known.is_bad_record) {
        auto& next = last_incoming[known.incoming->first];
        if (known.incoming->second < next) broken(self + " got what came in from outside out of order");
        next = known.incoming->second + 1;
      }
      for (const auto& [way, number] : known.records) emitted[way][self].push_back(number);
      for (const auto& [kind, number] : known.flags)
        expected_flag = kind == Op::Kind::SetFlag ? std::optional(std::to_string(number)) : std::nullopt;
    }
  }
  if (Expiry::is_of(info.address.type)) world_.expiry.seen(note, timed);
  if (flag != expected_flag)
    broken(self + " has flag " + flag.value_or("(none)") + ", expected " + expected_flag.value_or("(none)"));
}

void History::verify_nodes(const std::map<std::uint64_t, int>& handled, const std::set<std::uint64_t>& dead) {
  for (const auto id : dead)
    if (!trees_.known.at(id).was_poison) broken("node " + std::to_string(id) + " is a dead letter, but is not poison");
  const auto is_dropped = [this](const Known& known) {
    if (!known.was_poison) return false;
    for (std::size_t i = 0; i < kEndpoints.size(); ++i)
      if (known.target.type.starts_with(kEndpoints[i].substr(0, kEndpoints[i].size() - 1)))
        return world_.policies[i].then == model::FailureAction::Drop;
    return false;
  };
  for (const auto& [id, known] : trees_.known) {
    const int count = handled.contains(id) ? handled.at(id) : 0;
    const std::string which = "node " + std::to_string(id) + " to " + name_of(known.target);
    Fate fate = known.fate;
    if (!known.parent && !known.incoming) {
      const auto request = std::ranges::find(requests_, id, &Request::root);
      if (request->lost && !request->acked) fate = Fate::AtMostOnce;
      if (request->given_up && count != 0) broken(which + " was handled, but its caller was told that it was given up");
    }
    if (count > 1) broken(which + " was handled " + std::to_string(count) + " times");
    // Children come after their parents.
    if (known.parent && !handled.contains(*known.parent)) {
      if (count != 0) broken(which + " was handled, but nobody sent it");
      continue;
    }
    if ((fate == Fate::Never || fate == Fate::Pending) && count != 0) broken(which + " was handled, but must not be");
    if (known.skipped || dead.contains(id) || is_dropped(known)) {
      if (count != 0) broken(which + " was given up and handled");
      continue;
    }
    if (fate == Fate::Once && count == 0) broken(which + " was lost");
  }
}

// Each change of a watched item was written down, once and in order.
void History::verify_changes() {
  std::map<std::string, std::string> last;  // By key; nothing: it is not there.
  for (const auto& entry : all_of(std::string(kChanges)).records) {
    const auto& text = entry.record.value.value;
    const auto middle = text.find('>');
    auto& value = last[entry.record.key];
    if (text.substr(0, middle) != value) broken("item " + entry.record.key + " was \"" + value + "\", and is said to have been \"" + text + "\"");
    value = text.substr(middle + 1);
  }
  ask<ports::ItemPage>([&](auto done) { world_.runtime().scan_items({.table = std::string(kWatched)}, std::move(done)); },
                       [&](const ports::ItemPage& page) {
                         for (const auto& [key, row] : page.items)
                           if (last[key] != row.value) broken("item " + key + " is \"" + row.value + "\", and was last said to be \"" + last[key] + "\"");
                       });
}

// A record that could not be routed is parked, or where the policy sends it; or it was routed later; or somebody has said that it may go.
void History::verify_bad_records(const std::map<std::uint64_t, int>& handled) {
  const auto parked = nodes_in(model::parked_stream(std::string(kIngress)));
  const auto dead = dead_nodes(kBadRecords);
  for (const auto* where : {&parked, &dead})
    for (const auto id : *where)
      if (!trees_.known.at(id).is_bad_record) broken("node " + std::to_string(id) + " is kept as a bad record, and is none");
  const bool may_be_gone = skipped_bad_records_ || world_.on_bad_record.then == model::BadRecordAction::Skip;
  for (const auto& [id, known] : trees_.known) {
    if (!known.is_bad_record) continue;
    const std::size_t places = handled.count(id) + parked.count(id) + dead.count(id);
    const bool is_given_up = known.was_poison && handled.count(id) == 0;  // It was routed, and its function chokes on it.
    if (places > 1 || (places == 0 && !may_be_gone && !is_given_up))
      broken("bad record " + std::to_string(id) + " is in " + std::to_string(places) + " places");
  }
}

// Each record is with the broker, once and in the order of its source; or it was set aside, once, and may be gone only if somebody said so.
void History::verify_broker(std::size_t away, const StreamWatch::Emitted& emitted) {
  const Broker& broker = world_.brokers[away];
  const std::string name(kAway[away]);
  const auto unsendable = [&](std::uint64_t number) {
    const auto text = record_text(number);
    return broker.unsendable.contains(text) || was_unsendable_.contains(text);
  };
  StreamWatch::Emitted in_order;
  std::map<std::uint64_t, int> places;  // Of those that the broker did not take at some time.
  std::set<std::uint64_t> stored;
  for (const auto& record : broker.stored) {
    if (codec::is_kafka_record(record.value.type_name)) continue;
    const auto number = number_of_record(record.value.value);
    if (!stored.insert(number).second) {
      if (broker.kind() != Broker::Kind::Loose) broken(name + " has record " + std::to_string(number) + " twice");
      continue;
    }
    if (unsendable(number)) ++places[number];
    else in_order[record.source].push_back(number);
  }
  for (const auto& entry : all_of(connect::unsendable_stream(name)).records) {
    const auto number = number_of_record(entry.record.value.value);
    if (!unsendable(number)) broken("record " + std::to_string(number) + " is set aside");
    ++places[number];
  }
  std::size_t sources = 0;
  for (const auto& [source, numbers] : emitted) {
    std::vector<std::uint64_t> expected;
    for (const auto number : numbers) {
      if (!unsendable(number)) {
        expected.push_back(number);
        continue;
      }
      const int found = places[number];
      if (found > 1 || (found == 0 && !skipped_unsendable_[away]))
        broken("record " + std::to_string(number) + ", which " + name + " did not take, is in " + std::to_string(found) + " places");
    }
    if (!expected.empty()) ++sources;
    if (in_order[source] != expected) broken("what " + name + " has of " + source + " is not what it emitted, once and in order");
  }
  const auto with_records = std::ranges::count_if(in_order, [](const auto& entry) { return !entry.second.empty(); });
  if (static_cast<std::size_t>(with_records) != sources) broken(name + " has records of nobody");
}

}  // namespace holdfast::sim

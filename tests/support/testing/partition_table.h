// PartitionTable: what a partition remembers, in plain maps: a partition::View that also carries out Transitions, and finds fault with
// those that contradict what is there. Beside it the two tables of configuration the state machine asks.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "partition/egress.h"
#include "partition/stream.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::testing {

class PartitionTable final : public partition::View {
 public:
  std::map<model::Address, model::AddressRow> addresses;
  std::map<model::Address, std::deque<model::Message>> mail;
  std::map<std::string, model::RegistrationRow, std::less<>> registrations;
  std::map<model::TokenKey, model::TimerKey> tokens;
  std::map<model::TimerKey, model::TimerRow> timers;
  std::map<std::string, model::RequestRow, std::less<>> requests;
  std::map<std::string, model::StreamRow, std::less<>> streams;
  std::map<std::string, model::SourceRow, std::less<>> sources;
  std::map<model::ItemKey, model::ItemRow> items;
  std::map<std::string, std::map<std::uint64_t, model::StreamRecord>, std::less<>> records;

  // What left: for other entities, and for whoever waits. Oldest first.
  std::vector<model::Command> delivered;
  std::vector<partition::Answer> answers;

  partition::SequenceCounter sequence{{1, 0}};

  void apply(partition::Transition&& transition) {
    for (auto& write : transition.writes) std::visit([this](auto& w) { carry_out(std::move(w)); }, write);
    for (auto& effect : transition.effects) {
      if (auto* deliver = std::get_if<partition::Deliver>(&effect)) delivered.push_back(std::move(deliver->command));
      else answers.push_back(std::move(std::get<partition::Answer>(effect)));
    }
    for (const auto& [token, timer] : tokens) EXPECT_TRUE(timers.contains(timer)) << "token " << token.token << " leads nowhere";
  }

  // The payloads of the messages delivered so far.
  [[nodiscard]] std::vector<std::string> delivered_payloads() const {
    std::vector<std::string> out;
    for (const auto& command : delivered)
      if (const auto* message = std::get_if<model::Message>(&command)) out.push_back(message->argument.value);
    return out;
  }

  [[nodiscard]] const model::AddressRow& address(const model::Address& address) const override {
    static const model::AddressRow empty;
    const auto it = addresses.find(address);
    return it == addresses.end() ? empty : it->second;
  }
  [[nodiscard]] std::uint64_t mailbox_size(const model::Address& address) const override {
    const auto it = mail.find(address);
    return it == mail.end() ? 0 : it->second.size();
  }
  [[nodiscard]] std::optional<model::SourceRow> source(std::string_view name) const override {
    const auto it = sources.find(name);
    return it == sources.end() ? std::nullopt : std::optional(it->second);
  }
  [[nodiscard]] std::optional<model::ItemRow> item(const model::ItemKey& item) const override {
    const auto it = items.find(item);
    return it == items.end() ? std::nullopt : std::optional(it->second);
  }
  [[nodiscard]] std::vector<model::Message> oldest_mail(const model::Address& address, std::uint32_t count) const override {
    const auto it = mail.find(address);
    if (it == mail.end()) return {};
    const auto end = it->second.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(count, it->second.size()));
    return {it->second.begin(), end};
  }
  [[nodiscard]] const model::RegistrationRow* registration(std::string_view type) const override {
    const auto it = registrations.find(type);
    return it == registrations.end() ? nullptr : &it->second;
  }
  [[nodiscard]] std::optional<model::TimerKey> token(const model::TokenKey& token) const override {
    const auto it = tokens.find(token);
    return it == tokens.end() ? std::nullopt : std::optional(it->second);
  }
  [[nodiscard]] std::optional<model::RequestRow> request(std::string_view id) const override {
    const auto it = requests.find(id);
    return it == requests.end() ? std::nullopt : std::optional(it->second);
  }
  [[nodiscard]] model::StreamRow stream(std::string_view name) const override {
    const auto it = streams.find(name);
    return it == streams.end() ? model::StreamRow{} : it->second;
  }
  [[nodiscard]] std::vector<partition::StoredRecord> oldest_records(std::string_view stream, std::uint32_t count) const override {
    std::vector<partition::StoredRecord> out;
    const auto it = records.find(stream);
    if (it == records.end()) return out;
    for (const auto& [position, record] : it->second) {
      if (out.size() == count) break;
      out.push_back({position, partition::record_bytes(record), record.time});
    }
    return out;
  }

 private:
  void carry_out(partition::ChangeAddress&& change) {
    auto& row = addresses[change.address];
    for (auto& value : change.set) {
      EXPECT_EQ(std::ranges::count(change.removed, value.name), 0) << value.name << " is both set and removed";
      const auto it = std::ranges::find(row.states, value.name, &model::StateValue::name);
      if (it == row.states.end()) row.states.push_back(std::move(value));
      else *it = std::move(value);
    }
    for (const auto& name : change.removed) std::erase_if(row.states, [&](const auto& s) { return s.name == name; });
    auto& box = mail[change.address];
    ASSERT_LE(change.mail_taken, box.size());
    box.erase(box.begin(), box.begin() + change.mail_taken);
    if (change.expiry_armed) row.expiry_armed = *change.expiry_armed;
    if (change.park == partition::ChangeAddress::Park::Set) row.parked = std::move(change.parked);
    if (change.park == partition::ChangeAddress::Park::Clear) row.parked.reset();
  }
  void carry_out(partition::PutTimer&& put) {
    EXPECT_TRUE(timers.emplace(put.key, std::move(put.row)).second) << "a timer's key is used twice";
  }
  void carry_out(partition::DeleteTimer&& del) { EXPECT_EQ(timers.erase(del.key), 1u) << "no such timer"; }
  void carry_out(partition::PutToken&& put) {
    EXPECT_TRUE(tokens.emplace(put.token, put.timer).second) << "token " << put.token.token << " is pending";
  }
  void carry_out(partition::DeleteToken&& del) { EXPECT_EQ(tokens.erase(del.token), 1u) << "no token " << del.token.token; }
  void carry_out(partition::PutRequest&& put) { requests.insert_or_assign(put.id, std::move(put.row)); }
  void carry_out(partition::DeleteRequest&& del) { EXPECT_EQ(requests.erase(del.id), 1u) << "no request " << del.id; }
  void carry_out(partition::PutStream&& put) { streams.insert_or_assign(put.name, put.row); }
  void carry_out(partition::PutRecord&& put) {
    records[put.stream].insert_or_assign(put.position, std::move(put.record));
  }
  void carry_out(partition::AddRecords&& add) {
    for (auto& record : add.records)
      EXPECT_TRUE(records[add.stream].emplace(add.position++, std::move(record)).second) << "position " << add.position - 1;
  }
  void carry_out(partition::DropRecords&& drop) {
    for (auto position = drop.first; position < drop.next; ++position)
      EXPECT_EQ(records[drop.stream].erase(position), 1u) << "no record at " << position;
  }
  void carry_out(partition::PutSource&& put) { sources.insert_or_assign(put.name, put.row); }
  void carry_out(partition::PutItem&& put) { items.insert_or_assign(put.item, std::move(put.row)); }
  void carry_out(partition::DeleteItem&& del) { EXPECT_EQ(items.erase(del.item), 1u) << "no item " << del.item.key; }
  void carry_out(partition::PutRegistration&& put) { registrations.insert_or_assign(put.type, std::move(put.row)); }
};

class FakeDirectory final : public partition::FunctionDirectory {
 public:
  explicit FakeDirectory(std::set<std::string, std::less<>> types) : types_(std::move(types)) {}
  [[nodiscard]] bool knows(std::string_view type) const override { return types_.contains(type); }

 private:
  std::set<std::string, std::less<>> types_;
};

// Takes what goes to the egresses it is given; each is one stream of the same name.
class FakeEgress final : public partition::EgressResolver {
 public:
  explicit FakeEgress(std::set<std::string, std::less<>> egresses) : egresses_(std::move(egresses)) {}
  [[nodiscard]] Result<partition::ResolvedEgress> resolve(model::EgressMessage message) const override {
    if (!egresses_.contains(message.egress)) return fail(ErrorCode::Invalid, "there is no egress " + message.egress);
    partition::ResolvedEgress out;
    out.stream = message.egress;
    out.record.value = message.argument;
    return out;
  }
  [[nodiscard]] model::AppendRecord dead_letter(const model::FailurePolicy& policy, partition::DeadLetter&& letter) const override {
    letters.push_back(letter);
    return {policy.dead_letter_stream, {letter.key, letter.value, "by its egress"}};
  }
  [[nodiscard]] partition::Retention retention(std::string_view) const override { return {}; }

  mutable std::vector<partition::DeadLetter> letters;

 private:
  std::set<std::string, std::less<>> egresses_;
};

}  // namespace holdfast::testing

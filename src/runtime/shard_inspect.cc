// Shard: looking in. Nothing here changes anything, and every list has a limit.
#include <algorithm>
#include <map>
#include <utility>

#include "codec/rows.h"
#include "partition/expiry.h"
#include "runtime/shard.h"

namespace holdfast::runtime {
namespace {

constexpr std::uint32_t kParkedMessagesShown = 3;

bool wanted(const AddressQuery& query, const model::Address& address) {
  return (query.type.empty() || address.type == query.type) && address.id.starts_with(query.id_prefix);
}

template <typename Info>
void keep_first(std::vector<Info>& infos, std::size_t limit) {
  std::ranges::sort(infos, {}, [](const Info& info) -> const model::Address& { return info.address; });
  if (infos.size() > limit) infos.resize(limit);
}

}  // namespace

std::vector<FunctionInfo> Shard::functions() const {
  std::vector<FunctionInfo> out;
  invoker_.for_each_type([&](const FunctionType& type) {
    FunctionInfo info{.type = type.name, .endpoint = type.endpoint->spec.functions};
    if (const auto* row = table_.registration(type.name)) info.states = row->states;
    info.invocations = type.messages.get();
    info.failures = type.failures.get();
    info.in_flight = type.in_flight;
    out.push_back(std::move(info));
  });
  return out;
}

std::vector<EndpointInfo> Shard::endpoints() const {
  std::vector<EndpointInfo> out;
  for (const auto& endpoint : invoker_.endpoints())
    out.push_back({endpoint->spec.functions, endpoint->spec.url_template, endpoint->in_flight, endpoint->ready.size(),
                   endpoint->down, endpoint->last_error});
  return out;
}

std::vector<AddressInfo> Shard::addresses(const AddressQuery& query) const {
  std::vector<AddressInfo> out;
  table_.for_each_entity([&](const Entity& e) {
    if ((e.mailbox.empty() && !e.row.parked) || !wanted(query, e.address)) return;
    AddressInfo info{.address = e.address, .mailbox = e.mailbox.size()};
    info.in_flight = e.phase == Entity::Phase::InFlight ? e.batch : 0;
    info.parked = e.row.parked.has_value();
    info.attempts = e.row.parked ? e.row.parked->attempts : e.attempts;
    info.last_error = e.row.parked ? e.row.parked->reason : e.last_error;
    out.push_back(std::move(info));
    if (out.size() > 2 * static_cast<std::size_t>(query.limit) + 1'000) keep_first(out, query.limit);
  });
  keep_first(out, query.limit);
  return out;
}

std::optional<StateInfo> Shard::state(const model::Address& address) const {
  const Entity* entity = table_.find(address);
  model::AddressRow stored;
  if (entity == nullptr) {
    const auto bytes = table_.layers().get(codec::address_key(table_.partition_of(address.id), codec::RowKind::Address, address));
    if (!bytes) return std::nullopt;
    if (auto row = codec::decode<model::AddressRow>(*bytes)) stored = std::move(*row);
  }
  const model::AddressRow& row = entity != nullptr ? entity->row : stored;
  const auto* registration = table_.registration(address.type);
  StateInfo info{.address = address};
  for (const auto& value : row.states) {
    if (partition::is_expired(value, clock_.now())) continue;
    std::string type;
    if (registration != nullptr) {
      const auto spec = std::ranges::find(registration->states, value.name, &model::StateSpec::name);
      if (spec != registration->states.end()) type = spec->type_name;
    }
    info.entries.push_back({value.name, {std::move(type), value.value, true}, value.expires_at});
  }
  if (info.entries.empty()) return std::nullopt;
  return info;
}

std::vector<StateInfo> Shard::states(const AddressQuery& query) const {
  // What is in memory may not be in rows yet, and the other way round.
  std::map<model::Address, bool> found;
  const auto add = [&](const model::Address& address) {
    if (!wanted(query, address)) return;
    found.emplace(address, true);
    // The first `limit` in order are enough, but one that is here may have no state left: keep some to spare.
    if (found.size() > 2 * static_cast<std::size_t>(query.limit) + 1'000) found.erase(std::prev(found.end()));
  };
  table_.for_each_entity([&](const Entity& e) {
    if (!e.row.states.empty()) add(e.address);
  });
  for (const model::PartitionId partition : table_.partitions()) {
    const std::string prefix = codec::kind_prefix(partition, codec::RowKind::Address);
    table_.layers().scan(prefix, codec::range_end(prefix), [&](std::string_view key, std::string_view) {
      if (auto address = codec::parse_address_key(key)) add(*address);
      return true;
    });
  }
  std::vector<StateInfo> out;
  for (const auto& [address, _] : found) {
    if (out.size() == query.limit) break;
    if (auto info = state(address)) out.push_back(std::move(*info));
  }
  return out;
}

std::vector<ParkedInfo> Shard::parked(const AddressQuery& query) const {
  std::vector<ParkedInfo> out;
  for (const model::PartitionId partition : table_.partitions()) {
    const std::string prefix = codec::kind_prefix(partition, codec::RowKind::Parked);
    table_.layers().scan(prefix, codec::range_end(prefix), [&](std::string_view key, std::string_view) {
      const auto address = codec::parse_address_key(key);
      if (!address || !wanted(query, *address)) return true;
      const auto& row = table_.address(*address);
      if (!row.parked || (query.parked_before && row.parked->since >= *query.parked_before)) return true;
      ParkedInfo info{*address, *row.parked, table_.mailbox_size(*address), {}};
      info.batch = table_.oldest_mail(*address, std::min(kParkedMessagesShown, row.parked->batch));
      out.push_back(std::move(info));
      return out.size() < query.limit;
    });
  }
  keep_first(out, query.limit);
  return out;
}

std::vector<TimerInfo> Shard::timers(const AddressQuery& query) const {
  std::vector<TimerInfo> out;
  for (const model::PartitionId partition : table_.partitions()) {
    const std::string prefix = codec::kind_prefix(partition, codec::RowKind::Timer);
    std::uint32_t count = 0;
    table_.layers().scan(prefix, codec::range_end(prefix), [&](std::string_view key, std::string_view value) {
      const auto timer = codec::parse_timer_key(key);
      const auto row = codec::decode<model::TimerRow>(value);
      if (!timer || !row) return true;
      TimerInfo info{.due = timer->due};
      if (const auto* send = std::get_if<model::DelayedSend>(&*row)) {
        info.kind = "delayed-send";
        info.target = send->message.target;
        info.token = send->token;
      } else if (const auto* expire = std::get_if<model::ExpireStates>(&*row)) {
        info.kind = "expire-states";
        info.target = expire->address;
      } else if (const auto* forget = std::get_if<model::ForgetRequest>(&*row)) {
        info.kind = "forget-request";
        info.target = {std::string(model::kRequestType), forget->id};
      } else {
        info.kind = "trim-stream";
        info.target = {std::string(model::kStreamType), std::get<model::TrimStream>(*row).name};
      }
      if (!wanted(query, info.target)) return true;
      if (!query.kinds.empty() && std::ranges::find(query.kinds, info.kind) == query.kinds.end()) return true;
      out.push_back(std::move(info));
      return ++count < query.limit;
    });
  }
  std::ranges::sort(out, {}, &TimerInfo::due);
  if (out.size() > query.limit) out.resize(query.limit);
  return out;
}

std::vector<StreamInfo> Shard::streams() const {
  std::map<std::string, model::StreamRow> found;
  for (const model::PartitionId partition : table_.partitions()) {
    const std::string prefix = codec::kind_prefix(partition, codec::RowKind::Stream);
    table_.layers().scan(prefix, codec::range_end(prefix), [&](std::string_view key, std::string_view) {
      if (auto name = codec::parse_name_key(key)) found.emplace(*name, table_.stream(*name));
      return true;
    });
  }
  std::vector<StreamInfo> out;
  for (auto& [name, row] : found) out.push_back({name, row});
  return out;
}

void Shard::collect(MetricsSink& sink) const {
  const auto counter = [&](const char* name, const char* help, const Counter& value) {
    sink.counter(name, help, {}, value.get());
  };
  const auto gauge = [&](const char* name, const char* help, const Counter& value) {
    sink.gauge(name, help, {}, static_cast<double>(value.get()));
  };
  counter("holdfast_runtime_messages_in_total", "Messages taken in from outside.", metrics_.messages_in);
  counter("holdfast_runtime_messages_delivered_total", "Messages put into mailboxes.", metrics_.messages_delivered);
  counter("holdfast_runtime_messages_relayed_total", "Commands sent to another shard.", metrics_.messages_sent_on);
  counter("holdfast_runtime_responses_total", "Answers of functions taken in.", metrics_.responses);
  counter("holdfast_runtime_refusals_total", "Answers of functions that made no sense.", metrics_.refusals);
  counter("holdfast_runtime_parked_total", "Times an address was parked.", metrics_.parked);
  counter("holdfast_runtime_dead_lettered_total", "Messages that went to a dead-letter stream.", metrics_.dead_lettered);
  counter("holdfast_runtime_dropped_total", "Messages dropped by failure policy.", metrics_.dropped);
  counter("holdfast_runtime_timers_fired_total", "Timers that fell due.", metrics_.timers_fired);
  counter("holdfast_streams_appended_total", "Records appended to streams.", metrics_.records_appended);
  counter("holdfast_streams_read_total", "Records read from streams.", metrics_.records_read);
  gauge("holdfast_runtime_mailbox_messages", "Messages waiting or being handled.", metrics_.mail_count);
  gauge("holdfast_runtime_mailbox_bytes", "Bytes of them, about.", metrics_.mail_bytes);
  gauge("holdfast_runtime_addresses_in_memory", "Addresses held in memory.", metrics_.entities);
  gauge("holdfast_runtime_state_cache_bytes", "State held in memory, about.", metrics_.cached_bytes);
  gauge("holdfast_runtime_dirty_bytes", "Committed rows that are not in the view yet.", metrics_.dirty_bytes);
  gauge("holdfast_runtime_waiting_requests", "HTTP callers and stream readers that wait.", metrics_.waiters);
  gauge("holdfast_invoker_calls_in_flight", "Calls of functions under way.", metrics_.in_flight);
  gauge("holdfast_invoker_answer_bytes", "Answers that come in, or wait for an epoch that has room.", metrics_.answer_bytes);
  for (const auto& endpoint : invoker_.endpoints()) {
    const MetricLabels labels{{"endpoint", endpoint->spec.functions}};
    sink.counter("holdfast_invoker_calls_total", "Calls of functions.", labels, endpoint->calls.get());
    sink.counter("holdfast_invoker_failed_calls_total", "Calls that failed, or whose answer could not be read.", labels,
                 endpoint->failed_calls.get());
    sink.gauge("holdfast_invoker_endpoint_down_shards", "Shards that cannot reach the endpoint.", labels,
               static_cast<double>(endpoint->is_down.get()));
    sink.histogram("holdfast_invoker_call_seconds", "Time from a call to its answer.", labels, endpoint->latency);
  }
}

}  // namespace holdfast::runtime

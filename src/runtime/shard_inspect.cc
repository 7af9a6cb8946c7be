// Shard: looking in. Nothing here changes anything, and nobody waits for it longer than a slice of it takes.
#include <algorithm>
#include <utility>

#include "codec/rows.h"
#include "partition/expiry.h"
#include "partition/stream.h"
#include "runtime/shard.h"

namespace holdfast::runtime {
namespace {

bool wanted(const AddressQuery& query, const model::Address& address) {
  return (query.type.empty() || address.type == query.type) && address.id.starts_with(query.id_prefix);
}

// Where an address stands in a list.
std::string order_of(const model::Address& address) { return codec::address_key({}, codec::RowKind::Address, address).substr(kKeyHead); }
// What the places of all wanted ones begin with; those of all types and one id prefix have nothing in common.
std::string order_prefix(const AddressQuery& query) { return query.type.empty() ? std::string() : order_of({query.type, query.id_prefix}); }

std::size_t bytes_of(const StateInfo& info) {
  std::size_t bytes = info.address.id.size();
  for (const auto& entry : info.entries) bytes += entry.name.size() + entry.value.value.size();
  return bytes;
}
std::size_t bytes_of(const ParkedInfo& info) {
  std::size_t bytes = info.address.id.size() + info.parked.reason.size();
  for (const auto& message : info.batch) bytes += model::size_in_memory(message);
  return bytes;
}

}  // namespace

bool Shard::look(const AddressQuery& query, Look& at, PageBuilder<FunctionInfo>& page) const {
  std::size_t left = kSliceUnits;
  return invoker_.walk_types(at.walk, left, [&](const FunctionType& type) {
    if ((!query.type.empty() && type.name != query.type) || !page.wants(type.name)) return;
    if (auto* known = page.find(type.name); known != nullptr && known->counted_on != index_) {
      known->counted_on = index_;
      known->invocations += type.messages.get();
      known->failures += type.failures.get();
      known->in_flight += type.in_flight;
      return;
    } else if (known != nullptr) {
      return;
    }
    FunctionInfo info{.type = type.name, .endpoint = type.endpoint->spec.functions, .counted_on = index_};
    if (const auto* row = table_.registration(type.name)) info.states = row->states;
    info.invocations = type.messages.get();
    info.failures = type.failures.get();
    info.in_flight = type.in_flight;
    page.add(type.name, std::move(info), type.name.size());
  });
}

std::vector<EndpointInfo> Shard::endpoints() const {
  std::vector<EndpointInfo> out;
  for (const auto& endpoint : invoker_.endpoints()) {
    EndpointInfo info{.functions = endpoint->spec.functions, .url_template = endpoint->spec.shown_url()};
    info.in_flight = endpoint->in_flight;
    info.waiting = endpoint->waiting + endpoint->left;
    info.down = endpoint->is_down.get() != 0;
    info.hosts_down_count = endpoint->down.size();
    for (const Upstream* upstream : endpoint->down) {
      if (info.hosts_down.size() == kHostsShownMax) break;
      info.hosts_down.push_back({upstream->origin, upstream->last_error});
    }
    if (!info.hosts_down.empty()) info.last_error = info.hosts_down.front().last_error;
    out.push_back(std::move(info));
  }
  return out;
}

bool Shard::look(const AddressQuery& query, Look& at, PageBuilder<AddressInfo>& page) const {
  std::size_t left = kSliceUnits;
  const auto add = [&](std::string&& order, AddressInfo&& info, const model::AddressRow& row) {
    info.parked = row.parked.has_value();
    if (row.parked) {
      info.attempts = row.parked->attempts;
      info.last_error = row.parked->reason;
    }
    const std::size_t bytes = order.size() + info.last_error.size();
    page.add(std::move(order), std::move(info), bytes);
  };
  const auto add_entity = [&](const Entity& e) {
    if ((e.mailbox.empty() && !e.row.parked) || !wanted(query, e.address)) return;
    std::string order = order_of(e.address);
    if (!page.wants(order)) return;
    AddressInfo info{.address = e.address, .mailbox = e.mailbox.size(), .attempts = e.attempts, .last_error = e.last_error};
    info.in_flight = e.phase == Entity::Phase::InFlight ? e.batch : 0;
    add(std::move(order), std::move(info), e.row);
  };
  if (at.stage == 0) {
    const bool done = table_.walk_entities(at.walk, left, [&](const Entity& e, std::size_t&) { add_entity(e); });
    if (!done) return false;
    at.stage = 1;
  }
  // Those that have left memory since they would have been met above are still listed: mail goes out to rows before its address does.
  return table_.walk_mail(query.type, at.mail, left, [&](const FoundMail& found) {
    if (const Entity* e = table_.find(found.address)) return add_entity(*e);  // It may have come in since.
    if (!wanted(query, found.address)) return;
    std::string order = order_of(found.address);
    if (!page.wants(order)) return;
    std::optional<std::string> bytes;
    if (found.parked) bytes = table_.layers().get(codec::address_key(table_.partition_of(found.address.id), codec::RowKind::Address, found.address));
    const auto row = bytes ? codec::decode<model::AddressRow>(*bytes) : model::AddressRow{};
    add(std::move(order), {.address = found.address, .mailbox = found.mail.end - found.mail.first}, row ? *row : model::AddressRow{});
  });
}

std::optional<StateInfo> Shard::state_info(const model::Address& address, const model::AddressRow& row) const {
  const auto* registration = table_.registration(address.type);
  StateInfo info{.address = address};
  for (const auto& value : row.states) {
    if (partition::is_expired(value, clock_.now())) continue;
    StateInfo::Entry entry{value.name, {"", value.value, true}, value.expires_at};
    if (registration != nullptr) {
      const auto spec = std::ranges::find(registration->states, value.name, &model::StateSpec::name);
      const auto orphan = std::ranges::find_if(registration->orphans, [&](const auto& o) { return o.spec.name == value.name; });
      if (spec != registration->states.end()) {
        entry.value.type_name = spec->type_name;
      } else if (orphan != registration->orphans.end()) {
        entry.value.type_name = orphan->spec.type_name;
        entry.orphaned = true;
      }
    }
    info.entries.push_back(std::move(entry));
  }
  if (info.entries.empty()) return std::nullopt;
  return info;
}

std::optional<StateInfo> Shard::state(const model::Address& address) const {
  if (const Entity* entity = table_.find(address)) return state_info(address, entity->row);
  const auto bytes = table_.layers().get(codec::address_key(table_.partition_of(address.id), codec::RowKind::Address, address));
  if (!bytes) return std::nullopt;
  const auto row = codec::decode<model::AddressRow>(*bytes);
  return row ? state_info(address, *row) : std::nullopt;
}

// What is in memory may not be in rows yet, and the other way round. Things go down only, from the addresses in memory to the rows of the
// open epoch, and on to the store: so whoever looks from top to bottom misses nothing that is there all the while.
bool Shard::look(const AddressQuery& query, Look& at, PageBuilder<StateInfo>& page) const {
  std::size_t left = kSliceUnits;
  const auto offer = [&](std::string order, const model::Address& address, const model::AddressRow& row, std::size_t& rest) {
    auto info = state_info(address, row);
    if (!info) return;
    const std::size_t bytes = bytes_of(*info);
    charge(rest, bytes);
    page.add(std::move(order), std::move(*info), bytes);
  };
  const auto offer_row = [&](std::string_view key, std::string_view value, std::size_t& rest) {
    const std::string_view order = key.substr(kKeyHead);
    if (!page.wants(order)) return;
    const auto address = codec::parse_address_key(key);
    if (!address || !wanted(query, *address)) return;
    if (const Entity* entity = table_.find(*address)) return offer(std::string(order), *address, entity->row, rest);
    charge(rest, value.size());
    if (const auto row = codec::decode<model::AddressRow>(value)) offer(std::string(order), *address, *row, rest);
  };

  if (at.stage == 0) {
    const bool done = table_.walk_entities(at.walk, left, [&](const Entity& e, std::size_t& rest) {
      if (e.row.states.empty() || !wanted(query, e.address)) return;
      if (std::string order = order_of(e.address); page.wants(order)) offer(std::move(order), e.address, e.row, rest);
    });
    if (!done) return false;
    at.stage = 1;
  }
  if (at.stage == 1) {
    if (!table_.layers().walk_addresses(at.rows, left, offer_row)) return false;
    at.stage = 2;
  }
  return look_at_rows({codec::RowKind::Address, order_prefix(query), query.after}, at, left,
                      [&](std::string_view key, std::string_view value, std::size_t& rest) {
                        if (page.is_past(key.substr(kKeyHead))) return false;
                        offer_row(key, value, rest);
                        return true;
                      });
}

bool Shard::look_at_rows(const Wanted& wanted, Look& at, std::size_t left, const VisitRow& visit) const {
  const auto& partitions = table_.partitions();
  for (; at.partition < partitions.size(); ++at.partition, at.key.clear()) {
    const std::string head = codec::kind_prefix(partitions[at.partition], wanted.kind);
    const std::string to = codec::range_end(head + wanted.prefix);
    std::string from = std::max(head + wanted.prefix, head + std::string(wanted.after));
    if (!at.key.empty()) from = at.key + '\0';
    if (from >= to) continue;
    bool is_cut = false;
    const auto take = [&](std::string_view key, std::optional<std::string_view> value) {
      is_cut = left == 0;
      if (is_cut) return false;
      --left;
      at.key = key;
      return !value || visit(key, *value, left);
    };
    if (wanted.kind == codec::RowKind::Address) table_.layers().scan_addresses(from, to, take);
    else table_.layers().scan(from, to, take);
    if (is_cut) return false;
  }
  return true;
}

bool Shard::look(const AddressQuery& query, Look& at, PageBuilder<ParkedInfo>& page) const {
  table_.let_go_of_idle();
  return look_at_rows({codec::RowKind::Parked, order_prefix(query), query.after}, at, kSliceUnits,
                      [&](std::string_view key, std::string_view, std::size_t& left) {
                        const std::string_view order = key.substr(kKeyHead);
                        if (page.is_past(order)) return false;
                        const auto address = codec::parse_address_key(key);
                        if (!page.wants(order) || !address || !wanted(query, *address)) return true;
                        const auto& row = table_.address(*address);
                        if (!row.parked || (query.parked_before && row.parked->since >= *query.parked_before)) return true;
                        ParkedInfo info{*address, *row.parked, table_.mailbox_size(*address), {}};
                        if (query.messages > 0) info.batch = table_.oldest_mail(*address, std::min(query.messages, info.parked.batch));
                        const std::size_t bytes = bytes_of(info);
                        charge(left, bytes);
                        page.add(std::string(order), std::move(info), bytes);
                        return true;
                      });
}

bool Shard::look(const AddressQuery& query, Look& at, PageBuilder<TimerInfo>& page) const {
  // Two partitions may have timers of the same time and number: these stand in the order of the partitions.
  constexpr std::size_t kPartitionBytes = 2;
  const auto after = std::string_view(query.after).substr(0, query.after.size() - std::min(query.after.size(), kPartitionBytes));
  return look_at_rows({codec::RowKind::Timer, {}, after}, at, kSliceUnits, [&](std::string_view key, std::string_view value, std::size_t& left) {
    const std::string order = std::string(key.substr(kKeyHead)) + std::string(key.substr(0, kPartitionBytes));
    if (page.is_past(order)) return false;
    if (!page.wants(order)) return true;
    charge(left, value.size());
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
    } else if (const auto* expiring = std::get_if<model::ExpireItem>(&*row)) {
      info.kind = "expire-item";
      info.target = {std::string(model::kItemType), expiring->item.table + "/" + expiring->item.key};
    } else {
      info.kind = "trim-stream";
      info.target = {std::string(model::kStreamType), std::get<model::TrimStream>(*row).name};
    }
    if (!wanted(query, info.target)) return true;
    if (!query.kinds.empty() && std::ranges::find(query.kinds, info.kind) == query.kinds.end()) return true;
    const std::size_t bytes = info.target.id.size() + info.token.size();
    page.add(order, std::move(info), bytes);
    return true;
  });
}

bool Shard::look(const AddressQuery& query, Look& at, PageBuilder<StreamInfo>& page) const {
  return look_at_rows({codec::RowKind::Stream, query.id_prefix, query.after}, at, kSliceUnits, [&](std::string_view key, std::string_view, std::size_t&) {
    auto name = codec::parse_name_key(key);
    if (!name) return true;
    if (page.is_past(*name)) return false;
    if (page.wants(*name)) page.add(*name, {*name, table_.stream(*name)}, name->size());
    return true;
  });
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
  counter("holdfast_items_read_total", "Items read by key.", metrics_.items_read);
  counter("holdfast_items_written_total", "Items written, deleted or checked by transactions.", metrics_.items_written);
  counter("holdfast_items_conflicts_total", "Transactions with a condition that was not met.", metrics_.item_conflicts);
  gauge("holdfast_runtime_mailbox_messages", "Messages waiting or being handled.", metrics_.mail_count);
  gauge("holdfast_runtime_mailbox_bytes", "Bytes of them, about.", metrics_.mail_bytes);
  gauge("holdfast_runtime_addresses_in_memory", "Addresses held in memory.", metrics_.entities);
  gauge("holdfast_runtime_state_cache_bytes", "State held in memory, about.", metrics_.cached_bytes);
  gauge("holdfast_runtime_dirty_bytes", "Committed rows that are not in the view yet.", metrics_.dirty_bytes);
  gauge("holdfast_runtime_waiting_requests", "HTTP callers and stream readers that wait.", metrics_.waiters);
  gauge("holdfast_invoker_calls_in_flight", "Calls of functions under way.", metrics_.in_flight);
  gauge("holdfast_invoker_answer_bytes", "Answers that come in, or wait for an epoch that has room.", metrics_.answer_bytes);
  sink.histogram("holdfast_runtime_answers_linger_seconds", "How long the first of those who wait for an epoch has waited for others to share it.", {},
                 metrics_.gate_wait);
  for (const auto& endpoint : invoker_.endpoints()) {
    const MetricLabels labels{{"endpoint", endpoint->spec.functions}};
    sink.gauge("holdfast_invoker_burst_messages", "Messages last taken in for one of its hosts from sources that can wait during one epoch; summed over shards.",
               labels, static_cast<double>(endpoint->burst.get()));
    sink.counter("holdfast_invoker_calls_total", "Calls of functions.", labels, endpoint->calls.get());
    sink.counter("holdfast_invoker_failed_calls_total", "Calls that failed, or whose answer could not be read.", labels,
                 endpoint->failed_calls.get());
    sink.gauge("holdfast_invoker_endpoint_down_shards", "Shards that cannot reach the endpoint.", labels,
               static_cast<double>(endpoint->is_down.get()));
    sink.gauge("holdfast_invoker_hosts_down", "Hosts of the endpoint that cannot be reached, summed over shards.", labels,
               static_cast<double>(endpoint->upstreams_down.get()));
    sink.histogram("holdfast_invoker_call_seconds", "Time from a call to its answer.", labels, endpoint->latency);
  }
}

}  // namespace holdfast::runtime

#include "api/inspect_json.h"

#include "api/json_writer.h"
#include "api/parameters.h"
#include "api/values_json.h"

namespace holdfast::api {
namespace {

constexpr Instant kNever{};

// {"<name>": [ … ], "next": "…"}; the latter where there is more.
template <typename List, typename Write>
std::string list_json(std::string_view name, const List& list, Write write, std::string_view next = {}) {
  JsonWriter json;
  json.begin_object().key(name).begin_array();
  for (const auto& info : list) write(json, info);
  json.end_array();
  if (!next.empty()) json.key("next").string(page_token(next));
  json.end_object();
  return json.take();
}

void write_address(JsonWriter& json, const model::Address& address) {
  json.key("type").string(address.type).key("id").string(address.id);
}

std::string_view expire_mode_name(model::ExpireMode mode) {
  switch (mode) {
    case model::ExpireMode::None: return "none";
    case model::ExpireMode::AfterWrite: return "after-write";
    case model::ExpireMode::AfterInvoke: return "after-invoke";
  }
  return "none";
}

void write_expiration(JsonWriter& json, const model::StateSpec& state) {
  json.key("expiration").string(expire_mode_name(state.expire_mode));
  if (state.expire_mode != model::ExpireMode::None) json.key("expire_after_ms").number(state.expire_after.ms);
}

void write_state(JsonWriter& json, const runtime::StateInfo& state) {
  json.begin_object();
  write_address(json, state.address);
  json.key("states").begin_array();
  for (const auto& entry : state.entries) {
    json.begin_object().key("name").string(entry.name);
    write_value(json, entry.value);
    if (entry.expires_at != kNever) json.key("expires_at").time(entry.expires_at);
    if (entry.orphaned) json.key("orphaned").boolean(true);
    json.end_object();
  }
  json.end_array().end_object();
}

}  // namespace

std::string functions_json(const runtime::Page<runtime::FunctionInfo>& functions) {
  return list_json("functions", functions, [](JsonWriter& json, const runtime::FunctionInfo& f) {
    json.begin_object().key("type").string(f.type).key("endpoint").string(f.endpoint);
    json.key("invocations").number(f.invocations).key("failures").number(f.failures).key("in_flight").number(f.in_flight);
    json.key("states").begin_array();
    for (const auto& state : f.states) {
      json.begin_object().key("name").string(state.name).key("type").string(state.type_name);
      write_expiration(json, state);
      json.end_object();
    }
    json.end_array().end_object();
  }, functions.next);
}

std::string endpoints_json(const std::vector<runtime::EndpointInfo>& endpoints) {
  return list_json("endpoints", endpoints, [](JsonWriter& json, const runtime::EndpointInfo& e) {
    json.begin_object().key("functions").string(e.functions).key("url").string(e.url_template);
    json.key("in_flight").number(e.in_flight).key("waiting").number(e.waiting).key("down").boolean(e.down);
    if (!e.last_error.empty()) json.key("last_error").string(e.last_error);
    if (e.hosts_down_count > 0) {
      json.key("hosts_down_count").number(e.hosts_down_count).key("hosts_down").begin_array();
      for (const auto& host : e.hosts_down)
        json.begin_object().key("host").string(host.host).key("last_error").string(host.last_error).end_object();
      json.end_array();
    }
    json.end_object();
  });
}

std::string addresses_json(const runtime::Page<runtime::AddressInfo>& addresses) {
  return list_json("addresses", addresses, [](JsonWriter& json, const runtime::AddressInfo& a) {
    json.begin_object();
    write_address(json, a.address);
    json.key("mailbox").number(a.mailbox).key("in_flight").number(a.in_flight).key("parked").boolean(a.parked);
    json.key("attempts").number(a.attempts);
    if (!a.last_error.empty()) json.key("last_error").string(a.last_error);
    json.end_object();
  }, addresses.next);
}

std::string state_json(const runtime::StateInfo& state) {
  JsonWriter json;
  write_state(json, state);
  return json.take();
}

std::string states_json(const runtime::Page<runtime::StateInfo>& states) {
  return list_json("addresses", states, [](JsonWriter& json, const runtime::StateInfo& s) { write_state(json, s); }, states.next);
}

std::string orphans_json(const std::vector<runtime::OrphanInfo>& orphans) {
  return list_json("orphans", orphans, [](JsonWriter& json, const runtime::OrphanInfo& o) {
    json.begin_object().key("type").string(o.type).key("state").string(o.state.spec.name).key("state_type").string(o.state.spec.type_name);
    write_expiration(json, o.state.spec);
    json.key("values").number(o.values).key("dropping").boolean(o.state.dropping).end_object();
  });
}

std::string parked_json(const runtime::Page<runtime::ParkedInfo>& parked) {
  return list_json("parked", parked, [](JsonWriter& json, const runtime::ParkedInfo& p) {
    json.begin_object();
    write_address(json, p.address);
    json.key("reason").string(p.parked.reason).key("since").time(p.parked.since);
    json.key("attempts").number(p.parked.attempts).key("batch").number(p.parked.batch).key("mailbox").number(p.mailbox);
    json.key("messages").begin_array();
    for (const auto& message : p.batch) {
      json.begin_object();
      write_value(json, message.argument);
      if (message.caller) {
        json.key("caller").begin_object();
        write_address(json, *message.caller);
        json.end_object();
      }
      if (!message.traceparent.empty()) json.key("traceparent").string(message.traceparent);
      json.end_object();
    }
    json.end_array().end_object();
  }, parked.next);
}

std::string timers_json(const runtime::Page<runtime::TimerInfo>& timers) {
  return list_json("timers", timers, [](JsonWriter& json, const runtime::TimerInfo& t) {
    json.begin_object().key("due").time(t.due).key("kind").string(t.kind);
    write_address(json, t.target);
    if (!t.token.empty()) json.key("token").string(t.token);
    json.end_object();
  }, timers.next);
}

std::string streams_json(const runtime::Page<runtime::StreamInfo>& streams) {
  return list_json("streams", streams, [](JsonWriter& json, const runtime::StreamInfo& s) {
    json.begin_object().key("name").string(s.name).key("first").number(s.row.first).key("next").number(s.row.next);
    json.key("records").number(s.row.next - s.row.first).key("bytes").number(s.row.bytes).end_object();
  }, streams.next);
}

}  // namespace holdfast::api

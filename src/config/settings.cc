// holdfast.runtime.v1/settings.
#include <tuple>

#include "config/kinds.h"
#include "model/address.h"

namespace holdfast::config {
namespace {

constexpr std::uint64_t kKb = 1ull << 10, kMb = 1ull << 20, kGb = 1ull << 30;
constexpr Duration kSecond{1'000}, kHour{3'600'000}, kDay{24 * 3'600'000LL};
constexpr std::int64_t kShardsMax = 256;

void read_listen_tls(MapReader& listener, model::ListenTls& out) {
  auto tls = listener.map("tls", Extras::Refused);
  if (!tls) return;
  const auto file = readable_file(tls->file().folder);
  tls->required("certificate", file, out.certificate);
  tls->required("key", file, out.key);
  tls->optional("clientCa", file, out.client_ca);
  tls->finish();
}

// host:port, or a map with that as its address and who may come in.
void read_listener(MapReader& listen, std::string_view key, model::Listener& out,
                   Declarations& declarations) {
  const Node* value = listen.find(key);
  if (value == nullptr) return;
  std::pair<std::string, std::uint16_t> address{out.host, out.port};
  if (value->kind != Node::Kind::Map) {
    if (listen.optional(key, listen_address(), address)) declarations.port(listen, key, address.second);
    std::tie(out.host, out.port) = address;
  } else {
    auto listener = *listen.map(key, Extras::Refused);
    if (listener.optional("address", listen_address(), address))
      declarations.port(listener, "address", address.second);
    std::tie(out.host, out.port) = address;
    read_listen_tls(listener, out.tls);
    listener.optional("tokenFile", readable_file(listener.file().folder), out.token_file);
    if (listener.optional("tokenEnv", environment_name(), out.token_env)) {
      const auto token = listener.file().environment(out.token_env);
      if (!token || token->empty())
        listener.error("tokenEnv", "an environment variable that is set", listener.written("tokenEnv"));
      if (listener.has("tokenFile")) listener.error("tokenEnv", "either tokenFile or tokenEnv", "both");
    }
    listener.finish();
  }
  if (!out.is_loopback() && !out.is_guarded())
    listen.file().report(Severity::Warning, value->mark, listen.path(key),
                         "tokenFile, tokenEnv or tls.clientCa for an address that others reach",
                         value->kind == Node::Kind::Map
                             ? MapReader(listen.file(), *value, {}, Extras::Refused).written("address")
                             : value->shown(),
                         "it is not listened on without --insecure");
}

void read_limits(MapReader& spec, model::Limits& out) {
  auto limits = spec.map("limits", Extras::Refused);
  if (!limits) return;
  limits->optional("messageBytes", byte_size(kKb, kGb), out.message_bytes);
  limits->optional("requestBytes", byte_size(kKb, kGb), out.request_bytes);
  limits->optional("mailboxMemory", byte_size(kMb, 1024 * kGb), out.mailbox_memory);
  limits->optional("addressMailboxMemory", byte_size(kKb, 1024 * kGb), out.address_mailbox_memory);
  limits->optional("stateCache", byte_size(0, 1024 * kGb), out.state_cache);
  limits->optional("backlogMessages", integer(1, 1'000'000'000'000), out.backlog_messages);
  limits->optional("intakeBacklog", integer(1, 1'000'000'000'000), out.intake_backlog);
  limits->optional("backlogBytes", byte_size(kMb, 1024 * 1024 * kGb), out.backlog_bytes);
  limits->optional("inFlight", integer(1, 1'000'000), out.in_flight);
  limits->optional("timersInMemory", integer(1, 100'000'000), out.timers_in_memory);
  limits->optional("epochBytes", byte_size(kMb, 4 * kGb), out.epoch_bytes);
  limits->optional("callBytes", byte_size(kMb, 1024 * kGb), out.call_bytes);
  limits->optional("waitingRequests", integer(1, 10'000'000), out.waiting_requests);
  limits->optional("unreadBytes", byte_size(kMb, 1024 * kGb), out.unread_bytes);
  limits->optional("httpConnections", integer(1, 1'000'000), out.http_connections);
  limits->optional("httpIdleTimeout", duration(kSecond, kDay), out.http_idle_timeout);
  limits->optional("httpReadTimeout", duration(kSecond, kDay), out.http_read_timeout);
  const bool reply = limits->optional("replyTimeout", duration({1}, kDay), out.reply_timeout);
  const bool reply_max = limits->optional("replyTimeoutMax", duration({1}, kDay), out.reply_timeout_max);
  limits->optional("unreachablePauseMax", duration({1}, kHour), out.unreachable_pause_max);
  limits->finish();
  if ((reply || reply_max) && out.reply_timeout > out.reply_timeout_max)
    limits->error(reply ? "replyTimeout" : "replyTimeoutMax",
                  reply ? "a duration not above replyTimeoutMax, " + show(out.reply_timeout_max)
                        : "a duration not below replyTimeout, " + show(out.reply_timeout),
                  limits->written(reply ? "replyTimeout" : "replyTimeoutMax"));
}

}  // namespace

void read_settings(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  if (!declarations.settings(spec)) return;
  model::Settings& out = configuration.settings;
  spec.optional("shards", integer(1, kShardsMax), out.shards);
  out.partitions_given = spec.optional("partitions", integer(1, model::kPartitionsMax), out.partitions);
  if (out.shards > out.partitions)
    spec.error("shards", "at most as many shards as partitions, " + std::to_string(out.partitions),
               spec.written("shards"));
  if (auto listen = spec.map("listen", Extras::Refused)) {
    declarations.gateway_given = listen->find("gateway") != nullptr;
    declarations.admin_given = listen->find("admin") != nullptr;
    read_listener(*listen, "gateway", out.gateway, declarations);
    read_listener(*listen, "admin", out.admin, declarations);
    listen->finish();
  }
  read_limits(spec, out.limits);
  if (auto idempotency = spec.map("idempotency", Extras::Refused)) {
    idempotency->optional("retention", duration(kSecond, {365 * kDay.ms}), out.idempotency.retention);
    idempotency->finish();
  }
  if (auto log = spec.map("log", Extras::Refused)) {
    log->optional("segmentBytes", byte_size(kMb, 4 * kGb), out.log.segment_bytes);
    log->optional("epochOpenMax", duration({1}, {10'000}), out.log.epoch_open_max);
    log->finish();
  }
  if (auto view = spec.map("view", Extras::Refused)) {
    view->optional("checkpointBytes", byte_size(kMb, 1024 * kGb), out.view.checkpoint_bytes);
    view->optional("dirtyBytes", byte_size(kMb, 64 * kGb), out.view.dirty_bytes);
    view->optional("blockCache", byte_size(kMb, 1024 * kGb), out.view.block_cache);
    view->finish();
  }
  spec.finish();
}

}  // namespace holdfast::config

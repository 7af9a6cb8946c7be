// io.statefun.endpoints.v1/http and v2/http. Keys and defaults are those of StateFun 3.3:
// HttpFunctionEndpointSpec, NettyRequestReplySpec (async) and DefaultHttpRequestReplyClientSpec (okhttp).
// maxConcurrentRequests, protocol, pipelining, states and onFailure are ours; StateFun ignores them.
#include "config/endpoints.h"

#include <algorithm>

#include "config/kinds.h"

namespace holdfast::config {
namespace {

constexpr Duration kTimeoutMin{1}, kTimeoutMax{100LL * 365 * 24 * 3600 * 1000};
constexpr Duration kPauseMax{24LL * 3600 * 1000};
constexpr std::int64_t kBatchMax = INT32_MAX;
constexpr std::int64_t kConcurrentMax = 100'000;
constexpr std::int64_t kPoolMax = 100'000;
constexpr std::int64_t kPayloadMax = 1ll << 30;
constexpr std::int64_t kAttemptsMax = 1'000'000;
constexpr double kFactorMax = 100;

constexpr std::string_view kAsync = "io.statefun.transports.v1/async";
constexpr std::string_view kOkhttp = "io.statefun.transports.v1/okhttp";

// `timeouts` of okhttp, and of endpoints v1.
void read_okhttp_timeouts(MapReader& owner, model::EndpointSpec& out) {
  out.call_timeout = {60'000};
  out.connect_timeout = {10'000};
  out.connection_age_max = {0};  // OkHttpUtils.newClient() knows idle connections only.
  Duration read{10'000}, write{10'000};
  if (auto timeouts = owner.map("timeouts", Extras::Ignored)) {
    timeouts->optional("call", timeout(), out.call_timeout);
    timeouts->optional("connect", timeout(), out.connect_timeout);
    timeouts->optional("read", timeout(), read);
    timeouts->optional("write", timeout(), write);
    timeouts->finish();
  }
  out.read_timeout = read;
  out.write_timeout = write;
}

void read_tls(MapReader& transport, model::TlsSpec& tls) {
  const auto file = readable_file(transport.file().folder);
  transport.optional("trust_cacerts", file, tls.trust_cacerts);
  transport.optional("client_cert", file, tls.client_cert);
  transport.optional("client_key", file, tls.client_key);
  transport.optional("client_key_password", file, tls.client_key_password_file);
  const bool cert = transport.has("client_cert"), key = transport.has("client_key");
  if (cert && !key) transport.missing("client_key", "the key of client_cert");
  if (key && !cert) transport.missing("client_cert", "the certificate of client_key");
  if (!key && transport.has("client_key_password"))
    transport.missing("client_key", "the key that client_key_password opens");
}

void read_async(MapReader& transport, model::EndpointSpec& out) {
  transport.optional("call", timeout(), out.call_timeout);
  transport.optional("connect", timeout(), out.connect_timeout);
  transport.optional("pool_ttl", duration({0}, kTimeoutMax), out.connection_age_max);
  out.idle_timeout = std::max(out.idle_timeout, out.connection_age_max);
  transport.optional("pool_size", integer(1, kPoolMax), out.pool_size);
  transport.optional("payload_max_bytes", integer(1, kPayloadMax), out.payload_bytes_max);
  read_tls(transport, out.tls);
  // Wins over the two above, also with the defaults of the members that are not written.
  if (auto timeouts = transport.map("timeouts", Extras::Ignored)) {
    out.call_timeout = {60'000};
    out.connect_timeout = {10'000};
    timeouts->optional("call", timeout(), out.call_timeout);
    timeouts->optional("connect", timeout(), out.connect_timeout);
    timeouts->finish();
  }
}

void read_transport(MapReader& spec, model::EndpointSpec& out) {
  auto transport = spec.map("transport", Extras::Ignored);
  if (!transport) return;
  std::string type{kAsync};
  transport->optional("type", one_of({kAsync, kOkhttp}), type);
  if (type == kOkhttp)
    read_okhttp_timeouts(*transport, out);
  else
    read_async(*transport, out);
  transport->finish();
  const model::TlsSpec& tls = out.tls;
  if (out.url_template.starts_with("http:") && !(tls.trust_cacerts.empty() && tls.client_cert.empty()))
    spec.file().report(Severity::Warning, transport->mark(), spec.path("transport"),
                       "https in urlPathTemplate for a transport with certificates",
                       spec.written("urlPathTemplate"), "the certificates have no effect");
}

void read_retry(MapReader& on_failure, model::RetryPolicy& out) {
  auto retry = on_failure.map("retry", Extras::Refused);
  if (!retry) return;
  retry->optional("initial", duration({1}, kPauseMax), out.initial);
  retry->optional("factor", number(1, kFactorMax), out.factor);
  const bool max_given = retry->optional("max", duration({1}, kPauseMax), out.max);
  retry->optional("jitter", number(0, 1), out.jitter);
  retry->optional("maxAttempts", integer(0, kAttemptsMax), out.max_attempts);
  if (out.max < out.initial) {
    if (max_given)
      retry->error("max", "a duration not below initial, " + show(out.initial), retry->written("max"));
    else
      out.max = out.initial;
  }
  retry->finish();
}

void read_endpoint(MapReader& spec, bool with_transport, Configuration& configuration,
                   Declarations& declarations) {
  model::EndpointSpec out;
  if (spec.required("functions", functions_pattern(), out.functions))
    declarations.functions(spec, "functions", out.functions);
  spec.required("urlPathTemplate", url_template(), out.url_template);
  out.url_shown = spec.shown_url("urlPathTemplate");
  if (with_transport)
    read_transport(spec, out);
  else
    read_okhttp_timeouts(spec, out);
  read_calls(spec, out, configuration, declarations);
  spec.finish();
  add_endpoint(spec, std::move(out), configuration);
}

}  // namespace

const Format<Duration>& timeout() {
  static const Format<Duration> format = duration(kTimeoutMin, kTimeoutMax);
  return format;
}

void read_bounds(MapReader& spec, model::EndpointSpec& out) {
  std::int64_t batch = out.max_batch;
  // Jackson makes 0 of nothing for this one, and the default for all others.
  if (spec.is_empty("maxNumBatchRequests"))
    batch = 0;
  else
    spec.optional("maxNumBatchRequests", integer(INT32_MIN, kBatchMax), batch);
  out.max_batch = batch <= 0 ? 0 : static_cast<std::uint32_t>(batch);
  spec.optional("maxConcurrentRequests", integer(1, kConcurrentMax), out.max_concurrent);
}

void read_on_failure(MapReader& spec, model::FailurePolicy& out, Configuration& configuration,
                     Declarations& declarations) {
  auto on_failure = spec.map("onFailure", Extras::Refused);
  if (!on_failure) return;
  read_retry(*on_failure, out.retry);
  std::string then = "park";
  const bool known = on_failure->optional("then", one_of({"park", "dead-letter", "drop"}), then);
  out.then = then == "dead-letter" ? model::FailureAction::DeadLetter
             : then == "drop"      ? model::FailureAction::Drop
                                   : model::FailureAction::Park;
  const bool letter = on_failure->has("deadLetter");
  if (out.then == model::FailureAction::DeadLetter && !letter)
    on_failure->missing("deadLetter", "where to: {egress: namespace/name, topic: name}");
  if (out.then != model::FailureAction::DeadLetter && letter && (known || !on_failure->has("then")))
    on_failure->error("deadLetter", "this key only beside then: dead-letter", "then: " + then);
  read_dead_letter(*on_failure, Declarations::DeadLetter::Owner::Endpoint, configuration.endpoints.size(),
                   declarations);
  on_failure->finish();
}

void read_calls(MapReader& spec, model::EndpointSpec& out, Configuration& configuration,
                Declarations& declarations) {
  using Protocol = model::FunctionProtocol;
  read_bounds(spec, out);
  std::string protocol;
  if (spec.optional("protocol", one_of({"v3", "v2", "interim"}), protocol))
    out.protocol = protocol == "v3" ? Protocol::V3 : protocol == "v2" ? Protocol::V2 : Protocol::Interim;
  std::string pipelining;
  if (spec.optional("pipelining", one_of({"auto", "never"}), pipelining)) out.pipelining = pipelining == "auto";
  read_states(spec, out.states);
  if (out.protocol == Protocol::V3 && !out.states.empty()) {
    spec.warning("states", "no states with protocol v3", "a list",
                 "they have no effect: functions of v3 declare them themselves");
    out.states.clear();
  }
  read_on_failure(spec, out.on_failure, configuration, declarations);
}

void add_endpoint(MapReader& spec, model::EndpointSpec endpoint, Configuration& configuration) {
  const std::size_t count = configuration.endpoints.size();
  if (count == kEndpointsMax)
    spec.file().report(Severity::Error, spec.mark(), spec.path(),
                       "at most " + std::to_string(kEndpointsMax) + " endpoints", "more");
  if (count <= kEndpointsMax) configuration.endpoints.push_back(std::move(endpoint));
}

void read_endpoint_v1(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  read_endpoint(spec, false, configuration, declarations);
}
void read_endpoint_v2(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  read_endpoint(spec, true, configuration, declarations);
}

}  // namespace holdfast::config

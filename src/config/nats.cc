// holdfast.nats.v1/ingress and egress.
#include <algorithm>

#include "config/edge_formats.h"
#include "config/kinds.h"

namespace holdfast::config {
namespace {

constexpr std::uint64_t kOutboxBytesMin = 1ull << 20, kOutboxBytesMax = 1ull << 44;
constexpr std::int64_t kTokenMax = 255;

void read_secret(MapReader& spec, std::string_view key, std::string& out) {
  if (!spec.optional(key, environment_name(), out)) return;
  const auto secret = spec.file().environment(out);
  if (!secret || secret->empty()) spec.error(key, "an environment variable that is set", spec.written(key));
}

void read_tls(MapReader& spec, model::NatsConnection& out) {
  auto tls = spec.map("tls", Extras::Refused);
  if (!tls) return;
  const auto file = readable_file(tls->file().folder);
  tls->optional("ca", file, out.tls.trust_cacerts);
  tls->optional("certificate", file, out.tls.client_cert);
  tls->optional("key", file, out.tls.client_key);
  if (tls->has("certificate") != tls->has("key"))
    tls->missing(tls->has("key") ? "certificate" : "key", "certificate and key, or neither");
  tls->finish();
}

void read_connection(MapReader& spec, model::NatsConnection& out) {
  std::vector<MapReader::Element> elements;
  if (has_elements(spec, "servers", "server")) spec.list("servers", nats_url(), out.servers, elements);
  const auto is_tls = [](const std::string& server) { return server.starts_with("tls://"); };
  const auto secure = std::count_if(out.servers.begin(), out.servers.end(), is_tls);
  if (secure != 0 && secure != static_cast<std::ptrdiff_t>(out.servers.size()))
    spec.error("servers", "tls:// for all servers or for none", "both");
  spec.optional("user", text("the name of a user"), out.user);
  read_secret(spec, "passwordEnv", out.password_env);
  read_secret(spec, "tokenEnv", out.token_env);
  spec.optional("credentialsFile", readable_file(spec.file().folder), out.credentials_file);
  if (spec.has("user") != spec.has("passwordEnv"))
    spec.missing(spec.has("user") ? "passwordEnv" : "user", "user and passwordEnv, or neither");
  if (spec.has("user") + spec.has("tokenEnv") + spec.has("credentialsFile") > 1)
    spec.file().report(Severity::Error, spec.mark(), spec.path(), "one way to log in",
                       "several of user, tokenEnv and credentialsFile");
  read_tls(spec, out);
  if (spec.has("tls") && !out.servers.empty() && secure == 0)
    spec.error("tls", "servers with tls://", "nats://", "nothing would be encrypted");
}

void read_key(MapReader& subject, model::NatsIngressSpec::Subject& out) {
  auto key = subject.map("key", Extras::Refused);
  if (!key) return;
  std::uint32_t token = 0;
  if (key->optional("subjectToken", integer(0, kTokenMax), token)) {
    const std::string& pattern = out.source.topic;
    const auto tokens = std::count(pattern.begin(), pattern.end(), '.') + 1;
    if (!pattern.empty() && !pattern.ends_with('>') && token >= tokens)
      key->error("subjectToken",
                 "a token of the subject, counted from 0: at most " + std::to_string(tokens - 1),
                 key->written("subjectToken"));
    out.key.subject_token = token;
  }
  key->optional("header", header_name(), out.key.header);
  if (key->has("subjectToken") == key->has("header"))
    subject.error("key", "either subjectToken or header", key->has("header") ? "both" : "neither");
  key->finish();
}

void read_subjects(MapReader& spec, model::NatsIngressSpec& out, Declarations& declarations) {
  if (!has_elements(spec, "subjects", "subject")) return;
  std::map<std::string, Place> seen;
  for (MapReader& subject : spec.maps("subjects", Extras::Refused)) {
    model::NatsIngressSpec::Subject one;
    if (subject.required("subject", nats_pattern(), one.source.topic))
      if (const auto [first, fresh] = seen.emplace(one.source.topic, subject.place("subject")); !fresh)
        subject.error("subject", "each subject once", subject.written("subject") + " again",
                      "first at " + first->second.text());
    subject.required("valueType", value_type(), one.source.value_type);
    read_targets(subject, one.source.targets, declarations);
    read_key(subject, one);
    subject.finish();
    out.subjects.push_back(std::move(one));
  }
}

}  // namespace

void read_nats_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  model::NatsIngressSpec out;
  read_ingress_id(spec, out.id, declarations);
  read_connection(spec, out.connection);
  read_subjects(spec, out, declarations);
  spec.optional("queueGroup", nats_name("the name of a queue group"), out.queue_group);
  if (auto jetstream = spec.map("jetstream", Extras::Refused)) {
    jetstream->required("stream", nats_name("the name of a stream"), out.stream);
    jetstream->optional("durable", nats_name("the name of a consumer"), out.durable);
    std::string from = "latest";
    jetstream->optional("startFrom", one_of({"earliest", "latest"}), from);
    out.start_at_earliest = from == "earliest";
    jetstream->finish();
    if (spec.has("queueGroup"))
      spec.error("queueGroup", "this key only without jetstream", spec.written("queueGroup"),
                 "the ingress reads all of its stream");
  }
  read_bad_records(spec, out.on_bad_record, Declarations::DeadLetter::Owner::NatsIngress,
                   configuration.nats_ingresses.size(), declarations);
  spec.finish();
  if (has_room(spec, configuration.nats_ingresses.size(), kIngressesMax))
    configuration.nats_ingresses.push_back(std::move(out));
}

void read_nats_egress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  model::NatsEgressSpec out;
  read_egress_id(spec, out.id, declarations);
  read_connection(spec, out.connection);
  std::string jetstream = "true";
  spec.optional("jetstream", one_of({"true", "false"}), jetstream);
  out.jetstream = jetstream == "true";
  spec.optional("defaultSubject", nats_subject(), out.default_subject);
  spec.optional("outboxBytes", byte_size(kOutboxBytesMin, kOutboxBytesMax), out.outbox_bytes);
  spec.finish();
  if (has_room(spec, configuration.nats_egresses.size(), kEgressesMax))
    configuration.nats_egresses.push_back(std::move(out));
}

}  // namespace holdfast::config

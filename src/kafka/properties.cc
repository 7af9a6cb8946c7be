#include "kafka/properties.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <fstream>
#include <string_view>

#include "kafka/client.h"

namespace holdfast::kafka {
namespace {

// Means the same under another name.
struct Renamed {
  std::string_view java;
  std::string_view ours;
};
constexpr Renamed kRenamed[] = {
    {"buffer.memory", "queue.buffering.max.kbytes"},  // Bytes there, kilobytes here.
    {"fetch.max.wait.ms", "fetch.wait.max.ms"},
    {"max.request.size", "message.max.bytes"},
    {"metadata.max.age.ms", "topic.metadata.refresh.interval.ms"},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
    {"send.buffer.bytes", "socket.send.buffer.bytes"},
    {"ssl.keystore.certificate.chain", "ssl.certificate.pem"},
    {"ssl.keystore.key", "ssl.key.pem"},
    {"ssl.truststore.certificates", "ssl.ca.pem"},
};

// Only a JVM has a use for these, or librdkafka does it in its own way.
constexpr std::string_view kJavaOnly[] = {
    "auto.include.jmx.reporter", "client.dns.lookup", "client.id.prefix",
    "commit.offsets.on.checkpoint", "compression.gzip.level", "compression.lz4.level", "compression.zstd.level",
    "default.api.timeout.ms", "enable.metrics.push", "exclude.internal.topics", "group.protocol", "group.remote.assignor",
    "interceptor.classes", "key.deserializer", "key.serializer", "max.block.ms", "max.poll.records",
    "metadata.max.idle.ms", "metadata.recovery.rebootstrap.trigger.ms", "metadata.recovery.strategy", "metric.reporters",
    "metrics.num.samples", "metrics.recording.level", "metrics.sample.window.ms",
    "partitioner.adaptive.partitioning.enable", "partitioner.availability.timeout.ms", "partitioner.class",
    "partitioner.ignore.keys", "register.consumer.metrics", "retry.backoff.max.ms", "sasl.client.callback.handler.class",
    "sasl.kerberos.ticket.renew.jitter", "sasl.kerberos.ticket.renew.window.factor", "security.providers",
    "socket.connection.setup.timeout.max.ms", "ssl.enabled.protocols", "ssl.engine.factory.class",
    "ssl.keymanager.algorithm", "ssl.protocol", "ssl.provider", "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm", "throw.on.fetch.stable.offset.unsupported", "value.deserializer", "value.serializer",
};
constexpr std::string_view kJavaOnlyPrefixes[] = {"flink.", "internal.", "sasl.login.", "sasl.oauthbearer.jwks.",
                                                  "sasl.oauthbearer.clock.", "sasl.oauthbearer.expected.",
                                                  "sasl.oauthbearer.scope.claim.", "sasl.oauthbearer.sub.claim."};

// Decided by the document's other keys, or by what exactly-once needs.
constexpr std::string_view kOurs[] = {
    "allow.auto.create.topics", "auto.commit.interval.ms", "auto.offset.reset", "enable.auto.commit", "enable.auto.offset.store", "enable.idempotence",
    "enable.partition.eof", "group.instance.id", "group.protocol.type", "log.queue", "message.timeout.ms",
    "partition.assignment.strategy", "statistics.interval.ms", "transaction.timeout.ms", "transactional.id",
};
// Written elsewhere in the document, which wins without a word, as in StateFun.
constexpr std::string_view kElsewhere[] = {"bootstrap.servers", "metadata.broker.list", "group.id"};

// Loads code into the process.
constexpr std::string_view kForbidden[] = {"plugin.library.paths", "ssl.engine.location", "interceptors"};

template <typename Table>
bool contains(const Table& table, std::string_view name) {
  return std::ranges::find(table, name) != std::end(table);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

Result<std::int64_t> number_of(const std::string& key, const std::string& value) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size())
    return fail(ErrorCode::Invalid, "property " + key + ": expected a whole number");
  return number;
}

enum class StoreFormat : std::uint8_t { Pem, Pkcs12, Jks, Unknown };

// What a key store is shows in its first bytes; Java, too, looks there before it believes its `type`.
Result<StoreFormat> store_format(const std::string& key, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4096> head{};
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  const std::string_view bytes(head.data(), static_cast<std::size_t>(file.gcount()));
  if (!file.is_open() || bytes.empty()) return fail(ErrorCode::Invalid, "property " + key + ": cannot read " + path);
  if (bytes.starts_with("\xfe\xed\xfe\xed") || bytes.starts_with("\xce\xce\xce\xce")) return StoreFormat::Jks;
  if (bytes.find("-----BEGIN ") != std::string_view::npos) return StoreFormat::Pem;
  if (bytes.front() == '\x30') return StoreFormat::Pkcs12;
  return StoreFormat::Unknown;
}

class Translation {
 public:
  explicit Translation(Client client) : client_(client) {}

  Result<void> add(const std::string& key, const std::string& value) {
    if (contains(kForbidden, key)) return fail(ErrorCode::Invalid, "property " + key + " is not allowed: it loads code");
    if (contains(kElsewhere, key)) return {};
    if (contains(kOurs, key)) return leave_out(key, "Holdfast decides about it");
    if (key == "flink.partition-discovery.interval-millis" || key == "partition.discovery.interval.ms") return add_discovery(key, value);
    if (key == "topic.metadata.refresh.interval.ms" || key == "metadata.max.age.ms") {
      if (auto done = add_discovery(key, value); !done) return done;
    }
    if (key == "sasl.jaas.config") return add_jaas(value);
    if (key == "ssl.truststore.location") return add_truststore(key, value);
    if (key == "ssl.keystore.location") return add_keystore(key, value);
    // Beside a store whose format is seen, or that is PEM, they say nothing.
    if (key == "ssl.truststore.type" || key == "ssl.keystore.type" || key == "ssl.truststore.password") return {};
    if (key == "ssl.endpoint.identification.algorithm") return add_checked(key, key, value.empty() ? "none" : lower(value));
    if (key == "security.protocol") return add_checked(key, key, lower(value));
    if (key == "isolation.level" || key == "compression.type") return add_checked(key, key, lower(value));
    if (key == "request.timeout.ms" && client_ == Client::Consumer) return add_checked(key, "socket.timeout.ms", value);
    if (key == "delivery.timeout.ms") return leave_out(key, "records wait in the outbox until they are delivered");
    if (client_ == Client::Producer && (key == "retries" || key == "max.in.flight.requests.per.connection"))
      return leave_out(key, "Holdfast decides about it");
    const bool java_only = contains(kJavaOnly, key) || std::ranges::any_of(kJavaOnlyPrefixes, [&](std::string_view prefix) {
                             return key.starts_with(prefix);
                           });
    if (java_only) return leave_out(key, "it means something to Java only");
    if (const auto* renamed = std::ranges::find(kRenamed, key, &Renamed::java); renamed != std::end(kRenamed))
      return add_renamed(key, std::string(renamed->ours), value);
    return add_checked(key, key, value);
  }

  Result<ClientProperties> finish() {
    // A store of PEM, or PKCS#12, whose password only now is known to be wanted.
    if (keystore_is_pem_) {
      std::erase_if(out_.set, [](const auto& entry) { return entry.first == "ssl.keystore.password"; });
    }
    return std::move(out_);
  }

 private:
  Result<void> leave_out(const std::string& key, const std::string& why) {
    out_.warnings.push_back("property " + key + " is left out: " + why);
    return {};
  }

  // `key` is what the document says, `name` what librdkafka calls it.
  Result<void> add_checked(const std::string& key, std::string name, std::string value) {
    if (auto checked = check_property(name, value); !checked) {
      if (checked.error().code == ErrorCode::NotFound)
        return leave_out(key, "neither Java's client nor librdkafka knows it");
      return fail(ErrorCode::Invalid, "property " + key + ": " + checked.error().message);
    }
    // The last one wins, as in a Java Properties.
    std::erase_if(out_.set, [&](const auto& entry) { return entry.first == name; });
    out_.set.emplace_back(std::move(name), std::move(value));
    return {};
  }

  Result<void> add_renamed(const std::string& key, std::string name, const std::string& value) {
    if (key == "buffer.memory") {
      const auto bytes = number_of(key, value);
      if (!bytes) return fail(bytes.error());
      return add_checked(key, std::move(name), std::to_string(std::clamp<std::int64_t>(*bytes / 1024, 1, INT32_MAX)));
    }
    // Java's -1: the system's choice.
    if (key.ends_with(".buffer.bytes") && value == "-1") return add_checked(key, std::move(name), "0");
    if (key == "metadata.max.age.ms") {
      const auto ms = number_of(key, value);
      if (!ms) return fail(ms.error());
      return add_checked(key, std::move(name), std::to_string(std::clamp<std::int64_t>(*ms, 1, 3'600'000)));
    }
    return add_checked(key, std::move(name), value);
  }

  Result<void> add_discovery(const std::string& key, const std::string& value) {
    const auto ms = number_of(key, value);
    if (!ms) return fail(ms.error());
    out_.discovery = Duration{std::max<std::int64_t>(*ms, 0)};
    return {};
  }

  Result<void> add_truststore(const std::string& key, const std::string& path) {
    const auto format = store_format(key, path);
    if (!format) return fail(format.error());
    if (*format == StoreFormat::Pem) return add_checked(key, "ssl.ca.location", path);
    return fail(ErrorCode::Invalid,
                "property " + key + ": " + path +
                    " is a Java key store; export its certificates as PEM (keytool -exportcert -rfc) and name that file");
  }

  Result<void> add_keystore(const std::string& key, const std::string& path) {
    const auto format = store_format(key, path);
    if (!format) return fail(format.error());
    if (*format == StoreFormat::Pkcs12) return add_checked(key, key, path);
    if (*format == StoreFormat::Pem) {
      keystore_is_pem_ = true;
      if (auto done = add_checked(key, "ssl.certificate.location", path); !done) return done;
      return add_checked(key, "ssl.key.location", path);
    }
    return fail(ErrorCode::Invalid,
                "property " + key + ": " + path + " is a Java key store; convert it (keytool -importkeystore -deststoretype PKCS12)");
  }

  Result<void> add_jaas(const std::string& value) {
    const std::string key = "sasl.jaas.config";
    const auto config = parse_jaas_config(value);
    if (!config) return fail(ErrorCode::Invalid, "property " + key + ": " + config.error().message);
    const auto option = [&](std::string_view name) -> const std::string* {
      const auto found = std::ranges::find(config->options, name, &std::pair<std::string, std::string>::first);
      return found != config->options.end() ? &found->second : nullptr;
    };
    const auto copy = [&](std::string_view name, std::string ours) -> Result<void> {
      if (const auto* text = option(name)) return add_checked(key, std::move(ours), *text);
      return {};
    };
    const auto require = [&](std::string_view name, std::string ours) -> Result<void> {
      if (option(name) == nullptr)
        return fail(ErrorCode::Invalid, "property " + key + ": " + config->module + " needs the option " + std::string(name));
      return copy(name, std::move(ours));
    };
    const auto all = [](std::initializer_list<Result<void>> steps) -> Result<void> {
      for (const auto& step : steps)
        if (!step) return step;
      return {};
    };
    const std::string_view module = std::string_view(config->module).substr(config->module.rfind('.') + 1);
    if (module == "PlainLoginModule" || module == "ScramLoginModule")
      return all({require("username", "sasl.username"), require("password", "sasl.password")});
    if (module == "OAuthBearerLoginModule")
      return all({add_checked(key, "sasl.oauthbearer.method", "oidc"), require("clientId", "sasl.oauthbearer.client.id"),
                  require("clientSecret", "sasl.oauthbearer.client.secret"), copy("scope", "sasl.oauthbearer.scope")});
    if (module == "Krb5LoginModule")
      return all({copy("keyTab", "sasl.kerberos.keytab"), copy("principal", "sasl.kerberos.principal"),
                  copy("serviceName", "sasl.kerberos.service.name")});
    return fail(ErrorCode::Invalid, "property " + key + ": the login module " + config->module + " is not supported");
  }

  Client client_;
  ClientProperties out_;
  bool keystore_is_pem_ = false;
};

}  // namespace

Result<ClientProperties> translate_properties(const model::Properties& properties, Client client) {
  Translation translation(client);
  for (const auto& [key, value] : properties)
    if (auto added = translation.add(key, value); !added) return fail(added.error());
  return translation.finish();
}

Result<JaasConfig> parse_jaas_config(std::string_view text) {
  const auto bad = [](const char* what) { return fail(ErrorCode::Invalid, what); };
  std::size_t at = 0;
  const auto skip_space = [&] {
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
  };
  const auto word = [&] {
    const std::size_t from = at;
    while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) == 0 && text[at] != '=' && text[at] != ';') ++at;
    return text.substr(from, at - from);
  };

  JaasConfig config;
  skip_space();
  config.module = word();
  skip_space();
  const std::string flag = lower(word());
  if (config.module.empty() || (flag != "required" && flag != "requisite" && flag != "sufficient" && flag != "optional"))
    return bad("expected a login module, a flag (required), options and a semicolon");
  while (true) {
    skip_space();
    if (at == text.size()) return bad("no semicolon at the end");
    if (text[at] == ';') {
      ++at;
      break;
    }
    const std::string name(word());
    skip_space();
    if (name.empty() || at == text.size() || text[at] != '=') return bad("expected name=value");
    ++at;
    skip_space();
    std::string value;
    if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
      const char quote = text[at++];
      while (at < text.size() && text[at] != quote) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        value.push_back(text[at++]);
      }
      if (at == text.size()) return bad("a quote that is not closed");
      ++at;
    } else {
      value = word();
      // An unquoted value may hold '=' (Base64), which word() stops at.
      while (at < text.size() && text[at] == '=') {
        value.push_back(text[at++]);
        value.append(word());
      }
    }
    config.options.emplace_back(name, std::move(value));
  }
  skip_space();
  if (at != text.size()) return bad("more than one login module");
  return config;
}

Result<std::vector<std::string>> validate(const model::KafkaIngressSpec& spec) {
  auto made = consumer_conf(spec, ConsumerLimits{});
  if (!made) return fail(made.error());
  if (auto tried = try_client(std::move(made->conf), Client::Consumer); !tried) return fail(tried.error());
  return std::move(made->warnings);
}

Result<std::vector<std::string>> validate(const model::KafkaEgressSpec& spec) {
  auto made = producer_conf(spec, spec.delivery == model::KafkaEgressSpec::Delivery::ExactlyOnce ? "check" : "");
  if (!made) return fail(made.error());
  if (auto tried = try_client(std::move(made->conf), Client::Producer); !tried) return fail(tried.error());
  return std::move(made->warnings);
}

}  // namespace holdfast::kafka

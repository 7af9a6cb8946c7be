#include "config/describe.h"

#include <algorithm>

#include "config/formats.h"

namespace holdfast::config {
namespace {

std::string on_failure(const model::FailurePolicy& policy) {
  const std::uint32_t attempts = policy.retry.max_attempts;
  std::string out = attempts == 0   ? "retries for ever"
                    : attempts == 1 ? "after 1 attempt "
                                    : "after " + std::to_string(attempts) + " attempts ";
  if (attempts == 0) return out;
  switch (policy.then) {
    case model::FailureAction::Park:
      return out + "park";
    case model::FailureAction::Drop:
      return out + "drop";
    case model::FailureAction::DeadLetter:
      return out + "to " + policy.dead_letter_stream;
  }
  return out;
}

std::string topics(const std::vector<std::string>& names) {
  constexpr std::size_t kShownMax = 5;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShownMax); ++i)
    out.append(i == 0 ? "" : ", ").append(names[i]);
  if (names.size() > kShownMax) out += " and " + std::to_string(names.size() - kShownMax) + " more";
  return out;
}

std::string listener(const model::Listener& at) {
  const std::string host = at.host.find(':') == std::string::npos ? at.host : "[" + at.host + "]";
  std::string out = host + ":" + std::to_string(at.port);
  if (!at.tls.certificate.empty()) out += at.tls.client_ca.empty() ? ", TLS" : ", mTLS";
  if (!at.token_file.empty() || !at.token_env.empty()) out += ", token";
  return out;
}

// One heading and its lines, as a table of two columns.
struct Section {
  std::string heading;
  std::vector<std::pair<std::string, std::string>> lines;
};

}  // namespace

std::string describe(const Configuration& configuration) {
  std::vector<Section> sections(4);
  sections[0].heading = "endpoints";
  for (const auto& e : configuration.endpoints)
    sections[0].lines.emplace_back(
        e.functions, e.url_template + "  (batch " +
                         (e.max_batch == 0 ? "unbounded" : std::to_string(e.max_batch)) + ", concurrency " +
                         std::to_string(e.max_concurrent) + ", call " + show(e.call_timeout) + ", " +
                         on_failure(e.on_failure) + ")");
  sections[1].heading = "ingresses";
  for (const auto& i : configuration.playground_ingresses)
    sections[1].lines.emplace_back("playground", "port " + std::to_string(i.port));
  sections[2].heading = "egresses";
  for (const auto& e : configuration.playground_egresses)
    sections[2].lines.emplace_back("playground",
                                   "port " + std::to_string(e.port) + ", topics " + topics(e.topics));
  for (const auto& e : configuration.streams)
    sections[2].lines.emplace_back(
        e.id,
        (e.topics.empty() ? "any topic, default " + e.default_topic : "topics " + topics(e.topics)) +
            ", kept " + (e.retention_time.ms == 0 ? "for ever" : show(e.retention_time)) + ", " +
            (e.retention_bytes == 0 ? "any size" : "up to " + show_bytes(e.retention_bytes) + " a topic"));
  const model::Settings& s = configuration.settings;
  sections[3].heading = "settings";
  sections[3].lines = {
      {"gateway", listener(s.gateway)},
      {"admin", listener(s.admin)},
      {"shards", s.shards == 0 ? "half the processors" : std::to_string(s.shards)},
      {"partitions", s.partitions_given ? std::to_string(s.partitions)
                                        : std::to_string(s.partitions) + " for a new data directory"}};
  std::size_t width = 0;
  for (const Section& section : sections)
    for (const auto& [left, right] : section.lines)
      width = std::max(width, std::min<std::size_t>(left.size(), 40));
  std::string out;
  for (const Section& section : sections) {
    out += section.heading + (section.lines.empty() ? ": none\n" : "\n");
    for (const auto& [left, right] : section.lines)
      out +=
          "  " + left + std::string(left.size() < width ? width - left.size() : 0, ' ') + "  " + right + "\n";
  }
  return out;
}

}  // namespace holdfast::config

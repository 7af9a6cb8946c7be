// io.statefun.playground.v1/ingress and egress, holdfast.streams.v1/egress.
#include <algorithm>

#include "config/kinds.h"
#include "model/address.h"

namespace holdfast::config {
namespace {

constexpr Duration kRetentionMax{100LL * 365 * 24 * 3600 * 1000};
constexpr std::uint64_t kRetentionBytesMax = 1ull << 44;

// Topics that are written twice are a slip worth a word.
bool read_topics(MapReader& spec, std::vector<std::string>& out) {
  std::vector<MapReader::Element> elements;
  const bool good = spec.list("topics", topic_name(), out, elements);
  std::map<std::string_view, Mark> seen;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto [first, fresh] = seen.emplace(out[i], elements[i].mark);
    if (!fresh)
      spec.file().report(Severity::Error, elements[i].mark, spec.path("topics"), "each topic once",
                         elements[i].written + " again",
                         "first at " + spec.file().place(first->second).text());
  }
  return good;
}

void read_port(MapReader& spec, std::uint16_t& out, Declarations& declarations) {
  // One that is there and wrong takes no port: the default would be a second complaint.
  if (spec.optional("port", integer(0, 65535), out) || !spec.has("port"))
    declarations.port(spec, "port", out);
}

}  // namespace

void read_playground_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  model::PlaygroundIngressSpec out;
  read_port(spec, out.port, declarations);
  spec.finish();
  if (has_room(spec, configuration.playground_ingresses.size(), kIngressesMax))
    configuration.playground_ingresses.push_back(out);
}

void read_playground_egress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  model::PlaygroundEgressSpec out;
  declarations.playground_egress(spec);
  read_port(spec, out.port, declarations);
  read_topics(spec, out.topics);
  (void)has_elements(spec, "topics", "topic");
  spec.finish();
  if (has_room(spec, configuration.playground_egresses.size(), kEgressesMax))
    configuration.playground_egresses.push_back(std::move(out));
}

void read_stream_egress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  model::StreamEgressSpec out;
  read_egress_id(spec, out.id, declarations);
  const bool topics_good = read_topics(spec, out.topics) || !spec.has("topics");
  const bool given = spec.optional("defaultTopic", topic_name(), out.default_topic);
  if (!given)
    out.default_topic = out.topics.empty() ? std::string(model::split_type(out.id).name) : out.topics.front();
  if (given && topics_good && !out.topics.empty() &&
      std::find(out.topics.begin(), out.topics.end(), out.default_topic) == out.topics.end())
    spec.error("defaultTopic", "one of topics", spec.written("defaultTopic"));
  if (auto retention = spec.map("retention", Extras::Refused)) {
    retention->optional("time", duration({0}, kRetentionMax), out.retention_time);
    retention->optional("size", byte_size(0, kRetentionBytesMax), out.retention_bytes);
    retention->finish();
  }
  spec.finish();
  if (has_room(spec, configuration.streams.size(), kEgressesMax))
    configuration.streams.push_back(std::move(out));
}

}  // namespace holdfast::config

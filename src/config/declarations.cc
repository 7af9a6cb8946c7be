#include <algorithm>

#include "config/kinds.h"

namespace holdfast::config {
namespace {

template <typename Map, typename Name>
bool declare(Map& declared, MapReader& spec, std::string_view key, const Name& name, std::string_view what,
             std::string shown) {
  const auto [earlier, fresh] = declared.emplace(name, spec.place(key));
  if (!fresh)
    spec.error(key, std::string(what), std::move(shown) + " again", "first at " + earlier->second.text());
  return fresh;
}

bool only(std::optional<Place>& first, MapReader& spec, std::string_view what) {
  if (!first) {
    first = spec.file().place(spec.mark());
    return true;
  }
  spec.file().report(Severity::Error, spec.mark(), "spec", std::string(what), "another",
                     "first at " + first->text());
  return false;
}

std::string join(const std::vector<std::string>& names) {
  constexpr std::size_t kShownMax = 8;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShownMax); ++i)
    out.append(i == 0 ? "" : ", ").append(names[i]);
  return names.size() > kShownMax ? out + ", …" : out;
}

}  // namespace

bool Declarations::functions(MapReader& spec, std::string_view key, const std::string& pattern) {
  return declare(functions_, spec, key, pattern, "functions that no other endpoint has", spec.written(key));
}
bool Declarations::egress(MapReader& spec, std::string_view key, const std::string& id) {
  return declare(egresses_, spec, key, id, "an egress id that no other egress has", spec.written(key));
}
bool Declarations::port(MapReader& spec, std::string_view key, std::uint16_t port) {
  if (port == 0) return true;
  const auto [earlier, fresh] = ports_.emplace(port, Port{spec.place(key), spec.path(key)});
  if (!fresh)
    spec.error(key, "a port that nothing else listens on",
               (spec.has(key) ? spec.written(key) : std::to_string(port)) + " again",
               "first at " + earlier->second.place.text());
  return fresh;
}
void Declarations::default_port(std::string_view listener, std::uint16_t port,
                                std::vector<Problem>& problems) const {
  const auto taken = ports_.find(port);
  if (taken == ports_.end()) return;
  problems.push_back({Severity::Error, taken->second.place, taken->second.path,
                      "a port that nothing else listens on", std::to_string(port),
                      "the default of " + std::string(listener) + " in holdfast.runtime.v1/settings"});
}
bool Declarations::settings(MapReader& spec) { return only(settings_, spec, "one document with settings"); }
bool Declarations::playground_egress(MapReader& spec) {
  return only(playground_egress_, spec, "one egress document of this kind");
}

void check_ports(const Configuration& configuration, const Declarations& declarations,
                 std::vector<Problem>& problems) {
  if (!declarations.gateway_given)
    declarations.default_port("listen.gateway", configuration.settings.gateway.port, problems);
  if (!declarations.admin_given)
    declarations.default_port("listen.admin", configuration.settings.admin.port, problems);
}

void resolve_dead_letters(Configuration& configuration, const Declarations& declarations,
                          std::vector<Problem>& problems) {
  for (const auto& letter : declarations.dead_letters) {
    const std::vector<std::string>* topics = nullptr;
    std::string topic = letter.topic;
    for (const auto& stream : configuration.streams) {
      if (stream.id != letter.egress) continue;
      topics = &stream.topics;
      if (topic.empty()) topic = stream.default_topic;
    }
    if (letter.egress == model::kPlaygroundEgress && !configuration.playground_egresses.empty())
      topics = &configuration.playground_egresses.front().topics;
    if (topics == nullptr) {
      problems.push_back(
          {Severity::Error, letter.egress_place, letter.path + ".egress",
           "the id of a holdfast.streams.v1/egress or io.statefun.playground.v1/egress document",
           letter.egress_written, "no document declares it"});
    } else if (topic.empty()) {
      problems.push_back({Severity::Error,
                          letter.topic_place,
                          letter.path + ".topic",
                          "a topic of the egress",
                          letter.topic_written,
                          {}});
    } else if (!topics->empty() && std::find(topics->begin(), topics->end(), topic) == topics->end()) {
      problems.push_back({Severity::Error, letter.topic_place, letter.path + ".topic",
                          "a topic of the egress", letter.topic_written, "it has " + join(*topics)});
    } else {
      configuration.endpoints[letter.endpoint].on_failure.dead_letter_stream =
          model::stream_name(letter.egress, topic);
    }
  }
}

}  // namespace holdfast::config

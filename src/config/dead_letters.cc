// Where messages and records go that cannot be handled: `deadLetter`, wherever it stands.
#include <algorithm>

#include "config/edge_formats.h"
#include "config/kinds.h"

namespace holdfast::config {
namespace {

using DeadLetter = Declarations::DeadLetter;

// Kafka and NATS have one stream an egress: records in it name their topic.
constexpr std::string_view kOutbox = "outbox";

// What is known of an egress that dead letters may name.
struct Egress {
  enum class Kind : std::uint8_t { Topics, Kafka, Nats };
  Kind kind = Kind::Topics;
  const std::vector<std::string>* topics = nullptr;  // Null or empty: any topic.
  std::string default_topic;

  [[nodiscard]] bool has(const std::string& topic) const {
    std::string hint;
    if (kind == Kind::Kafka) return kafka_topic().parse(topic, hint).has_value();
    if (kind == Kind::Nats) return nats_subject().parse(topic, hint).has_value();
    return topics->empty() || std::find(topics->begin(), topics->end(), topic) != topics->end();
  }
};
using Egresses = std::map<std::string_view, Egress>;

Egresses egresses_of(const Configuration& configuration) {
  Egresses out;
  for (const auto& stream : configuration.streams)
    out[stream.id] = {Egress::Kind::Topics, &stream.topics, stream.default_topic};
  for (const auto& kafka : configuration.kafka_egresses) out[kafka.id] = {Egress::Kind::Kafka, nullptr, {}};
  for (const auto& nats : configuration.nats_egresses)
    out[nats.id] = {Egress::Kind::Nats, nullptr, nats.default_subject};
  if (!configuration.playground_egresses.empty())
    out[model::kPlaygroundEgress] = {
        Egress::Kind::Topics, &configuration.playground_egresses.front().topics, {}};
  return out;
}

std::string join(const std::vector<std::string>& names) {
  constexpr std::size_t kShownMax = 8;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShownMax); ++i)
    out.append(i == 0 ? "" : ", ").append(names[i]);
  return names.size() > kShownMax ? out + ", …" : out;
}

void resolve(Configuration& configuration, const Egresses& egresses, const DeadLetter& letter,
             std::vector<Problem>& problems) {
  const auto found = egresses.find(letter.egress);
  if (found == egresses.end()) {
    problems.push_back({Severity::Error, letter.egress_place, letter.path + ".egress", "the id of an egress",
                        letter.egress_written, "no document declares it"});
    return;
  }
  const Egress& egress = found->second;
  const std::string topic = letter.topic.empty() ? egress.default_topic : letter.topic;
  if (topic.empty() || !egress.has(topic)) {
    std::string hint;
    if (egress.kind == Egress::Kind::Kafka) hint = kafka_topic().expected;
    if (egress.kind == Egress::Kind::Nats) hint = nats_subject().expected;
    if (!topic.empty() && egress.topics != nullptr) hint = "it has " + join(*egress.topics);
    problems.push_back({Severity::Error, letter.topic_place, letter.path + ".topic", "a topic of the egress",
                        letter.topic_written, std::move(hint)});
    return;
  }
  const bool outbox = egress.kind != Egress::Kind::Topics;
  model::BadRecordPolicy* policy = nullptr;
  switch (letter.owner) {
    // Beyond its bound a document is not kept, and its dead letters belong to nothing.
    case DeadLetter::Owner::Endpoint:
      if (letter.index < configuration.endpoints.size()) {
        auto& on_failure = configuration.endpoints[letter.index].on_failure;
        on_failure.dead_letter_stream =
            model::stream_name(letter.egress, outbox ? kOutbox : std::string_view(topic));
        if (outbox) on_failure.dead_letter_topic = topic;
      }
      return;
    case DeadLetter::Owner::KafkaIngress:
      if (letter.index < configuration.kafka_ingresses.size())
        policy = &configuration.kafka_ingresses[letter.index].on_bad_record;
      break;
    case DeadLetter::Owner::NatsIngress:
      if (letter.index < configuration.nats_ingresses.size())
        policy = &configuration.nats_ingresses[letter.index].on_bad_record;
      break;
  }
  if (policy == nullptr) return;
  policy->dead_letter_egress = letter.egress;
  policy->dead_letter_topic = topic;
}

}  // namespace

void read_dead_letter(MapReader& policy, DeadLetter::Owner owner, std::size_t index,
                      Declarations& declarations) {
  auto letter = policy.map("deadLetter", Extras::Refused);
  if (!letter) return;
  DeadLetter out;
  bool good = letter->required("egress", egress_id(), out.egress);
  if (letter->has("topic")) good = letter->optional("topic", topic_name(), out.topic) && good;
  letter->finish();
  if (!good) return;
  out.owner = owner;
  out.index = index;
  out.egress_place = letter->place("egress");
  out.topic_place = letter->place("topic");
  out.egress_written = letter->written("egress");
  out.topic_written = letter->written("topic");
  out.path = policy.path("deadLetter");
  declarations.dead_letters.push_back(std::move(out));
}

void read_bad_records(MapReader& spec, model::BadRecordPolicy& out, DeadLetter::Owner owner,
                      std::size_t index, Declarations& declarations) {
  auto policy = spec.map("onBadRecord", Extras::Refused);
  if (!policy) return;
  std::string then = "park";
  const bool known = policy->optional("then", one_of({"park", "dead-letter", "skip"}), then);
  out.then = then == "dead-letter" ? model::BadRecordAction::DeadLetter
             : then == "skip"      ? model::BadRecordAction::Skip
                                   : model::BadRecordAction::Park;
  const bool letter = policy->has("deadLetter");
  if (out.then == model::BadRecordAction::DeadLetter && !letter)
    policy->missing("deadLetter", "where to: {egress: namespace/name, topic: name}");
  if (out.then != model::BadRecordAction::DeadLetter && letter && (known || !policy->has("then")))
    policy->error("deadLetter", "this key only beside then: dead-letter", "then: " + then);
  read_dead_letter(*policy, owner, index, declarations);
  policy->finish();
}

void resolve_dead_letters(Configuration& configuration, const Declarations& declarations,
                          std::vector<Problem>& problems) {
  const Egresses egresses = egresses_of(configuration);
  for (const DeadLetter& letter : declarations.dead_letters)
    resolve(configuration, egresses, letter, problems);
}

}  // namespace holdfast::config

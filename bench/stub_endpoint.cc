// bench_stub_endpoint [PORT]: the functions bench/counter and bench/greeter as a C++ endpoint, StateFun request-reply v3, as cheap as we can
// make it: what is measured through it is the runtime. Both have one state, `seen` (long), plus one for each message; the counter
// answers the caller, if there is one, with the count, the greeter sends a Kafka record with it to the topic BENCH_TOPIC of the egress
// bench/out. functions.js is the same on the unmodified JavaScript SDK. bench/sleeper sends itself a message in a year, for each that comes;
// bench/failing fails. Prints "listening on URL"; GET / says how many requests and messages there were; ends by a signal.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/arguments.h"
#include "codec/egress_records.h"
#include "codec/standard_types.h"
#include "codec/statefun_v3.h"
#include "net/event_loop.h"
#include "net/http_server.h"

using namespace holdfast;

namespace {

constexpr std::string_view kSeen = "seen";
constexpr std::string_view kGreeter = "bench/greeter";
constexpr std::string_view kSleeper = "bench/sleeper";
constexpr std::string_view kFailing = "bench/failing";
constexpr std::string_view kEgress = "bench/out";
constexpr Duration kYear{365LL * 24 * 3600 * 1000};

struct Counts {
  std::uint64_t requests = 0;
  std::uint64_t messages = 0;
};

net::HttpResponse refusal(std::string why) { return {400, {{"content-type", "text/plain"}}, std::move(why)}; }

// The greeter's answer to {"t":123,...}: the same t, so that a reader knows which message it is of.
std::string greeting(std::string_view argument, std::int64_t seen, std::string_view name) {
  constexpr std::string_view kField = "\"t\":";
  const auto at = argument.find(kField);
  const auto begin = at == std::string_view::npos ? argument.size() : at + kField.size();
  const auto digits = argument.substr(begin, std::min(argument.find_first_not_of("0123456789", begin), argument.size()) - begin);
  std::string out = "{\"t\":";
  out.append(digits.empty() ? "0" : digits).append(",\"n\":").append(std::to_string(seen)).append(",\"g\":\"Hello ").append(name);
  return out.append("\"}");
}

net::HttpResponse invoke(std::string_view body, const std::string& topic, Counts& counts) {
  auto batch = codec::parse_to_function(body);
  if (!batch) return refusal(batch.error().message);

  if (batch->target.type == kFailing) return {500, {}, "as ever"};
  net::HttpResponse out{200, {{"content-type", "application/octet-stream"}}, {}};
  if (batch->target.type == kSleeper) {
    model::InvocationResponse response;
    for (auto& invocation : batch->invocations)
      response.delayed.push_back({.delay = kYear, .message = {batch->target, std::move(invocation.argument)}, .token = {}});
    codec::append_from_function(out.body, response);
    return out;
  }
  if (batch->states.empty() || batch->states.front().name != kSeen) {
    codec::append_from_function(out.body, model::IncompleteContext{{{std::string(kSeen), std::string(model::kLongType), {}, {}}}});
    return out;
  }
  std::int64_t seen = 0;
  if (const auto& value = batch->states.front().value) {
    const auto decoded = codec::decode_long(value->value);
    if (!decoded) return refusal(decoded.error().message);
    seen = *decoded;
  }
  ++counts.requests;
  counts.messages += batch->invocations.size();
  const bool is_greeter = batch->target.type == kGreeter;
  model::InvocationResponse response;
  for (auto& invocation : batch->invocations) {
    ++seen;
    if (is_greeter) {
      codec::KafkaRecord record;
      record.key = batch->target.id;
      record.value = greeting(invocation.argument.value, seen, batch->target.id);
      record.topic = topic;
      response.egress.push_back({std::string(kEgress), {std::string(codec::kKafkaRecordType), codec::encode_kafka_record(record)}});
    } else if (invocation.caller) {
      response.sends.push_back({std::move(*invocation.caller), {std::string(model::kLongType), codec::encode_long(seen)}});
    }
  }
  response.mutations.push_back(
      {model::StateMutation::Kind::Modify, std::string(kSeen), std::string(model::kLongType), codec::encode_long(seen)});
  codec::append_from_function(out.body, response);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv, {});
  net::ListenSpec spec;
  if (!arguments.words().empty()) spec.port = static_cast<std::uint16_t>(std::stoul(arguments.words().front()));
  const char* named = std::getenv("BENCH_TOPIC");
  const std::string topic = named == nullptr ? "out" : named;
  Counts counts;
  net::EventLoop loop;
  auto server = net::HttpServer::listen({&loop}, spec, {}, [&](net::HttpRequest&& request, net::Responder responder) {
    if (request.method == "GET")
      responder.send({200, {{"content-type", "application/json"}},
                      "{\"requests\":" + std::to_string(counts.requests) + ",\"messages\":" + std::to_string(counts.messages) + "}"});
    else
      responder.send(invoke(request.body, topic, counts));
  });
  if (!server) bench::usage(server.error().message);
  std::printf("listening on http://127.0.0.1:%u/statefun\n", (*server)->port());
  std::fflush(stdout);
  loop.run();
}

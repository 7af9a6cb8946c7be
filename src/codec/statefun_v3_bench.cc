// CPU nanoseconds (other load does not count) for one request written, one answer read, and the function's side of both: a batch of one 99-byte message with one
// int state, as in the recorded exchange.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>

#include "base/check.h"
#include "codec/egress_records.h"
#include "codec/standard_types.h"
#include "codec/statefun_v3.h"

using namespace holdfast;
using namespace holdfast::codec;

namespace {

template <typename F>
void measure(const char* what, std::size_t bytes, F run) {
  constexpr int kRounds = 1'000'000;
  double best = 1e9;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < kRounds; ++i) run();
    best = std::min(best, static_cast<double>(std::clock() - start) * (1e9 / CLOCKS_PER_SEC) / kRounds);
  }
  std::printf("%-22s %7.0f ns  (%zu bytes)\n", what, best, bytes);
}

}  // namespace

int main() {
  const model::Address address{"bench/greeter", "k1"};
  const model::Message message{address, std::nullopt, {"bench/msg", std::string(99, 'x'), true}, ""};
  const model::Message* batch[] = {&message};
  const model::StateSpec spec{"seen", "io.statefun.types/int", model::ExpireMode::None, {}};
  const model::StateValue value{"seen", encode_int(1), {}};
  const StateView states[] = {{&spec, &value}};
  model::InvocationResponse response;
  response.mutations.push_back({model::StateMutation::Kind::Modify, "seen", "io.statefun.types/int", encode_int(2)});
  response.egress.push_back(
      {"bench/out", {std::string(kKafkaRecordType), encode_kafka_record({"k1", std::string(43, 'x'), "out"}), true}});

  std::string request, answer;
  append_to_function(request, address, states, batch);
  append_from_function(answer, response);

  std::string out;
  std::size_t seen = 0;
  measure("append_to_function", request.size(), [&] {
    out.clear();
    append_to_function(out, address, states, batch);
    seen += out.size();
  });
  measure("parse_from_function", answer.size(), [&] { seen += parse_from_function(answer).value().index(); });
  measure("parse_to_function", request.size(), [&] { seen += parse_to_function(request).value().states.size(); });
  measure("append_from_function", answer.size(), [&] {
    out.clear();
    append_from_function(out, response);
    seen += out.size();
  });
  HOLDFAST_CHECK(seen > 0);
}

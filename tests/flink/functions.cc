// Functions in C++ for a real Flink StateFun, each with one thing to prove. They say what they found as records of a Kafka topic named
// after the function, under the id of the address. `flink_functions [--unix PATH | --tls CERT KEY] PORT` serves them.
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <holdfast/sdk.h>
#include <holdfast/sdk/server.h>

namespace sf = holdfast::sdk;
using namespace std::chrono_literals;

namespace {

// The ingress gives the bytes of a record this type.
constexpr auto kText = sf::bytes_type("test/text");

void emit(sf::Context& ctx, std::string_view topic, std::string value) {
  ctx.send_egress("test/out", {.topic = std::string(topic), .key = ctx.self().id, .value = std::move(value)});
}

// How often something was tried, by this process: what a call that failed cannot keep in a state.
int attempt(const std::string& what) {
  static std::mutex mutex;
  static std::map<std::string, int> attempts;
  const std::lock_guard lock(mutex);
  return ++attempts[what];
}

// --- states of every type

struct Range {
  std::int64_t least = 0;
  std::int64_t most = 0;
};
constexpr auto kRangeType = sf::custom_type<Range>(
    "test/range",
    [](const Range& range, std::string& out) {
      char bytes[sizeof range];
      std::memcpy(bytes, &range, sizeof range);
      out.append(bytes, sizeof range);
    },
    [](std::string_view bytes) {
      if (bytes.size() != sizeof(Range)) throw std::invalid_argument("a range is 16 bytes");
      Range range;
      std::memcpy(&range, bytes.data(), sizeof range);
      return range;
    });

constexpr sf::State<std::int32_t> kCount{"count"};
constexpr sf::State<std::int64_t> kTotal{"total"};
constexpr sf::State<float> kHalf{"half"};
constexpr sf::State<double> kMean{"mean"};
constexpr sf::State<bool> kNegative{"any_negative"};
constexpr sf::State<std::string> kSpelled{"spelled"};
constexpr sf::State<Range> kRange{"range2", kRangeType};

void ledger(sf::Context& ctx, const sf::Message& message) {
  auto& storage = ctx.storage();
  const auto text = message.as(kText);
  if (text == "forget") {
    storage[kCount].remove();
    storage[kSpelled].remove();
    return emit(ctx, "ledger", storage.contains(kCount) || storage[kSpelled] ? "still there" : "forgotten");
  }
  const std::int64_t amount = std::stoll(text);
  const auto count = storage[kCount] += 1;
  const auto total = storage[kTotal] += amount;
  storage[kHalf] = static_cast<float>(total) / 2;
  storage[kMean] = static_cast<double>(total) / count;
  storage[kNegative].update([&](bool& any) { any = any || amount < 0; });
  storage[kSpelled] += (count == 1 ? "" : ",") + text;
  storage[kRange].update([&](Range& range) {
    range.least = std::min(range.least, amount);
    range.most = std::max(range.most, amount);
  });
  const auto range = storage[kRange].value();
  char line[200];
  std::snprintf(line, sizeof line, "%d %lld %.1f %.3f %s %lld..%lld ", *storage[kCount], static_cast<long long>(*storage[kTotal]),
                *storage[kHalf], *storage[kMean], *storage[kNegative] ? "negative" : "positive", static_cast<long long>(range.least),
                static_cast<long long>(range.most));
  emit(ctx, "ledger", line + *storage[kSpelled]);
}

// --- states that expire

constexpr auto kExpiry = 3s;
constexpr auto kStep = 1s;
constexpr int kSteps = 4;  // Together longer than the expiry; one alone is far from it.
constexpr sf::State<std::int32_t> kSteady{"steady"};
constexpr sf::State<std::string> kWritten{"written", sf::expire_after_write(kExpiry)};
constexpr sf::State<std::string> kCalled{"called", sf::expire_after_call(kExpiry)};

void expiring(sf::Context& ctx, const sf::Message& message) {
  auto& storage = ctx.storage();
  if (message.is(kText)) {
    storage[kSteady] = 0;
    storage[kWritten] = "w";
    storage[kCalled] = "c";
  } else if ((storage[kSteady] += message.as<std::int32_t>()) == kSteps) {
    const auto here = [](bool is) { return std::string(is ? "here" : "gone"); };
    return emit(ctx, "expiring", "written " + here(storage.contains(kWritten)) + ", called " + here(storage.contains(kCalled)));
  }
  ctx.send_after(kStep, ctx.self(), 1);
}

// --- messages and their callers

constexpr sf::TypeName kParent{"test/parent"};
constexpr sf::TypeName kChild{"test/child"};
constexpr sf::State<std::int32_t> kAwaited{"awaited"};
constexpr sf::State<std::int64_t> kSum{"sum"};

void child(sf::Context& ctx, const sf::Message& message) {
  const auto caller = ctx.caller();
  if (!caller || caller->type != kParent.text()) throw std::logic_error("a child is called by its parent");
  const auto number = message.as<std::int32_t>();
  ctx.reply(std::int64_t{number} * number);
}

void parent(sf::Context& ctx, const sf::Message& message) {
  auto& storage = ctx.storage();
  if (const auto text = message.try_as(kText)) {
    if (ctx.caller()) throw std::logic_error("a record has no caller");
    try {
      ctx.reply("nobody");
    } catch (const sf::InvalidArgument&) {
      const int children = std::stoi(*text);
      storage[kAwaited] = children;
      for (int i = 1; i <= children; ++i) ctx.send({kChild, ctx.self().id + "/" + std::to_string(i)}, i);
    }
    return;
  }
  if (!ctx.caller() || ctx.caller()->type != kChild.text()) throw std::logic_error("the answer of somebody else");
  storage[kSum] += message.as<std::int64_t>();
  if ((storage[kAwaited] -= 1) == 0) emit(ctx, "parent", std::to_string(*storage[kSum]));
}

// --- delayed messages, and those that are taken back

void alarm(sf::Context& ctx, const sf::Message& message) {
  auto& storage = ctx.storage();
  if (message.is(kText)) {
    const sf::CancellationToken unwanted("unwanted/" + ctx.self().id), wanted("wanted/" + ctx.self().id);
    ctx.send_after(200ms, ctx.self(), "without token");
    ctx.send_after(300ms, wanted, ctx.self(), "with token");
    ctx.send_after(400ms, unwanted, ctx.self(), "never");
    ctx.send_after(800ms, ctx.self(), "end");
    ctx.send(ctx.self(), "cancel");
    return;
  }
  const auto text = message.as<std::string>();
  if (text == "cancel") {
    ctx.cancel_delayed_message(sf::CancellationToken("unwanted/" + ctx.self().id));
    ctx.cancel_delayed_message(sf::CancellationToken("unknown/" + ctx.self().id));
  } else if (text == "end") {
    emit(ctx, "alarm", storage[kSpelled].value_or("nothing"));
  } else {
    storage[kSpelled] += text + ";";
  }
}

// --- records

void publisher(sf::Context& ctx, const sf::Message& message) {
  const auto text = message.as(kText);
  ctx.send_egress("test/out", {.topic = "publisher", .key = "keyed", .value = text, .headers = {{"kept-by", "holdfast only"}}});
  ctx.send_egress("test/out", {.topic = "publisher", .value = std::string("\0\xff\x80", 3)});
  ctx.send_egress("test/out", sf::typed(sf::KafkaRecord{.topic = "publisher", .key = "generic", .value = sf::record_value(kRangeType, {1, 2})}));
}

// --- failures

void flaky(sf::Context& ctx, const sf::Message& message) {
  const auto text = message.as(kText);
  const auto seen = ctx.storage()[kCount] += 1;
  emit(ctx, "flaky", text + " " + std::to_string(seen));
  if (text != "fail") return;
  const int tried = attempt("flaky/" + ctx.self().id);
  if (tried == 1) throw std::runtime_error("the first time");
  if (tried == 2) throw 2;
}

// Its first answer for an id makes no sense to Flink, which then restarts the whole job.
void poison(sf::Context& ctx, const sf::Message& message) {
  const auto text = message.as(kText);
  const auto seen = ctx.storage()[kCount] += 1;
  emit(ctx, "poison", text + " " + std::to_string(seen));
  if (text == "break" && attempt("poison/" + ctx.self().id) == 1) ctx.send_egress("test/unknown", "to nobody");
}

// --- functions that complete later

void later(sf::Context& ctx, const sf::Message& message, sf::Completion done) {
  std::thread([&ctx, &message, done = std::move(done)]() mutable {
    const auto text = message.as(kText);
    const auto seen = ctx.storage()[kCount] += 1;
    if (text == "fail") {
      const int tried = attempt("later/" + ctx.self().id);
      if (tried == 1) return done.fail("the first time");
      if (tried == 2) return;  // Dropped.
    }
    emit(ctx, "later", text + " " + std::to_string(seen));
    done.complete();
  }).detach();
}

// --- order, batches, transports

void counter(sf::Context& ctx, const sf::Message& message) {
  const auto seen = ctx.storage()[kCount] += 1;
  emit(ctx, ctx.self().type.substr(0, ctx.self().type.find('/')) + "-counter", std::to_string(seen) + " " + message.as(kText));
}

sf::Functions make_functions() {
  sf::Functions functions;
  functions.bind({"test/ledger", {kCount, kTotal, kHalf, kMean, kNegative, kSpelled, kRange}, ledger});
  functions.bind({"test/expiring", {kSteady, kWritten, kCalled}, expiring});
  functions.bind({"test/parent", {kAwaited, kSum}, parent});
  functions.bind({"test/child", child});
  functions.bind({"test/alarm", {kSpelled}, alarm});
  functions.bind({"test/publisher", publisher});
  functions.bind({"test/flaky", {kCount}, flaky});
  functions.bind({"test/poison", {kCount}, poison});
  functions.bind({"test/later", {kCount}, later});
  for (const auto* space : {"test", "okhttp", "unix", "tls"}) functions.bind({std::string(space) + "/counter", {kCount}, counter});
  return functions;
}

}  // namespace

int main(int argc, char** argv) {
  sf::ServerOptions options;
  int next = 1;
  if (next + 1 < argc && std::string_view(argv[next]) == "--unix") {
    options.unix_path = argv[next + 1];
    next += 2;
  } else if (next + 2 < argc && std::string_view(argv[next]) == "--tls") {
    options.tls = {.certificate = argv[next + 1], .key = argv[next + 2]};
    next += 3;
  }
  const std::string_view port = next < argc ? argv[next] : "";
  if (next + 1 != argc || std::from_chars(port.data(), port.data() + port.size(), options.port).ptr != port.data() + port.size()) {
    std::fprintf(stderr, "usage: flink_functions [--unix PATH | --tls CERT KEY] PORT\n");
    return 2;
  }
  return sf::serve(make_functions(), options);
}

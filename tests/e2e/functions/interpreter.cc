#include "interpreter.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "holdfast/sdk.h"

namespace holdfast::test {
namespace {

namespace sf = sdk;
using nlohmann::json;
using Sent = std::map<std::string, std::int64_t>;

constexpr auto kCommand = sf::json_type<json, json>("test/Command");
constexpr sf::State<std::int32_t> kCount{"count"};
constexpr sf::State<std::int32_t> kDigest{"digest"};
constexpr sf::State<std::int32_t> kTotal{"total"};
constexpr sf::State<Sent> kSent{"sent", sf::json_type<Sent, json>("test/Sent")};
constexpr sf::State<std::string> kFlag{"flag"};
constexpr const char* kEgress = "test/out";

// How often a node has failed since this process was started.
class Attempts {
 public:
  // Whether it fails once more.
  bool fails(std::int64_t node, std::int64_t times) {
    const std::scoped_lock lock(mutex_);
    return failed_[node] < times && ++failed_[node] > 0;
  }

 private:
  std::mutex mutex_;
  std::map<std::int64_t, std::int64_t> failed_;
};

// A command that is being carried out: the context, and the states as they are by now.
class Call {
 public:
  Call(sf::Context& context, const sf::Message& message, Attempts& attempts)
      : context_(context),
        attempts_(attempts),
        command_(message.as(kCommand)),
        node_(command_.at("node")),
        seq_(command_.at("seq")),
        count_(context.storage()[kCount].value_or(0) + 1),
        total_(context.storage()[kTotal].value_or(0)),
        sent_(context.storage()[kSent].value_or({})),
        flag_(context.storage()[kFlag].get()) {}

  void run() {
    const auto caller = context_.caller();
    json handled{{"node", node_}, {"seq", seq_}};
    if (caller && !is_request(*caller)) handled["from"] = to_string(*caller);
    else handled["from"] = command_.at("from");
    if (const auto got = command_.find("got"); got != command_.end()) {
      handled["got"] = *got;
      mix(*got);
    }
    emit("handled", handled);
    for (const json& op : command_.at("ops")) carry_out(op);

    auto& storage = context_.storage();
    storage[kCount] = count_;
    storage[kDigest] = static_cast<std::int32_t>((storage[kDigest].value_or(0) * 31LL + node_ * 7 + seq_) % 2'147'483'647);
    storage[kTotal] = total_;
    if (!sent_.empty()) storage[kSent] = sent_;
    if (flag_) storage[kFlag] = *flag_;
    else if (storage[kFlag]) storage[kFlag].remove();
  }

 private:
  static bool is_request(const sf::Address& caller) { return caller.type == "holdfast/request"; }

  void mix(std::int64_t n) { total_ = static_cast<std::int32_t>((total_ * 3LL + n) % 1'000'000'007); }

  void emit(std::string topic, const json& value) {
    context_.send_egress(kEgress, sf::KafkaRecord{.topic = std::move(topic), .key = context_.self().id, .value = value.dump()});
  }

  // The command of an op, as it is sent to that address.
  static json numbered(const json& op, std::int64_t seq) {
    json command = op.at("command");
    command["seq"] = seq;
    return command;
  }

  void carry_out(const json& op) {
    const std::string& kind = op.at("op").get_ref<const std::string&>();
    if (kind == "add") mix(op.at("n"));
    else if (kind == "flag") flag_ = op.at("text").get<std::string>();
    else if (kind == "unflag") flag_.reset();
    else if (kind == "send") send(op);
    else if (kind == "after") send_after(op);
    else if (kind == "cancel") context_.cancel_delayed_message(sf::CancellationToken(op.at("token")));
    else if (kind == "record") record(op);
    else if (kind == "saw") emit("saw", {{"node", node_}, {"count", count_}, {"total", total_}, {"flag", flag_ ? json(*flag_) : json()}});
    else if (kind == "reply") reply(op);
    else if (kind == "fail") fail(op.at("times"));
    else if (kind == "poison") throw std::runtime_error("node " + std::to_string(node_) + " is poison");
    else throw std::invalid_argument("unknown op " + op.dump());
  }

  void send(const json& op) {
    const sf::Address to{op.at("to"), op.at("id")};
    context_.send(to, kCommand, numbered(op, ++sent_[to_string(to)]));
  }

  void send_after(const json& op) {
    const sf::Address to{op.at("to"), op.at("id")};
    const std::chrono::milliseconds delay(op.at("delay").get<std::int64_t>());
    const std::string token = op.at("token");
    if (token.empty()) context_.send_after(delay, to, kCommand, numbered(op, 0));
    else context_.send_after(delay, sf::CancellationToken(token), to, kCommand, numbered(op, 0));
  }

  void record(const json& op) {
    const std::int32_t number = op.at("n");
    if (op.at("form") == "kafka") emit("records", number);
    else context_.send_egress(kEgress, number);
  }

  void reply(const json& op) {
    const sf::Address caller = context_.caller().value();
    const std::int64_t seq = is_request(caller) ? 0 : ++sent_[to_string(caller)];
    context_.reply(kCommand, json{{"node", op.at("node")}, {"seq", seq}, {"got", total_}, {"ops", json::array()}});
  }

  void fail(std::int64_t times) {
    if (attempts_.fails(node_, times)) throw std::runtime_error("node " + std::to_string(node_) + " fails, and will do again");
  }

  sf::Context& context_;
  Attempts& attempts_;
  const json command_;
  const std::int64_t node_;
  const std::int64_t seq_;
  std::int32_t count_;
  std::int32_t total_;
  Sent sent_;
  std::optional<std::string> flag_;
};

// A thread that completes calls.
class Elsewhere {
 public:
  explicit Elsewhere(Attempts& attempts) : attempts_(attempts), thread_([this] { work(); }) {}
  ~Elsewhere() {
    {
      const std::scoped_lock lock(mutex_);
      is_ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  void take(sf::Context& context, const sf::Message& message, sf::Completion done) {
    {
      const std::scoped_lock lock(mutex_);
      calls_.push_back({&context, &message, std::move(done)});
    }
    changed_.notify_one();
  }

 private:
  struct Waiting {
    sf::Context* context;
    const sf::Message* message;
    sf::Completion done;
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return is_ending_ || !calls_.empty(); });
      if (calls_.empty()) return;
      Waiting call = std::move(calls_.front());
      calls_.pop_front();
      lock.unlock();
      try {
        Call(*call.context, *call.message, attempts_).run();
        call.done.complete();
      } catch (...) {
        call.done.fail(std::current_exception());
      }
      lock.lock();
    }
  }

  Attempts& attempts_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> calls_;
  bool is_ending_ = false;
  std::thread thread_;  // The last: it uses the others.
};

// What all functions of a program share.
struct Shared {
  Attempts attempts;
  Elsewhere elsewhere{attempts};
};

}  // namespace

sdk::Functions interpreters(const std::string& name_space) {
  auto shared = std::make_shared<Shared>();
  const auto now = [shared](sf::Context& context, const sf::Message& message) { Call(context, message, shared->attempts).run(); };
  const auto later = [shared](sf::Context& context, const sf::Message& message, sf::Completion done) {
    shared->elsewhere.take(context, message, std::move(done));
  };
  const std::vector<sf::StateSpec> states{kCount, kDigest, kTotal, kSent, kFlag};
  sf::Functions functions;
  functions.bind({name_space + "/quick", states, now});
  functions.bind({name_space + "/pool", states, now, sf::Execution::Blocking});
  functions.bind({name_space + "/later", states, later});
  return functions;
}

}  // namespace holdfast::test

#include "holdfast/sdk/testing.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <sstream>

#include "batch.h"
#include "holdfast/sdk/handler.h"
#include "wire.h"

namespace holdfast::sdk {

namespace {

using detail::wire::Kind;
using detail::wire::Reader;
namespace wire = detail::wire;

constexpr std::uint32_t kInvocationBatch = 100;  // Of ToFunction.
constexpr std::uint32_t kInvocationResult = 100;  // Of FromFunction.
constexpr std::uint32_t kIncompleteContext = 101;

// --- what goes to the function

void append_address(std::string& out, std::uint32_t field, const Address& address) {
  const auto slash = address.type.rfind('/');
  std::string bytes;
  wire::append_string(bytes, 1, std::string_view(address.type).substr(0, slash));
  wire::append_string(bytes, 2, std::string_view(address.type).substr(slash + 1));
  wire::append_string(bytes, 3, address.id);
  wire::append_bytes(out, field, bytes);
}

void append_value(std::string& out, std::uint32_t field, std::string_view type, std::string_view value) {
  std::string bytes;
  wire::append_string(bytes, 1, type);
  wire::append_number(bytes, 2, 1);
  wire::append_string(bytes, 3, value);
  wire::append_bytes(out, field, bytes);
}

// A state the runtime knows of: with its value, or empty.
void append_state(std::string& out, std::string_view name, std::string_view type, const std::optional<std::string_view>& value) {
  std::string bytes;
  wire::append_string(bytes, 1, name);
  if (value) append_value(bytes, 2, type, *value);
  wire::append_bytes(out, 2, bytes);
}

void append_invocation(std::string& out, const std::optional<Address>& caller, const TypedValue& message) {
  std::string bytes;
  if (caller) append_address(bytes, 1, *caller);
  append_value(bytes, 2, message.type, message.bytes);
  wire::append_bytes(out, 3, bytes);
}

// --- what comes from it

Address read_address(std::string_view bytes) {
  Address out;
  std::string_view space;
  std::string_view name;
  for (Reader in(bytes); in.next();) {
    if (in.is(1, Kind::Bytes)) space = in.bytes();
    else if (in.is(2, Kind::Bytes)) name = in.bytes();
    else if (in.is(3, Kind::Bytes)) out.id = in.bytes();
  }
  out.type.append(space).append(1, '/').append(name);
  return out;
}

TypedValue read_value(std::string_view bytes) {
  TypedValue out;
  for (Reader in(bytes); in.next();) {
    if (in.is(1, Kind::Bytes)) out.type = in.bytes();
    else if (in.is(3, Kind::Bytes)) out.bytes = in.bytes();
  }
  return out;
}

SentMessage read_sent(std::string_view bytes) {
  SentMessage out;
  for (Reader in(bytes); in.next();) {
    if (in.is(1, Kind::Bytes)) out.target = read_address(in.bytes());
    else if (in.is(2, Kind::Bytes)) out.value = read_value(in.bytes());
  }
  return out;
}

struct Delayed {
  DelayedMessage message;
  bool is_cancellation = false;
};

Delayed read_delayed(std::string_view bytes) {
  Delayed out;
  for (Reader in(bytes); in.next();) {
    if (in.is(1, Kind::Varint)) out.message.delay = std::chrono::milliseconds(in.number());
    else if (in.is(2, Kind::Bytes)) out.message.target = read_address(in.bytes());
    else if (in.is(3, Kind::Bytes)) out.message.value = read_value(in.bytes());
    else if (in.is(10, Kind::Varint)) out.is_cancellation = in.number() != 0;
    else if (in.is(11, Kind::Bytes)) out.message.token = in.bytes();
  }
  return out;
}

EgressRecord read_egress(std::string_view bytes) {
  EgressRecord out;
  std::string_view space;
  std::string_view name;
  for (Reader in(bytes); in.next();) {
    if (in.is(1, Kind::Bytes)) space = in.bytes();
    else if (in.is(2, Kind::Bytes)) name = in.bytes();
    else if (in.is(3, Kind::Bytes)) out.value = read_value(in.bytes());
  }
  out.egress.append(space).append(1, '/').append(name);
  return out;
}

struct Mutation {
  std::string_view state;
  std::optional<TypedValue> value;  // None: removed.
};

Mutation read_mutation(std::string_view bytes) {
  Mutation out;
  bool is_write = false;
  for (Reader in(bytes); in.next();) {
    if (in.is(1, Kind::Varint)) is_write = in.number() == 1;
    else if (in.is(2, Kind::Bytes)) out.state = in.bytes();
    else if (in.is(3, Kind::Bytes)) out.value = read_value(in.bytes());
  }
  if (!is_write) out.value.reset();
  return out;
}

// --- what people read

// Text as in a program; of what is no text, the bytes.
std::string shown(std::string_view bytes) {
  const bool is_text = std::none_of(bytes.begin(), bytes.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
  });
  if (is_text) return '"' + std::string(bytes) + '"';
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = std::to_string(bytes.size()) + " bytes";
  for (const char c : bytes.substr(0, 64)) {
    const auto byte = static_cast<unsigned char>(c);
    out.append(1, ' ').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return bytes.size() > 64 ? out + " ..." : out;
}

template <typename T>
bool show_if(std::ostream& out, const TypedValue& value, const Type<T>& type) {
  if (value.type != type.name()) return false;
  if constexpr (std::same_as<T, bool>) out << (type.read(value.bytes) ? "true" : "false");
  else if constexpr (std::same_as<T, std::string>) out << shown(type.read(value.bytes));
  else out << type.read(value.bytes);
  return true;
}

constexpr std::string_view kKafka = "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord";
constexpr std::string_view kKinesis = "type.googleapis.com/io.statefun.sdk.egress.KinesisEgressRecord";

}  // namespace

KafkaRecord EgressRecord::kafka() const {
  if (value.type != kKafka) throw WrongType("the record for " + egress + " is a " + value.type + ", not one of Kafka");
  KafkaRecord out;
  for (Reader in(value.bytes); in.next();) {
    if (in.is(1, Kind::Bytes)) out.key = in.bytes();
    else if (in.is(2, Kind::Bytes)) out.value = in.bytes();
    else if (in.is(3, Kind::Bytes)) out.topic = in.bytes();
    else if (in.is(4, Kind::Bytes)) {
      auto& [name, header] = out.headers.emplace_back();
      for (Reader field(in.bytes()); field.next();) {
        if (field.is(1, Kind::Bytes)) name = field.bytes();
        else if (field.is(2, Kind::Bytes)) header = field.bytes();
      }
    }
  }
  return out;
}

KinesisRecord EgressRecord::kinesis() const {
  if (value.type != kKinesis) throw WrongType("the record for " + egress + " is a " + value.type + ", not one of Kinesis");
  KinesisRecord out;
  for (Reader in(value.bytes); in.next();) {
    if (in.is(1, Kind::Bytes)) out.partition_key = in.bytes();
    else if (in.is(2, Kind::Bytes)) out.value = in.bytes();
    else if (in.is(3, Kind::Bytes)) out.stream = in.bytes();
    else if (in.is(4, Kind::Bytes)) out.explicit_hash_key = in.bytes();
  }
  return out;
}

// What a call did, each with a mark whether a matcher has found it.
struct TestContext::Impl {
  // The end of a call. Shared with it: it may come when nobody waits any more.
  struct End {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Answer> answer;
  };
  template <typename Effect>
  struct Found {
    std::vector<Effect> all;
    std::vector<char> marks;

    void add(Effect effect) {
      all.push_back(std::move(effect));
      marks.push_back(0);
    }
    void clear() {
      all.clear();
      marks.clear();
    }
    // Of several that fit, each is found once before one is found twice.
    template <typename Fits>
    bool find(const Fits& fits) {
      std::optional<std::size_t> again;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (!fits(all[i])) continue;
        if (marks[i] == 0) {
          marks[i] = 1;
          return true;
        }
        again = i;
      }
      return again.has_value();
    }
    [[nodiscard]] bool all_found() const { return std::find(marks.begin(), marks.end(), 0) == marks.end(); }
  };

  Impl(Functions functions, Address address)
      : handler(std::make_shared<Handler>(std::move(functions))), self(std::move(address)), storage(kept) {
    spec = handler->functions().find(self.type);
    if (spec == nullptr) throw InvalidArgument("no function " + self.type + " to test");
    // A batch with all the states, empty, that is never answered: the same code that functions read and write them through.
    std::string batch;
    append_address(batch, 1, self);
    for (const auto& state : spec->states) append_state(batch, state.name, state.type, std::nullopt);
    append_invocation(batch, std::nullopt, {});
    wire::append_bytes(kept_bytes, kInvocationBatch, batch);
    kept.read(kept_bytes);
    if (!kept.declare(*spec)) throw Error("the test kit lacks a state of " + self.type);
  }

  // With the states that the function has asked for.
  [[nodiscard]] std::string request(const std::vector<TypedValue>& messages) {
    std::string batch;
    append_address(batch, 1, self);
    if (is_registered)
      for (const auto& state : spec->states) append_state(batch, state.name, state.type, kept.read_state(state.name, state.type));
    for (const auto& message : messages) append_invocation(batch, caller, message);
    std::string out;
    wire::append_bytes(out, kInvocationBatch, batch);
    return out;
  }

  void send(const std::vector<TypedValue>& messages) {
    end = std::make_shared<End>();
    // The handler stays for a call that outlives the test, but goes with the test otherwise, and not later on the thread that completes:
    // what functions hold may have to end that thread.
    handler->handle(request(messages), [end = end, keep = handler](Answer&& answer) mutable {
      keep.reset();
      const std::lock_guard lock(end->mutex);
      end->answer = std::move(answer);
      end->changed.notify_all();
    });
  }

  void read_result(std::string_view bytes) {
    for (Reader in(bytes); in.next();) {
      if (in.is(1, Kind::Bytes)) {
        const Mutation mutation = read_mutation(in.bytes());
        changed.emplace_back(mutation.state);
        const auto state = std::find_if(spec->states.begin(), spec->states.end(),
                                        [&](const StateSpec& known) { return known.name == mutation.state; });
        if (state == spec->states.end()) throw Error("the answer changes a state '" + changed.back() + "' that is not declared");
        if (mutation.value) kept.write_state(state->name, mutation.value->type) = mutation.value->bytes;
        else kept.remove_state(state->name, state->type);
      } else if (in.is(2, Kind::Bytes)) {
        sent.add(read_sent(in.bytes()));
      } else if (in.is(3, Kind::Bytes)) {
        Delayed one = read_delayed(in.bytes());
        if (one.is_cancellation) cancelled.add(std::move(one.message.token));
        else delayed.add(std::move(one.message));
      } else if (in.is(4, Kind::Bytes)) {
        egress.add(read_egress(in.bytes()));
      }
    }
  }

  void clear() {
    sent.clear();
    delayed.clear();
    cancelled.clear();
    egress.clear();
    changed.clear();
  }

  std::shared_ptr<Handler> handler;
  Address self;
  const FunctionSpec* spec = nullptr;
  std::optional<Address> caller;
  bool is_registered = false;

  std::string kept_bytes;
  detail::Batch kept;
  Storage storage;

  std::shared_ptr<End> end;  // Of the call that was started and not finished.
  Found<SentMessage> sent;
  Found<DelayedMessage> delayed;
  Found<std::string> cancelled;
  Found<EgressRecord> egress;
  std::vector<std::string> changed;
};

namespace {

Functions only(FunctionSpec function) {
  Functions out;
  out.bind(std::move(function));
  return out;
}

}  // namespace

TestContext::TestContext(Functions functions, Address self) : impl_(std::make_unique<Impl>(std::move(functions), std::move(self))) {}
TestContext::TestContext(FunctionSpec function, std::string id) {
  Address self{function.type, std::move(id)};
  impl_ = std::make_unique<Impl>(only(std::move(function)), std::move(self));
}
TestContext::~TestContext() = default;

TestContext& TestContext::caller(Address caller) {
  if (!is_type_name(caller.type))
    throw InvalidArgument("a caller '" + to_string(caller) + "': expected a function type, namespace/name");
  impl_->caller = std::move(caller);
  return *this;
}
TestContext& TestContext::no_caller() {
  impl_->caller.reset();
  return *this;
}

Storage& TestContext::storage() noexcept { return impl_->storage; }
const Storage& TestContext::storage() const noexcept { return impl_->storage; }

void TestContext::start_batch(std::vector<TypedValue> messages) {
  if (messages.empty()) throw InvalidArgument("a batch without a message");
  if (impl_->end != nullptr) throw InvalidArgument("the call before has not been finished");
  impl_->clear();
  impl_->send(messages);
  if (impl_->is_registered || impl_->spec->states.empty()) return;
  // The first call of a function: it answers which states it has, and is called again, now with them.
  {
    const std::lock_guard lock(impl_->end->mutex);
    Reader in(impl_->end->answer.value().body);
    if (!in.next() || !in.is(kIncompleteContext, Kind::Bytes)) throw Error("the first answer does not ask for the states");
  }
  impl_->is_registered = true;
  impl_->send(messages);
}

void TestContext::deliver(DelayedMessage message) {
  if (message.target != impl_->self)
    throw InvalidArgument("a message for " + to_string(message.target) + " is not delivered to " + to_string(impl_->self));
  // The bytes of the call are made in its first half.
  const auto before = std::exchange(impl_->caller, impl_->self);
  try {
    start_batch({std::move(message.value)});
  } catch (...) {
    impl_->caller = before;
    throw;
  }
  impl_->caller = before;
  finish();
}

void TestContext::finish(std::chrono::milliseconds limit) {
  if (impl_->end == nullptr) throw InvalidArgument("no call was started");
  const auto end = std::exchange(impl_->end, nullptr);
  Answer answer;
  {
    std::unique_lock lock(end->mutex);
    if (!end->changed.wait_for(lock, limit, [&] { return end->answer.has_value(); }))
      throw CallFailed(to_string(impl_->self) + " has not completed within " + std::to_string(limit.count()) + " ms");
    answer = *std::move(end->answer);
  }
  if (answer.error) std::rethrow_exception(answer.error);
  if (answer.status != Answer::Status::Ok) throw CallFailed(answer.body);
  for (Reader in(answer.body); in.next();)
    if (in.is(kInvocationResult, Kind::Bytes)) impl_->read_result(in.bytes());
}

const std::vector<SentMessage>& TestContext::sent() const noexcept { return impl_->sent.all; }
const std::vector<DelayedMessage>& TestContext::delayed() const noexcept { return impl_->delayed.all; }
const std::vector<std::string>& TestContext::cancelled() const noexcept { return impl_->cancelled.all; }
const std::vector<EgressRecord>& TestContext::egress() const noexcept { return impl_->egress.all; }
const std::vector<std::string>& TestContext::changed() const noexcept { return impl_->changed; }
const std::optional<Address>& TestContext::caller() const noexcept { return impl_->caller; }

// --- matchers

namespace {

template <typename... Part>
std::string text_of(const Part&... part) {
  std::ostringstream out;
  (out << ... << part);
  return out.str();
}
std::string described(const std::optional<TypedValue>& value) { return value ? text_of(*value) : "anything"; }

bool fits(const std::optional<TypedValue>& wanted, const TypedValue& value) { return !wanted || *wanted == value; }

// What there is instead is the TestContext itself, which frameworks print.
bool explain(bool found, const char* otherwise, std::ostream* why) {
  if (!found && why != nullptr) *why << otherwise;
  return found;
}

}  // namespace

namespace detail {

CallMatcher match_sent(Address target, std::optional<TypedValue> value) {
  auto description = text_of("sent ", described(value), " to ", target);
  return {std::move(description), [target = std::move(target), value = std::move(value)](const TestContext& test, std::ostream* why) {
            return explain(test.impl().sent.find([&](const SentMessage& m) { return m.target == target && fits(value, m.value); }),
                           "it did not", why);
          }};
}

CallMatcher match_replied(std::optional<TypedValue> value) {
  auto description = text_of("replied ", described(value));
  return {std::move(description), [value = std::move(value)](const TestContext& test, std::ostream* why) {
            const auto& caller = test.caller();
            if (!caller) return explain(false, "it was called by nobody: set caller()", why);
            return explain(test.impl().sent.find([&](const SentMessage& m) { return m.target == *caller && fits(value, m.value); }),
                           "it did not", why);
          }};
}

CallMatcher match_sent_after(std::chrono::milliseconds delay, std::optional<std::string> token, Address target,
                             std::optional<TypedValue> value) {
  auto description = text_of("sent ", described(value), " to ", target, " after ", delay.count(), " ms");
  if (token) description += " with token " + shown(*token);
  return {std::move(description), [=](const TestContext& test, std::ostream* why) {
            return explain(test.impl().delayed.find([&](const DelayedMessage& m) {
              return m.target == target && m.delay == delay && (!token || *token == m.token) && fits(value, m.value);
            }),
                           "it did not", why);
          }};
}

CallMatcher match_sent_egress(std::string egress, std::optional<TypedValue> value) {
  auto description = value ? text_of("sent ", EgressRecord{egress, *value}) : "sent anything to egress " + egress;
  return {std::move(description), [=](const TestContext& test, std::ostream* why) {
            return explain(test.impl().egress.find([&](const EgressRecord& r) { return r.egress == egress && fits(value, r.value); }),
                           "it did not", why);
          }};
}

CallMatcher match_state(std::string_view name, std::string_view type, std::optional<TypedValue> value) {
  auto description = text_of("state ", name, " is ", value ? text_of(*value) : "empty");
  return {std::move(description),
          [name = std::string(name), type = std::string(type), value = std::move(value)](const TestContext& test, std::ostream* why) {
            const auto bytes = test.impl().kept.read_state(name, type);
            if (bytes.has_value() == value.has_value() && (!bytes || *bytes == value->bytes)) return true;
            if (why != nullptr) *why << "it is " << (bytes ? text_of(TypedValue{type, std::string(*bytes)}) : "empty");
            return false;
          }};
}

}  // namespace detail

CallMatcher cancelled(std::string token) {
  auto description = "took back the delayed message of token " + shown(token);
  return {std::move(description), [token = std::move(token)](const TestContext& test, std::ostream* why) {
            return explain(test.impl().cancelled.find([&](const std::string& t) { return t == token; }), "it did not", why);
          }};
}

CallMatcher sent_nothing() {
  return {"sent nothing", [](const TestContext& test, std::ostream* why) {
            return explain(test.sent().empty() && test.delayed().empty() && test.cancelled().empty() && test.egress().empty(),
                           "it did", why);
          }};
}

CallMatcher sent_nothing_else() {
  return {"sent nothing else", [](const TestContext& test, std::ostream* why) {
            const auto& did = test.impl();
            if (did.sent.all_found() && did.delayed.all_found() && did.cancelled.all_found() && did.egress.all_found()) return true;
            if (why != nullptr) {
              *why << "what no matcher has found:";
              const auto list = [&](const auto& effects, const char* before) {
                for (std::size_t i = 0; i < effects.all.size(); ++i)
                  if (effects.marks[i] == 0) *why << "\n  " << before << effects.all[i];
              };
              list(did.sent, "sent ");
              list(did.delayed, "sent ");
              list(did.cancelled, "took back ");
              list(did.egress, "sent ");
            }
            return false;
          }};
}

CallMatcher changed_no_state() {
  return {"changed no state", [](const TestContext& test, std::ostream* why) {
            if (why != nullptr)
              for (const auto& name : test.changed()) *why << "it changed " << name << "; ";
            return test.changed().empty();
          }};
}

// --- printing

std::ostream& operator<<(std::ostream& out, const Address& address) { return out << to_string(address); }

std::ostream& operator<<(std::ostream& out, const TypedValue& value) {
  try {
    if (show_if(out, value, types::boolean) || show_if(out, value, types::int32) || show_if(out, value, types::int64) ||
        show_if(out, value, types::float32) || show_if(out, value, types::float64) || show_if(out, value, types::string)) {
      return out << " (" << value.type << ")";
    }
  } catch (const WrongType&) {
    out << "damaged ";  // By its bytes, then.
  }
  return out << shown(value.bytes) << " (" << value.type << ")";
}

std::ostream& operator<<(std::ostream& out, const SentMessage& message) { return out << message.value << " to " << message.target; }

std::ostream& operator<<(std::ostream& out, const DelayedMessage& message) {
  out << message.value << " to " << message.target << " after " << message.delay.count() << " ms";
  if (!message.token.empty()) out << " with token " << shown(message.token);
  return out;
}

std::ostream& operator<<(std::ostream& out, const EgressRecord& record) {
  if (record.value.type == kKafka) {
    const KafkaRecord kafka = record.kafka();
    out << "a Kafka record {topic " << shown(kafka.topic) << ", key " << shown(kafka.key) << ", value " << shown(kafka.value);
    for (const auto& [name, value] : kafka.headers) out << ", header " << shown(name) << " " << shown(value);
    out << "}";
  } else if (record.value.type == kKinesis) {
    const KinesisRecord kinesis = record.kinesis();
    out << "a Kinesis record {stream " << shown(kinesis.stream) << ", partition key " << shown(kinesis.partition_key) << ", value "
        << shown(kinesis.value);
    if (!kinesis.explicit_hash_key.empty()) out << ", explicit hash key " << shown(kinesis.explicit_hash_key);
    out << "}";
  } else {
    out << record.value;
  }
  return out << " to egress " << record.egress;
}

std::ostream& operator<<(std::ostream& out, const TestContext& test) {
  out << "a call of " << test.impl().self << " that";
  if (matches(test, sent_nothing()) && test.changed().empty()) return out << " did nothing";
  for (const auto& message : test.sent()) out << "\n  sent " << message;
  for (const auto& message : test.delayed()) out << "\n  sent " << message;
  for (const auto& token : test.cancelled()) out << "\n  took back " << shown(token);
  for (const auto& record : test.egress()) out << "\n  sent " << record;
  for (const auto& name : test.changed()) out << "\n  changed state " << name;
  return out;
}

}  // namespace holdfast::sdk

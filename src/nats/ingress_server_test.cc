#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nats/ingress.h"
#include "nats/jetstream.h"
#include "nats/server_fixture.h"

namespace holdfast::nats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::answer;
using testing::eventually;
using testing::FakeCore;

class JetStreamIngress : public testing::ServerTest {
 protected:
  [[nodiscard]] std::string source(const std::string& pattern) const { return "test/in/" + name_ + "/" + subject(pattern); }
  [[nodiscard]] Result<ConsumerState> consumer(const std::string& name) {
    auto api = JetStream::over(*client_);
    EXPECT_TRUE(api);
    return api->consumer(name_, name);
  }
  // Deletes every consumer of the stream, as a server does that forgets them.
  void delete_consumers() {
    jsConsumerNamesList* names = nullptr;
    ASSERT_TRUE(eventually([&] { return js_ConsumerNames(&names, jetstream_, name_.c_str(), nullptr, nullptr) == NATS_OK; }));
    for (int i = 0; i < names->Count; ++i) js_DeleteConsumer(jetstream_, name_.c_str(), names->List[i], nullptr, nullptr);
    jsConsumerNamesList_Destroy(names);
  }
  [[nodiscard]] std::uint64_t stream_messages() {
    jsStreamInfo* info = nullptr;
    EXPECT_EQ(js_GetStreamInfo(&info, jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK);
    const auto count = info->State.Msgs;
    jsStreamInfo_Destroy(info);
    return count;
  }
};

TEST_F(JetStreamIngress, TakesEachMessageInOnceInTheOrderOfTheStream) {
  make_stream();
  store_numbers("a", 0, 2'500);
  FakeCore core;
  auto ingress = start(spec("*", name_), core);
  ASSERT_TRUE(eventually([&] { return core.count() == 2'500; }));
  store_numbers("a", 2'500, 1'500);
  ASSERT_TRUE(eventually([&] { return core.count() == 4'000; }));
  EXPECT_EQ(core.values(), numbers(0, 4'000));
  EXPECT_EQ(core.row(source("*"))->next, 4'001u);
  ASSERT_TRUE(eventually([&] { return info(*ingress).taken == 4'000; }));
  const auto told = info(*ingress);
  EXPECT_EQ(told.trouble, "");
  ASSERT_EQ(told.sources.size(), 1u);
  EXPECT_EQ(told.sources[0].source, source("*"));
  EXPECT_EQ(told.sources[0].next, 4'001u);
  EXPECT_EQ(told.sources[0].end, 4'001u);
  EXPECT_EQ(told.sources[0].lag, 0u);
  stop(*ingress);
}

TEST_F(JetStreamIngress, MakesAMessageOfSubjectHeadersAndBytes) {
  make_stream();
  const std::string trace = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
  store("red", std::string("a\0b", 3), {{"traceparent", trace}});
  store("blue", "");
  FakeCore core;
  auto ingress = start(spec("*", name_), core);
  ASSERT_TRUE(eventually([&] { return core.count() == 2; }));
  const auto messages = core.messages();
  EXPECT_EQ(messages[0].target, (model::Address{"test/fn", "red"}));
  EXPECT_EQ(messages[0].argument, (model::TypedValue{"test/value", std::string("a\0b", 3), true}));
  EXPECT_EQ(messages[0].traceparent, trace);
  EXPECT_EQ(messages[1].target.id, "blue");
  EXPECT_EQ(messages[1].argument.value, "");
  stop(*ingress);
}

TEST_F(JetStreamIngress, TheKeyMayBeAHeaderOrTheWholeSubject) {
  make_stream();
  auto by_header = spec("h", name_);
  by_header.subjects[0].key = {.header = "Holdfast-Key"};
  by_header.subjects.push_back(spec("s", name_).subjects[0]);
  by_header.subjects[1].key = {};
  store("h", "1", {{"Holdfast-Key", "k 1"}});
  store("h", "2", {{"Holdfast-Key-Base64", "AP8="}});
  store("s", "3");
  FakeCore core;
  auto ingress = start(by_header, core);
  ASSERT_TRUE(eventually([&] { return core.count() == 3; }));
  std::map<std::string, std::string> id_of;
  for (const auto& message : core.messages()) id_of[message.argument.value] = message.target.id;
  EXPECT_EQ(id_of["1"], "k 1");
  EXPECT_EQ(id_of["2"], std::string("\0", 1) + "\xef\xbf\xbd");
  EXPECT_EQ(id_of["3"], subject("s"));
  stop(*ingress);
}

TEST_F(JetStreamIngress, AMessageWithoutAKeyIsParkedAndTheRestGoesOn) {
  make_stream();
  auto by_header = spec("*", name_);
  by_header.subjects[0].key = {.header = "Key"};
  store("a", "bad");
  store("b", "good", {{"Key", "k"}});
  FakeCore core;
  auto ingress = start(by_header, core);
  ASSERT_TRUE(eventually([&] { return core.values() == std::vector<std::string>{"good"}; }));
  ASSERT_TRUE(eventually([&] { return info(*ingress).parked == 1; }));
  EXPECT_EQ(info(*ingress).bad, 1u);
  const auto page = answer<ports::StreamPage>(
      [&](auto done) { core.read_stream({.stream = connect::parked_stream("test/in")}, std::move(done)); });
  ASSERT_TRUE(page);
  ASSERT_EQ(page->records.size(), 1u);
  EXPECT_EQ(page->records[0].record.value.value, "bad");
  EXPECT_EQ(page->records[0].record.source, "test/in/" + subject("*") + "/" + name_ + "/" + subject("a") + "@1");
  EXPECT_THAT(page->records[0].record.error, HasSubstr("no key"));
  EXPECT_EQ(answer<std::uint64_t>([&](auto done) { ingress->skip_parked(std::move(done)); }).value_or(99), 1u);
  EXPECT_EQ(info(*ingress).parked, 0u);
  stop(*ingress);
}

TEST_F(JetStreamIngress, BeginsWithNewMessagesUnlessToldOtherwise) {
  make_stream();
  store_numbers("a", 0, 10);
  auto latest = spec("*", name_);
  latest.start_at_earliest = false;
  FakeCore core;
  auto ingress = start(latest, core);
  ASSERT_TRUE(eventually([&] { return core.row(source("*")).has_value(); }));
  EXPECT_EQ(core.row(source("*"))->next, 11u);
  store_numbers("a", 10, 10);
  ASSERT_TRUE(eventually([&] { return core.count() == 10; }));
  EXPECT_EQ(core.values(), numbers(10, 10));
  stop(*ingress);
}

TEST_F(JetStreamIngress, TakesWhatWasNotDurableInAgainAfterACrash) {
  make_stream();
  FakeCore core;
  core.durable_at_once(false);
  {
    auto ingress = start(spec("*", name_), core);
    store_numbers("a", 0, 1'200);
    ASSERT_TRUE(eventually([&] { return core.count() == 1'200; }));
    core.save();
    store_numbers("a", 1'200, 1'800);
    ASSERT_TRUE(eventually([&] { return core.count() == 3'000; }));
    stop(*ingress);
  }
  core.crash();
  ASSERT_EQ(core.count(), 1'200u);
  core.durable_at_once(true);
  auto ingress = start(spec("*", name_), core);
  ASSERT_TRUE(eventually([&] { return core.count() == 3'000; }));
  EXPECT_EQ(core.values(), numbers(0, 3'000));
  stop(*ingress);
}

TEST_F(JetStreamIngress, GoesOnWithoutAGapWhenTheServerForgetsItsConsumers) {
  make_stream();
  FakeCore core;
  auto ingress = start(spec("*", name_), core);
  for (int round = 0; round < 5; ++round) {
    store_numbers("a", round * 2'000, 1'000);
    delete_consumers();
    store_numbers("a", round * 2'000 + 1'000, 1'000);
  }
  ASSERT_TRUE(eventually([&] { return core.count() >= 10'000; }));
  EXPECT_EQ(core.values(), numbers(0, 10'000));
  std::uint64_t reopened = 0;
  struct Sink : MetricsSink {
    explicit Sink(std::uint64_t& out) : reopened(out) {}
    void counter(std::string_view name, std::string_view, MetricLabels, std::uint64_t value) override {
      if (name == "holdfast_ingress_reopened_total") reopened = value;
    }
    void gauge(std::string_view, std::string_view, MetricLabels, double) override {}
    void histogram(std::string_view, std::string_view, MetricLabels, const LatencyHistogram&) override {}
    std::uint64_t& reopened;
  } sink(reopened);
  ingress->collect(sink);
  EXPECT_GT(reopened, 0u);
  stop(*ingress);
}

TEST_F(JetStreamIngress, WaitsWhileTheFunctionsDoNotKeepUpAndAsksForNoMoreThanItHolds) {
  make_stream();
  store_numbers("a", 0, 20'000);
  FakeCore core;
  core.overload(true);
  auto ingress = start(spec("*", name_), core);
  ASSERT_TRUE(eventually([&] { return core.refused() > 5; }));
  const auto told = info(*ingress);
  EXPECT_TRUE(told.sources[0].waiting);
  EXPECT_EQ(told.sources[0].next, 1u);
  jsConsumerInfoList* consumers = nullptr;
  ASSERT_EQ(js_Consumers(&consumers, jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK);
  ASSERT_EQ(consumers->Count, 1);
  EXPECT_LE(consumers->List[0]->Delivered.Stream, 4'000u);
  jsConsumerInfoList_Destroy(consumers);
  core.overload(false);
  ASSERT_TRUE(eventually([&] { return core.count() == 20'000; }));
  EXPECT_EQ(core.values(), numbers(0, 20'000));
  stop(*ingress);
}

TEST_F(JetStreamIngress, CountsWhatThePurgeOfAStreamTook) {
  make_stream();
  store_numbers("a", 0, 100);
  FakeCore core;
  {
    auto ingress = start(spec(">", name_), core);
    ASSERT_TRUE(eventually([&] { return core.count() == 100; }));
    stop(*ingress);
  }
  store_numbers("a", 100, 50);
  ASSERT_EQ(js_PurgeStream(jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK);
  store_numbers("a", 150, 10);
  auto ingress = start(spec(">", name_), core);
  ASSERT_TRUE(eventually([&] { return core.count() == 110; }));
  EXPECT_EQ(info(*ingress).lost, 50u);
  auto expected = numbers(0, 100);
  const auto rest = numbers(150, 10);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(core.values(), expected);
  stop(*ingress);
}

TEST_F(JetStreamIngress, AStreamMadeAnewIsReadFromItsFirstMessage) {
  enum class Meanwhile { Down, Running };
  for (const auto meanwhile : {Meanwhile::Down, Meanwhile::Running})
    for (const int count : {0, 5, 300}) {  // Shorter than the old one, and longer.
      SCOPED_TRACE((meanwhile == Meanwhile::Down ? "down, " : "running, ") + std::to_string(count));
      make_stream();
      store_numbers("a", 0, 100);
      FakeCore core;
      auto latest = spec("*", name_);
      auto ingress = start(latest, core);
      ASSERT_TRUE(eventually([&] { return core.count() == 100; }));
      latest.start_at_earliest = false;  // Counts where a source begins, and this one goes on.
      if (meanwhile == Meanwhile::Down) stop(*ingress);
      ASSERT_EQ(js_DeleteStream(jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK);
      make_stream();
      store_numbers("a", 100, count);
      if (meanwhile == Meanwhile::Down) ingress = start(latest, core);
      store_numbers("a", 100 + count, 10);
      const auto all = static_cast<std::size_t>(110 + count);
      ASSERT_TRUE(eventually([&] { return core.count() >= all; })) << core.count() << " " << info(*ingress).trouble;
      EXPECT_EQ(core.values(), numbers(0, 110 + count));
      EXPECT_EQ(core.row(source("*"))->next, static_cast<std::uint64_t>(11 + count));
      EXPECT_EQ(info(*ingress).trouble, "");
      stop(*ingress);
      ASSERT_EQ(js_DeleteStream(jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK);
    }
}

TEST_F(JetStreamIngress, APositionOfAnOlderVersionIsTakenForOneInTheStreamThatIsThere) {
  make_stream();
  store_numbers("a", 0, 10);
  FakeCore core;
  ASSERT_TRUE(answer<void>([&](auto done) { core.set_source(source("*"), {.next = 6}, std::move(done)); }));
  auto ingress = start(spec("*", name_), core);
  ASSERT_TRUE(eventually([&] { return core.count() == 5; }));
  EXPECT_EQ(core.values(), numbers(5, 5));
  EXPECT_NE(core.row(source("*"))->incarnation, "");
  stop(*ingress);
}

TEST_F(JetStreamIngress, StandsStillAtAPositionThatNoStreamExplainsUntilSomebodySaysWhereToGoOn) {
  make_stream();
  store_numbers("a", 0, 5);
  FakeCore core;
  ASSERT_TRUE(answer<void>([&](auto done) { core.set_source(source("*"), {.next = 101}, std::move(done)); }));
  auto ingress = start(spec("*", name_), core);
  ASSERT_TRUE(eventually([&] { return info(*ingress).trouble.find("made anew") != std::string::npos; })) << info(*ingress).trouble;
  EXPECT_EQ(core.count(), 0u);
  const auto moved = answer<void>([&](auto done) { ingress->seek("", {.kind = ports::SeekTo::Kind::Earliest}, std::move(done)); });
  ASSERT_TRUE(moved) << moved.error().message;
  ASSERT_TRUE(eventually([&] { return core.count() == 5; }));
  EXPECT_EQ(info(*ingress).trouble, "");
  EXPECT_EQ(core.values(), numbers(0, 5));
  stop(*ingress);
}

TEST_F(JetStreamIngress, WaitsForAStreamThatIsNotThereYet) {
  FakeCore core;
  auto ingress = start(spec("*", name_), core);
  ASSERT_TRUE(eventually([&] { return info(*ingress).trouble == "there is no stream " + name_; })) << info(*ingress).trouble;
  make_stream();
  store_numbers("a", 0, 10);
  ASSERT_TRUE(eventually([&] { return core.count() == 10; }));
  EXPECT_EQ(info(*ingress).trouble, "");
  stop(*ingress);
}

TEST_F(JetStreamIngress, StaysPausedOverARestart) {
  make_stream();
  FakeCore core;
  {
    auto ingress = start(spec("*", name_), core);
    store_numbers("a", 0, 10);
    ASSERT_TRUE(eventually([&] { return core.count() == 10; }));
    ASSERT_TRUE(answer<void>([&](auto done) { ingress->pause(std::move(done)); }));
    EXPECT_TRUE(info(*ingress).paused);
    stop(*ingress);
  }
  store_numbers("a", 10, 10);
  auto ingress = start(spec("*", name_), core);
  ASSERT_TRUE(eventually([&] { return info(*ingress).paused; }));
  EXPECT_EQ(core.count(), 10u);
  ASSERT_TRUE(answer<void>([&](auto done) { ingress->resume(std::move(done)); }));
  ASSERT_TRUE(eventually([&] { return core.count() == 20; }));
  EXPECT_EQ(core.values(), numbers(0, 20));
  stop(*ingress);
}

TEST_F(JetStreamIngress, GoesWhereItIsSent) {
  make_stream();
  store_numbers("a", 0, 10);
  FakeCore core;
  auto ingress = start(spec("*", name_), core);
  ASSERT_TRUE(eventually([&] { return core.count() == 10; }));
  const auto seek = [&](ports::SeekTo to, const std::string& where = "") {
    return answer<void>([&](auto done) { ingress->seek(where, to, std::move(done)); });
  };
  ASSERT_TRUE(seek({.position = 8}, source("*")));
  ASSERT_TRUE(eventually([&] { return core.count() == 13; }));
  ASSERT_TRUE(seek({.kind = ports::SeekTo::Kind::Earliest}));
  ASSERT_TRUE(eventually([&] { return core.count() == 23; }));
  ASSERT_TRUE(seek({.kind = ports::SeekTo::Kind::Time, .time = {1'000}}));
  ASSERT_TRUE(eventually([&] { return core.count() == 33; }));
  ASSERT_TRUE(seek({.kind = ports::SeekTo::Kind::Time, .time = {4'000'000'000'000}}));
  EXPECT_EQ(core.row(source("*"))->next, 11u);
  ASSERT_TRUE(seek({.kind = ports::SeekTo::Kind::Latest}));
  store_numbers("a", 10, 1);
  ASSERT_TRUE(eventually([&] { return core.count() == 34; }));
  EXPECT_EQ(core.values().back(), "10");
  EXPECT_EQ(seek({.position = 99}).error().code, ErrorCode::Invalid);
  EXPECT_EQ(seek({.position = 1}, "test/in/other").error().code, ErrorCode::NotFound);
  EXPECT_EQ(core.count(), 34u);
  stop(*ingress);
}

TEST_F(JetStreamIngress, SomebodyElsesMoveOfThePositionIsFollowed) {
  make_stream();
  store_numbers("a", 0, 10);
  FakeCore core;
  auto ingress = start(spec("*", name_), core);
  ASSERT_TRUE(eventually([&] { return core.count() == 10; }));
  ASSERT_TRUE(answer<void>([&](auto done) { core.set_source(source("*"), {.next = 6}, std::move(done)); }));
  store_numbers("a", 10, 1);
  ASSERT_TRUE(eventually([&] { return core.count() == 16; }));
  EXPECT_EQ(core.values().back(), "10");
  stop(*ingress);
}

// --- Durable consumers

TEST_F(JetStreamIngress, ADurableConsumerAcknowledgesWhatIsDurableAndNothingElse) {
  make_stream();
  store_numbers("a", 0, 1'000);
  auto durable = spec("*", name_);
  durable.durable = "shown";
  FakeCore core;
  core.durable_at_once(false);
  {
    auto ingress = start(durable, core);
    ASSERT_TRUE(eventually([&] { return core.count() == 1'000; }));
    EXPECT_EQ(consumer("shown")->acked_stream, 0u);
    core.save();
    ASSERT_TRUE(eventually([&] { return consumer("shown")->acked_stream == 1'000; }));
    stop(*ingress);
  }
  EXPECT_TRUE(consumer("shown")) << "it stays";
  core.durable_at_once(true);
  store_numbers("a", 1'000, 10);
  auto ingress = start(durable, core);
  ASSERT_TRUE(eventually([&] { return core.count() == 1'010; }));
  ASSERT_TRUE(eventually([&] { return consumer("shown")->acked_stream == 1'010; }));
  EXPECT_EQ(core.values(), numbers(0, 1'010));
  stop(*ingress);
}

TEST_F(JetStreamIngress, DeliveriesThatGoAstrayAreNoticedAndReadAgain) {
  make_stream();
  auto durable = spec("*", name_);
  durable.durable = "shared";
  FakeCore core;
  auto ingress = start(durable, core);
  // Somebody else asks the same consumer for messages: what they get is missing here.
  ASSERT_TRUE(eventually([&] { return consumer("shared").has_value(); }));
  const auto inbox = new_inbox();
  ASSERT_TRUE(inbox);
  std::atomic<int> stolen{0};
  auto thief = Subscription::open(*client_, *inbox, "", {}, [&](MessagePtr message) {
    if (reply_of(message.get()).starts_with("$JS.ACK.")) ++stolen;
  });
  ASSERT_TRUE(thief);
  int sent = 0;
  ASSERT_TRUE(eventually([&] {
    const std::string next = "$JS.API.CONSUMER.MSG.NEXT." + name_ + ".shared";
    natsConnection_PublishRequestString(client_->handle(), next.c_str(), inbox->c_str(), "{\"batch\":10,\"expires\":100000000}");
    flush();
    store_numbers("a", sent, 50);
    sent += 50;
    return stolen >= 20;
  }));
  ASSERT_TRUE(eventually([&] { return core.count() >= static_cast<std::size_t>(sent); })) << core.count() << " of " << sent;
  EXPECT_EQ(core.values(), numbers(0, sent));
  thief->reset();
  stop(*ingress);
}

TEST_F(JetStreamIngress, AStreamThatKeepsMessagesForConsumersNeedsADurableOne) {
  for (const auto retention : {js_InterestPolicy, js_WorkQueuePolicy}) {
    make_stream([&](auto& config) { config.Retention = retention; });
    FakeCore core;
    auto ingress = start(spec("*", name_), core);
    EXPECT_TRUE(eventually([&] { return info(*ingress).trouble.find("needs `durable`") != std::string::npos; }));
    stop(*ingress);
    ASSERT_EQ(js_DeleteStream(jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK);
  }
}

TEST_F(JetStreamIngress, AWorkQueueIsWorkedOffOnceOverCrashes) {
  make_stream([](auto& config) { config.Retention = js_WorkQueuePolicy; });
  // Redelivers soon, so that the test ends soon.
  jsConsumerConfig config;
  jsConsumerConfig_Init(&config);
  const std::string filter = subject("*");
  config.Durable = "workers";
  config.AckPolicy = js_AckExplicit;
  config.FilterSubject = filter.c_str();
  config.AckWait = 1'000'000'000;
  config.MaxAckPending = 100'000;
  jsConsumerInfo* made = nullptr;
  ASSERT_EQ(js_AddConsumer(&made, jetstream_, name_.c_str(), &config, nullptr, nullptr), NATS_OK);
  jsConsumerInfo_Destroy(made);

  auto queue = spec("*", name_);
  queue.start_at_earliest = false;  // A queue's messages are there to be worked off.
  queue.durable = "workers";
  FakeCore core;
  core.durable_at_once(false);
  {
    store_numbers("a", 0, 1'200);
    auto ingress = start(queue, core);
    ASSERT_TRUE(eventually([&] { return core.count() == 1'200; }));
    core.save();
    store_numbers("a", 1'200, 800);
    ASSERT_TRUE(eventually([&] { return core.count() == 2'000; }));
    stop(*ingress);
  }
  core.crash();
  ASSERT_EQ(core.count(), 1'200u);
  core.durable_at_once(true);
  store_numbers("a", 2'000, 100);
  auto ingress = start(queue, core);
  ASSERT_TRUE(eventually([&] { return core.count() == 2'100; })) << core.count() << " " << info(*ingress).trouble;
  EXPECT_EQ(core.values(), numbers(0, 2'100));
  ASSERT_TRUE(eventually([&] { return stream_messages() == 0; })) << stream_messages();
  EXPECT_EQ(core.count(), 2'100u);
  stop(*ingress);
}

TEST_F(JetStreamIngress, SomebodyElsesConsumerIsTakenOverWhereItStandsOrNotAtAll) {
  make_stream();
  jsConsumerConfig config;
  jsConsumerConfig_Init(&config);
  config.Durable = "theirs";
  config.AckPolicy = js_AckAll;
  jsConsumerInfo* made = nullptr;
  ASSERT_EQ(js_AddConsumer(&made, jetstream_, name_.c_str(), &config, nullptr, nullptr), NATS_OK);
  jsConsumerInfo_Destroy(made);
  auto durable = spec("*", name_);
  durable.durable = "theirs";
  FakeCore core;
  auto ingress = start(durable, core);
  EXPECT_TRUE(eventually([&] { return info(*ingress).trouble.find("must have ack policy explicit") != std::string::npos; }));
  EXPECT_TRUE(consumer("theirs"));
  stop(*ingress);
}

TEST_F(JetStreamIngress, EachSubjectHasItsOwnSourceAndConsumer) {
  make_stream();
  auto two = spec("a", name_);
  two.subjects.push_back(spec("b.>", name_).subjects[0]);
  two.durable = "shown";
  FakeCore core;
  auto ingress = start(two, core);
  store_numbers("a", 0, 10);
  store_numbers("b.x", 0, 20);
  ASSERT_TRUE(eventually([&] { return core.count() == 30; }));
  EXPECT_EQ(core.row(source("a"))->next, 11u);
  EXPECT_EQ(core.row(source("b.>"))->next, 31u);
  EXPECT_TRUE(consumer("shown-" + name_ + "_a"));
  EXPECT_TRUE(consumer("shown-" + name_ + "_b_rest"));
  stop(*ingress);
}

TEST_F(JetStreamIngress, DocumentsThatCannotBeAreRefused) {
  FakeCore core;
  const auto refused = [&](const std::function<void(model::NatsIngressSpec&)>& change) -> std::string {
    auto wrong = spec("*", name_);
    change(wrong);
    const auto made = Ingress::create(wrong, {core, core, [](std::string_view) { return true; }});
    return made ? "taken" : made.error().message;
  };
  EXPECT_THAT(refused([](auto& s) { s.subjects.clear(); }), HasSubstr("no subjects"));
  EXPECT_THAT(refused([](auto& s) { s.subjects.push_back(s.subjects[0]); }), HasSubstr("twice"));
  EXPECT_THAT(refused([](auto& s) { s.subjects[0].source.topic = "a..b"; }), HasSubstr("no subject"));
  EXPECT_THAT(refused([](auto& s) { s.stream = "a.b"; }), HasSubstr("no name of a stream"));
  EXPECT_THAT(refused([](auto& s) { s.stream.clear(), s.durable = "d"; }), HasSubstr("durable"));
  EXPECT_THAT(refused([](auto& s) { s.queue_group = "g"; }), HasSubstr("queue groups"));
}

// --- Core

class CoreIngress : public testing::ServerTest {
 protected:
  // Publishes until the first message is in: from then on the subscription is there.
  void wait_until_it_listens(FakeCore& core) {
    ASSERT_TRUE(eventually([&] {
      publish("probe", "probe");
      flush();
      return core.count() > 0;
    }));
  }
  [[nodiscard]] static std::size_t probes(const std::vector<std::string>& values) {
    return static_cast<std::size_t>(std::ranges::count(values, "probe"));
  }
};

TEST_F(CoreIngress, TakesInWhatIsPublishedWhileItListens) {
  FakeCore core;
  auto ingress = start(spec("*", ""), core);
  wait_until_it_listens(core);
  for (int i = 0; i < 5'000; ++i) publish("a", std::to_string(i));
  ASSERT_TRUE(eventually([&] { return core.count() == 5'000 + probes(core.values()); }));
  auto values = core.values();
  std::erase(values, "probe");
  EXPECT_EQ(values, numbers(0, 5'000));
  EXPECT_EQ(core.messages().back().target, (model::Address{"test/fn", "a"}));
  EXPECT_EQ(core.row("test/in/" + subject("*"))->next, core.count());
  EXPECT_EQ(info(*ingress).lost, 0u);
  EXPECT_EQ(answer<void>([&](auto done) { ingress->seek("", {}, std::move(done)); }).error().code, ErrorCode::Invalid);
  stop(*ingress);
}

TEST_F(CoreIngress, MembersOfAQueueGroupShareTheMessages) {
  auto grouped = spec("*", "");
  grouped.queue_group = "workers";
  FakeCore one;
  FakeCore two;
  auto first = start(grouped, one);
  auto second = start(grouped, two);
  wait_until_it_listens(one);
  wait_until_it_listens(two);
  for (int i = 0; i < 1'000; ++i) publish("a", std::to_string(i));
  const auto both = [&] {
    auto values = one.values();
    const auto others = two.values();
    values.insert(values.end(), others.begin(), others.end());
    std::erase(values, "probe");
    return values;
  };
  ASSERT_TRUE(eventually([&] { return both().size() >= 1'000; }));
  auto all = both();
  auto expected = numbers(0, 1'000);
  std::ranges::sort(all);
  std::ranges::sort(expected);
  EXPECT_EQ(all, expected);
  stop(*first);
  stop(*second);
}

TEST_F(CoreIngress, CountsWhatIsDroppedWhileTheFunctionsDoNotKeepUp) {
  FakeCore core;
  auto ingress = start(spec("*", ""), core);
  wait_until_it_listens(core);
  core.overload(true);
  constexpr std::uint64_t kSent = 100'000;
  for (std::uint64_t i = 0; i < kSent; ++i) publish("a", std::to_string(i));
  flush();
  ASSERT_TRUE(eventually([&] { return info(*ingress).lost > 0; }));
  EXPECT_TRUE(info(*ingress).sources[0].waiting);
  core.overload(false);
  const auto taken = [&] { return core.count() - probes(core.values()); };
  ASSERT_TRUE(eventually([&] { return taken() + info(*ingress).lost == kSent; })) << taken() << " and " << info(*ingress).lost;
  stop(*ingress);
}

TEST_F(CoreIngress, SaysThatNobodyIsThere) {
  auto nowhere = spec("*", "");
  nowhere.connection.servers = {"nats://user:secret@127.0.0.1:1"};
  FakeCore core;
  auto ingress = start(nowhere, core);
  ASSERT_TRUE(eventually([&] { return info(*ingress).trouble.find("not connected to nats://127.0.0.1:1") == 0; }))
      << info(*ingress).trouble;
  EXPECT_EQ(info(*ingress).trouble.find("secret"), std::string::npos);
  stop(*ingress);
}

}  // namespace
}  // namespace holdfast::nats

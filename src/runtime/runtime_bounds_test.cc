// The bounds of a whole runtime, on one loop: whoever reaches one makes only itself wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/runtime_fixture.h"

namespace holdfast::runtime {
namespace {

using ::testing::HasSubstr;

using RuntimeBounds = RuntimeFixture;

TEST_F(RuntimeBounds, WhateverAnEndpointDoesWithItsMailTheIntakeOfAnotherGoesOn) {
  for (const Mood mood : {Mood::Down, Mood::Silent, Mood::Failing}) {
    SCOPED_TRACE(static_cast<int>(mood));
    options_.mailbox_bytes_in_memory = 64 << 10;
    options_.intake_backlog_messages = 500;
    handled_.clear();
    positions_.clear();
    waiting_.clear();
    log_ = {};
    store_.rows.clear();
    open();
    moods_["bad/*"] = mood;
    // 400 KB, where 64 may be in memory; or as much as is taken.
    const int taken = take_in("bad/f", 400, 1'000);
    EXPECT_GT(taken, 10);
    if (mood == Mood::Down) {
      EXPECT_EQ(taken, 400);
    }
    EXPECT_EQ(take_in("good/f", 200, 1'000), 200);
    loop_.advance({10'000});
    EXPECT_EQ(handled_["good/*"], 200u);
    silent_.clear();
    runtime_.reset();
    loop_ = {};
  }
}

TEST_F(RuntimeBounds, MailOfOneEndpointBeyondAllBytesLeavesTheOthersTheirShare) {
  options_.backlog_bytes_max = 100'000;
  open();
  moods_["bad/*"] = Mood::Down;
  int accepted = 0;
  std::string answer;
  while ((answer = send("bad/f", "id" + std::to_string(accepted), std::string(1'000, 'x'))) == "accepted") ASSERT_LT(++accepted, 200);
  EXPECT_THAT(answer, HasSubstr("limits.backlogBytes"));
  EXPECT_GT(accepted, 50);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(send("good/f", "a", std::string(1'000, 'x')), "accepted");
  EXPECT_EQ(take_in("good/f", 100, 1'000), 100);
  // Its share, and no more.
  moods_["good/*"] = Mood::Down;
  for (accepted = 0; send("good/f", "b", std::string(1'000, 'x')) == "accepted"; ++accepted) ASSERT_LT(accepted, 100);
  EXPECT_GT(accepted, 20);
}

TEST_F(RuntimeBounds, EgressHasABoundedNumberOfTopicsAlsoAfterARestart) {
  options_.topics_per_egress_max = 10;
  open();
  const auto topics = [&](int first, int count) {
    for (int i = first; i < first + count; ++i) EXPECT_EQ(send("good/f", "a", "topic" + std::to_string(i)), "accepted");
    std::size_t found = 0;
    runtime_->streams({}, [&](Result<Page<StreamInfo>> streams) { found = streams->size(); });
    loop_.advance({1'000});
    return found;
  };
  EXPECT_EQ(topics(0, 10), 10u);
  EXPECT_EQ(topics(0, 10), 10u);
  runtime_.reset();
  loop_ = {};
  open();
  EXPECT_EQ(topics(20, 1), 10u);
  std::string reason;
  runtime_->parked({}, [&](Result<Page<ParkedInfo>> parked) { reason = parked->empty() ? "none is parked" : parked->items.front().parked.reason; });
  loop_.advance({1'000});
  EXPECT_EQ(reason, "egress test/out has 10 topics already, and takes no new one: topic20");
}

TEST_F(RuntimeBounds, MailThatWaitsForWhatIsDownCanBeDroppedAndIsGoneForGood) {
  open();
  moods_["bad/*"] = Mood::Down;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send("bad/f", "id" + std::to_string(i), "x"), "accepted");
  const auto drop = [&](MailQuery query) {
    std::string said;
    runtime_->drop_mail(std::move(query), [&](Result<MailDropped> done) {
      said = done ? std::to_string(done->messages) + " of " + std::to_string(done->addresses) : done.error().message;
    });
    loop_.advance({1'000});
    return said;
  };
  EXPECT_EQ(drop({.type = "bad/f", .id = "id3"}), "1 of 1");
  EXPECT_EQ(drop({.type = "bad/f", .id = "id3"}), "0 of 0");
  EXPECT_EQ(drop({.type = "bad/f", .id = std::nullopt}), "19 of 19");
  EXPECT_EQ(drop({.type = "good/f", .id = std::nullopt}), "0 of 0");
  EXPECT_THAT(drop({.type = "nobody/f", .id = std::nullopt}), HasSubstr("no endpoint serves"));
  runtime_.reset();
  loop_ = {};
  open();
  std::size_t addresses = 1;
  runtime_->addresses({}, [&](Result<Page<AddressInfo>> found) { addresses = found->size(); });
  loop_.advance({1'000});
  EXPECT_EQ(addresses, 0u);
}

// Unavailable says that nothing was accepted: whoever is told so sends again.
TEST_F(RuntimeBounds, ACallThatWaitsWhenTheRuntimeStopsIsToldThatItsMessageStaysAndOneThatComesThenThatItDoesNot) {
  open();
  moods_["good/*"] = Mood::Silent;
  std::map<std::string, Error> told;
  const auto call = [&](const std::string& id) {
    runtime_->call({{"good/f", id}, {"t", "v", true}, "", ""}, Duration{60'000}, [&told, id](Result<model::TypedValue> reply) {
      ASSERT_FALSE(reply.has_value());
      told[id] = reply.error();
    });
  };
  call("waits");
  loop_.advance({10});
  bool stopped = false;
  runtime_->stop(Duration{100}, [&] { stopped = true; });
  loop_.advance({10});
  call("comes");
  loop_.advance({1'000});
  EXPECT_TRUE(stopped);
  EXPECT_EQ(told["comes"].code, ErrorCode::Unavailable);
  EXPECT_EQ(told["waits"].code, ErrorCode::Timeout) << told["waits"].message;
  EXPECT_THAT(told["waits"].message, HasSubstr("stays accepted"));
}

TEST_F(RuntimeBounds, NobodyIsToldToGoOnBehindARecordThatIsTakenAwayBeforeItIsDurable) {
  egress_.kept.bytes = 1;
  open();
  std::optional<ports::StreamPage> before;
  answered_ = [&] {
    runtime_->read_stream({.stream = "test/out/topic-a"}, [&](Result<ports::StreamPage> page) { before = std::move(*page); });
  };
  const auto done = [](Result<void>) {};
  for (const char* topic : {"topic-a", "topic-b", "topic-a"}) runtime_->send({{"good/f", "id"}, {"t", topic, true}, "", ""}, done);
  loop_.advance({1});
  ASSERT_TRUE(before.has_value());
  EXPECT_EQ(before->end, 0u);
  EXPECT_EQ(before->first, 0u);
  EXPECT_EQ(before->next, 0u);
  answered_ = nullptr;
  loop_.advance({1'000});
  std::optional<ports::StreamPage> after;
  runtime_->read_stream({.stream = "test/out/topic-a"}, [&](Result<ports::StreamPage> page) { after = std::move(*page); });
  loop_.run();
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->end, 2u);
  EXPECT_EQ(after->first, 1u);  // So it was taken away.
}

TEST_F(RuntimeBounds, AnOutboxIsReadHoweverManyClientsWait) {
  options_.waiting_requests_max = 1;
  open();
  const ports::StreamQuery query{.stream = "test/out/a", .wait = {60'000}};
  ports::StreamQuery of_client = query;
  of_client.reader = ports::StreamQuery::For::Client;
  std::string second = "waits";
  runtime_->read_stream(of_client, [](Result<ports::StreamPage>) {});
  loop_.run();
  runtime_->read_stream(of_client, [&](Result<ports::StreamPage> page) { second = page ? "a page" : page.error().message; });
  loop_.run();
  EXPECT_THAT(second, HasSubstr("are waiting already"));
  std::string core = "waits";
  runtime_->read_stream(query, [&](Result<ports::StreamPage> page) { core = page ? "a page" : page.error().message; });
  loop_.run();
  EXPECT_EQ(core, "waits");
  loop_.advance({61'000});
  EXPECT_EQ(core, "a page");
}

// --- Whose address is not in memory ----------------------------------------------------------------------------------

// What has mail all the while is listed, though it comes into memory while somebody looks.
TEST_F(RuntimeBounds, AddressesThatComeIntoMemoryWhileTheyAreListedAreListed) {
  options_.endpoints[0].on_failure.retry.max_attempts = 1;  // And parked.
  options_.state_cache_bytes = 1;
  open();
  moods_["bad/*"] = Mood::Failing;
  for (int i = 0; i < 3'000; ++i) runtime_->send({{"bad/f", "id" + std::to_string(i)}, {"t", "v", true}, "", ""}, [](Result<void>) {});
  loop_.advance({5'000});
  EXPECT_EQ(send("good/f", "x", "v"), "accepted");
  EXPECT_EQ(send("good/f", "x", "v"), "accepted");
  std::size_t addresses = 0, alone = 0, parked = 0;
  runtime_->addresses({.limit = 10'000}, [&](Result<Page<AddressInfo>> page) { alone = page->size(); });
  loop_.run();
  EXPECT_EQ(alone, 3'000u);
  runtime_->addresses({.limit = 10'000}, [&](Result<Page<AddressInfo>> page) { addresses = page->size(); });
  runtime_->parked({.limit = 10'000, .messages = 0}, [&](Result<Page<ParkedInfo>> page) { parked = page->size(); });
  loop_.run();
  EXPECT_EQ(parked, 3'000u);
  EXPECT_EQ(addresses, 3'000u);
}

// Whether anything is parked is known when the last of it has been found.
TEST_F(RuntimeBounds, ACallToAnAddressThatIsParkedIsRefusedThoughTheLastSliceFoundIt) {
  options_.endpoints[0].on_failure.retry.max_attempts = 1;
  shards_ = 2;
  open();
  moods_["bad/*"] = Mood::Failing;
  // One in the last partition of the shard 1.
  std::string id, key;
  for (int i = 0; id.empty(); ++i)
    if (model::partition_of("id" + std::to_string(i), options_.partitions).value == options_.partitions - 1) id = "id" + std::to_string(i);
  EXPECT_EQ(send("bad/f", id, "v"), "accepted");
  loop_.advance({5'000});
  runtime_.reset();
  loop_ = {};
  options_.mail_rows_per_turn = std::getenv("CONTROL") ? 1'000 : 10;  // One partition in each slice, so that 20 are not enough.
  open();
  loop_.advance({10'000});
  int refused = 0, others = 0;
  for (int i = 0; i < 20; ++i) {
    runtime_->call({{"bad/f", id}, {"t", "v", true}, "", "key" + std::to_string(i)}, Duration{1'000}, [&](Result<model::TypedValue> reply) {
      ++(!reply && reply.error().code == ErrorCode::Parked ? refused : others);
    });
    if (i == 0 && false) loop_.run();
  }
  loop_.advance({5'000});
  EXPECT_EQ(refused, 20);
  EXPECT_EQ(others, 0);
}

}  // namespace
}  // namespace holdfast::runtime

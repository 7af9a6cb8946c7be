// A function's answer, driven as the partition drives it: apply it, carry out the writes, look at what came out.
#include "partition/response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/partition_table.h"

namespace holdfast::partition {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const model::Address kCart{"shop/cart", "alice"};
constexpr Instant kNow{1'000};

model::TypedValue text(std::string value) { return {std::string(model::kStringType), std::move(value)}; }
model::OutgoingMessage to(std::string type, std::string payload) { return {{std::move(type), "m"}, text(std::move(payload))}; }
model::StateMutation set_state(std::string name, std::string value, std::string_view type = model::kStringType) {
  return {model::StateMutation::Kind::Modify, std::move(name), std::string(type), std::move(value)};
}
model::StateMutation delete_state(std::string name) { return {model::StateMutation::Kind::Delete, std::move(name), "", ""}; }
model::DelayedInvocation delayed(std::int64_t ms, std::string payload, std::string token = "") {
  return {model::DelayedInvocation::Kind::Send, {ms}, to("shop/mailer", std::move(payload)), std::move(token)};
}
model::DelayedInvocation cancel(std::string token) {
  return {model::DelayedInvocation::Kind::Cancel, {}, {}, std::move(token)};
}

class ResponseTest : public ::testing::Test {
 protected:
  ResponseTest() {
    for (int i = 0; i < 3; ++i) table.mail[kCart].push_back({kCart, std::nullopt, text("in" + std::to_string(i)), ""});
    table.registrations["shop/cart"] = {{{"name", std::string(model::kStringType), model::ExpireMode::None, {}},
                                         {"count", std::string(model::kIntType), model::ExpireMode::None, {}}}};
  }
  Result<void> answer(model::InvocationResponse response, std::uint32_t size = 1) {
    auto next = apply_response(table, egress, functions, {kCart, size, "trace"}, std::move(response), kNow, table.sequence);
    if (!next) return fail(next.error());
    table.apply(std::move(*next));
    return {};
  }
  std::vector<std::pair<std::string, std::string>> states() {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& s : table.addresses[kCart].states) out.emplace_back(s.name, s.value);
    return out;
  }
  void refused(model::InvocationResponse response, const std::string& why) {
    const auto result = answer(std::move(response));
    ASSERT_FALSE(result) << why;
    EXPECT_EQ(result.error().code, ErrorCode::Invalid);
    EXPECT_THAT(result.error().message, HasSubstr(why));
    EXPECT_EQ(table.mailbox_size(kCart), 3u);
    EXPECT_THAT(states(), IsEmpty());
    EXPECT_THAT(table.delivered, IsEmpty());
    EXPECT_TRUE(table.timers.empty() && table.tokens.empty());
  }

  testing::PartitionTable table;
  testing::FakeEgress egress{{"shop/out"}};
  testing::FakeDirectory functions{{"shop/cart", "shop/mailer"}};
};

TEST_F(ResponseTest, EmptyAnswerTakesExactlyTheBatchFromTheMailbox) {
  ASSERT_TRUE(answer({}, 2));
  ASSERT_EQ(table.mailbox_size(kCart), 1u);
  EXPECT_EQ(table.mail[kCart].front().argument.value, "in2");
  EXPECT_THAT(table.delivered, IsEmpty());
}

TEST_F(ResponseTest, MessagesComeBeforeEgressAndKeepTheirOrderCallerAndTrace) {
  model::InvocationResponse response;
  response.egress = {{"shop/out", text("e1")}, {"shop/out", text("e2")}};
  response.sends = {to("shop/mailer", "s1"), to("shop/cart", "s2"), to(std::string(model::kRequestType), "s3")};
  ASSERT_TRUE(answer(std::move(response)));

  ASSERT_EQ(table.delivered.size(), 5u);
  EXPECT_EQ(table.delivered[0], model::Command(model::Message{{"shop/mailer", "m"}, kCart, text("s1"), "trace"}));
  EXPECT_EQ(table.delivered[1], model::Command(model::Message{{"shop/cart", "m"}, kCart, text("s2"), "trace"}));
  EXPECT_EQ(table.delivered[2],
            model::Command(model::Message{{std::string(model::kRequestType), "m"}, kCart, text("s3"), "trace"}));
  for (std::size_t i : {3u, 4u}) {
    const auto& append = std::get<model::AppendRecord>(table.delivered[i]);
    EXPECT_EQ(append.stream, "shop/out");
    EXPECT_EQ(append.record, (model::StreamRecord{"", text(i == 3 ? "e1" : "e2"), "shop/cart/alice", "", "trace", kNow}));
  }
}

TEST_F(ResponseTest, LastMutationOfANameWins) {
  model::InvocationResponse response;
  response.mutations = {set_state("name", "a"), delete_state("name"), set_state("name", "b"),
                        set_state("count", "1", model::kIntType), delete_state("count")};
  ASSERT_TRUE(answer(std::move(response)));
  EXPECT_THAT(states(), ElementsAre(std::pair("name", "b")));

  response = {};
  response.mutations = {set_state("name", "c"), delete_state("name"), set_state("count", "2", model::kIntType),
                        set_state("count", "3", model::kIntType)};
  ASSERT_TRUE(answer(std::move(response)));
  EXPECT_THAT(states(), ElementsAre(std::pair("count", "3")));
}

TEST_F(ResponseTest, ZeroLengthValueIsAValueAndDeletingTwiceIsNoError) {
  model::InvocationResponse response;
  response.mutations = {set_state("name", "")};
  ASSERT_TRUE(answer(std::move(response)));
  EXPECT_THAT(states(), ElementsAre(std::pair("name", "")));
  for (int i = 0; i < 2; ++i) {
    response = {};
    response.mutations = {delete_state("name")};
    ASSERT_TRUE(answer(std::move(response)));
    EXPECT_THAT(states(), IsEmpty());
  }
}

// Each answer does something sensible first, so that a trace of it would show.
TEST_F(ResponseTest, RefusalSaysWhyAndLeavesNoTrace) {
  const auto good = [] {
    model::InvocationResponse response;
    response.mutations = {set_state("name", "x")};
    response.sends = {to("shop/mailer", "x")};
    response.delayed = {delayed(5, "x", "t")};
    response.egress = {{"shop/out", text("x")}};
    return response;
  };
  auto r = good();
  r.sends.push_back(to("shop/nobody", "x"));
  refused(std::move(r), "shop/nobody/m");
  r = good();
  r.delayed.push_back(delayed(-1, "x"));
  refused(std::move(r), "delay_ms=-1");
  r = good();
  r.delayed.push_back({model::DelayedInvocation::Kind::Send, {1}, to("shop/nobody", "x"), ""});
  refused(std::move(r), "shop/nobody/m");
  r = good();
  r.delayed.push_back(delayed(1, "y", "t"));
  refused(std::move(r), "\"t\" is already pending");
  r = good();
  r.delayed.push_back(cancel(""));
  refused(std::move(r), "no token");
  r = good();
  r.egress.push_back({"shop/void", text("x")});
  refused(std::move(r), "shop/void");
  r = good();
  r.mutations.push_back(set_state("undeclared", "x"));
  refused(std::move(r), "\"undeclared\"");
  r = good();
  r.mutations.push_back(delete_state("undeclared"));
  refused(std::move(r), "\"undeclared\"");
  r = good();
  r.mutations.push_back(set_state("name", "x", model::kIntType));
  refused(std::move(r), std::string(model::kIntType));
  EXPECT_TRUE(answer(good()));  // None of these took anything the next one needs.
}

TEST_F(ResponseTest, MutationIsRefusedWhileTheTypeHasDeclaredNothing) {
  table.registrations.clear();
  model::InvocationResponse response;
  response.mutations = {set_state("name", "x")};
  refused(std::move(response), "not declared");
}

TEST_F(ResponseTest, DelayOfForeverSaturatesInsteadOfFiringAtOnce) {
  model::InvocationResponse response;
  response.delayed = {delayed(INT64_MAX, "never")};
  ASSERT_TRUE(answer(std::move(response)));
  ASSERT_EQ(table.timers.size(), 1u);
  EXPECT_EQ(table.timers.begin()->first.due.unix_ms, INT64_MAX);
}

// A redeploy between a call and its answer must not make good work bad.
TEST_F(ResponseTest, StateThatWasDeclaredWhenTheBatchWasSentMayBeChangedByItAndExpiresAsItWasDeclared) {
  const std::string type(model::kStringType);
  const model::RegistrationRow sent{{{"name", type, model::ExpireMode::None, {}}, {"old", type, model::ExpireMode::AfterWrite, {7}}}, {}, 1};
  table.registrations["shop/cart"] = {{{"name", type, model::ExpireMode::AfterWrite, {5}}}, {{sent.states[1], false}}, 2};
  const auto answer_sent = [&](model::InvocationResponse response) {
    auto next = apply_response(table, egress, functions, {kCart, 1, "trace", &sent}, std::move(response), kNow, table.sequence);
    ASSERT_TRUE(next);
    table.apply(std::move(*next));
  };
  answer_sent({.mutations = {set_state("name", "n"), set_state("old", "o")}});
  EXPECT_EQ(table.addresses[kCart].states, (std::vector<model::StateValue>{{"name", "n", kNow + Duration{5}}, {"old", "o", kNow + Duration{7}}}));
  EXPECT_EQ(table.timers.size(), 1u);
  EXPECT_FALSE(answer({.mutations = {set_state("old", "x")}}));  // Not sent along: it is not the function's any more.

  // Dropped meanwhile, it stays dropped, and the rest counts.
  table.addresses[kCart].states.pop_back();
  for (const bool is_done : {false, true}) {
    auto& row = table.registrations["shop/cart"];
    if (is_done) row.orphans.clear();
    else row.orphans[0].dropping = true;
    answer_sent({.mutations = {set_state("old", "again"), set_state("name", is_done ? "n3" : "n2")}});
    EXPECT_THAT(states(), ElementsAre(std::pair<std::string, std::string>("name", is_done ? "n3" : "n2")));
  }
}

TEST_F(ResponseTest, TimerIsSetForAValueThatOnlyTheDeclarationOfTheCallLetsExpire) {
  const model::RegistrationRow sent{{{"old", std::string(model::kStringType), model::ExpireMode::AfterWrite, {7}}}, {}, 1};
  table.registrations["shop/cart"] = {{}, {{sent.states[0], false}}, 2};
  auto next = apply_response(table, egress, functions, {kCart, 1, "", &sent}, {.mutations = {set_state("old", "o")}}, kNow, table.sequence);
  ASSERT_TRUE(next);
  table.apply(std::move(*next));
  ASSERT_EQ(table.timers.size(), 1u);
  EXPECT_EQ(table.timers.begin()->first.due, kNow + Duration{7});
}

}  // namespace
}  // namespace holdfast::partition

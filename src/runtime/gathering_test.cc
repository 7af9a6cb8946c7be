// What gathers before an epoch is closed, or before it is taken in: when functions are the limit, more of it.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "runtime/runtime_fixture.h"

namespace holdfast::runtime {
namespace {

class Gathering : public RuntimeFixture {
 protected:
  void call(const std::string& id, std::function<void()> answered) {
    runtime_->call({{"good/f", id}, {"t", "x", true}, "", ""}, {60'000}, [answered = std::move(answered)](Result<model::TypedValue> answer) {
      EXPECT_TRUE(answer.has_value());
      answered();
    });
  }
  // When the answer came, from now on; meanwhile `others` wait for theirs for a second.
  Duration time_of_a_call(Duration latency, int others) {
    latency_ = [latency](const model::Address& address) { return address.id == "one" ? latency : Duration{1'000}; };
    call("first", [] {});  // Nobody else is called before that.
    loop_.advance({2'000});
    for (int i = 0; i < others; ++i) call("other" + std::to_string(i), [] {});
    loop_.advance({5});
    const Moment began = loop_.steady();
    std::optional<Moment> answered;
    call("one", [&] { answered = loop_.steady(); });
    loop_.advance({2'000});
    return answered.value() - began;
  }
  // A client that calls again as soon as it is answered.
  void keep_calling() {
    call(std::to_string(next_id_++), [this] {
      ++answers_;
      loop_.post([this] { keep_calling(); });
    });
  }
  // A source that always has more.
  void keep_giving(std::size_t batch_size) {
    auto& position = positions_["source"];
    ports::SourceBatch batch{.source = "test/source", .from = position, .next = position.value_or(0) + batch_size, .commands = {}};
    for (std::size_t i = 0; i < batch_size; ++i)
      batch.commands.emplace_back(model::Message{{"good/f", std::to_string(next_id_++ % keys_)}, std::nullopt, {"t", "x", true}, ""});
    position = batch.next;
    runtime_->take_in(std::move(batch), [this, batch_size](Result<void> done) {
      ASSERT_TRUE(done.has_value());
      taken_ += batch_size;
      loop_.post([this, batch_size] { keep_giving(batch_size); });
    }, {});
  }

  int keys_ = 1'000'000'000;
  std::size_t answers_ = 0;
  std::size_t taken_ = 0;
};

TEST_F(Gathering, AnAnswerWaitsForOthersHalfAsLongAsItsCallTook) {
  open();
  EXPECT_EQ(time_of_a_call({12}, 5).ms, 18);
  EXPECT_EQ(time_of_a_call({1}, 5).ms, 1);
}

TEST_F(Gathering, AnAnswerWaitsNoLongerThanItsBound) {
  options_.answers_linger_max = {7};
  open();
  EXPECT_EQ(time_of_a_call({100}, 5).ms, 107);
}

TEST_F(Gathering, AnAnswerThatIsAloneWaitsForNobody) {
  open();
  EXPECT_EQ(time_of_a_call({12}, 0).ms, 12);
}

TEST_F(Gathering, AnswersThatLingerShareEpochs) {
  const auto answers_by_epoch = [this](Duration linger) {
    options_.answers_linger_max = linger;
    log_ = {};
    store_.rows.clear();
    answers_ = 0;
    open();
    latency_ = [](const model::Address& address) { return Duration{10 + std::stoll(address.id) * 7 % 20}; };
    for (int client = 0; client < 32; ++client) keep_calling();
    loop_.advance({3'000});
    runtime_.reset();
    loop_ = {};
    return static_cast<double>(answers_) / static_cast<double>(log_.epochs());
  };
  EXPECT_GT(answers_by_epoch({10}), 3 * answers_by_epoch({0}));
}

TEST_F(Gathering, ABurstOfASlowFunctionSharesAnEpoch) {
  open();
  latency_ = [](const model::Address&) { return Duration{300}; };
  keep_giving(100);
  loop_.advance({30'000});
  const std::size_t handled = handled_["good/*"];
  EXPECT_GT(handled, 15'000u);  // 256 calls at once.
  EXPECT_GT(handled / log_.epochs(), 300u);
}

// What waits is what calls take their batches from: however slow they are, it is no less.
TEST_F(Gathering, ASlowFunctionIsGivenLargeBatches) {
  open();
  latency_ = [](const model::Address&) { return Duration{300}; };
  keys_ = 500;
  keep_giving(100);
  loop_.advance({5'000});
  EXPECT_GT(handled_["good/*"], 100'000u);
}

TEST_F(Gathering, AnAnswerThatIsNoPartOfABurstDoesNotWaitForItsEnd) {
  open();
  latency_ = [](const model::Address& address) { return Duration{address.id == "one" ? 1 : 300}; };
  keep_giving(100);
  loop_.advance({5'000});
  const Moment began = loop_.steady();
  std::optional<Moment> visible;
  runtime_->read_stream({.stream = "test/out/topic", .wait = {60'000}}, [&](Result<StreamPage>) { visible = loop_.steady(); });
  ports::SourceBatch batch{.source = "test/other", .from = {}, .next = 1, .commands = {}};
  batch.commands.emplace_back(model::Message{{"good/other", "one"}, std::nullopt, {"t", "topic", true}, ""});
  runtime_->take_in(std::move(batch), [](Result<void>) {}, {});
  loop_.advance({10'000});
  ASSERT_TRUE(visible.has_value());
  EXPECT_LT((*visible - began).ms, 500);  // A place has to become free, too.
}

}  // namespace
}  // namespace holdfast::runtime

// Answers that come while there is no room for them: they wait where they are, and nobody is blamed for it.
#include <gtest/gtest.h>

#include "net/call_fixture.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kRoom = 300'000;
constexpr std::size_t kLarge = 2'000'000;  // Much more than sockets hold on the way.

class AnswerRoom : public CallTest {
 protected:
  HttpClient& connect_with_room(ClientOptions options = {}) {
    serve([this](HttpRequest&& request, Responder responder) {
      ++asked_;
      responder.send({200, {}, request.target == "/small" ? "small" : std::string(kLarge, 'x')});
    });
    options.room = &room_;
    return connect(std::move(options));
  }
  void ask(HttpClient& client, std::string target = "/large") {
    client.post(std::move(target), {}, "", [this](CallResult result) {
      if (!result) failures_.push_back(result.error().message);
      else ++answers_, bytes_ += result->body.size();
    });
  }
  // What others hold is given back.
  void make_room() {
    room_.release(kRoom);
    room_.pump();
  }
  // Goes on until nothing has come for a turn of the loop, which has nothing else to do.
  void run_until_paused(std::size_t readers) {
    run_until([&] { return room_.paused() == readers; });
  }

  ByteBudget room_{kRoom};
  int asked_ = 0;
  int answers_ = 0;
  std::size_t bytes_ = 0;
  std::vector<std::string> failures_;
};

TEST_F(AnswerRoom, LargeAnswersWaitUntilThereIsRoomAndComeWhole) {
  HttpClient& client = connect_with_room();
  room_.hold(kRoom);
  for (int i = 0; i < 4; ++i) ask(client);
  run_until_paused(4);
  EXPECT_EQ(answers_, 0);
  EXPECT_LT(room_.used(), kRoom + 4 * kLarge / 2);
  make_room();
  // From now on nothing whole is in the way, so one after the other comes, and the rest is told to go on as they leave.
  run_until([&] {
    room_.pump();
    return answers_ == 4;
  });
  EXPECT_EQ(bytes_, 4 * kLarge);
  EXPECT_EQ(room_.used(), 0u);
  EXPECT_TRUE(failures_.empty());
}

TEST_F(AnswerRoom, ACallThatWaitsForRoomIsNotLate) {
  ClientOptions options;
  options.call_timeout = Duration{1'500};  // Long for a machine that is busy with something else.
  options.read_timeout = Duration{1'000};
  HttpClient& client = connect_with_room(options);
  room_.hold(kRoom);
  ask(client);
  run_until_paused(1);
  bool is_late = false;
  loop_.after(Duration{2'000}, [&] { is_late = true; });
  run_until([&] { return is_late; });
  EXPECT_EQ(room_.paused(), 1u);
  EXPECT_TRUE(failures_.empty());
  make_room();
  run_until([&] { return answers_ == 1; });
}

TEST_F(AnswerRoom, AClientThatGoesAwayLeavesNothingBehind) {
  HttpClient& client = connect_with_room();
  room_.hold(kRoom);
  ask(client);
  run_until_paused(1);
  clients_.clear();
  EXPECT_EQ(failures_.size(), 1u);
  EXPECT_EQ(room_.paused(), 0u);
  EXPECT_EQ(room_.used(), kRoom);
}

TEST_F(AnswerRoom, PipelinedAnswersWaitToo) {
  serve_calls({}, [](const IncomingCall&, CallToken token) { token.answer(std::string(kLarge, 'x')); });
  CallPipeOptions options;
  options.call_timeout = Duration{1'500};
  options.room = &room_;
  CallPipe& pipe = open(options);
  room_.hold(kRoom);
  for (int i = 0; i < 4; ++i) recorder_.call(pipe, std::to_string(i), "x");
  run_until_paused(1);
  const auto ended = recorder_.ended();
  EXPECT_LE(ended, 1u);
  bool is_late = false;
  loop_.after(Duration{2'000}, [&] { is_late = true; });
  run_until([&] { return is_late; });
  EXPECT_EQ(recorder_.ended(), ended);
  make_room();
  run_until([&] {
    room_.pump();
    return recorder_.answers.size() == 4;
  });
  EXPECT_EQ(recorder_.answers["3"].size(), kLarge);
  EXPECT_EQ(room_.used(), 0u);
}

}  // namespace
}  // namespace holdfast::net

#include "net/fd_watcher.h"

#include <gtest/gtest.h>

#include <array>

#include "net/event_loop_impl.h"
#include "net/net_fixture.h"

namespace holdfast::net {
namespace {

struct Handler final : IoHandler {
  void on_readable() override {
    ++readable;
    if (then) then();
  }
  void on_writable() override {
    ++writable;
    if (then) then();
  }
  int readable = 0;
  int writable = 0;
  std::function<void()> then;
};

// One end is the test's, the other is watched.
struct Pair {
  Pair(EventLoop& loop, int family = AF_UNIX) {
    std::array<int, 2> ends{-1, -1};
    if (family == AF_UNIX) {
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    } else {
      const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof address;
      EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
      EXPECT_EQ(::listen(listener.get(), 1), 0);
      EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
      ends[0] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      EXPECT_EQ(::connect(ends[0], reinterpret_cast<sockaddr*>(&address), size), 0);
      ends[1] = ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    peer = UniqueFd(ends[0]);
    stream = std::make_unique<Stream>(loop, ends[1]);
  }
  void say(std::string_view bytes, int flags = 0) const {
    EXPECT_EQ(::send(peer.get(), bytes.data(), bytes.size(), flags), static_cast<ssize_t>(bytes.size()));
  }
  [[nodiscard]] IoResult read(std::size_t size = 100) const {
    std::string buffer(size, '\0');
    return stream->read(buffer.data(), size);
  }
  void wait_readable(const std::shared_ptr<IoHandler>& handler) const { stream->watcher().wait_readable(handler); }

  UniqueFd peer;
  std::unique_ptr<Stream> stream;
};

class FdWatcherTest : public NetTest {
 protected:
  // Whatever the system has to report by now is reported.
  void turn() {
    int turns = 0;
    loop_.set_after_turn([&] {
      if (++turns == 3) loop_.stop();
      else loop_.post([] {});
    });
    loop_.post([] {});
    loop_.run();
    loop_.set_after_turn(nullptr);
  }
  std::shared_ptr<Handler> handler_ = std::make_shared<Handler>();
};

TEST_F(FdWatcherTest, WhatBecameReadableWhileNobodyWaitedIsNotLost) {
  const Pair pair(loop_);
  pair.say("a");
  turn();
  EXPECT_EQ(handler_->readable, 0);
  pair.wait_readable(handler_);
  run_until([&] { return handler_->readable == 1; });
}

TEST_F(FdWatcherTest, AWaitIsForWhatComesAfterTheLastWasRead) {
  const Pair pair(loop_);
  pair.wait_readable(handler_);
  pair.say("a");
  run_until([&] { return handler_->readable == 1; });
  EXPECT_EQ(pair.read().bytes, 1u);
  pair.wait_readable(handler_);
  turn();
  EXPECT_EQ(handler_->readable, 1);
  pair.say("b");
  run_until([&] { return handler_->readable == 2; });
}

TEST_F(FdWatcherTest, AWaitAfterWouldBlockIsForWhatComesAfterThat) {
  const Pair pair(loop_);
  pair.say("a");
  pair.wait_readable(handler_);
  run_until([&] { return handler_->readable == 1; });
  EXPECT_EQ(pair.read(1).status, IoStatus::Done);
  EXPECT_EQ(pair.read(1).status, IoStatus::WaitRead);
  pair.wait_readable(handler_);
  turn();
  EXPECT_EQ(handler_->readable, 1);
  pair.say("b");
  run_until([&] { return handler_->readable == 2; });
}

TEST_F(FdWatcherTest, WhoLeavesSomethingUnreadIsCalledAgain) {
  const Pair pair(loop_);
  pair.say("abc");
  for (int i = 1; i <= 3; ++i) {
    pair.wait_readable(handler_);
    run_until([&] { return handler_->readable == i; });
    EXPECT_EQ(pair.read(1).status, IoStatus::Done);
  }
  pair.wait_readable(handler_);  // One byte more might have been there.
  run_until([&] { return handler_->readable == 4; });
  EXPECT_EQ(pair.read(1).status, IoStatus::WaitRead);
}

TEST_F(FdWatcherTest, TheEndThatCameTogetherWithTheLastBytesIsNotLost) {
  for (const int family : {AF_UNIX, AF_INET}) {
    const auto handler = std::make_shared<Handler>();
    const Pair pair(loop_, family);
    pair.say("abc");
    ::shutdown(pair.peer.get(), SHUT_WR);
    pair.wait_readable(handler);
    run_until([&] { return handler->readable == 1; });
    EXPECT_EQ(pair.read().status, IoStatus::Done);
    pair.wait_readable(handler);
    run_until([&] { return handler->readable == 2; });
    EXPECT_EQ(pair.read().status, IoStatus::End);
  }
}

TEST_F(FdWatcherTest, WhatFollowsAnUrgentByteIsNotLost) {
  const Pair pair(loop_, AF_INET);
  pair.say("ab");
  pair.say("!", MSG_OOB);
  pair.say("cd");
  pair.wait_readable(handler_);
  run_until([&] { return handler_->readable == 1; });
  EXPECT_EQ(pair.read().bytes, 2u);  // The system stops there.
  pair.wait_readable(handler_);
  run_until([&] { return handler_->readable == 2; });
  EXPECT_EQ(pair.read().bytes, 2u);
}

TEST_F(FdWatcherTest, WhoAlwaysHasMoreGivesTheOthersTheirTurns) {
  const Pair greedy(loop_);
  const Pair modest(loop_);
  greedy.say(std::string(1000, 'x'));
  int tasks = 0;
  int greedy_at_modest = -1;
  handler_->then = [&] {
    [[maybe_unused]] const IoResult got = greedy.read(1);
    greedy.wait_readable(handler_);
    if (handler_->readable == 10) modest.say("m");
    loop_.post([&] { ++tasks; });
  };
  const auto other = std::make_shared<Handler>();
  other->then = [&] { greedy_at_modest = handler_->readable; };
  greedy.wait_readable(handler_);
  modest.wait_readable(other);
  run_until([&] { return handler_->readable == 1001; });
  EXPECT_GE(greedy_at_modest, 10);
  EXPECT_LE(greedy_at_modest, 11);
  EXPECT_GE(tasks, 1000);
  handler_->then = nullptr;
}

TEST_F(FdWatcherTest, AFreshSocketIsWritableAndAFullOneWhenItsPeerHasRead) {
  const Pair pair(loop_);
  pair.stream->watcher().wait_writable(handler_);
  run_until([&] { return handler_->writable == 1; });
  const std::string bytes(64 * 1024, 'x');
  const std::string_view part = bytes;
  IoResult put;
  do put = pair.stream->write({&part, 1});
  while (put.status == IoStatus::Done);
  ASSERT_EQ(put.status, IoStatus::WaitWrite);
  pair.stream->watcher().wait_writable(handler_);
  turn();
  EXPECT_EQ(handler_->writable, 1);
  std::string sink(1 << 20, '\0');
  while (::recv(pair.peer.get(), sink.data(), sink.size(), 0) > 0) {
  }
  run_until([&] { return handler_->writable == 2; });
}

TEST_F(FdWatcherTest, OneThatGoesInTheMiddleOfATurnIsNotCalledAndItsSuccessorIsNotTakenForIt) {
  std::array<std::unique_ptr<Pair>, 2> pairs{std::make_unique<Pair>(loop_), std::make_unique<Pair>(loop_)};
  std::unique_ptr<Pair> successor;
  const auto of_successor = std::make_shared<Handler>();
  std::array<std::shared_ptr<Handler>, 2> handlers{std::make_shared<Handler>(), std::make_shared<Handler>()};
  for (std::size_t i = 0; i < 2; ++i) {
    handlers[i]->then = [&, i] {
      pairs[1 - i].reset();
      successor = std::make_unique<Pair>(loop_);
      successor->wait_readable(of_successor);
    };
    pairs[i]->say("x");
    pairs[i]->wait_readable(handlers[i]);
  }
  run_until([&] { return successor != nullptr; });
  turn();
  EXPECT_EQ(handlers[0]->readable + handlers[1]->readable, 1);
  EXPECT_EQ(of_successor->readable, 0);
}

TEST_F(FdWatcherTest, AWaitThatIsForgottenIsNotAnsweredAndItsReadinessIsThereForTheNext) {
  const Pair pair(loop_);
  pair.wait_readable(handler_);
  pair.say("x");
  pair.stream->watcher().forget_waits();
  turn();
  EXPECT_EQ(handler_->readable, 0);
  EXPECT_EQ(handler_.use_count(), 1);
  pair.wait_readable(handler_);
  run_until([&] { return handler_->readable == 1; });
}

TEST_F(FdWatcherTest, ADescriptorThatCannotBeWatchedReadsAsEnded) {
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));  // Which epoll refuses, as it does when it is full.
  Stream stream(loop_, ::dup(file.get()));
  stream.watcher().wait_readable(handler_);
  run_until([&] { return handler_->readable == 1; });
  stream.watcher().would_block_writing();
  stream.watcher().wait_writable(handler_);
  run_until([&] { return handler_->writable == 1; });
}

TEST(FdWatcher, WhoStillWaitsWhenTheLoopEndsIsLetGoOf) {
  auto loop = std::make_unique<EventLoop>();
  auto handler = std::make_shared<Handler>();
  const std::weak_ptr<Handler> weak = handler;
  // It owns what it waits for, as connections do.
  auto pair = std::make_shared<Pair>(*loop);
  handler->then = [pair] { pair->say(""); };
  pair->wait_readable(handler);
  pair.reset();
  handler.reset();
  EXPECT_FALSE(weak.expired());
  loop.reset();
  EXPECT_TRUE(weak.expired());
}

}  // namespace
}  // namespace holdfast::net

#include "net/fd_watcher.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "net/event_loop_impl.h"

namespace holdfast::net {
namespace {

constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLPRI;

}  // namespace

struct FdWatcher::Impl final : Poller::Watched {
  Impl(Poller& of, int watched) : poller(of), fd(watched) {
    if (!poller.add(fd, kReadEvents, *this, key)) give_up();
  }
  ~Impl() override {
    poller.remove(key);
    ::close(fd);
  }

  // The system watches no more descriptors (fs.epoll.max_user_watches, memory). Of a socket that has ended nobody waits for anything: its
  // owner finds that out as of any that the peer has closed.
  void give_up() {
    ::shutdown(fd, SHUT_RDWR);
    readable = writable = true;
    short_reads_tell = false;
  }

  void wait_writable() {
    // Not from the beginning: a unix socket reports it each time the peer has read something.
    if (!writable && !std::exchange(watches_writing, true) && !poller.change(fd, kReadEvents | EPOLLOUT, key)) give_up();
    if (writable) ask_turn();
  }

  void ask_turn() {
    if (!std::exchange(is_asked, true)) poller.ask_turn(key);
  }

  void on_edges(std::uint32_t events) override {
    const bool is_broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
    readable = readable || is_broken || (events & kReadEvents) != 0;
    writable = writable || is_broken || (events & EPOLLOUT) != 0;
    if (is_broken || (events & (EPOLLRDHUP | EPOLLPRI)) != 0) short_reads_tell = false;
    if (!is_asked) tell();  // Else in its turn: one is enough.
  }

  void on_turn() override {
    is_asked = false;
    tell();
  }

  void on_end() override {
    const auto let_go_reader = std::move(reader);
    const auto let_go_writer = std::move(writer);
  }

  void tell() {
    Poller& of = poller;
    const Poller::Key self = key;
    if (readable && reader) std::exchange(reader, nullptr)->on_readable();
    if (of.has(self) && writable && writer) std::exchange(writer, nullptr)->on_writable();
  }

  Poller& poller;
  const int fd;
  Poller::Key key = 0;
  std::shared_ptr<IoHandler> reader;
  std::shared_ptr<IoHandler> writer;
  bool readable = false;
  bool writable = true;
  bool short_reads_tell = true;
  bool watches_writing = false;
  bool is_asked = false;
};

FdWatcher::FdWatcher(EventLoop& loop, int fd) : impl_(std::make_unique<Impl>(loop.impl().poller, fd)), fd_(fd) {}

FdWatcher::~FdWatcher() = default;

void FdWatcher::wait_readable(std::shared_ptr<IoHandler> handler) {
  impl_->reader = std::move(handler);
  if (impl_->readable) impl_->ask_turn();
}

void FdWatcher::wait_writable(std::shared_ptr<IoHandler> handler) {
  impl_->writer = std::move(handler);
  impl_->wait_writable();
}

void FdWatcher::forget_waits() {
  const auto reader = std::move(impl_->reader);
  const auto writer = std::move(impl_->writer);
}

void FdWatcher::would_block_reading() { impl_->readable = false; }

void FdWatcher::would_block_writing() { impl_->writable = false; }

void FdWatcher::has_read_short() {
  if (impl_->short_reads_tell) impl_->readable = false;
}

}  // namespace holdfast::net

#include "net/fd_watcher.h"

#include <sys/socket.h>
#include <unistd.h>

#include "net/event_loop_impl.h"

namespace holdfast::net {

using Descriptor = boost::asio::posix::stream_descriptor;

struct FdWatcher::Impl {
  Impl(boost::asio::io_context& context, int fd) : descriptor(context) {
    boost::system::error_code error;
    descriptor.assign(fd, error);
    if (!error) return;
    // The system watches no more descriptors (fs.epoll.max_user_watches, memory). Of a socket that has ended nobody waits for anything: its
    // owner finds that out as of any that the peer has closed.
    ::shutdown(fd, SHUT_RDWR);
    unwatched = fd;
  }
  ~Impl() {
    if (unwatched >= 0) ::close(unwatched);
  }
  int unwatched = -1;
  Descriptor descriptor;
};

FdWatcher::FdWatcher(EventLoop& loop, int fd) : impl_(std::make_unique<Impl>(loop.impl().context, fd)), fd_(fd) {}

FdWatcher::~FdWatcher() {
  boost::system::error_code ignored;
  impl_->descriptor.close(ignored);
}

void FdWatcher::wait_readable(std::shared_ptr<IoHandler> handler) {
  impl_->descriptor.async_wait(Descriptor::wait_read, [handler = std::move(handler)](boost::system::error_code error) {
    if (error != boost::asio::error::operation_aborted) handler->on_readable();
  });
}

void FdWatcher::wait_writable(std::shared_ptr<IoHandler> handler) {
  impl_->descriptor.async_wait(Descriptor::wait_write, [handler = std::move(handler)](boost::system::error_code error) {
    if (error != boost::asio::error::operation_aborted) handler->on_writable();
  });
}

void FdWatcher::forget_waits() {
  boost::system::error_code ignored;
  impl_->descriptor.cancel(ignored);
}

}  // namespace holdfast::net

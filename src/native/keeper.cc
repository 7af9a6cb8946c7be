#include "native/keeper.h"

#include <chrono>

#include "base/log.h"

namespace holdfast::native {

bool Keeper::post(Task task) {
  std::unique_lock lock(mutex_);
  if (open_) loop_.post(std::move(task));
  return open_;
}

void Keeper::created() {
  std::unique_lock lock(mutex_);
  ++instances_;
}

void Keeper::destroyed() {
  std::unique_lock lock(mutex_);
  if (--instances_ == 0) none_left_.notify_all();
}

void Keeper::close(Duration wait) {
  {
    std::unique_lock lock(mutex_);
    if (!open_) return;
    if (!none_left_.wait_for(lock, std::chrono::milliseconds(wait.ms), [this] { return instances_ == 0; }))
      log_warn("modules are left with calls they have not answered", {{"modules", instances_}});
    open_ = false;
  }
  loop_.stop();
}

}  // namespace holdfast::native

#include "disks.h"

namespace holdfast::sim {

Result<void> WatchedLog::append(model::Epoch epoch, std::span<const std::string_view> parts) {
  auto appended = log_->append(epoch, parts);
  if (!appended) return appended;
  last_ = epoch;
  appended_();
  return appended;
}

Result<void> View::apply(std::span<const ports::StoreWrite> writes, model::Epoch epoch) {
  if (full_) return fail(ErrorCode::NoSpace, "the view has no space");
  auto applied = store_.apply(writes, epoch);
  // What is applied gets to the disk when there is much of it, without being asked.
  if (applied && random_.below(3) == 0) (void)store_.checkpoint();
  return applied;
}

Result<model::Epoch> View::checkpoint() {
  if (full_) return fail(ErrorCode::NoSpace, "the view has no space");
  return store_.checkpoint();
}

}  // namespace holdfast::sim

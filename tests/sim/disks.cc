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
  if (!full_) return store_.apply(writes, epoch);
  if (random_.below(2) == 0) (void)store_.apply(writes.first(random_.below(writes.size() + 1)), store_.reached());
  return fail(ErrorCode::NoSpace, "the view has no space");
}

void View::crash() { store_.crash(random_.below(2) == 0 ? 0 : random_.below(store_.batches_since_checkpoint() + 1)); }

Result<model::Epoch> View::checkpoint() {
  if (full_) return fail(ErrorCode::NoSpace, "the view has no space");
  return store_.checkpoint();
}

}  // namespace holdfast::sim

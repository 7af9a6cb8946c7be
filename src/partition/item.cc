#include "partition/item.h"

#include <utility>

namespace holdfast::partition {
namespace {

std::string named(const model::ItemKey& item) { return "item " + item.key + " of table " + item.table; }
std::string named(const model::Sequence& version) { return std::to_string(version.epoch) + "-" + std::to_string(version.index); }

void tell(const ItemWatchers* watchers, const model::ItemKey& item, const std::optional<model::ItemRow>& before, const model::ItemRow* after,
          Transition& next) {
  if (watchers == nullptr) return;
  std::vector<model::Command> commands;
  watchers->changed(item, before ? &*before : nullptr, after, commands);
  for (auto& command : commands) next.effects.push_back(Deliver{std::move(command)});
}

}  // namespace

std::optional<model::ItemRow> live_item(const View& view, const model::ItemKey& item, Instant now) {
  auto row = view.item(item);
  if (row && !is_live(*row, now)) row.reset();
  return row;
}

Result<void> check_items(const View& view, std::span<const ItemWrite> writes, Instant now) {
  using Kind = ItemCondition::Kind;
  for (const auto& write : writes) {
    if (write.condition.kind == Kind::Any) continue;
    const auto row = live_item(view, write.item, now);
    if (write.condition.kind == Kind::Absent) {
      if (row) return fail(ErrorCode::Conflict, named(write.item) + " is there, with version " + named(row->version));
    } else if (!row || row->version != write.condition.version) {
      return fail(ErrorCode::Conflict, named(write.item) + (row ? " has version " + named(row->version) : " is not there") + ", expected version " +
                                           named(write.condition.version));
    }
  }
  return {};
}

std::optional<model::WriteItem> decide(ItemWrite&& write, Instant now, SequenceCounter& sequence) {
  if (write.kind == ItemWrite::Kind::Check) return std::nullopt;
  model::WriteItem decided{std::move(write.item), std::nullopt};
  if (write.kind == ItemWrite::Kind::Put)
    decided.row = model::ItemRow{std::move(write.value), std::move(write.content_type), sequence.take(), write.ttl.ms == 0 ? Instant{} : now + write.ttl};
  return decided;
}

Transition write_item(const View& view, const ItemWatchers* watchers, model::WriteItem&& write) {
  Transition next;
  const auto before = view.item(write.item);
  if (!before && !write.row) return next;
  if (before && before->expires_at.unix_ms != 0) next.writes.push_back(DeleteTimer{write.item.key, {before->expires_at, before->version}});
  tell(watchers, write.item, before, write.row ? &*write.row : nullptr, next);
  if (!write.row) {
    next.writes.push_back(DeleteItem{std::move(write.item)});
    return next;
  }
  if (write.row->expires_at.unix_ms != 0)
    next.writes.push_back(PutTimer{write.item.key, {write.row->expires_at, write.row->version}, model::ExpireItem{write.item}});
  next.writes.push_back(PutItem{std::move(write.item), std::move(*write.row)});
  return next;
}

Transition fire_expire_item(const View& view, const ItemWatchers* watchers, const model::TimerKey& key, const model::ItemKey& item) {
  Transition next;
  next.writes.push_back(DeleteTimer{item.key, key});
  const auto before = view.item(item);
  if (!before || before->expires_at != key.due || before->version != key.sequence) return next;
  tell(watchers, item, before, nullptr, next);
  next.writes.push_back(DeleteItem{item});
  return next;
}

}  // namespace holdfast::partition

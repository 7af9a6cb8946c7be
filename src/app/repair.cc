#include "app/repair.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "app/data_directory.h"
#include "cli/address_argument.h"
#include "cli/answers.h"
#include "cli/confirm.h"
#include "codec/rows.h"
#include "log/posix_file_system.h"
#include "log/segment_log.h"
#include "runtime/row_layers.h"
#include "storage/rocksdb_store.h"

namespace holdfast::app {
namespace {

using codec::RowKind;

// The rows that go, and those that are put in their place, as an epoch's payload.
struct Plan {
  std::string payload;
  std::uint64_t dropped = 0;  // Records or messages.
  std::string warning;
};

void erase_all(const runtime::RowLayers& rows, const std::string& prefix, Plan& plan, std::string* last = nullptr) {
  rows.scan(prefix, codec::range_end(prefix), [&](std::string_view key, std::string_view) {
    codec::append_delete(plan.payload, key);
    ++plan.dropped;
    if (last != nullptr) *last = key;
    return true;
  });
}

// All its records go; positions go on from where they were, so that nobody outside meets one again.
Result<Plan> without_stream(const runtime::RowLayers& rows, model::PartitionId partition, const std::string& name) {
  Plan plan;
  std::string last;
  erase_all(rows, codec::record_prefix(partition, name), plan, &last);
  const std::string key = codec::name_key(partition, RowKind::Stream, name);
  const auto bytes = rows.get(key);
  if (!bytes && plan.dropped == 0) return fail(ErrorCode::NotFound, "there is no stream " + name);
  model::StreamRow row;
  if (bytes)
    if (const auto stored = codec::decode<model::StreamRow>(*bytes)) row.next = stored->next;
  if (const auto position = codec::parse_record_position(last)) row.next = std::max(row.next, *position + 1);
  row.first = row.next;
  codec::append_put(plan.payload, key, codec::encode(row));
  const std::string timers = codec::kind_prefix(partition, RowKind::Timer);
  rows.scan(timers, codec::range_end(timers), [&](std::string_view timer, std::string_view value) {
    const auto decoded = codec::decode<model::TimerRow>(value);
    const auto* trim = decoded ? std::get_if<model::TrimStream>(&*decoded) : nullptr;
    if (trim != nullptr && trim->name == name) codec::append_delete(plan.payload, timer);
    return true;
  });
  plan.warning = "This drops the " + std::to_string(plan.dropped) + " records that are left of stream " + name + "; its next record gets position " +
                 std::to_string(row.next) + ".";
  return plan;
}

// All messages that wait for it go; its states stay. Who waits for an answer to one of them is told at the next start, by commands on their
// way from the epoch that this is.
Result<Plan> without_mail(const runtime::RowLayers& rows, model::PartitionId partition, const model::Address& address, std::uint16_t partitions,
                          model::Epoch epoch) {
  Plan plan;
  const std::string mail = codec::mail_prefix(partition, address);
  std::uint32_t told = 0;
  rows.scan(mail, codec::range_end(mail), [&](std::string_view key, std::string_view value) {
    codec::append_delete(plan.payload, key);
    ++plan.dropped;
    auto message = codec::decode<model::Message>(value);
    if (!message || !message->caller || message->caller->type != model::kRequestType) return true;
    const auto inbox = codec::inbox_key(model::partition_of(message->caller->id, partitions), {epoch.value, told++});
    codec::append_put(plan.payload, inbox,
                      codec::encode(model::Command(model::FailRequest{message->caller->id, "the message was dropped by `holdfast repair`"})));
    return true;
  });
  const std::string shown = cli::show_address(address.type, address.id);
  if (plan.dropped == 0) return fail(ErrorCode::NotFound, "no message waits for " + shown);
  codec::append_delete(plan.payload, codec::address_key(partition, RowKind::Parked, address));
  const std::string key = codec::address_key(partition, RowKind::Address, address);
  if (const auto bytes = rows.get(key)) {
    auto row = codec::decode<model::AddressRow>(*bytes);
    if (!row) return fail(ErrorCode::Damaged, codec::describe_key(key) + ": " + row.error().message);
    row->parked.reset();
    if (row->empty()) codec::append_delete(plan.payload, key);
    else codec::append_put(plan.payload, key, codec::encode(*row));
  }
  plan.warning = "This drops the " + std::to_string(plan.dropped) + " messages that wait for " + shown + ". Its states stay.";
  return plan;
}

// Only rows of `partition` are kept: memory is bounded by what the log has of it.
Result<model::Epoch> read_log(ports::EpochLog& log, model::Epoch reached, model::PartitionId partition, runtime::RowLayers& rows) {
  model::Epoch last = reached;
  codec::RowPieces pieces;
  auto replayed = log.replay(reached, [&](model::Epoch epoch, std::string_view payload) -> Result<void> {
    if (epoch != last) {
      if (auto ended = pieces.end(); !ended) return ended;
      last = epoch;
    }
    return pieces.add(payload, [&](std::string_view key, std::optional<std::string_view> value) {
      if (codec::partition_of_key(key) == partition) rows.add_closed(key, value);
    });
  });
  if (!replayed) return fail(replayed.error());
  if (auto ended = pieces.end(); !ended) return fail(ended.error());
  return last;
}

// What is made here is the caller's alone: where somebody else's Holdfast runs on it, that one could not open its own directory any more.
Result<void> check_owner(const std::string& directory) {
  struct stat status {};
  if (::stat((directory + "/holdfast.json").c_str(), &status) != 0 || status.st_uid == ::geteuid()) return {};
  return fail(ErrorCode::Invalid, "repair: " + directory + " belongs to the user with the id " + std::to_string(status.st_uid) + ": do it as that user");
}

Result<int> work(const cli::RepairOptions& options) {
  if (options.drop_stream.empty() == options.drop_mail.empty())
    return fail(ErrorCode::Invalid, "repair: say what is to be given up: --drop-stream NAME or --drop-mail ADDRESS; `holdfast check-data` names what is damaged");
  model::Address address;
  if (!options.drop_mail.empty()) {
    auto parsed = cli::parse_address_argument(options.drop_mail);
    if (!parsed) return fail(ErrorCode::Invalid, parsed.error().message);
    address = *std::move(parsed);
  }
  if (const auto identity = read_data_identity(options.directory); !identity && identity.error().code == ErrorCode::NotFound)
    return fail(ErrorCode::Invalid, options.directory + " is not a data directory: it has no holdfast.json");
  if (auto ours = check_owner(options.directory); !ours) return fail(ours.error());
  auto data = open_data_directory(options.directory, 1, PartitionsAre::Suggested);
  if (!data && data.error().code == ErrorCode::Conflict) return fail(ErrorCode::Conflict, data.error().message + "; stop it first");
  if (!data) return fail(data.error());
  log::PosixFileSystem files;
  auto log = log::SegmentLog::open(data->log_path(), {}, files);
  if (!log) return fail(log.error());
  auto store = storage::RocksDbStore::open(data->view_path(), {.owner = describe(data->identity)});
  if (!store) return fail(store.error());

  const bool is_stream = !options.drop_stream.empty();
  const auto partition = model::partition_of(is_stream ? options.drop_stream : address.id, data->identity.partitions);
  runtime::RowLayers rows(**store);
  const auto last = read_log(**log, (*store)->reached(), partition, rows);
  if (!last) return fail(last.error());
  const model::Epoch epoch{last->value + 1};
  const auto plan = is_stream ? without_stream(rows, partition, options.drop_stream)
                              : without_mail(rows, partition, address, data->identity.partitions, epoch);
  if (!plan) return fail(plan.error());
  switch (cli::confirm(plan->warning, options.yes)) {
    case cli::Confirmation::Given: break;
    case cli::Confirmation::Declined: std::cerr << "nothing is done\n"; return cli::kExitFailed;
    case cli::Confirmation::NobodyToAsk: return fail(ErrorCode::Invalid, "repair: nothing is done; --yes says that it is meant");
  }
  const std::string_view payload = plan->payload;
  if (auto appended = (*log)->append(epoch, {&payload, 1}); !appended) return fail(appended.error());
  std::cout << "dropped " << plan->dropped << (is_stream ? " records" : " messages") << "\n";
  return cli::kExitDone;
}

}  // namespace

int repair(const cli::RepairOptions& options) {
  ::umask(077);
  const auto done = work(options);
  if (done) return *done;
  return cli::failed(done.error());
}

}  // namespace holdfast::app

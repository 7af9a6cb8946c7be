#include "runtime/stored_mail.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "codec/rows.h"

namespace holdfast::runtime {
namespace {

using codec::RowKind;

constexpr std::size_t kBytesOfARow = 1'024;    // A larger one counts as several.
constexpr std::size_t kRowsOfAScan = 100;  // What one costs, at least: rows that are gone have to be waded through.

std::string_view prefix_of(std::string_view mail_key) { return mail_key.substr(0, mail_key.size() - std::min(mail_key.size(), sizeof(std::uint64_t))); }

// The rows of one address, met one after the other.
class Count {
 public:
  // False: it has been counted far enough, or is damaged.
  bool add(std::uint64_t number, std::size_t bytes) {
    if (mail.end == 0) mail.first = mail.end = number;
    if (number != mail.end) {
      is_whole = false;
      return false;
    }
    ++mail.end;
    mail.bytes += bytes;
    is_cut = mail.end - mail.first >= kMailCountedMax || mail.bytes >= kMailBytesCountedMax;
    return !is_cut;
  }
  Result<StoredMail> finish(const RowLayers& layers, model::PartitionId partition, const model::Address& address) {
    if (!is_whole)
      return fail(ErrorCode::Damaged, "the mailbox of " + address.type + "/" + address.id + " has no message " + std::to_string(mail.end));
    const std::uint64_t counted = mail.end - mail.first;
    if (!is_cut) return mail;
    // There are no gaps: its end is where there is none any more.
    const auto is_there = [&](std::uint64_t number) { return layers.get(codec::mail_key(partition, address, number)).has_value(); };
    std::uint64_t step = 1;
    while (is_there(mail.end - 1 + step)) {
      mail.end += step;
      step *= 2;
    }
    for (; step > 0; step /= 2)
      if (is_there(mail.end - 1 + step)) mail.end += step;
    mail.bytes = mail.bytes / counted * (mail.end - mail.first);
    return mail;
  }

  StoredMail mail;
  bool is_whole = true;
  bool is_cut = false;
};

std::uint64_t number_of(std::string_view mail_key) {
  ByteReader in(mail_key.substr(prefix_of(mail_key).size()));
  return in.be<std::uint64_t>();
}

}  // namespace

Result<std::optional<StoredMail>> stored_mail(const RowLayers& layers, model::PartitionId partition, const model::Address& address) {
  Count count;
  bool any = false;
  const std::string prefix = codec::mail_prefix(partition, address);
  layers.scan(prefix, codec::range_end(prefix), [&](std::string_view key, std::string_view value) {
    any = true;
    return count.add(number_of(key), value.size());
  });
  if (!any) return std::nullopt;
  auto mail = count.finish(layers, partition, address);
  if (!mail) return fail(std::move(mail.error()));
  return *mail;
}

Result<bool> walk_mail(const RowLayers& layers, const std::vector<model::PartitionId>& partitions, std::string_view type, MailWalk& at,
                       std::size_t& left, const std::function<void(const FoundMail& found)>& visit) {
  for (; at.partition < partitions.size(); ++at.partition, at.after.clear()) {
    const model::PartitionId partition = partitions[at.partition];
    const std::string all = type.empty() ? codec::kind_prefix(partition, RowKind::Mail) : codec::address_key(partition, RowKind::Mail, {std::string(type), ""});
    while (true) {
      if (left == 0) return false;
      // One scan: to the end of the range, of what may be looked at in one go, or of what may be counted of one address.
      std::vector<FoundMail> found;
      Count count;
      std::string prefix;
      std::optional<Error> error;
      bool is_cut = false;
      const auto finish = [&] {
        if (prefix.empty()) return;
        auto mail = count.finish(layers, partition, found.back().address);
        if (mail) found.back().mail = *mail;
        else error = std::move(mail.error());
      };
      layers.scan(at.after.empty() ? all : codec::range_end(at.after), codec::range_end(all), [&](std::string_view key, std::string_view value) {
        if (prefix.empty() || prefix_of(key) != prefix) {
          finish();
          is_cut = left == 0 || error.has_value();
          if (is_cut) {
            prefix.clear();
            return false;
          }
          auto mail = codec::parse_mail_key(key);
          if (!mail) {
            error = Error{ErrorCode::Damaged, codec::describe_key(key) + ": " + mail.error().message};
            prefix.clear();
            return false;
          }
          prefix = at.after = prefix_of(key);
          found.push_back({std::move(mail->address), {}, false});
          count = {};
        }
        left -= std::min(left, 1 + value.size() / kBytesOfARow);
        is_cut = !count.add(number_of(key), value.size());
        return !is_cut;
      });
      left -= std::min(left, kRowsOfAScan);
      if (!error) finish();
      if (error) return fail(std::move(*error));
      for (FoundMail& each : found) {
        each.parked = layers.get(codec::address_key(partition, RowKind::Parked, each.address)).has_value();
        visit(each);
      }
      if (!is_cut) break;
    }
  }
  return true;
}

}  // namespace holdfast::runtime

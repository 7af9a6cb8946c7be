#include "app/unnamed_egresses.h"

#include <utility>

#include "base/log.h"
#include "connect/outbox.h"

namespace holdfast::app {
namespace {

constexpr std::uint32_t kPage = 1'000;
constexpr std::size_t kReportsMax = 10;

struct Search {
  runtime::Runtime& runtime;
  std::set<std::string> named;
  std::size_t found = 0;
};

void look(std::shared_ptr<Search> search, std::string after) {
  runtime::AddressQuery query;
  query.limit = kPage;
  query.after = std::move(after);
  auto& runtime = search->runtime;
  runtime.streams(std::move(query), [search = std::move(search)](Result<runtime::Page<runtime::StreamInfo>> page) {
    if (!page) return;  // It is stopping.
    for (const auto& [name, row] : *page) {
      const std::string egress = name.substr(0, name.rfind('/'));
      if (row.first == row.next || name != connect::outbox_stream(egress) || search->named.contains(egress)) continue;
      if (++search->found <= kReportsMax)
        log_warn("records wait for an egress that no file names", {{"egress", egress}, {"records", row.next - row.first}});
    }
    if (!page->next.empty()) return look(search, page->next);
    if (search->found > kReportsMax) log_warn("and for more egresses that no file names", {{"egresses", search->found - kReportsMax}});
  });
}

}  // namespace

std::set<std::string> named_egresses(const config::Configuration& configuration) {
  std::set<std::string> out;
  for (const auto& spec : configuration.streams) out.insert(spec.id);
  for (const auto& spec : configuration.kafka_egresses) out.insert(spec.id);
  for (const auto& spec : configuration.nats_egresses) out.insert(spec.id);
  out.emplace(model::kPlaygroundEgress);
  return out;
}

void report_unnamed_egresses(runtime::Runtime& runtime, std::set<std::string> named) {
  look(std::make_shared<Search>(Search{runtime, std::move(named)}), {});
}

}  // namespace holdfast::app

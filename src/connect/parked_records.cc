#include "connect/parked_records.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "partition/stream.h"

namespace holdfast::connect {
namespace {

constexpr std::uint32_t kPageRecords = 500;
constexpr std::size_t kPageBytes = 1u << 20;

// One walk over what was parked when it began: without that end, records that are parked again would keep it going for ever.
struct Walk : std::enable_shared_from_this<Walk> {
  ports::Streams& streams;
  RecordRouter* router;  // Null: the records are dropped.
  std::string stream;
  PostTask post;
  ParkedDone done;
  std::optional<std::uint64_t> end;
  std::uint64_t left = 0;  // Records that are parked no more.

  Walk(ports::Streams& s, RecordRouter* r, std::string name, PostTask p, ParkedDone d)
      : streams(s), router(r), stream(std::move(name)), post(std::move(p)), done(std::move(d)) {}

  void next_page() {
    streams.read_stream({.stream = stream, .from = 0, .limit = kPageRecords, .bytes_max = kPageBytes},
                        [self = shared_from_this()](Result<ports::StreamPage> page) {
                          auto shared = std::make_shared<Result<ports::StreamPage>>(std::move(page));
                          self->post([self, shared] { self->take_page(std::move(*shared)); });
                        });
  }

  void take_page(Result<ports::StreamPage> page) {
    if (!page) return done(fail(std::move(page.error())));
    if (!end) end = page->end;
    auto& records = page->records;
    std::erase_if(records, [&](const auto& entry) { return entry.position >= *end; });
    if (records.empty()) return done(left);

    std::uint64_t bytes = 0;
    std::vector<model::Command> instead;
    for (const auto& entry : records) {
      bytes += partition::record_bytes(entry.record);
      if (router != nullptr) router->route_again(entry.record, instead);
    }
    const auto parked_again = static_cast<std::uint64_t>(std::ranges::count_if(instead, [&](const model::Command& command) {
      const auto* append = std::get_if<model::AppendRecord>(&command);
      return append != nullptr && append->stream == stream;
    }));
    const std::uint64_t gone = records.size() - parked_again;
    streams.release_records(stream, records.back().position + 1, bytes, std::move(instead),
                            [self = shared_from_this(), gone](Result<void> released) {
                              auto shared = std::make_shared<Result<void>>(std::move(released));
                              self->post([self, shared, gone] {
                                if (!*shared) return self->done(fail(std::move(shared->error())));
                                self->left += gone;
                                self->next_page();
                              });
                            });
  }
};

}  // namespace

void retry_parked(ports::Streams& streams, RecordRouter& router, std::string_view ingress_id, PostTask post, ParkedDone done) {
  std::make_shared<Walk>(streams, &router, parked_stream(ingress_id), std::move(post), std::move(done))->next_page();
}

void skip_parked(ports::Streams& streams, std::string_view ingress_id, PostTask post, ParkedDone done) {
  std::make_shared<Walk>(streams, nullptr, parked_stream(ingress_id), std::move(post), std::move(done))->next_page();
}

void count_parked(ports::Streams& streams, std::string_view ingress_id, std::function<void(Result<ParkedCount>)> done) {
  streams.read_stream({.stream = parked_stream(ingress_id), .limit = 1, .bytes_max = 1},
                      [done = std::move(done)](Result<ports::StreamPage> page) {
                        if (!page) return done(fail(std::move(page.error())));
                        done(ParkedCount{page->end - page->first, page->bytes});
                      });
}

}  // namespace holdfast::connect

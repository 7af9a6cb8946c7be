#include "connect/stream_walk.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "partition/stream.h"

namespace holdfast::connect {
namespace {

constexpr std::uint32_t kPageRecords = 500;
constexpr std::size_t kPageBytes = 1u << 20;

// It ends where the stream ended at first: records that come back to it would keep it going for ever.
struct Walk : std::enable_shared_from_this<Walk> {
  ports::Streams& streams;
  std::string stream;
  Become become;
  PostTask post;
  std::function<void(Result<std::uint64_t>)> done;
  std::optional<std::uint64_t> end;
  std::uint64_t gone = 0;

  Walk(ports::Streams& s, std::string name, Become b, PostTask p, std::function<void(Result<std::uint64_t>)> d)
      : streams(s), stream(std::move(name)), become(std::move(b)), post(std::move(p)), done(std::move(d)) {}

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
    if (records.empty()) return done(gone);

    std::uint64_t bytes = 0;
    std::vector<model::Command> instead;
    for (auto& entry : records) {
      bytes += partition::record_bytes(entry.record);
      become(std::move(entry.record), instead);
    }
    const auto back = static_cast<std::uint64_t>(std::ranges::count_if(instead, [&](const model::Command& command) {
      const auto* append = std::get_if<model::AppendRecord>(&command);
      return append != nullptr && append->stream == stream;
    }));
    const std::uint64_t left = records.size() - back;
    streams.release_records(stream, records.back().position + 1, bytes, std::move(instead),
                            [self = shared_from_this(), left](Result<void> released) {
                              auto shared = std::make_shared<Result<void>>(std::move(released));
                              self->post([self, shared, left] {
                                if (!*shared) return self->done(fail(std::move(shared->error())));
                                self->gone += left;
                                self->next_page();
                              });
                            });
  }
};

}  // namespace

void take_away(ports::Streams& streams, std::string stream, Become become, PostTask post, std::function<void(Result<std::uint64_t>)> done) {
  std::make_shared<Walk>(streams, std::move(stream), std::move(become), std::move(post), std::move(done))->next_page();
}

}  // namespace holdfast::connect

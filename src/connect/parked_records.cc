#include "connect/parked_records.h"

#include <utility>

namespace holdfast::connect {

void retry_parked(ports::Streams& streams, RecordRouter& router, std::string_view ingress_id, PostTask post, ParkedDone done) {
  take_away(
      streams, parked_stream(ingress_id),
      [&router](model::StreamRecord&& record, std::vector<model::Command>& instead) { router.route_again(record, instead); }, std::move(post),
      std::move(done));
}

void skip_parked(ports::Streams& streams, std::string_view ingress_id, PostTask post, ParkedDone done) {
  take_away(streams, parked_stream(ingress_id), [](model::StreamRecord&&, std::vector<model::Command>&) {}, std::move(post), std::move(done));
}

void count_parked(ports::Streams& streams, std::string_view ingress_id, std::function<void(Result<ParkedCount>)> done) {
  streams.read_stream({.stream = parked_stream(ingress_id), .limit = 1, .bytes_max = 1},
                      [done = std::move(done)](Result<ports::StreamPage> page) {
                        if (!page) return done(fail(std::move(page.error())));
                        done(ParkedCount{page->end - page->first, page->bytes});
                      });
}

}  // namespace holdfast::connect

// The records that an ingress has parked (RecordRouter, parked_stream): routed again, dropped, counted.
//
// A page at a time (stream_walk.h). What is parked while a call runs is left for the next one.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "base/result.h"
#include "connect/record_router.h"
#include "connect/stream_walk.h"
#include "ports/streams.h"

namespace holdfast::connect {

// An ingress takes in nothing more while it keeps so much.
inline constexpr std::uint64_t kParkedBytesMax = 1ull << 30;

using ParkedDone = std::function<void(Result<std::uint64_t>)>;

// Both: one at a time for an ingress; `streams` and `router` outlive it; `post` leads to the thread that the router belongs to, where `done` is
// called.
// Routes all that is parked again; answers how many records are parked no more. One that is still bad is parked again, behind the others.
void retry_parked(ports::Streams& streams, RecordRouter& router, std::string_view ingress_id, PostTask post, ParkedDone done);
// Drops all that is parked; answers how many records that were.
void skip_parked(ports::Streams& streams, std::string_view ingress_id, PostTask post, ParkedDone done);

struct ParkedCount {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};
// `done` on a thread of the streams.
void count_parked(ports::Streams& streams, std::string_view ingress_id, std::function<void(Result<ParkedCount>)> done);

}  // namespace holdfast::connect

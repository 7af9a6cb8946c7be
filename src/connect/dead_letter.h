// Dead letters: what failed for good as a record, the same for messages of functions and for records of ingresses.
//
// In a stream of ours the value is as it was, and the record's own fields say the rest (`source`, `error`, time, trace context). What leaves
// through an outbox is a record with the value's bytes as its value and the rest as headers:
//
//   holdfast-source    the address, or "<ingress>/<topic>/<place>@<position>"
//   holdfast-error     why
//   holdfast-time      when it was given up, RFC 3339; not of records of ingresses
//   holdfast-type      type name of the value, if it has one
//   holdfast-attempts  calls that were made with it, if any were
//   holdfast-caller    address of who sent it, if it was a function
//   traceparent        the trace context, if there is one
#pragma once

#include <string>

#include "model/command.h"
#include "partition/egress.h"

namespace holdfast::connect {

// `stream` is where to: a topic of a stream egress, or the outbox of one that leaves, which then needs the record's `topic`.
[[nodiscard]] model::AppendRecord dead_letter_record(std::string stream, const std::string& topic, partition::DeadLetter&& letter);

}  // namespace holdfast::connect

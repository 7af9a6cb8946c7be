// The interpreter: one function in every language and way of running there is, which carries out the commands that it is sent. The same
// in functions/interpreter.js and interpreter.py; interpreter_plan.py makes the commands, interpreter_judge.py knows what must come of them.
//
// A message is a test/Command, JSON: {"node", "seq", "from"?, "got"?, "ops": [{"op", …}]}. `node` is its number, `seq` the how manieth of its
// sender to this address it is (0: it came by a delayed send or as an answer to a request from outside), `from` the sender where that
// is a client. `got` counts as an "add" before all ops.
//
//   add {n}                                  total = (total * 3 + n) mod 1000000007
//   flag {text}, unflag                      sets or removes the state `flag`
//   send {to, id, command}                   sends the command on, numbered
//   after {delay, token, to, id, command}    the same later, with seq 0; token "": none
//   cancel {token}
//   record {n, form}                         the number to egress test/out, topic records: a Kafka record, or as a value of type int
//   saw                                      what it sees to topic saw: {node, count, total, flag}
//   reply {node}                             to the caller: {node, seq, got: total, ops: []}
//   fail {times}                             throws, so many times in the life of the process
//   poison                                   throws
//
// States: count (int), digest (int: of node and seq of all it handled), total (int), sent (test/Sent, JSON: numbers by receiver; not
// there before the first), flag (string). For each message it handles it emits {node, from, seq, got?} to topic handled.
#pragma once

#include <string>

#include "holdfast/sdk/functions.h"

namespace holdfast::test {

// NS/quick returns when it is done; NS/pool does as well, but is bound as one that may block; NS/later completes from another thread.
[[nodiscard]] sdk::Functions interpreters(const std::string& name_space);

}  // namespace holdfast::test

// ResponseReader: finds the end of one HTTP/1.1 answer, and what of it a load driver wants to know. Reads what well-behaved servers
// send and refuses the rest; it is not net's parser, so that a mistake there is not made on both sides of a measurement.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::bench {

struct Response {
  int status = 0;
  bool keeps_alive = true;
  std::string body;
};

enum class Body { Skip, Keep };

// Looks at all bytes received since the request was sent.
class ResponseReader {
 public:
  enum class State { Incomplete, Complete, Malformed };

  // Anything behind the answer is malformed: nothing else was asked for.
  State read(std::string_view received, Body body, Response& out) const;
};

}  // namespace holdfast::bench

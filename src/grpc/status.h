// Status codes of gRPC (google.rpc.Code), and a status with its words.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::grpc {

enum class Code : std::uint8_t {
  Ok = 0,
  Cancelled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  AlreadyExists = 6,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
};

struct Status {
  Code code = Code::Unknown;
  std::string message;
  std::string details = {};  // Bytes of a google.rpc.Status, for grpc-status-details-bin; empty: none.
};

}  // namespace holdfast::grpc

// DaprError: what an application is told when something goes wrong, in Dapr's words: the JSON of HTTP answers, and status and details of gRPC
// ones, are made of the same value. Applications and SDKs compare codes and texts, so both are daprd's to the letter.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "grpc/status.h"

namespace holdfast::dapr {

struct DaprError {
  int http_status = 500;
  grpc::Code grpc_code = grpc::Code::Internal;
  std::string code;     // "ERR_STATE_SAVE": errorCode in JSON.
  std::string message;  // As daprd says it.
  // Rich details (google.rpc), which newer errors of daprd have: none where `reason` is empty.
  std::string reason;                           // ErrorInfo, whose domain is "dapr.io".
  std::map<std::string, std::string> metadata;  // ErrorInfo.
  std::string resource_type, resource_name;     // ResourceInfo, if either is there.
  std::vector<std::pair<std::string, std::string>> violations;  // BadRequest: field, description.
  std::vector<std::pair<std::string, std::string>> links;       // Help: url, description.
};

}  // namespace holdfast::dapr

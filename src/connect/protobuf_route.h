// ProtobufRouter: the target of a record, worked out from fields of the protobuf message that is its value. The protobuf-router of
// module.yaml 1.0 and 2.0:
//
//   target: "example/greeter/{{$.user.name}}"      {{$.items[0].id}} is an element of a repeated field
//
// As in StateFun the template is split into namespace, type and id at its last two slashes before fields are filled in, a field that is not set
// stands for its default, numbers are decimal, enums their names, floating point numbers what Java prints. Unlike there, unsigned numbers are
// never negative, bytes stand for themselves if they are UTF-8, and what has no one text (a message, a whole repeated field) is
// refused at the start instead of printed somehow.
//
// libprotobuf stays in the .cc file. Immutable once made, cheap to copy: any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "model/address.h"
#include "model/edges.h"

namespace holdfast::connect {

inline constexpr std::size_t kDescriptorSetBytesMax = 16u << 20;
inline constexpr std::size_t kRouteTemplateBytesMax = 4096;
// Of a record's value: messages in one another, and what it may take in memory, taken apart.
inline constexpr std::size_t kRecordNestingMax = 100;
inline constexpr std::size_t kRecordMemoryMax = 128u << 20;

class ProtobufRouter {
 public:
  // Reads the descriptor set. Errors name the file, the message type, the field. Also silences what libprotobuf writes to stderr of its
  // own accord, for the whole process: a line for each record that is not UTF-8 would be one.
  [[nodiscard]] static Result<ProtobufRouter> create(const model::ProtobufRoute& route);
  // The same with a serialized FileDescriptorSet instead of the file.
  [[nodiscard]] static Result<ProtobufRouter> create(const model::ProtobufRoute& route, std::string_view descriptor_set);

  // Refused: what is no such message, over the limits above, an index beyond its repeated field, and an outcome that is no function
  // type. The id may come out empty: whoever sends the message judges that.
  [[nodiscard]] Result<model::Address> target(std::string_view value) const;

 private:
  struct Impl;
  explicit ProtobufRouter(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace holdfast::connect

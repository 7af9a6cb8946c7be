// A record's value, as a protobuf-router reads it: whatever the bytes, there is a target or a reason, and a target is a function type and
// an id that are text.
#include <google/protobuf/descriptor.pb.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "codec/utf8.h"
#include "connect/protobuf_route.h"

using namespace holdfast;

namespace {

using Field = google::protobuf::FieldDescriptorProto;

void add(google::protobuf::DescriptorProto& message, const char* name, int number, Field::Type type, bool repeated = false) {
  auto& field = *message.add_field();
  field.set_name(name);
  field.set_number(number);
  field.set_type(type);
  field.set_label(repeated ? Field::LABEL_REPEATED : Field::LABEL_OPTIONAL);
  if (type == Field::TYPE_MESSAGE) field.set_type_name(".t.M");
}

// proto2: its strings are not checked by libprotobuf, its messages have extensions of meaning that proto3's lack.
connect::ProtobufRouter make(const char* syntax) {
  google::protobuf::FileDescriptorSet set;
  auto& file = *set.add_file();
  file.set_name("m.proto");
  file.set_package("t");
  file.set_syntax(syntax);
  auto& m = *file.add_message_type();
  m.set_name("M");
  add(m, "text", 1, Field::TYPE_STRING);
  add(m, "inner", 2, Field::TYPE_MESSAGE);
  add(m, "all", 3, Field::TYPE_MESSAGE, true);
  add(m, "small", 4, Field::TYPE_SINT32);
  add(m, "numbers", 5, Field::TYPE_UINT64, true);
  add(m, "real", 6, Field::TYPE_DOUBLE);
  add(m, "raw", 7, Field::TYPE_BYTES);
  auto made = connect::ProtobufRouter::create(
      {"ns/{{$.text}}/{{$.inner.text}}{{$.inner.inner.raw}}-{{$.small}}-{{$.all[0].real}}-{{$.numbers[1]}}", "t.M", "fuzz"},
      set.SerializeAsString());
  HOLDFAST_CHECK(made.has_value());
  return *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const connect::ProtobufRouter routers[] = {make("proto2"), make("proto3")};
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  for (const auto& router : routers) {
    const auto target = router.target(value);
    if (!target) {
      HOLDFAST_CHECK(!target.error().message.empty() && codec::is_utf8(target.error().message));
      continue;
    }
    const auto [ns, name] = model::split_type(target->type);
    HOLDFAST_CHECK(ns == "ns" && !name.empty() && codec::is_utf8(target->type) && codec::is_utf8(target->id));
  }
  return 0;
}

#include "connect/protobuf_route.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/stubs/logging.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "codec/utf8.h"
#include "codec/wire.h"

namespace holdfast::connect {

namespace {

namespace pb = google::protobuf;
using codec::excerpt;
using codec::wire::Kind;
using pb::FieldDescriptor;

// One step of {{$.a.b[2]}}.
struct Step {
  const FieldDescriptor* field = nullptr;
  int index = -1;  // Of repeated fields.
};
// Text, or the path to a field.
struct Fragment {
  std::string text;
  std::vector<Step> path;
};
using Template = std::vector<Fragment>;

class FirstError final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string&, const pb::Message*, ErrorLocation, const std::string& message) override {
    if (text_.empty()) text_ = file + ": " + message;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::Io, "descriptor set " + path + " cannot be read");
  std::string bytes;
  char chunk[65536];
  while (file.read(chunk, sizeof chunk) || file.gcount() > 0) {
    bytes.append(chunk, static_cast<std::size_t>(file.gcount()));
    if (bytes.size() > kDescriptorSetBytesMax)
      return fail(ErrorCode::TooLarge, "descriptor set " + path + " has more than " + std::to_string(kDescriptorSetBytesMax) + " bytes");
  }
  if (file.bad()) return fail(ErrorCode::Io, "descriptor set " + path + " cannot be read");
  return bytes;
}

bool is_word(std::string_view text) {
  for (const char c : text)
    if (!(c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return false;
  return !text.empty();
}

// "name" or "name[2]".
Result<Step> parse_step(const pb::Descriptor& message, std::string_view text) {
  std::string_view name = text;
  int index = -1;
  if (text.ends_with(']')) {
    const auto open = text.find('[');
    name = text.substr(0, open);
    const auto digits = open == std::string_view::npos ? std::string_view() : text.substr(open + 1, text.size() - open - 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || index < 0)
      return fail(ErrorCode::Invalid, "expected a field or field[index], got " + excerpt(text));
  }
  if (!is_word(name)) return fail(ErrorCode::Invalid, "expected a field or field[index], got " + excerpt(text));
  const FieldDescriptor* field = message.FindFieldByName(std::string(name));
  if (field == nullptr) return fail(ErrorCode::NotFound, "no field " + std::string(name) + " in " + message.full_name());
  if (field->is_map()) return fail(ErrorCode::Invalid, field->full_name() + " is a map, expected a field with one value");
  if (field->is_repeated() && index < 0)
    return fail(ErrorCode::Invalid, field->full_name() + " is repeated, expected " + field->name() + "[index]");
  if (!field->is_repeated() && index >= 0) return fail(ErrorCode::Invalid, field->full_name() + " is not repeated, got an index");
  return Step{field, index};
}

// "$.a.b"
Result<std::vector<Step>> parse_path(const pb::Descriptor& message, std::string_view path) {
  if (!path.starts_with("$.")) return fail(ErrorCode::Invalid, "expected {{$.field}}, got {{" + excerpt(path) + "}}");
  std::vector<Step> steps;
  const pb::Descriptor* at = &message;
  for (std::size_t begin = 2;;) {
    const auto dot = path.find('.', begin);
    if (at == nullptr) return fail(ErrorCode::Invalid, steps.back().field->full_name() + " has no fields of its own");
    auto step = parse_step(*at, path.substr(begin, dot == std::string_view::npos ? dot : dot - begin));
    if (!step) return fail(std::move(step.error()));
    steps.push_back(*step);
    at = step->field->message_type();
    if (dot == std::string_view::npos) break;
    begin = dot + 1;
  }
  if (at != nullptr) return fail(ErrorCode::Invalid, steps.back().field->full_name() + " is a message, expected a field with one value");
  return steps;
}

Result<Template> parse_template(const pb::Descriptor& message, std::string_view text) {
  Template fragments;
  while (!text.empty()) {
    const auto open = text.find("{{");
    if (open != 0) fragments.push_back({std::string(text.substr(0, open)), {}});
    if (open == std::string_view::npos) break;
    const auto close = text.find("}}", open);
    if (close == std::string_view::npos) return fail(ErrorCode::Invalid, "{{ without }}");
    auto path = parse_path(message, text.substr(open + 2, close - open - 2));
    if (!path) return fail(std::move(path.error()));
    fragments.push_back({{}, std::move(*path)});
    text.remove_prefix(close + 2);
  }
  return fragments;
}

// Double.toString() and Float.toString() of Java, with the fewest digits that tell the number from its neighbours.
template <typename Float>
std::string java_text(Float number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  if (number == 0) return std::signbit(number) ? "-0.0" : "0.0";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));  // "-1.25e+03"
  std::string out;
  if (text.front() == '-') {
    out = "-";
    text.remove_prefix(1);
  }
  const auto e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  const auto sign = text[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(text.data() + sign, text.data() + text.size(), exponent);
  if (exponent < -3 || exponent >= 7)
    return out + digits[0] + "." + (digits.size() > 1 ? digits.substr(1) : "0") + "E" + std::to_string(exponent);
  if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() < whole) digits.append(whole - digits.size(), '0');
  return out + digits.substr(0, whole) + "." + (digits.size() > whole ? digits.substr(whole) : "0");
}

template <typename T>
std::string text_of(const T& value) {
  if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
  else if constexpr (std::is_floating_point_v<T>) return java_text(value);
  else return std::to_string(value);
}

std::string text_of_enum(const FieldDescriptor& field, int number) {
  if (const auto* value = field.enum_type()->FindValueByNumber(number)) return value->name();
  return "UNKNOWN_ENUM_VALUE_" + field.enum_type()->name() + "_" + std::to_string(number);
}

// `step` has been found to fit: an index exactly where the field is repeated.
std::string value_text(const pb::Message& message, const Step& step) {
  const auto& reflection = *message.GetReflection();
  const FieldDescriptor* f = step.field;
  const bool repeated = f->is_repeated();
  switch (f->cpp_type()) {
#define HOLDFAST_TEXT(TYPE, NAME)                                                                       \
  case FieldDescriptor::CPPTYPE_##TYPE:                                                                 \
    return text_of(repeated ? reflection.GetRepeated##NAME(message, f, step.index) : reflection.Get##NAME(message, f))
    HOLDFAST_TEXT(INT32, Int32);
    HOLDFAST_TEXT(INT64, Int64);
    HOLDFAST_TEXT(UINT32, UInt32);
    HOLDFAST_TEXT(UINT64, UInt64);
    HOLDFAST_TEXT(DOUBLE, Double);
    HOLDFAST_TEXT(FLOAT, Float);
    HOLDFAST_TEXT(BOOL, Bool);
#undef HOLDFAST_TEXT
    case FieldDescriptor::CPPTYPE_ENUM:
      return text_of_enum(*f, repeated ? reflection.GetRepeatedEnumValue(message, f, step.index) : reflection.GetEnumValue(message, f));
    case FieldDescriptor::CPPTYPE_STRING:
      return repeated ? reflection.GetRepeatedString(message, f, step.index) : reflection.GetString(message, f);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  HOLDFAST_CHECK(false);
}

Result<std::string> follow(const pb::Message& root, const std::vector<Step>& path) {
  const pb::Message* at = &root;
  for (const Step& step : path) {
    const auto& reflection = *at->GetReflection();
    if (step.index >= 0 && step.index >= reflection.FieldSize(*at, step.field))
      return fail(ErrorCode::Invalid, step.field->full_name() + " has " + std::to_string(reflection.FieldSize(*at, step.field)) +
                                          " elements, the target wants number " + std::to_string(step.index));
    if (step.field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      std::string text = value_text(*at, step);
      if (!codec::is_utf8(text)) return fail(ErrorCode::Invalid, step.field->full_name() + " is not UTF-8: " + excerpt(text));
      return text;
    }
    at = step.index >= 0 ? &reflection.GetRepeatedMessage(*at, step.field, step.index) : &reflection.GetMessage(*at, step.field);
  }
  HOLDFAST_CHECK(false);
}

Result<std::string> fill_in(const Template& fragments, const pb::Message& message) {
  std::string out;
  for (const Fragment& fragment : fragments) {
    if (fragment.path.empty()) {
      out += fragment.text;
      continue;
    }
    auto text = follow(message, fragment.path);
    if (!text) return text;
    out += *text;
  }
  return out;
}

// An upper bound of the memory that libprotobuf takes for a message, found without taking any: a few bytes may stand for a large object.
// Also finds what is no message at all.
class Measure {
 public:
  explicit Measure(std::string_view bytes) : fault_(bytes), whole_(bytes) {}

  [[nodiscard]] Result<void> message(const pb::Descriptor& type) {
    visit(whole_, type, 1);
    if (fault_.raised()) return fail(fault_.error());
    return {};
  }

 private:
  void visit(std::string_view bytes, const pb::Descriptor& type, std::size_t depth) {
    codec::wire::Reader in(bytes, type.name().c_str(), fault_);
    memory_ += 128 + 32 * static_cast<std::size_t>(type.field_count());
    while (in.next()) {
      memory_ += 64;  // An element, a string, an unknown field.
      if (in.kind() == Kind::Bytes) {
        const FieldDescriptor* field = type.FindFieldByNumber(static_cast<int>(in.field()));
        if (field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE) {
          if (depth == kRecordNestingMax) in.bad("nested deeper than " + std::to_string(kRecordNestingMax) + " messages");
          else visit(in.bytes(), *field->message_type(), depth + 1);
        } else {
          memory_ += (field != nullptr && field->is_packable() ? 8 : 1) * in.bytes().size();
        }
      }
      if (memory_ > kRecordMemoryMax) in.bad("more than " + std::to_string(kRecordMemoryMax) + " bytes in memory");
    }
  }

  codec::wire::Fault fault_;
  std::string_view whole_;
  std::size_t memory_ = 0;
};

}  // namespace

struct ProtobufRouter::Impl {
  pb::SimpleDescriptorDatabase database;
  FirstError errors;
  pb::DescriptorPool pool{&database, &errors};
  pb::DynamicMessageFactory factory{&pool};
  const pb::Descriptor* type = nullptr;
  const pb::Message* prototype = nullptr;
  Template ns, name, id;
};

Result<ProtobufRouter> ProtobufRouter::create(const model::ProtobufRoute& route) {
  auto bytes = read_file(route.descriptor_set);
  if (!bytes) return fail(std::move(bytes.error()));
  return create(route, *bytes);
}

Result<ProtobufRouter> ProtobufRouter::create(const model::ProtobufRoute& route, std::string_view descriptor_set) {
  [[maybe_unused]] static const bool quiet = [] {
    pb::SetLogHandler(nullptr);
    return true;
  }();
  const auto in_set = [&](std::string what) { return fail(ErrorCode::Invalid, "descriptor set " + route.descriptor_set + " " + std::move(what)); };
  const auto in_target = [&](const std::string& what) { return fail(ErrorCode::Invalid, "target " + excerpt(route.target) + ": " + what); };

  if (descriptor_set.size() > kDescriptorSetBytesMax)
    return in_set("has more than " + std::to_string(kDescriptorSetBytesMax) + " bytes");
  pb::FileDescriptorSet files;
  if (!files.ParsePartialFromArray(descriptor_set.data(), static_cast<int>(descriptor_set.size())) || files.file_size() == 0)
    return in_set("is no FileDescriptorSet, as protoc --include_imports --descriptor_set_out writes it");
  auto impl = std::make_shared<Impl>();
  for (const auto& file : files.file())
    if (!impl->database.Add(file)) return in_set("has " + file.name() + " twice, or a name that another file has, too");
  impl->type = impl->pool.FindMessageTypeByName(route.message_type);
  if (impl->type == nullptr) {
    if (!impl->errors.text().empty())
      return in_set("cannot be used for " + route.message_type + ": " + impl->errors.text() +
                    " (made with protoc --include_imports it has all that it needs)");
    return in_set("has no message type " + route.message_type);
  }

  if (route.target.size() > kRouteTemplateBytesMax) return in_target("more than " + std::to_string(kRouteTemplateBytesMax) + " bytes");
  const std::string_view target = route.target;
  const auto id_slash = target.rfind('/');
  const auto name_slash = id_slash == std::string_view::npos || id_slash == 0 ? std::string_view::npos : target.rfind('/', id_slash - 1);
  if (name_slash == std::string_view::npos || name_slash == 0 || name_slash + 1 == id_slash || id_slash + 1 == target.size())
    return in_target("expected namespace/type/id");
  for (const auto& [fragments, text] : {std::pair{&impl->ns, target.substr(0, name_slash)},
                                        std::pair{&impl->name, target.substr(name_slash + 1, id_slash - name_slash - 1)},
                                        std::pair{&impl->id, target.substr(id_slash + 1)}}) {
    auto parsed = parse_template(*impl->type, text);
    if (!parsed) return in_target(parsed.error().message);
    *fragments = std::move(*parsed);
  }
  impl->prototype = impl->factory.GetPrototype(impl->type);
  return ProtobufRouter(std::move(impl));
}

Result<model::Address> ProtobufRouter::target(std::string_view value) const {
  if (auto measured = Measure(value).message(*impl_->type); !measured)
    return fail(ErrorCode::Invalid, "no " + impl_->type->full_name() + ": " + measured.error().message);
  const std::unique_ptr<pb::Message> message(impl_->prototype->New());
  if (!message->ParsePartialFromArray(value.data(), static_cast<int>(value.size())))
    return fail(ErrorCode::Invalid, "no " + impl_->type->full_name() + ": libprotobuf refuses it; a string that is not UTF-8?");
  auto ns = fill_in(impl_->ns, *message);
  if (!ns) return fail(std::move(ns.error()));
  auto name = fill_in(impl_->name, *message);
  if (!name) return fail(std::move(name.error()));
  auto id = fill_in(impl_->id, *message);
  if (!id) return fail(std::move(id.error()));
  if (ns->empty() || name->empty() || name->find('/') != std::string::npos || ns->size() + 1 + name->size() > model::kTypeBytesMax)
    return fail(ErrorCode::Invalid, "the target's function type is " + excerpt(*ns + "/" + *name) + ", expected namespace/name");
  return model::Address{*ns + "/" + *name, std::move(*id)};
}

}  // namespace holdfast::connect

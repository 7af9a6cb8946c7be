#include "codec/dapr_messages.h"

#include <algorithm>
#include <type_traits>

#include "codec/dapr_fields.h"
#include "codec/wire.h"

namespace holdfast::codec::dapr {

namespace {

using wire::Kind;
using wire::Reader;
using wire::Writer;

template <typename Names>
std::uint64_t number_of(std::string_view word, const Names& names) {
  const auto at = std::find(names.begin(), names.end(), word);
  return at == names.end() ? 0 : static_cast<std::uint64_t>(at - names.begin());
}

// Negative ones are ten bytes long, as protobuf has it for int32.
std::uint64_t extended(std::int32_t value) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(value)); }
std::uint64_t extended(std::uint64_t value) { return value; }

template <typename Message>
std::size_t size_of(const Message& message);

std::size_t entry_size(const std::string& key, const std::string& value) {
  return wire::bytes_size(1, key.size()) + wire::bytes_size(2, value.size());
}
template <typename Message>
std::size_t entry_size(const std::string& key, const Message& value) {
  return wire::bytes_size(1, key.size()) + wire::bytes_size(2, size_of(value));
}

class Measure {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }

  void string(std::uint32_t field, std::string_view value) { size_ += wire::string_size(field, value); }
  void bytes(std::uint32_t field, std::string_view value) { size_ += wire::string_size(field, value); }
  template <typename Number>
  void number(std::uint32_t field, Number value) {
    size_ += wire::varint_field_size(field, extended(value));
  }
  void flag(std::uint32_t field, bool value) { size_ += wire::bool_size(field, value); }
  template <typename Names>
  void word(std::uint32_t field, std::string_view value, const Names& names) {
    size_ += wire::varint_field_size(field, number_of(value, names));
  }
  template <typename Message>
  void message(std::uint32_t field, const std::optional<Message>& value) {
    if (value) size_ += wire::bytes_size(field, size_of(*value));
  }
  template <typename Message>
  void message(std::uint32_t field, const Message& value) {
    if (const auto inner = size_of(value); inner != 0) size_ += wire::bytes_size(field, inner);
  }
  void wrapped(std::uint32_t field, std::string_view value) {
    if (!value.empty()) size_ += wire::bytes_size(field, wire::string_size(1, value));
  }
  void strings(std::uint32_t field, const std::vector<std::string>& all) {
    for (const auto& one : all) size_ += wire::bytes_size(field, one.size());
  }
  template <typename Message>
  void messages(std::uint32_t field, const std::vector<Message>& all) {
    for (const auto& one : all) size_ += wire::bytes_size(field, size_of(one));
  }
  template <typename Value>
  void map(std::uint32_t field, const std::map<std::string, Value>& all) {
    for (const auto& [key, value] : all) size_ += wire::bytes_size(field, entry_size(key, value));
  }

 private:
  std::size_t size_ = 0;
};

template <typename Message>
std::size_t size_of(const Message& message) {
  Measure measure;
  fields(measure, message);
  return measure.size();
}

class Put {
 public:
  explicit Put(Writer& out) : out_(out) {}

  void string(std::uint32_t field, std::string_view value) { out_.string(field, value); }
  void bytes(std::uint32_t field, std::string_view value) { out_.string(field, value); }
  template <typename Number>
  void number(std::uint32_t field, Number value) {
    out_.varint_field(field, extended(value));
  }
  void flag(std::uint32_t field, bool value) { out_.boolean(field, value); }
  template <typename Names>
  void word(std::uint32_t field, std::string_view value, const Names& names) {
    out_.varint_field(field, number_of(value, names));
  }
  template <typename Message>
  void message(std::uint32_t field, const std::optional<Message>& value) {
    if (value) nested(field, size_of(*value), *value);
  }
  template <typename Message>
  void message(std::uint32_t field, const Message& value) {
    if (const auto inner = size_of(value); inner != 0) nested(field, inner, value);
  }
  void wrapped(std::uint32_t field, std::string_view value) {
    if (value.empty()) return;
    out_.open(field, wire::string_size(1, value));
    out_.string(1, value);
  }
  void strings(std::uint32_t field, const std::vector<std::string>& all) {
    for (const auto& one : all) out_.bytes(field, one);
  }
  template <typename Message>
  void messages(std::uint32_t field, const std::vector<Message>& all) {
    for (const auto& one : all) nested(field, size_of(one), one);
  }
  template <typename Value>
  void map(std::uint32_t field, const std::map<std::string, Value>& all) {
    for (const auto& [key, value] : all) {
      out_.open(field, entry_size(key, value));
      out_.bytes(1, key);
      if constexpr (std::is_same_v<Value, std::string>) out_.bytes(2, value);
      else nested(2, size_of(value), value);
    }
  }

 private:
  template <typename Message>
  void nested(std::uint32_t field, std::size_t inner, const Message& value) {
    out_.open(field, inner);
    fields(*this, value);
  }
  Writer& out_;
};

template <typename Message>
void read_into(Reader& in, Message& message, std::size_t& parts);

// Takes the field that `in` stands at, if it is one of the message's.
class Take {
 public:
  Take(Reader& in, std::size_t& parts) : in_(in), parts_(parts) {}

  template <typename Text>
  void string(std::uint32_t field, Text& value) {
    if (in_.is(field, Kind::Bytes)) value = in_.string();
  }
  void bytes(std::uint32_t field, std::string_view& value) {
    if (in_.is(field, Kind::Bytes)) value = in_.bytes();
  }
  template <typename Number>
  void number(std::uint32_t field, Number& value) {
    if (in_.is(field, Kind::Varint)) value = static_cast<Number>(in_.number());
  }
  void flag(std::uint32_t field, bool& value) {
    if (in_.is(field, Kind::Varint)) value = in_.number() != 0;
  }
  template <typename Names>
  void word(std::uint32_t field, std::string& value, const Names& names) {
    if (!in_.is(field, Kind::Varint)) return;
    const auto number = static_cast<std::uint32_t>(in_.number());  // An enum is an int32, whatever its varint says.
    value = number < names.size() ? names[number] : std::string_view{};
  }
  template <typename Message>
  void message(std::uint32_t field, std::optional<Message>& value) {
    if (!in_.is(field, Kind::Bytes)) return;
    if (!value) value.emplace();
    nested(*value);
  }
  template <typename Message>
  void message(std::uint32_t field, Message& value) {
    if (in_.is(field, Kind::Bytes)) nested(value);
  }
  void wrapped(std::uint32_t field, std::string& value) {
    if (!in_.is(field, Kind::Bytes)) return;
    Reader inner(in_.bytes(), "Etag", in_.fault());
    while (inner.next())
      if (inner.is(1, Kind::Bytes)) value = inner.string();
  }
  void strings(std::uint32_t field, std::vector<std::string>& all) {
    if (in_.is(field, Kind::Bytes) && one_more()) all.emplace_back(in_.string());
  }
  template <typename Message>
  void messages(std::uint32_t field, std::vector<Message>& all) {
    if (in_.is(field, Kind::Bytes) && one_more()) nested(all.emplace_back());
  }
  template <typename Value>
  void map(std::uint32_t field, std::map<std::string, Value>& all) {
    if (!in_.is(field, Kind::Bytes) || !one_more()) return;
    std::string_view key;
    Value value;
    Reader entry(in_.bytes(), "map entry", in_.fault());
    while (entry.next()) {
      if (entry.is(1, Kind::Bytes)) {
        key = entry.string();
      } else if (entry.is(2, Kind::Bytes)) {
        if constexpr (std::is_same_v<Value, std::string>) value = entry.string();
        else Take(entry, parts_).nested(value);
      }
    }
    all.insert_or_assign(std::string(key), std::move(value));
  }

 private:
  bool one_more() {
    if (++parts_ <= kPartsMax) return true;
    return in_.bad("more than " + std::to_string(kPartsMax) + " items and entries in one message");
  }
  template <typename Message>
  void nested(Message& message) {
    Reader inner(in_.bytes(), kMessageName<Message>, in_.fault());
    read_into(inner, message, parts_);
  }
  Reader& in_;
  std::size_t& parts_;
};

template <typename Message>
void read_into(Reader& in, Message& message, std::size_t& parts) {
  Take take(in, parts);
  while (in.next()) fields(take, message);
}

}  // namespace

template <typename Message>
Result<Message> read(std::string_view bytes) {
  wire::Fault fault(bytes);
  Reader in(bytes, kMessageName<Message>, fault);
  Message message;
  std::size_t parts = 0;
  read_into(in, message, parts);
  if (fault.raised()) return fail(fault.error());
  return message;
}

template <typename Message>
void append(std::string& out, const Message& message) {
  Writer writer(out, size_of(message));
  Put put(writer);
  fields(put, message);
}

#define HOLDFAST_MESSAGE(Message)                               \
  template Result<Message> read<Message>(std::string_view);     \
  template void append<Message>(std::string&, const Message&);
HOLDFAST_MESSAGE(Empty)
HOLDFAST_MESSAGE(InvokeRequest)
HOLDFAST_MESSAGE(InvokeResponse)
HOLDFAST_MESSAGE(GetStateRequest)
HOLDFAST_MESSAGE(GetStateResponse)
HOLDFAST_MESSAGE(GetBulkStateRequest)
HOLDFAST_MESSAGE(GetBulkStateResponse)
HOLDFAST_MESSAGE(SaveStateRequest)
HOLDFAST_MESSAGE(DeleteStateRequest)
HOLDFAST_MESSAGE(DeleteBulkStateRequest)
HOLDFAST_MESSAGE(ExecuteStateTransactionRequest)
HOLDFAST_MESSAGE(QueryStateRequest)
HOLDFAST_MESSAGE(QueryStateResponse)
HOLDFAST_MESSAGE(InvokeServiceRequest)
HOLDFAST_MESSAGE(GetSecretRequest)
HOLDFAST_MESSAGE(GetSecretResponse)
HOLDFAST_MESSAGE(GetBulkSecretRequest)
HOLDFAST_MESSAGE(GetBulkSecretResponse)
HOLDFAST_MESSAGE(GetMetadataResponse)
HOLDFAST_MESSAGE(SetMetadataRequest)
HOLDFAST_MESSAGE(Status)
HOLDFAST_MESSAGE(ErrorInfo)
HOLDFAST_MESSAGE(ResourceInfo)
HOLDFAST_MESSAGE(BadRequest)
HOLDFAST_MESSAGE(Help)
HOLDFAST_MESSAGE(InternalInvokeRequest)
HOLDFAST_MESSAGE(InternalInvokeResponse)
HOLDFAST_MESSAGE(InternalInvokeRequestStream)
HOLDFAST_MESSAGE(InternalInvokeResponseStream)
#undef HOLDFAST_MESSAGE

}  // namespace holdfast::codec::dapr

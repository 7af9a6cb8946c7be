#include "codec/statefun_v3.h"
#include "codec/statefun_v3_fields.h"
#include "codec/wire.h"

namespace holdfast::codec {

namespace {

using wire::Writer;

// --- Sizes. Inner sizes are computed again when they are written: a few additions, cheaper than remembering them.

std::size_t size_of(const model::Address& a) {
  const auto [ns, name] = model::split_type(a.type);
  return wire::string_size(v3::Address::kNamespace, ns) + wire::string_size(v3::Address::kType, name) +
         wire::string_size(v3::Address::kId, a.id);
}

struct TypedView {
  std::string_view type_name;
  bool has_value;
  std::string_view value;
};
TypedView view(const model::TypedValue& v) { return {v.type_name, v.has_value, v.value}; }
TypedView view(const StateView& s) {
  return {s.spec->type_name.empty() ? kUnsetType : std::string_view(s.spec->type_name), true, s.value->value};
}

std::size_t size_of(const TypedView& v) {
  return wire::string_size(v3::TypedValue::kTypeName, v.type_name) +
         wire::bool_size(v3::TypedValue::kHasValue, v.has_value) + wire::string_size(v3::TypedValue::kValue, v.value);
}
std::size_t field_size(std::uint32_t field, const model::Address& a) { return wire::bytes_size(field, size_of(a)); }
std::size_t field_size(std::uint32_t field, const TypedView& v) { return wire::bytes_size(field, size_of(v)); }

std::size_t size_of(const StateView& s) {
  using F = v3::ToFunction::PersistedValue;
  return wire::string_size(F::kName, s.spec->name) + (s.value == nullptr ? 0 : field_size(F::kValue, view(s)));
}
std::size_t size_of(const model::Message& m) {
  using F = v3::ToFunction::Invocation;
  return (m.caller ? field_size(F::kCaller, *m.caller) : 0) + field_size(F::kArgument, view(m.argument));
}

std::size_t batch_size(const model::Address& target, std::span<const StateView> states,
                       std::span<const model::Message* const> batch) {
  using F = v3::ToFunction::Batch;
  std::size_t size = field_size(F::kTarget, target);
  for (const StateView& s : states) size += wire::bytes_size(F::kState, size_of(s));
  for (const model::Message* m : batch) size += wire::bytes_size(F::kInvocations, size_of(*m));
  return size;
}

std::size_t size_of(const model::StateMutation& m) {
  using F = v3::FromFunction::Mutation;
  const bool modify = m.kind == model::StateMutation::Kind::Modify;
  return wire::varint_field_size(F::kType, modify ? F::kModify : F::kDelete) + wire::string_size(F::kName, m.name) +
         (modify ? field_size(F::kValue, TypedView{m.type_name, true, m.value}) : 0);
}
std::size_t size_of(const model::OutgoingMessage& m) {
  using F = v3::FromFunction::Invocation;
  return field_size(F::kTarget, m.target) + field_size(F::kArgument, view(m.argument));
}
std::size_t size_of(const model::DelayedInvocation& d) {
  using F = v3::FromFunction::Delayed;
  const std::size_t token = wire::string_size(F::kToken, d.token);
  if (d.kind == model::DelayedInvocation::Kind::Cancel) return wire::bool_size(F::kIsCancellation, true) + token;
  return wire::varint_field_size(F::kDelayMs, static_cast<std::uint64_t>(d.delay.ms)) +
         field_size(F::kTarget, d.message.target) + field_size(F::kArgument, view(d.message.argument)) + token;
}
std::size_t size_of(const model::EgressMessage& e) {
  using F = v3::FromFunction::Egress;
  const auto [ns, name] = model::split_type(e.egress);
  return wire::string_size(F::kNamespace, ns) + wire::string_size(F::kType, name) +
         field_size(F::kArgument, view(e.argument));
}
std::size_t expiration_size(const model::StateSpec& s) {
  using F = v3::FromFunction::Expiration;
  return wire::varint_field_size(F::kMode, static_cast<std::uint64_t>(s.expire_mode)) +
         wire::varint_field_size(F::kAfterMs, static_cast<std::uint64_t>(s.expire_after.ms));
}
std::size_t size_of(const model::StateSpec& s) {
  using F = v3::FromFunction::Spec;
  const std::size_t expiration = expiration_size(s);
  return wire::string_size(F::kName, s.name) + (expiration == 0 ? 0 : wire::bytes_size(F::kExpiration, expiration)) +
         wire::string_size(F::kTypeName, s.type_name);
}

template <typename T>
std::size_t repeated_size(std::uint32_t field, const std::vector<T>& all) {
  std::size_t size = 0;
  for (const T& one : all) size += wire::bytes_size(field, size_of(one));
  return size;
}

// --- The same again, written.

void write(Writer& out, std::uint32_t field, const model::Address& a) {
  const auto [ns, name] = model::split_type(a.type);
  out.open(field, size_of(a));
  out.string(v3::Address::kNamespace, ns);
  out.string(v3::Address::kType, name);
  out.string(v3::Address::kId, a.id);
}
void write(Writer& out, std::uint32_t field, const TypedView& v) {
  out.open(field, size_of(v));
  out.string(v3::TypedValue::kTypeName, v.type_name);
  out.boolean(v3::TypedValue::kHasValue, v.has_value);
  out.string(v3::TypedValue::kValue, v.value);
}
void write(Writer& out, std::uint32_t field, const StateView& s) {
  using F = v3::ToFunction::PersistedValue;
  out.open(field, size_of(s));
  out.string(F::kName, s.spec->name);
  if (s.value != nullptr) write(out, F::kValue, view(s));
}
void write(Writer& out, std::uint32_t field, const model::Message& m) {
  using F = v3::ToFunction::Invocation;
  out.open(field, size_of(m));
  if (m.caller) write(out, F::kCaller, *m.caller);
  write(out, F::kArgument, view(m.argument));
}

void write(Writer& out, std::uint32_t field, const model::StateMutation& m) {
  using F = v3::FromFunction::Mutation;
  const bool modify = m.kind == model::StateMutation::Kind::Modify;
  out.open(field, size_of(m));
  out.varint_field(F::kType, modify ? F::kModify : F::kDelete);
  out.string(F::kName, m.name);
  if (modify) write(out, F::kValue, TypedView{m.type_name, true, m.value});
}
void write(Writer& out, std::uint32_t field, const model::OutgoingMessage& m) {
  using F = v3::FromFunction::Invocation;
  out.open(field, size_of(m));
  write(out, F::kTarget, m.target);
  write(out, F::kArgument, view(m.argument));
}
void write(Writer& out, std::uint32_t field, const model::DelayedInvocation& d) {
  using F = v3::FromFunction::Delayed;
  out.open(field, size_of(d));
  if (d.kind == model::DelayedInvocation::Kind::Cancel) {
    out.boolean(F::kIsCancellation, true);
  } else {
    out.varint_field(F::kDelayMs, static_cast<std::uint64_t>(d.delay.ms));
    write(out, F::kTarget, d.message.target);
    write(out, F::kArgument, view(d.message.argument));
  }
  out.string(F::kToken, d.token);
}
void write(Writer& out, std::uint32_t field, const model::EgressMessage& e) {
  using F = v3::FromFunction::Egress;
  const auto [ns, name] = model::split_type(e.egress);
  out.open(field, size_of(e));
  out.string(F::kNamespace, ns);
  out.string(F::kType, name);
  write(out, F::kArgument, view(e.argument));
}
void write(Writer& out, std::uint32_t field, const model::StateSpec& s) {
  using F = v3::FromFunction::Spec;
  out.open(field, size_of(s));
  out.string(F::kName, s.name);
  if (const auto expiration = expiration_size(s); expiration != 0) {
    out.open(F::kExpiration, expiration);
    out.varint_field(v3::FromFunction::Expiration::kMode, static_cast<std::uint64_t>(s.expire_mode));
    out.varint_field(v3::FromFunction::Expiration::kAfterMs, static_cast<std::uint64_t>(s.expire_after.ms));
  }
  out.string(F::kTypeName, s.type_name);
}

template <typename T>
void write_repeated(Writer& out, std::uint32_t field, const std::vector<T>& all) {
  for (const T& one : all) write(out, field, one);
}

}  // namespace

std::size_t to_function_size(const model::Address& target, std::span<const StateView> states,
                             std::span<const model::Message* const> batch) {
  return wire::bytes_size(v3::ToFunction::kInvocation, batch_size(target, states, batch));
}

void append_to_function(std::string& out, const model::Address& target, std::span<const StateView> states,
                        std::span<const model::Message* const> batch) {
  using F = v3::ToFunction::Batch;
  const std::size_t inner = batch_size(target, states, batch);
  Writer writer(out, wire::bytes_size(v3::ToFunction::kInvocation, inner));
  writer.open(v3::ToFunction::kInvocation, inner);
  write(writer, F::kTarget, target);
  for (const StateView& s : states) write(writer, F::kState, s);
  for (const model::Message* m : batch) write(writer, F::kInvocations, *m);
}

void append_from_function(std::string& out, const model::InvocationResponse& response) {
  using F = v3::FromFunction::Response;
  const std::size_t inner =
      repeated_size(F::kMutations, response.mutations) + repeated_size(F::kSends, response.sends) +
      repeated_size(F::kDelayed, response.delayed) + repeated_size(F::kEgress, response.egress);
  Writer writer(out, wire::bytes_size(v3::FromFunction::kInvocationResult, inner));
  writer.open(v3::FromFunction::kInvocationResult, inner);
  write_repeated(writer, F::kMutations, response.mutations);
  write_repeated(writer, F::kSends, response.sends);
  write_repeated(writer, F::kDelayed, response.delayed);
  write_repeated(writer, F::kEgress, response.egress);
}

void append_from_function(std::string& out, const model::IncompleteContext& incomplete) {
  using F = v3::FromFunction::Incomplete;
  const std::size_t inner = repeated_size(F::kMissing, incomplete.missing);
  Writer writer(out, wire::bytes_size(v3::FromFunction::kIncompleteContext, inner));
  writer.open(v3::FromFunction::kIncompleteContext, inner);
  write_repeated(writer, F::kMissing, incomplete.missing);
}

}  // namespace holdfast::codec

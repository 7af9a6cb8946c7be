#include "codec/statefun_dialect.h"
#include "codec/statefun_fields.h"
#include "codec/wire.h"

namespace holdfast::codec {

namespace {

using wire::Writer;

struct TypedView {
  std::string_view type_name;
  bool has_value;
  std::string_view value;
};
TypedView view(const model::TypedValue& v) { return {v.type_name, v.has_value, v.value}; }
TypedView view(const StateView& s) {
  return {s.spec->type_name.empty() ? kUnsetType : std::string_view(s.spec->type_name), true, s.value->value};
}

// An Any cannot say that there is no value.
std::string_view any_value(const TypedView& v) { return v.has_value ? v.value : std::string_view(); }

template <Dialect D>
struct Format {
  // --- Sizes. Inner sizes are computed again when they are written: a few additions, cheaper than remembering them.

  static std::size_t size_of(const model::Address& a) {
    const auto [ns, name] = model::split_type(a.type);
    return wire::string_size(fields::Address::kNamespace, ns) + wire::string_size(fields::Address::kType, name) +
           wire::string_size(fields::Address::kId, a.id);
  }

  static std::size_t size_of(const TypedView& v) {
    if constexpr (D == Dialect::V2)
      return wire::string_size(fields::Any::kTypeUrl, v.type_name) + wire::string_size(fields::Any::kValue, any_value(v));
    return wire::string_size(fields::TypedValue::kTypeName, v.type_name) +
           wire::bool_size(fields::TypedValue::kHasValue, v.has_value) + wire::string_size(fields::TypedValue::kValue, v.value);
  }
  static std::size_t field_size(std::uint32_t field, const model::Address& a) { return wire::bytes_size(field, size_of(a)); }
  static std::size_t field_size(std::uint32_t field, const TypedView& v) { return wire::bytes_size(field, size_of(v)); }

  // A state: plain bytes in v2.
  static std::size_t state_size(std::uint32_t field, const TypedView& v) {
    if constexpr (D == Dialect::V2) return wire::string_size(field, v.value);
    else return field_size(field, v);
  }

  static std::size_t size_of(const StateView& s) {
    using F = fields::ToFunction::PersistedValue;
    return wire::string_size(F::kName, s.spec->name) + (s.value == nullptr ? 0 : state_size(F::kValue, view(s)));
  }
  static std::size_t size_of(const model::Message& m) {
    using F = fields::ToFunction::Invocation;
    return (m.caller ? field_size(F::kCaller, *m.caller) : 0) + field_size(F::kArgument, view(m.argument));
  }

  static std::size_t batch_size(const model::Address& target, std::span<const StateView> states,
                                std::span<const model::Message* const> batch) {
    using F = fields::ToFunction::Batch;
    std::size_t size = field_size(F::kTarget, target);
    for (const StateView& s : states) size += wire::bytes_size(F::kState, size_of(s));
    for (const model::Message* m : batch) size += wire::bytes_size(F::kInvocations, size_of(*m));
    return size;
  }

  static std::size_t size_of(const model::StateMutation& m) {
    using F = fields::FromFunction::Mutation;
    const bool modify = m.kind == model::StateMutation::Kind::Modify;
    return wire::varint_field_size(F::kType, modify ? F::kModify : F::kDelete) + wire::string_size(F::kName, m.name) +
           (modify ? state_size(F::kValue, TypedView{m.type_name, true, m.value}) : 0);
  }
  static std::size_t size_of(const model::OutgoingMessage& m) {
    using F = fields::FromFunction::Invocation;
    return field_size(F::kTarget, m.target) + field_size(F::kArgument, view(m.argument));
  }
  static std::size_t size_of(const model::DelayedInvocation& d) {
    HOLDFAST_CHECK(D == Dialect::V3 || (d.kind == model::DelayedInvocation::Kind::Send && d.token.empty()));
    using F = fields::FromFunction::Delayed;
    const std::size_t token = wire::string_size(F::kToken, d.token);
    if (d.kind == model::DelayedInvocation::Kind::Cancel) return wire::bool_size(F::kIsCancellation, true) + token;
    return wire::varint_field_size(F::kDelayMs, static_cast<std::uint64_t>(d.delay.ms)) +
           field_size(F::kTarget, d.message.target) + field_size(F::kArgument, view(d.message.argument)) + token;
  }
  static std::size_t size_of(const model::EgressMessage& e) {
    using F = fields::FromFunction::Egress;
    const auto [ns, name] = model::split_type(e.egress);
    return wire::string_size(F::kNamespace, ns) + wire::string_size(F::kType, name) +
           field_size(F::kArgument, view(e.argument));
  }
  static std::size_t expiration_size(const model::StateSpec& s) {
    using F = fields::FromFunction::Expiration;
    return wire::varint_field_size(F::kMode, static_cast<std::uint64_t>(s.expire_mode)) +
           wire::varint_field_size(F::kAfterMs, static_cast<std::uint64_t>(s.expire_after.ms));
  }
  static std::size_t size_of(const model::StateSpec& s) {
    using F = fields::FromFunction::Spec;
    const std::size_t expiration = expiration_size(s);
    return wire::string_size(F::kName, s.name) + (expiration == 0 ? 0 : wire::bytes_size(F::kExpiration, expiration)) +
           (D == Dialect::V2 ? 0 : wire::string_size(F::kTypeName, s.type_name));
  }

  template <typename T>
  static std::size_t repeated_size(std::uint32_t field, const std::vector<T>& all) {
    std::size_t size = 0;
    for (const T& one : all) size += wire::bytes_size(field, size_of(one));
    return size;
  }

  // --- The same again, written.

  static void write(Writer& out, std::uint32_t field, const model::Address& a) {
    const auto [ns, name] = model::split_type(a.type);
    out.open(field, size_of(a));
    out.string(fields::Address::kNamespace, ns);
    out.string(fields::Address::kType, name);
    out.string(fields::Address::kId, a.id);
  }
  static void write(Writer& out, std::uint32_t field, const TypedView& v) {
    out.open(field, size_of(v));
    if constexpr (D == Dialect::V2) {
      out.string(fields::Any::kTypeUrl, v.type_name);
      out.string(fields::Any::kValue, any_value(v));
    } else {
      out.string(fields::TypedValue::kTypeName, v.type_name);
      out.boolean(fields::TypedValue::kHasValue, v.has_value);
      out.string(fields::TypedValue::kValue, v.value);
    }
  }
  static void write_state(Writer& out, std::uint32_t field, const TypedView& v) {
    if constexpr (D == Dialect::V2) out.string(field, v.value);
    else write(out, field, v);
  }
  static void write(Writer& out, std::uint32_t field, const StateView& s) {
    using F = fields::ToFunction::PersistedValue;
    out.open(field, size_of(s));
    out.string(F::kName, s.spec->name);
    if (s.value != nullptr) write_state(out, F::kValue, view(s));
  }
  static void write(Writer& out, std::uint32_t field, const model::Message& m) {
    using F = fields::ToFunction::Invocation;
    out.open(field, size_of(m));
    if (m.caller) write(out, F::kCaller, *m.caller);
    write(out, F::kArgument, view(m.argument));
  }

  static void write(Writer& out, std::uint32_t field, const model::StateMutation& m) {
    using F = fields::FromFunction::Mutation;
    const bool modify = m.kind == model::StateMutation::Kind::Modify;
    out.open(field, size_of(m));
    out.varint_field(F::kType, modify ? F::kModify : F::kDelete);
    out.string(F::kName, m.name);
    if (modify) write_state(out, F::kValue, TypedView{m.type_name, true, m.value});
  }
  static void write(Writer& out, std::uint32_t field, const model::OutgoingMessage& m) {
    using F = fields::FromFunction::Invocation;
    out.open(field, size_of(m));
    write(out, F::kTarget, m.target);
    write(out, F::kArgument, view(m.argument));
  }
  static void write(Writer& out, std::uint32_t field, const model::DelayedInvocation& d) {
    using F = fields::FromFunction::Delayed;
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
  static void write(Writer& out, std::uint32_t field, const model::EgressMessage& e) {
    using F = fields::FromFunction::Egress;
    const auto [ns, name] = model::split_type(e.egress);
    out.open(field, size_of(e));
    out.string(F::kNamespace, ns);
    out.string(F::kType, name);
    write(out, F::kArgument, view(e.argument));
  }
  static void write(Writer& out, std::uint32_t field, const model::StateSpec& s) {
    using F = fields::FromFunction::Spec;
    out.open(field, size_of(s));
    out.string(F::kName, s.name);
    if (const auto expiration = expiration_size(s); expiration != 0) {
      out.open(F::kExpiration, expiration);
      out.varint_field(fields::FromFunction::Expiration::kMode, static_cast<std::uint64_t>(s.expire_mode));
      out.varint_field(fields::FromFunction::Expiration::kAfterMs, static_cast<std::uint64_t>(s.expire_after.ms));
    }
    if constexpr (D == Dialect::V3) out.string(F::kTypeName, s.type_name);
  }

  template <typename T>
  static void write_repeated(Writer& out, std::uint32_t field, const std::vector<T>& all) {
    for (const T& one : all) write(out, field, one);
  }
};

}  // namespace

template <Dialect D>
std::size_t request_size(const model::Address& target, std::span<const StateView> states,
                         std::span<const model::Message* const> batch) {
  return wire::bytes_size(fields::ToFunction::kInvocation, Format<D>::batch_size(target, states, batch));
}

template <Dialect D>
void write_request(std::string& out, const model::Address& target, std::span<const StateView> states,
                   std::span<const model::Message* const> batch) {
  using F = fields::ToFunction::Batch;
  const std::size_t inner = Format<D>::batch_size(target, states, batch);
  Writer writer(out, wire::bytes_size(fields::ToFunction::kInvocation, inner));
  writer.open(fields::ToFunction::kInvocation, inner);
  Format<D>::write(writer, F::kTarget, target);
  for (const StateView& s : states) Format<D>::write(writer, F::kState, s);
  for (const model::Message* m : batch) Format<D>::write(writer, F::kInvocations, *m);
}

template <Dialect D>
void write_answer(std::string& out, const model::InvocationResponse& response) {
  using F = fields::FromFunction::Response;
  using Out = Format<D>;
  const std::size_t inner =
      Out::repeated_size(F::kMutations, response.mutations) + Out::repeated_size(F::kSends, response.sends) +
      Out::repeated_size(F::kDelayed, response.delayed) + Out::repeated_size(F::kEgress, response.egress);
  Writer writer(out, wire::bytes_size(fields::FromFunction::kInvocationResult, inner));
  writer.open(fields::FromFunction::kInvocationResult, inner);
  Out::write_repeated(writer, F::kMutations, response.mutations);
  Out::write_repeated(writer, F::kSends, response.sends);
  Out::write_repeated(writer, F::kDelayed, response.delayed);
  Out::write_repeated(writer, F::kEgress, response.egress);
}

template <Dialect D>
void write_answer(std::string& out, const model::IncompleteContext& incomplete) {
  using F = fields::FromFunction::Incomplete;
  const std::size_t inner = Format<D>::repeated_size(F::kMissing, incomplete.missing);
  Writer writer(out, wire::bytes_size(fields::FromFunction::kIncompleteContext, inner));
  writer.open(fields::FromFunction::kIncompleteContext, inner);
  Format<D>::write_repeated(writer, F::kMissing, incomplete.missing);
}

using States = std::span<const StateView>;
using Batch = std::span<const model::Message* const>;
template std::size_t request_size<Dialect::V3>(const model::Address&, States, Batch);
template std::size_t request_size<Dialect::V2>(const model::Address&, States, Batch);
template void write_request<Dialect::V3>(std::string&, const model::Address&, States, Batch);
template void write_request<Dialect::V2>(std::string&, const model::Address&, States, Batch);
template void write_answer<Dialect::V3>(std::string&, const model::InvocationResponse&);
template void write_answer<Dialect::V2>(std::string&, const model::InvocationResponse&);
template void write_answer<Dialect::V3>(std::string&, const model::IncompleteContext&);
template void write_answer<Dialect::V2>(std::string&, const model::IncompleteContext&);

}  // namespace holdfast::codec

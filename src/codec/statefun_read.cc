#include "codec/statefun_dialect.h"
#include "codec/statefun_fields.h"
#include "codec/wire.h"

namespace holdfast::codec {

namespace {

using wire::Fault;
using wire::Kind;
using wire::Reader;

// Messages as views first, so that a field that comes twice is merged, as protobuf wants it, and each byte copied once.
struct AddressParts {
  std::string_view ns, type, id;

  void read(Reader& outer) {
    Reader in(outer.bytes(), "Address", outer.fault());
    while (in.next()) {
      if (in.is(fields::Address::kNamespace, Kind::Bytes)) ns = in.string();
      else if (in.is(fields::Address::kType, Kind::Bytes)) type = in.string();
      else if (in.is(fields::Address::kId, Kind::Bytes)) id = in.string();
    }
  }
  [[nodiscard]] bool empty() const { return ns.empty() && type.empty() && id.empty(); }
};

// "ns/name" must tell which is which: it is split at its last slash.
bool is_type_name(Reader& in, const char* what, std::string_view name) {
  if (name.empty()) return in.bad(std::string(what) + " without a type");
  if (name.find('/') != std::string_view::npos) return in.bad(std::string(what) + " with a slash in its type's name");
  return true;
}

std::string join(std::string_view ns, std::string_view name) {
  std::string out;
  out.reserve(ns.size() + 1 + name.size());
  if (!ns.empty()) out.append(ns).push_back('/');
  out.append(name);
  return out;
}
model::Address address(const AddressParts& parts) { return {join(parts.ns, parts.type), std::string(parts.id)}; }

// A TypedValue, or the Any that v2 has in its place.
template <Dialect D>
struct ValueParts {
  std::string_view type_name, value;
  bool has_value = false;

  void read(Reader& outer) {
    if constexpr (D == Dialect::V3) read_typed_value(outer);
    else read_any(outer);
  }

 private:
  void read_typed_value(Reader& outer) {
    using F = fields::TypedValue;
    Reader in(outer.bytes(), "TypedValue", outer.fault());
    while (in.next()) {
      if (in.is(F::kTypeName, Kind::Bytes)) type_name = in.string();
      else if (in.is(F::kHasValue, Kind::Varint)) has_value = in.number() != 0;
      else if (in.is(F::kValue, Kind::Bytes)) value = in.bytes();
      else if (in.is(fields::Any::kValue, Kind::Bytes))
        in.bad("a google.protobuf.Any: the function speaks the protocol of StateFun 2");
    }
  }
  void read_any(Reader& outer) {
    using F = fields::Any;
    has_value = true;
    Reader in(outer.bytes(), "Any", outer.fault());
    while (in.next()) {
      if (in.is(F::kTypeUrl, Kind::Bytes)) type_name = in.string();
      else if (in.is(F::kValue, Kind::Bytes)) value = in.bytes();
      else if (in.is(fields::TypedValue::kHasValue, Kind::Varint))
        in.bad("a TypedValue: the function speaks the protocol of StateFun 3");
    }
  }
};
// A state: a value in v3, plain bytes in v2.
template <Dialect D>
void read_state_value(Reader& in, ValueParts<D>& value) {
  if constexpr (D == Dialect::V3) value.read(in);
  else value.value = in.bytes();
}

template <Dialect D>
void take(const ValueParts<D>& parts, model::TypedValue& value) {
  value.type_name = parts.type_name;
  value.value = parts.value;
  value.has_value = parts.has_value;
}

template <Dialect D>
void read_mutation(Reader& outer, model::InvocationResponse& response) {
  using F = fields::FromFunction::Mutation;
  Reader in(outer.bytes(), "FromFunction.PersistedValueMutation", outer.fault());
  std::uint64_t type = F::kDelete;
  std::string_view name;
  ValueParts<D> value;
  while (in.next()) {
    if (in.is(F::kType, Kind::Varint)) type = in.number();
    else if (in.is(F::kName, Kind::Bytes)) name = in.string();
    else if (in.is(F::kValue, Kind::Bytes)) read_state_value(in, value);
  }
  if (name.empty()) return void(outer.bad("a state mutation without a state name"));
  if (type == F::kDelete) {
    auto& removal = response.mutations.emplace_back();
    removal.kind = model::StateMutation::Kind::Delete;
    removal.name = name;
  } else if (type == F::kModify) {
    // has_value is not looked at, as StateFun does not: the bytes are stored, be they none.
    auto& modify = response.mutations.emplace_back();
    modify.kind = model::StateMutation::Kind::Modify;
    modify.name = name;
    modify.type_name = D == Dialect::V2 ? kUnsetType : value.type_name;
    modify.value = value.value;
  } else {
    outer.bad("mutation type " + std::to_string(type) + ", which is neither DELETE nor MODIFY");
  }
}

template <Dialect D>
void read_send(Reader& outer, model::InvocationResponse& response) {
  using F = fields::FromFunction::Invocation;
  Reader in(outer.bytes(), "FromFunction.Invocation", outer.fault());
  AddressParts target;
  ValueParts<D> argument;
  while (in.next()) {
    if (in.is(F::kTarget, Kind::Bytes)) target.read(in);
    else if (in.is(F::kArgument, Kind::Bytes)) argument.read(in);
  }
  if (!is_type_name(outer, "an outgoing message to a target", target.type)) return;
  auto& send = response.sends.emplace_back();
  send.target = address(target);
  take(argument, send.argument);
}

template <Dialect D>
void read_delayed(Reader& outer, model::InvocationResponse& response) {
  using F = fields::FromFunction::Delayed;
  Reader in(outer.bytes(), "FromFunction.DelayedInvocation", outer.fault());
  std::int64_t delay_ms = 0;
  AddressParts target;
  ValueParts<D> argument;
  bool is_cancellation = false;
  std::string_view token;
  while (in.next()) {
    if (in.is(F::kDelayMs, Kind::Varint)) delay_ms = static_cast<std::int64_t>(in.number());
    else if (in.is(F::kTarget, Kind::Bytes)) target.read(in);
    else if (in.is(F::kArgument, Kind::Bytes)) argument.read(in);
    else if (D == Dialect::V2) continue;
    else if (in.is(F::kIsCancellation, Kind::Varint)) is_cancellation = in.number() != 0;
    else if (in.is(F::kToken, Kind::Bytes)) token = in.string();
  }
  if (is_cancellation) {
    if (token.empty()) return void(outer.bad("a cancellation without a cancellation token"));
    auto& cancel = response.delayed.emplace_back();
    cancel.kind = model::DelayedInvocation::Kind::Cancel;
    cancel.token = token;
  } else {
    if (!is_type_name(outer, "a delayed message to a target", target.type)) return;
    auto& send = response.delayed.emplace_back();
    send.delay = {delay_ms};
    send.message.target = address(target);
    take(argument, send.message.argument);
    send.token = token;
  }
}

template <Dialect D>
void read_egress(Reader& outer, model::InvocationResponse& response) {
  using F = fields::FromFunction::Egress;
  Reader in(outer.bytes(), "FromFunction.EgressMessage", outer.fault());
  std::string_view ns, type;
  ValueParts<D> argument;
  while (in.next()) {
    if (in.is(F::kNamespace, Kind::Bytes)) ns = in.string();
    else if (in.is(F::kType, Kind::Bytes)) type = in.string();
    else if (in.is(F::kArgument, Kind::Bytes)) argument.read(in);
  }
  if (!is_type_name(outer, "an egress message to an egress", type)) return;
  auto& egress = response.egress.emplace_back();
  egress.egress = join(ns, type);
  take(argument, egress.argument);
}

template <Dialect D>
void read_response(Reader& outer, model::InvocationResponse& response) {
  using F = fields::FromFunction::Response;
  Reader in(outer.bytes(), "FromFunction.InvocationResponse", outer.fault());
  std::size_t effects = response.mutations.size() + response.sends.size() + response.delayed.size() +
                        response.egress.size();
  while (in.next()) {
    if (in.kind() != Kind::Bytes || in.field() < F::kMutations || in.field() > F::kEgress) continue;
    if (++effects > kEffectsMax) {
      in.bad("more than " + std::to_string(kEffectsMax) + " effects in one answer");
      return;
    }
    switch (in.field()) {
      case F::kMutations: read_mutation<D>(in, response); break;
      case F::kSends: read_send<D>(in, response); break;
      case F::kDelayed: read_delayed<D>(in, response); break;
      case F::kEgress: read_egress<D>(in, response); break;
    }
  }
}

void read_expiration(Reader& outer, model::StateSpec& spec) {
  using F = fields::FromFunction::Expiration;
  Reader in(outer.bytes(), "FromFunction.ExpirationSpec", outer.fault());
  while (in.next()) {
    if (in.is(F::kMode, Kind::Varint)) {
      switch (in.number()) {
        case 1: spec.expire_mode = model::ExpireMode::AfterWrite; break;
        case 2: spec.expire_mode = model::ExpireMode::AfterInvoke; break;
        default: spec.expire_mode = model::ExpireMode::None;  // StateFun takes modes it does not know for NONE.
      }
    } else if (in.is(F::kAfterMs, Kind::Varint)) {
      spec.expire_after.ms = static_cast<std::int64_t>(in.number());
    }
  }
}

template <Dialect D>
void read_spec(Reader& outer, model::IncompleteContext& incomplete) {
  using F = fields::FromFunction::Spec;
  Reader in(outer.bytes(), "FromFunction.PersistedValueSpec", outer.fault());
  model::StateSpec spec;
  while (in.next()) {
    if (in.is(F::kName, Kind::Bytes)) spec.name = in.string();
    else if (in.is(F::kExpiration, Kind::Bytes)) read_expiration(in, spec);
    else if (D == Dialect::V3 && in.is(F::kTypeName, Kind::Bytes)) spec.type_name = in.string();
  }
  if (spec.name.empty()) return void(outer.bad("a state without a name"));
  if (spec.expire_mode != model::ExpireMode::None && spec.expire_after.ms <= 0)
    return void(outer.bad("state " + spec.name + " expires after " + std::to_string(spec.expire_after.ms) +
                          " ms, which must be more than 0"));
  if (spec.type_name.empty()) spec.type_name = kUnsetType;
  incomplete.missing.push_back(std::move(spec));
}

template <Dialect D>
void read_incomplete(Reader& outer, model::IncompleteContext& incomplete) {
  Reader in(outer.bytes(), "FromFunction.IncompleteInvocationContext", outer.fault());
  while (in.next()) {
    if (!in.is(fields::FromFunction::Incomplete::kMissing, Kind::Bytes)) continue;
    if (incomplete.missing.size() == kStatesMax) {
      in.bad("more than " + std::to_string(kStatesMax) + " states");
      return;
    }
    read_spec<D>(in, incomplete);
  }
}

template <Dialect D>
void read_requested_state(Reader& outer, InvocationBatch& batch) {
  using F = fields::ToFunction::PersistedValue;
  Reader in(outer.bytes(), "ToFunction.PersistedValue", outer.fault());
  std::string_view name;
  std::optional<ValueParts<D>> value;
  while (in.next()) {
    if (in.is(F::kName, Kind::Bytes)) {
      name = in.string();
    } else if (in.is(F::kValue, Kind::Bytes)) {
      if (!value) value.emplace();
      read_state_value(in, *value);
    }
  }
  auto& state = batch.states.emplace_back();
  state.name = name;
  if constexpr (D == Dialect::V2) {
    if (value && !value->value.empty()) state.value = {std::string(kUnsetType), std::string(value->value), true};
  } else {
    if (value) take(*value, state.value.emplace());
  }
}

template <Dialect D>
void read_requested_invocation(Reader& outer, InvocationBatch& batch) {
  using F = fields::ToFunction::Invocation;
  Reader in(outer.bytes(), "ToFunction.Invocation", outer.fault());
  AddressParts caller;
  ValueParts<D> argument;
  while (in.next()) {
    if (in.is(F::kCaller, Kind::Bytes)) caller.read(in);
    else if (in.is(F::kArgument, Kind::Bytes)) argument.read(in);
  }
  if (!caller.type.empty() && !is_type_name(outer, "a message from a caller", caller.type)) return;
  // As in every SDK: a caller that is empty throughout is none.
  auto& invocation = batch.invocations.emplace_back();
  if (!caller.empty()) invocation.caller = address(caller);
  take(argument, invocation.argument);
}

template <Dialect D>
void read_batch(Reader& outer, InvocationBatch& batch, AddressParts& target) {
  using F = fields::ToFunction::Batch;
  Reader in(outer.bytes(), "ToFunction.InvocationBatchRequest", outer.fault());
  while (in.next()) {
    if (in.is(F::kTarget, Kind::Bytes)) {
      target.read(in);
    } else if (in.is(F::kState, Kind::Bytes)) {
      if (batch.states.size() == kStatesMax) return void(in.bad("more than " + std::to_string(kStatesMax) + " states"));
      read_requested_state<D>(in, batch);
    } else if (in.is(F::kInvocations, Kind::Bytes)) {
      if (batch.invocations.size() == kEffectsMax)
        return void(in.bad("more than " + std::to_string(kEffectsMax) + " invocations"));
      read_requested_invocation<D>(in, batch);
    }
  }
}

}  // namespace

template <Dialect D>
Result<FunctionAnswer> read_answer(std::string_view bytes) {
  Fault fault(bytes);
  Reader in(bytes, "FromFunction", fault);
  FunctionAnswer answer;
  bool answered = bytes.empty();
  while (in.next()) {
    // A oneof: the last alternative stands, and one that comes twice is merged.
    if (in.is(fields::FromFunction::kInvocationResult, Kind::Bytes)) {
      answered = true;
      if (answer.index() != 0) answer.emplace<0>();
      read_response<D>(in, std::get<0>(answer));
    } else if (in.is(fields::FromFunction::kIncompleteContext, Kind::Bytes)) {
      answered = true;
      if (answer.index() != 1) answer.emplace<1>();
      read_incomplete<D>(in, std::get<1>(answer));
    }
  }
  if (fault.raised()) return fail(fault.is_malformed() ? ErrorCode::Damaged : ErrorCode::Invalid, fault.error().message);
  // Many a text happens to be a row of fields that nobody knows; without this it would pass for "no effects".
  if (!answered) return fail(ErrorCode::Damaged, "no FromFunction: neither an invocation_result nor a request for states");
  return answer;
}

template <Dialect D>
Result<InvocationBatch> read_request(std::string_view bytes) {
  Fault fault(bytes);
  Reader in(bytes, "ToFunction", fault);
  InvocationBatch batch;
  AddressParts target;
  while (in.next())
    if (in.is(fields::ToFunction::kInvocation, Kind::Bytes)) read_batch<D>(in, batch, target);
  if (fault.raised()) return fail(fault.error());
  if (target.type.empty()) return fail(ErrorCode::Invalid, "a ToFunction without a target type");
  if (target.type.find('/') != std::string_view::npos)
    return fail(ErrorCode::Invalid, "a ToFunction to a target with a slash in its type's name");
  if (batch.invocations.empty()) return fail(ErrorCode::Invalid, "a ToFunction without invocations");
  batch.target = address(target);
  return batch;
}

template Result<FunctionAnswer> read_answer<Dialect::V3>(std::string_view);
template Result<FunctionAnswer> read_answer<Dialect::V2>(std::string_view);
template Result<InvocationBatch> read_request<Dialect::V3>(std::string_view);
template Result<InvocationBatch> read_request<Dialect::V2>(std::string_view);

}  // namespace holdfast::codec

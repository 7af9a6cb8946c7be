#include "batch.h"

#include <algorithm>
#include <utility>

#include "wire.h"

namespace holdfast::sdk::detail {

namespace {

using wire::Kind;
using wire::Reader;

// Numbers of request-reply.proto.
constexpr std::uint32_t kInvocationBatch = 100;   // ToFunction
constexpr std::uint32_t kInvocationResult = 100;  // FromFunction
constexpr std::uint32_t kIncompleteContext = 101;

constexpr std::uint32_t kMutations = 1;  // Of InvocationResponse.
constexpr std::uint32_t kOutgoing = 2;
constexpr std::uint32_t kDelayed = 3;
constexpr std::uint32_t kEgress = 4;

// A message that comes in pieces is put together, as libprotobuf does it: hence into one that may hold something.
void read_address(WrittenAddress& out, std::string_view bytes) {
  for (Reader in(bytes); in.next();) {
    if (in.is(1, Kind::Bytes)) out.space = in.text();
    else if (in.is(2, Kind::Bytes)) out.name = in.text();
    else if (in.is(3, Kind::Bytes)) out.id = in.text();
  }
}

void read_value(WrittenValue& out, std::string_view bytes) {
  for (Reader in(bytes); in.next();) {
    if (in.is(1, Kind::Bytes)) out.type = in.text();
    else if (in.is(2, Kind::Varint)) out.there = in.number() != 0;
    else if (in.is(3, Kind::Bytes)) out.bytes = in.bytes();
  }
}

std::size_t value_size(std::string_view type, std::string_view bytes) {
  return wire::string_size(type) + 2 + wire::string_size(bytes);
}
void append_value(std::string& out, std::string_view type, std::string_view bytes) {
  wire::append_string(out, 1, type);
  wire::append_number(out, 2, 1);
  wire::append_string(out, 3, bytes);
}

struct SplitAddress {
  explicit SplitAddress(AddressView address) {
    const auto slash = address.type.rfind('/');
    if (!is_type_name(address.type))
      throw InvalidArgument("a message to '" + std::string(address.type) + "': expected a function type, namespace/name");
    check_utf8("the type of a message's target", address.type);
    check_utf8("the id of a message's target", address.id);
    written = {address.type.substr(0, slash), address.type.substr(slash + 1), address.id};
  }
  WrittenAddress written;
};

std::size_t address_size(const WrittenAddress& address) {
  return wire::string_size(address.space) + wire::string_size(address.name) + wire::string_size(address.id);
}
void append_address(std::string& out, const WrittenAddress& address) {
  wire::append_string(out, 1, address.space);
  wire::append_string(out, 2, address.name);
  wire::append_string(out, 3, address.id);
}

// FromFunction.Invocation.
void append_outgoing(std::string& out, const WrittenAddress& target, std::string_view type, std::string_view bytes) {
  const std::size_t to = address_size(target);
  const std::size_t value = value_size(type, bytes);
  wire::append_head(out, kOutgoing, wire::field_size(to) + wire::field_size(value));
  wire::append_head(out, 1, to);
  append_address(out, target);
  wire::append_head(out, 2, value);
  append_value(out, type, bytes);
}

}  // namespace

Address WrittenAddress::address() const {
  std::string type;
  type.reserve(space.size() + 1 + name.size());
  type.append(space).append(1, '/').append(name);
  return {std::move(type), std::string(id)};
}

void Batch::read(std::string_view request) {
  target_ = {};
  self_.reset();
  invocations_.clear();
  current_ = 0;
  listed_.clear();
  for (std::size_t i = 0; i < cell_count_; ++i) cells_[i].change = Cell::Change::None;
  cell_count_ = 0;
  spec_ = nullptr;
  sends_.clear();
  delayed_.clear();
  egress_.clear();

  bool is_batch = false;
  for (Reader in(request); in.next();) {
    if (!in.is(kInvocationBatch, Kind::Bytes)) continue;
    is_batch = true;
    read_batch(in.bytes());
  }
  if (!is_batch) throw MalformedRequest("not a ToFunction with an invocation batch, which is the request of StateFun 3's protocol");
  if (target_.space.empty() || target_.name.empty()) throw MalformedRequest("the batch has no target");
  if (invocations_.empty()) throw MalformedRequest("the batch has no invocation");
  type_.assign(target_.space).append(1, '/').append(target_.name);
}

void Batch::read_batch(std::string_view bytes) {
  for (Reader in(bytes); in.next();) {
    if (in.is(1, Kind::Bytes)) {
      read_address(target_, in.bytes());
    } else if (in.is(2, Kind::Bytes)) {
      Listed& state = listed_.emplace_back();
      for (Reader field(in.bytes()); field.next();) {
        if (field.is(1, Kind::Bytes)) {
          state.name = field.text();
        } else if (field.is(2, Kind::Bytes)) {
          read_value(state.value, field.bytes());
        }
      }
    } else if (in.is(3, Kind::Bytes)) {
      Invocation& invocation = invocations_.emplace_back();
      for (Reader field(in.bytes()); field.next();) {
        if (field.is(1, Kind::Bytes)) {
          read_address(invocation.caller, field.bytes());
        } else if (field.is(2, Kind::Bytes)) {
          read_value(invocation.value, field.bytes());
        }
      }
    }
  }
}

bool Batch::declare(const FunctionSpec& spec) {
  spec_ = &spec;
  cell_count_ = spec.states.size();
  if (cells_.size() < cell_count_) cells_.resize(cell_count_);
  bool complete = true;
  for (std::size_t i = 0; i < cell_count_; ++i) {
    Cell& cell = cells_[i];
    cell.spec = &spec.states[i];
    cell.change = Cell::Change::None;
    const auto found = std::find_if(listed_.begin(), listed_.end(), [&](const Listed& state) { return state.name == cell.spec->name; });
    cell.listed = found == listed_.end() ? nullptr : &*found;
    complete = complete && cell.listed != nullptr;
  }
  return complete;
}

void Batch::ask_for_states(std::string& out) const {
  std::string specs;
  for (std::size_t i = 0; i < cell_count_; ++i) {
    if (cells_[i].listed != nullptr) continue;
    const StateSpec& state = *cells_[i].spec;
    std::string spec;
    wire::append_string(spec, 1, state.name);
    if (state.expiration.mode != Expiration::Mode::Never) {
      std::string expiration;
      wire::append_number(expiration, 1, static_cast<std::uint64_t>(state.expiration.mode));
      wire::append_number(expiration, 2, static_cast<std::uint64_t>(state.expiration.after.count()));
      wire::append_bytes(spec, 2, expiration);
    }
    wire::append_string(spec, 3, state.type);
    wire::append_bytes(specs, 1, spec);
  }
  out.clear();
  wire::append_bytes(out, kIncompleteContext, specs);
}

const Address& Batch::self() {
  if (!self_) self_ = target_.address();
  return *self_;
}

Batch::Cell& Batch::cell(std::string_view name, std::string_view type) {
  for (std::size_t i = 0; i < cell_count_; ++i) {
    Cell& cell = cells_[i];
    if (cell.spec->name != name) continue;
    if (cell.spec->type != type)
      throw WrongState("state '" + cell.spec->name + "' of " + type_ + " is declared as " + cell.spec->type + ", not as " + std::string(type));
    return cell;
  }
  std::string declared;
  for (std::size_t i = 0; i < cell_count_; ++i) declared += (i == 0 ? "" : ", ") + cells_[i].spec->name;
  throw WrongState(type_ + " does not declare a state '" + std::string(name) + "'; it declares " + (declared.empty() ? "none" : declared));
}

std::optional<std::string_view> Batch::read_state(std::string_view name, std::string_view type) {
  const Cell& found = cell(name, type);
  switch (found.change) {
    case Cell::Change::Removed:
      return std::nullopt;
    case Cell::Change::Written:
      return found.written;
    case Cell::Change::None:
      break;
  }
  if (!found.listed->value.there) return std::nullopt;
  if (found.listed->value.type != type)
    throw WrongType("state '" + found.spec->name + "' of " + type_ + " holds a " + std::string(found.listed->value.type) + ", not a " +
                    std::string(type));
  return found.listed->value.bytes;
}

std::string& Batch::write_state(std::string_view name, std::string_view type) {
  Cell& found = cell(name, type);
  found.change = Cell::Change::Written;
  return found.written;
}

void Batch::remove_state(std::string_view name, std::string_view type) { cell(name, type).change = Cell::Change::Removed; }

void Batch::send(AddressView target, std::string_view type, std::string_view bytes) {
  append_outgoing(sends_, SplitAddress(target).written, type, bytes);
}

void Batch::send_to_caller(std::string_view type, std::string_view bytes) {
  const WrittenAddress& caller = current().caller;
  if (!caller.is_there()) throw InvalidArgument("a reply to a message that has no caller: it came from an ingress");
  append_outgoing(sends_, caller, type, bytes);
}

void Batch::send_after(std::chrono::milliseconds delay, AddressView target, std::string_view type, std::string_view bytes,
                       std::string_view token) {
  if (delay.count() < 0)
    throw InvalidArgument("a message to " + std::string(target.type) + " is delayed by " + std::to_string(delay.count()) +
                          " ms: expected 0 or more");
  const WrittenAddress to = SplitAddress(target).written;
  check_utf8("a cancellation token", token);
  const auto ms = static_cast<std::uint64_t>(delay.count());
  const std::size_t address = address_size(to);
  const std::size_t value = value_size(type, bytes);
  wire::append_head(delayed_, kDelayed,
                    (ms == 0 ? 0 : 1 + wire::varint_size(ms)) + wire::field_size(address) + wire::field_size(value) + wire::string_size(token));
  if (ms != 0) wire::append_number(delayed_, 1, ms);
  wire::append_head(delayed_, 2, address);
  append_address(delayed_, to);
  wire::append_head(delayed_, 3, value);
  append_value(delayed_, type, bytes);
  wire::append_string(delayed_, 11, token);
}

void Batch::cancel(std::string_view token) {
  check_utf8("a cancellation token", token);
  wire::append_head(delayed_, kDelayed, 2 + wire::string_size(token));
  wire::append_number(delayed_, 10, 1);
  wire::append_string(delayed_, 11, token);
}

void Batch::send_egress(std::string_view egress, std::string_view type, std::string_view bytes) {
  if (!is_type_name(egress)) throw InvalidArgument("a record for egress '" + std::string(egress) + "': expected namespace/name");
  check_utf8("the id of an egress", egress);
  const auto slash = egress.rfind('/');
  const std::string_view space = egress.substr(0, slash);
  const std::string_view name = egress.substr(slash + 1);
  const std::size_t value = value_size(type, bytes);
  wire::append_head(egress_, kEgress, wire::string_size(space) + wire::string_size(name) + wire::field_size(value));
  wire::append_string(egress_, 1, space);
  wire::append_string(egress_, 2, name);
  wire::append_head(egress_, 3, value);
  append_value(egress_, type, bytes);
}

void Batch::finish(std::string& out) const {
  const auto mutation_size = [](const Cell& cell) {
    const std::size_t name = wire::string_size(cell.spec->name);
    return cell.change == Cell::Change::Removed ? name : 2 + name + wire::field_size(value_size(cell.spec->type, cell.written));
  };
  std::size_t size = sends_.size() + delayed_.size() + egress_.size();
  for (std::size_t i = 0; i < cell_count_; ++i)
    if (cells_[i].change != Cell::Change::None) size += wire::field_size(mutation_size(cells_[i]));

  out.clear();
  out.reserve(size + 12);
  wire::append_head(out, kInvocationResult, size);
  for (std::size_t i = 0; i < cell_count_; ++i) {
    const Cell& cell = cells_[i];
    if (cell.change == Cell::Change::None) continue;
    wire::append_head(out, kMutations, mutation_size(cell));
    if (cell.change == Cell::Change::Removed) {
      wire::append_string(out, 2, cell.spec->name);  // Type 0, DELETE, is left out.
      continue;
    }
    wire::append_number(out, 1, 1);  // MODIFY
    wire::append_string(out, 2, cell.spec->name);
    wire::append_head(out, 3, value_size(cell.spec->type, cell.written));
    append_value(out, cell.spec->type, cell.written);
  }
  out.append(sends_).append(delayed_).append(egress_);
}

std::size_t Batch::held_bytes() const {
  std::size_t out = sends_.capacity() + delayed_.capacity() + egress_.capacity() + scratch_.capacity() +
                    invocations_.capacity() * sizeof(Invocation) + listed_.capacity() * sizeof(Listed);
  for (const Cell& cell : cells_) out += sizeof cell + cell.written.capacity();
  return out;
}

}  // namespace holdfast::sdk::detail

// Any bytes as a request, for functions that read and write all they can: never a crash, and an answer that is one.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "holdfast/sdk.h"
#include "wire.h"

namespace sf = holdfast::sdk;

namespace {

constexpr sf::State<std::int32_t> kSeen{"seen"};
constexpr sf::State<std::string> kName{"name"};

void expect(bool what) {
  if (!what) std::abort();
}

// All readings that there are of a message, and what they give written again.
template <typename T>
void read_as(sf::Context& ctx, const sf::Message& message) {
  try {
    const T value = sf::type_of<T>.read(message.raw());
    const sf::TypedValue again = sf::typed(value);
    expect(sf::typed(again.as<T>()) == again);
    ctx.send(ctx.self(), value);
  } catch (const sf::WrongType&) {
  }
}

void use(sf::Context& ctx, const sf::Message& message) {
  read_as<bool>(ctx, message);
  read_as<std::int32_t>(ctx, message);
  read_as<std::int64_t>(ctx, message);
  read_as<float>(ctx, message);
  read_as<double>(ctx, message);
  read_as<std::string>(ctx, message);
  if (const auto caller = ctx.caller()) {
    try {
      ctx.send(*caller, message);
    } catch (const sf::InvalidArgument&) {  // One without a type or an id is no address to send to.
    }
  }
  if (!message.type_name().empty()) ctx.send_egress("a/b", message);
  ctx.storage()[kSeen] += 1;
  if (message.raw().size() % 3 == 0) ctx.storage()[kName].remove();
  else if (const auto name = ctx.storage()[kName].get()) ctx.storage()[kName] = *name + "!";
  ctx.send_after(std::chrono::milliseconds(message.raw().size()), {"a/b", "c"}, "x");
}

sf::Functions functions() {
  sf::Functions out;
  for (const char* type : {"bench/greeter", "a/b", "a/f"}) out.bind({type, {kSeen, kName}, use});
  out.bind({"a/later", {kSeen, kName}, [](sf::Context& ctx, const sf::Message& message, sf::Completion done) {
              use(ctx, message);
              done.complete();
            }});
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const sf::Handler handler(functions());
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto answer = handler.handle(bytes);
  if (answer.status == sf::Answer::Status::Ok) {
    for (sf::detail::wire::Reader in(answer.body); in.next();) {
    }
    expect(answer.body.starts_with("\xa2\x06") || answer.body.starts_with("\xaa\x06"));
  } else {
    expect(!answer.body.empty());
  }
  expect(answer.status != sf::Answer::Status::Failed || answer.error != nullptr);
  expect(handler.handle(bytes).body == answer.body);  // Nothing of a request is left for the next.
  return 0;
}

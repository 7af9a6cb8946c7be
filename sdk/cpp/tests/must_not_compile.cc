// What is wrong before the program runs: with none of the CASEs this compiles, with any it does not, and the compiler's output has the
// text behind it. Run by must_not_compile.py.
#include "holdfast/sdk.h"

namespace sf = holdfast::sdk;
using namespace std::chrono_literals;

struct Basket {};
constexpr sf::State<std::int64_t> kSeen{"seen"};

void good(sf::Context& ctx, const sf::Message& message) {
  ctx.storage()[kSeen] += 1;
  ctx.send({"shop/mailer", "bob"}, message);
}

#if CASE_TypeName  // namespace/name
constexpr sf::TypeName kBad{"greeter"};
#elif CASE_TypeNameOfAType  // namespace/name
constexpr auto kBad = sf::bytes_type("greeter");
#elif CASE_StateName  // begins with no digit
constexpr sf::State<bool> kBad{"my flag"};
#elif CASE_StateOfUnknownType  // HasType
constexpr sf::State<Basket> kBad{"basket"};
#elif CASE_ExpirationOfNoTime  // at least one millisecond
constexpr sf::State<bool> kBad{"flag", sf::expire_after_write(0ms)};
#elif CASE_WrongValueForACell  // operator=
void bad(sf::Context& ctx, const sf::Message&) { ctx.storage()[kSeen] = "text"; }
#elif CASE_WrongValueForAState  // set
void bad(sf::Context& ctx, const sf::Message&) { ctx.storage().set(kSeen, std::string("text")); }
#elif CASE_WrongValueForAType  // with_bytes
void bad(sf::Context& ctx, const sf::Message&) { ctx.send({"a/b", "1"}, sf::types::int64, "text"); }
#elif CASE_SendOfUnknownType  // have no StateFun type
void bad(sf::Context& ctx, const sf::Message&) { ctx.send({"a/b", "1"}, Basket{}); }
#elif CASE_ReplyOfUnknownType  // have no StateFun type
void bad(sf::Context& ctx, const sf::Message&) { ctx.reply(Basket{}); }
#elif CASE_MessageAsUnknownType  // HasType
void bad(sf::Context&, const sf::Message& message) { (void)message.as<Basket>(); }
#elif CASE_SendWithoutAnId  // AddressView
void bad(sf::Context& ctx, const sf::Message&) { ctx.send("a/b", 5); }
#elif CASE_DelayWithoutAUnit  // milliseconds
void bad(sf::Context& ctx, const sf::Message&) { ctx.send_after(5, {"a/b", "1"}, 5); }
#elif CASE_FunctionThatReturns  // a function returns nothing
void bad(sf::Functions& functions) {
  functions.bind({"a/b", [](sf::Context&, const sf::Message&) { return 5; }});
}
#elif CASE_FunctionOfOtherArguments  // FunctionSpec
void bad(sf::Functions& functions) {
  functions.bind({"a/b", [](sf::Context&) {}});
}
#elif CASE_ReplyOfANullPointer  // have no StateFun type
void bad(sf::Context& ctx, const sf::Message&) { ctx.reply(nullptr); }
#elif CASE_FractionForAWholeNumber  // deleted
void bad(sf::Context& ctx, const sf::Message&) { ctx.storage()[kSeen] = 3.7; }
#elif CASE_ContextIsCopied  // deleted
void bad(sf::Context& ctx, const sf::Message&) { auto copy = ctx; }
#endif

// With no framework.
#include <holdfast/sdk/testing.h>

#include <iostream>

#include "functions.h"

namespace sf = holdfast::sdk;

int main() {
  sf::TestContext test(make_functions(), {"example/greeter", "bob"});
  test.storage()[kSeen] = 1;
  test.caller({"example/http", "1"}).call("bob");
  for (const auto& matcher : {sf::replied("Hello bob, 2"), sf::state_is(kSeen, 2), sf::sent_nothing_else()}) {
    if (sf::matches(test, matcher, &std::cerr)) continue;
    std::cerr << "\nexpected: ";
    matcher.DescribeTo(&std::cerr);
    std::cerr << "\ngot: " << test << '\n';
    return 1;
  }
}

// A module for module_test.cc, of which there are two versions.
#include "holdfast/sdk.h"
#include "holdfast/sdk/module.h"

#ifndef MODULE_VERSION
#define MODULE_VERSION 1
#endif

namespace sf = holdfast::sdk;

// As a program has it that does not think of modules: visible to all.
int version() {
  static const int kept = MODULE_VERSION;
  return kept;
}

sf::Functions make_functions() {
  sf::Functions out;
  out.bind({"example/version", [](sf::Context& ctx, const sf::Message&) { ctx.reply(version()); }});
  if (version() == 2) out.bind({"example/second", [](sf::Context&, const sf::Message&) {}, sf::Execution::Blocking});
  return out;
}

HOLDFAST_MODULE(make_functions);

// The files of a new project in C++.
#include "cli/new_function.h"

namespace holdfast::cli {
namespace {

constexpr TemplateFile kFiles[] = {
    {"functions.h", R"~~(#pragma once

#include <holdfast/sdk.h>

// All functions of this project, for the server (main.cc), the module (module.cc) and the tests.
holdfast::sdk::Functions make_functions();
)~~"},
    {"functions.cc", R"~~(#include "functions.h"

#include <string>

namespace sf = holdfast::sdk;

namespace {

// A state: what the function knows of the address it is called for. Kept by Holdfast, with everything the function sends.
constexpr sf::State<std::int32_t> kSeen{"seen"};

void greet(sf::Context& ctx, const sf::Message& message) {
  const auto name = message.as<std::string>();
  const auto seen = ctx.storage()[kSeen] += 1;
  if (ctx.caller()) ctx.reply("Hello " + name + ", seen " + std::to_string(seen) + " times");
}

}  // namespace

sf::Functions make_functions() {
  sf::Functions functions;
  functions.bind({"@TYPE@", {kSeen}, greet});
  return functions;
}
)~~"},
    {"functions_test.cc", R"~~(// The function without any runtime: see holdfast/sdk/testing.h for all that can be said about a call.
#include "functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <holdfast/sdk/testing.h>

namespace sf = holdfast::sdk;

namespace {

constexpr sf::State<std::int32_t> kSeen{"seen"};

TEST(Function, GreetsAndCounts) {
  sf::TestContext test(make_functions(), {"@TYPE@", "bob"});
  test.caller({"example/asker", "a"});
  test.call("Bob");
  EXPECT_THAT(test, sf::replied("Hello Bob, seen 1 times"));
  test.call("Bob");
  EXPECT_THAT(test, sf::replied("Hello Bob, seen 2 times"));
  EXPECT_EQ(test.storage()[kSeen].value(), 2);
}

TEST(Function, CountsOnFromItsState) {
  sf::TestContext test(make_functions(), {"@TYPE@", "bob"});
  test.storage()[kSeen] = 41;
  test.call("Bob");
  EXPECT_EQ(test.storage()[kSeen].value(), 42);
  EXPECT_THAT(test, sf::sent_nothing());  // Nobody asked.
}

TEST(Function, RefusesWhatIsNoText) {
  sf::TestContext test(make_functions(), {"@TYPE@", "bob"});
  EXPECT_THROW(test.call(true), sf::WrongType);
}

}  // namespace
)~~"},
    {"main.cc", R"~~(// @NAME@_server [port]: the functions behind HTTP, for Holdfast or Flink StateFun.
#include <holdfast/sdk/server.h>

#include <cstdlib>

#include "functions.h"

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8000;
  return holdfast::sdk::serve(make_functions(), {.port = static_cast<std::uint16_t>(port)});
}
)~~"},
    {"module.cc", R"~~(// The same functions as a module that Holdfast loads into its process.
#include <holdfast/sdk/module.h>

#include "functions.h"

HOLDFAST_MODULE(make_functions)
)~~"},
    {"CMakeLists.txt", R"~~(cmake_minimum_required(VERSION 3.25)
project(@NAME@ LANGUAGES C CXX)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# The C++ SDK: the installed one, or that of Holdfast's sources, here or from a repository.
set(HOLDFAST_SOURCE "" CACHE PATH "Holdfast's sources, if the SDK is not installed")
set(HOLDFAST_REPOSITORY "" CACHE STRING "or the git repository to fetch them from")
set(HOLDFAST_TAG "main" CACHE STRING "and the branch, tag or commit")
if(HOLDFAST_SOURCE)
  add_subdirectory(${HOLDFAST_SOURCE}/sdk/cpp holdfast-sdk EXCLUDE_FROM_ALL)
elseif(HOLDFAST_REPOSITORY)
  include(FetchContent)
  FetchContent_Declare(holdfast-sdk GIT_REPOSITORY ${HOLDFAST_REPOSITORY} GIT_TAG ${HOLDFAST_TAG} SOURCE_SUBDIR sdk/cpp)
  FetchContent_MakeAvailable(holdfast-sdk)
else()
  find_package(holdfast-sdk QUIET COMPONENTS server)
  if(NOT holdfast-sdk_FOUND)
    message(FATAL_ERROR "Holdfast's C++ SDK, with its server, is not installed: say -DHOLDFAST_SOURCE=DIR, -DHOLDFAST_REPOSITORY=URL, or -DCMAKE_PREFIX_PATH=DIR if it "
                        "is installed where CMake does not look; see README.md")
  endif()
endif()

add_library(@NAME@_functions STATIC functions.cc)
target_link_libraries(@NAME@_functions PUBLIC holdfast::sdk)
set_target_properties(@NAME@_functions PROPERTIES POSITION_INDEPENDENT_CODE ON)

add_executable(@NAME@_server main.cc)
target_link_libraries(@NAME@_server PRIVATE @NAME@_functions holdfast::sdk_server)

holdfast_add_module(@NAME@_module module.cc)
target_link_libraries(@NAME@_module PRIVATE @NAME@_functions)

find_package(GTest)
if(GTest_FOUND)
  enable_testing()
  add_executable(@NAME@_test functions_test.cc)
  target_link_libraries(@NAME@_test PRIVATE @NAME@_functions GTest::gmock GTest::gtest_main)
  add_test(NAME @NAME@_test COMMAND @NAME@_test)
endif()
)~~"},
    {"module.yaml", R"~~(# The functions behind HTTP: start build/@NAME@_server first.
kind: io.statefun.endpoints.v2/http
spec:
  functions: @TYPE@
  urlPathTemplate: ${FUNCTIONS_URL:-http://127.0.0.1:8000}
)~~"},
    {"native.yaml", R"~~(# The same functions inside Holdfast: no server, and a call takes a microsecond.
kind: holdfast.endpoints.v1/native
spec:
  functions: @TYPE@
  module: build/@NAME@_module.so
)~~"},
    {".gitignore", "build/\ndata/\n"},
    {"README.md", R"~~(# @NAME@

One stateful function, `@TYPE@`, in C++: [functions.cc](functions.cc). It greets, and counts in its state how often.

Needed: a C++20 compiler, CMake 3.25, Holdfast, and its C++ SDK; for the tests GoogleTest (in Debian: `g++ cmake libgtest-dev libgmock-dev`, and for the
server `libboost1.81-dev libssl-dev zlib1g-dev libexpected-dev`).

Build and test:

```sh
cmake -S . -B build        # the SDK is installed; if not:
                           #   -DHOLDFAST_SOURCE=DIR        a clone of Holdfast, or
                           #   -DHOLDFAST_REPOSITORY=URL    a repository to fetch it from
cmake --build build
ctest --test-dir build --output-on-failure
```

Run, the function as a server, in two terminals:

```sh
build/@NAME@_server                                  # listening on http://127.0.0.1:8000
holdfast up module.yaml --data ./data
```

or inside Holdfast, in one:

```sh
holdfast up native.yaml --data ./data
```

and ask it:

```sh
holdfast call @TYPE@/bob Bob         # Hello Bob, seen 1 times
holdfast call @TYPE@/bob Bob         # Hello Bob, seen 2 times
holdfast state get @TYPE@/bob        # seen  2  int
```

Stop Holdfast with `kill -9`, start it again: it goes on counting. `holdfast reload` takes a newly built module while Holdfast runs.
)~~"},
};

}  // namespace

std::span<const TemplateFile> cpp_template() { return kFiles; }

}  // namespace holdfast::cli

# The tests of src/ in one program, sdk_test.
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)
if(PROJECT_IS_TOP_LEVEL)
  enable_testing()
endif()

# As cmake/modules.cmake of Holdfast registers them; alone, ctest runs them.
function(_sdk_test target)
  if(COMMAND holdfast_test)
    holdfast_test(${target})
  else()
    add_test(NAME ${target} COMMAND ${target} --gtest_brief=1)
  endif()
endfunction()

file(GLOB tests CONFIGURE_DEPENDS src/*_test.cc)
add_executable(sdk_test ${tests})
target_include_directories(sdk_test PRIVATE src tests)
target_link_libraries(sdk_test PRIVATE holdfast_sdk GTest::gmock GTest::gtest GTest::gtest_main Threads::Threads)
target_compile_options(sdk_test PRIVATE -Wall -Wextra -Wpedantic)
# A module is loaded, and so is a copy of it with other functions.
holdfast_add_module(sdk_test_module tests/module.cc)
holdfast_add_module(sdk_test_module_2 tests/module.cc)
target_compile_definitions(sdk_test_module_2 PRIVATE MODULE_VERSION=2)
target_compile_definitions(sdk_test PRIVATE SDK_VERSION="${PROJECT_VERSION}" MODULE="$<TARGET_FILE:sdk_test_module>"
                                            MODULE_2="$<TARGET_FILE:sdk_test_module_2>")
add_dependencies(sdk_test sdk_test_module sdk_test_module_2)
target_link_libraries(sdk_test PRIVATE ${CMAKE_DL_LIBS})
_sdk_test(sdk_test)

# What must not compile does not. Once, without the sanitizers, which change nothing about it.
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang" AND NOT HOLDFAST_SANITIZE)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_test(NAME sdk_must_not_compile
           COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/tests/must_not_compile.py
                   ${CMAKE_CURRENT_SOURCE_DIR}/tests/must_not_compile.cc ${CMAKE_CXX_COMPILER} -std=c++20
                   -I${CMAKE_CURRENT_SOURCE_DIR}/include)
endif()

# Coroutines need a sound compiler, which the one of this build may not be: they are tested with clang and ASan, whatever the rest is
# built with. Once, as that does not depend on the build.
find_program(SDK_CLANG NAMES clang++-16 clang++-17 clang++-18 clang++-19)
if(SDK_CLANG AND NOT HOLDFAST_SANITIZE)
  set(coroutine_sources ${CMAKE_CURRENT_SOURCE_DIR}/tests/coroutine_test.cc)
  foreach(source IN LISTS sources)
    get_filename_component(source ${source} ABSOLUTE)
    list(APPEND coroutine_sources ${source})
  endforeach()
  file(GLOB headers CONFIGURE_DEPENDS include/holdfast/*.h include/holdfast/sdk/*.h src/*.h)
  add_custom_command(
    OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/sdk_coroutine_test
    COMMAND ${SDK_CLANG} -std=c++20 -O1 -g1 -Wall -Wextra -Wpedantic -fsanitize=address,undefined -fno-sanitize-recover=all
            -I${CMAKE_CURRENT_SOURCE_DIR}/include -I${CMAKE_CURRENT_SOURCE_DIR}/src ${coroutine_sources} -lgmock -lgtest -lgtest_main
            -pthread -o ${CMAKE_CURRENT_BINARY_DIR}/sdk_coroutine_test
    DEPENDS ${coroutine_sources} ${headers}
    COMMENT "Building sdk_coroutine_test with ${SDK_CLANG}"
    VERBATIM)
  add_custom_target(sdk_coroutine_test_program ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/sdk_coroutine_test)
  add_test(NAME sdk_coroutine_test COMMAND ${CMAKE_CURRENT_BINARY_DIR}/sdk_coroutine_test --gtest_brief=1)
elseif(NOT SDK_CLANG)
  message(STATUS "no clang++: holdfast/sdk/coroutine.h is not tested")
endif()

# What is recorded of real peers, and libprotobuf with the protocol's own definitions: they are beside the SDK, in Holdfast's tree.
get_filename_component(tree ${CMAKE_CURRENT_SOURCE_DIR}/../.. ABSOLUTE)
if(EXISTS ${tree}/proto/statefun/request_reply.proto)
  target_sources(sdk_test PRIVATE tests/recorded_test.cc)
  target_compile_definitions(sdk_test PRIVATE RECORDED="${tree}/tests/wire/recorded/statefun-3.3.0-javascript.txt")
  find_package(Protobuf REQUIRED)
  set(generated "")
  foreach(name request_reply types kafka_egress)
    add_custom_command(
      OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.pb.cc ${CMAKE_CURRENT_BINARY_DIR}/${name}.pb.h
      COMMAND protobuf::protoc --cpp_out=${CMAKE_CURRENT_BINARY_DIR} -I ${tree}/proto/statefun ${tree}/proto/statefun/${name}.proto
      DEPENDS ${tree}/proto/statefun/${name}.proto)
    list(APPEND generated ${CMAKE_CURRENT_BINARY_DIR}/${name}.pb.cc)
  endforeach()
  add_executable(sdk_oracle_test tests/oracle_test.cc ${generated})
  target_include_directories(sdk_oracle_test PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(sdk_oracle_test PRIVATE holdfast_sdk protobuf::libprotobuf GTest::gmock GTest::gtest GTest::gtest_main)
  _sdk_test(sdk_oracle_test)
endif()

# holdfast_example(name sources…): one set of functions, built in the three ways there are.
#
#   <name>_server   with main.cc: a server, called by Holdfast or by Flink StateFun
#   <name>          with module.cc: <name>.so, loaded by Holdfast
#   <name>_test     with functions_test.cc: unit tests without any runtime, where GoogleTest is there
#
# Each example builds in Holdfast's build, or by itself (cmake -S examples/bank -B build).
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
if(NOT TARGET holdfast::sdk)
  find_package(holdfast-sdk QUIET COMPONENTS server)
  if(NOT holdfast-sdk_FOUND)
    add_subdirectory(${CMAKE_CURRENT_LIST_DIR}/../sdk/cpp ${CMAKE_BINARY_DIR}/sdk)
  endif()
endif()
find_package(nlohmann_json 3.9 REQUIRED)
find_package(GTest QUIET)

function(holdfast_example name)
  add_library(${name}_functions STATIC ${ARGN})
  target_link_libraries(${name}_functions PUBLIC holdfast::sdk nlohmann_json::nlohmann_json)
  # They go into the module, too.
  set_target_properties(${name}_functions PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${name}_functions PRIVATE -Wall -Wextra -Wpedantic -Wno-missing-field-initializers)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${name}_functions PRIVATE -fno-gnu-unique)
  endif()

  add_executable(${name}_server main.cc)
  target_link_libraries(${name}_server PRIVATE ${name}_functions holdfast::sdk_server)
  holdfast_add_module(${name} module.cc)
  target_link_libraries(${name} PRIVATE ${name}_functions)
  set_property(GLOBAL APPEND PROPERTY HOLDFAST_EXAMPLES ${name}_server ${name})

  if(GTest_FOUND AND (HOLDFAST_TESTS OR NOT DEFINED HOLDFAST_TESTS))
    add_executable(${name}_test functions_test.cc)
    target_link_libraries(${name}_test PRIVATE ${name}_functions GTest::gmock GTest::gtest_main)
    if(COMMAND holdfast_test)
      holdfast_test(${name}_test)
    else()
      enable_testing()
      add_test(NAME ${name}_test COMMAND ${name}_test)
    endif()
  endif()
endfunction()

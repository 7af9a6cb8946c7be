# holdfast_example(name sources…): one set of functions, built in the three ways there are.
#
#   <name>_server   main.cc and the sources: a server, called by Holdfast or by Flink StateFun
#   <name>          module.cc and the sources: <name>.so, loaded by Holdfast
#   <name>_test     functions_test.cc and the sources: unit tests without any runtime, where GoogleTest is there
#
# Each example builds in Holdfast's build, or by itself (cmake -S examples/bank -B build).
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
if(NOT TARGET holdfast::sdk)
  find_package(holdfast-sdk QUIET)
  if(NOT holdfast-sdk_FOUND)
    add_subdirectory(${CMAKE_CURRENT_LIST_DIR}/../sdk/cpp ${CMAKE_BINARY_DIR}/sdk)
  endif()
endif()
find_package(nlohmann_json 3.9 REQUIRED)
find_package(GTest QUIET)

function(holdfast_example name)
  add_executable(${name}_server main.cc ${ARGN})
  target_link_libraries(${name}_server PRIVATE holdfast::sdk_server nlohmann_json::nlohmann_json)
  holdfast_add_module(${name} module.cc ${ARGN})
  target_link_libraries(${name} PRIVATE nlohmann_json::nlohmann_json)
  foreach(target ${name}_server ${name})
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wno-missing-field-initializers)
  endforeach()
  set_property(GLOBAL APPEND PROPERTY HOLDFAST_EXAMPLES ${name}_server ${name})

  if(GTest_FOUND AND (HOLDFAST_TESTS OR NOT DEFINED HOLDFAST_TESTS))
    add_executable(${name}_test functions_test.cc ${ARGN})
    target_link_libraries(${name}_test PRIVATE holdfast::sdk nlohmann_json::nlohmann_json GTest::gmock GTest::gtest_main)
    if(COMMAND holdfast_test)
      holdfast_test(${name}_test)
    else()
      enable_testing()
      add_test(NAME ${name}_test COMMAND ${name}_test)
    endif()
  endif()
endfunction()

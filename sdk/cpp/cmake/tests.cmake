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
target_include_directories(sdk_test PRIVATE src)
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

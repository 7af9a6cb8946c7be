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
_sdk_test(sdk_test)

# holdfast_add_module(name source…): a shared library of functions that Holdfast loads, <name>.so. One of the sources has
# HOLDFAST_MODULE(…); see holdfast/sdk/module.h.
#
# It shows nothing but its entry: Holdfast may load another version of it, or other modules, into the same process, and none
# may take the functions or the variables of another.
set(HOLDFAST_MODULE_MAP ${CMAKE_CURRENT_LIST_DIR}/holdfast_module.map CACHE INTERNAL "symbols that a module shows")

function(holdfast_add_module name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE holdfast::sdk)
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".so" CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden
                                           VISIBILITY_INLINES_HIDDEN ON LINK_DEPENDS ${HOLDFAST_MODULE_MAP})
  target_link_options(${name} PRIVATE LINKER:--version-script=${HOLDFAST_MODULE_MAP})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
  endif()
endfunction()

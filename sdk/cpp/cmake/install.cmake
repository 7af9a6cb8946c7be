# cmake --install: headers, libraries and the package that find_package(holdfast-sdk) finds.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/holdfast-sdk)
install(DIRECTORY include/holdfast DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS holdfast_sdk EXPORT holdfast-sdk-targets)
install(EXPORT holdfast-sdk-targets NAMESPACE holdfast:: DESTINATION ${package_dir})
if(TARGET holdfast_sdk_server)
  # A set of its own: its users need more.
  install(TARGETS holdfast_sdk_server EXPORT holdfast-sdk-server-targets)
  install(EXPORT holdfast-sdk-server-targets NAMESPACE holdfast:: DESTINATION ${package_dir})
endif()
configure_package_config_file(cmake/holdfast-sdk-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/holdfast-sdk-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/holdfast-sdk-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/holdfast-sdk-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/holdfast-sdk-config-version.cmake
              cmake/holdfast_add_module.cmake cmake/holdfast_module.map
        DESTINATION ${package_dir})

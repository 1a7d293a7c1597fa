# make install: headers, both libraries, the engine's archive for static linking, pkg-config, a
# CMake package, the program and its manual.

include(CMakePackageConfigHelpers)

install(TARGETS berth_static berth_shared
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/berth DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(DIRECTORY guest/ DESTINATION ${CMAKE_INSTALL_DATADIR}/berth/guest
    FILES_MATCHING PATTERN "*.h")
if(TARGET berth_program)
    install(TARGETS berth_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(TARGETS berth_trial RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR})
file(GLOB manuals CONFIGURE_DEPENDS man/*.1)
if(manuals)
    install(FILES ${manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

set(BERTH_ENGINE_LINK "")
if(BERTH_ENGINE_WASMTIME)
    get_target_property(engine_archive berth_wasmtime IMPORTED_LOCATION)
    install(FILES ${engine_archive} DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RENAME libberth_wasmtime.a)
    set(BERTH_ENGINE_LINK "-lberth_wasmtime ")
endif()

# The package finds itself from where its file lies, so that it may be moved.
file(RELATIVE_PATH BERTH_PC_PREFIX /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
string(REGEX REPLACE "/$" "" BERTH_PC_PREFIX "${BERTH_PC_PREFIX}")
configure_file(packaging/berth.pc.in berth.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/berth.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(packaging/berthConfig.cmake.in berthConfig.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/berth
    PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(berthConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/berthConfig.cmake ${CMAKE_BINARY_DIR}/berthConfigVersion.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/berth)

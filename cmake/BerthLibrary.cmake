# libberth: one set of objects, archived and linked.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
# For the program and the tests; the library reads JSON itself (docs/design/0003-json.md).
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.12)
if(BERTH_SANITIZE MATCHES memory)
    target_compile_options(PkgConfig::JANSSON INTERFACE
        -include ${CMAKE_SOURCE_DIR}/tests/support/msan_jansson.h)
endif()
pkg_check_modules(LIBCRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.85)
# Without it nothing listens for HTTP, and what would says so (src/listen/absent.c).
pkg_check_modules(MICROHTTPD IMPORTED_TARGET libmicrohttpd>=0.9.71)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium>=1.0.18)

file(GLOB_RECURSE library_sources CONFIGURE_DEPENDS src/*.c)
file(GLOB_RECURSE wasmtime_sources CONFIGURE_DEPENDS src/wasm/wasmtime/*.c)
if(NOT BERTH_ENGINE_WASMTIME)
    list(REMOVE_ITEM library_sources ${wasmtime_sources})
endif()
if(MICROHTTPD_FOUND)
    list(REMOVE_ITEM library_sources ${CMAKE_SOURCE_DIR}/src/listen/absent.c)
else()
    list(REMOVE_ITEM library_sources ${CMAKE_SOURCE_DIR}/src/listen/daemon.c)
endif()
file(GLOB public_headers CONFIGURE_DEPENDS include/berth/*.h)

set(BERTH_LIBRARIES PkgConfig::LIBCRYPTO PkgConfig::CURL PkgConfig::SODIUM Threads::Threads m)
set(BERTH_LISTEN_LINK "")
if(MICROHTTPD_FOUND)
    list(APPEND BERTH_LIBRARIES PkgConfig::MICROHTTPD)
    set(BERTH_LISTEN_LINK "-lmicrohttpd ")
endif()
if(BERTH_ENGINE_WASMTIME)
    list(APPEND BERTH_LIBRARIES berth_wasmtime)
endif()

# What the generator of tables is made of, and what is compiled with its tables.
set(lower_sources ${library_sources})
list(FILTER lower_sources INCLUDE REGEX
    "/src/(base|os|sync|metrics|wasm|contract|component|bindgen)/")
list(REMOVE_ITEM library_sources ${lower_sources})
add_library(berth_lower_objects OBJECT ${lower_sources})
include(BerthTables)
add_library(berth_objects OBJECT ${library_sources} ${table_sources})
set_source_files_properties(src/registry/native_guest.c PROPERTIES COMPILE_DEFINITIONS
    BERTH_TRIAL_PROGRAM="${CMAKE_INSTALL_FULL_LIBEXECDIR}/berth-trial")

# A frame pointer is four instructions and a register of each call; these two are in every one.
if(CMAKE_BUILD_TYPE STREQUAL Release)
    set_source_files_properties(src/registry/call.c src/registry/typed.c src/wasm/wasmtime/wt_store.c
        PROPERTIES COMPILE_OPTIONS -fomit-frame-pointer)
    # Interpreters: a register more, and operations that end alike each with an end of their own.
    set(interpreters src/component/plan/plan_lower.c src/component/plan/plan_lift.c)
    set_source_files_properties(${interpreters} PROPERTIES COMPILE_OPTIONS
        "-fomit-frame-pointer;$<$<C_COMPILER_ID:GNU>:-fno-crossjumping>")
endif()
if(wasmtime_sources AND BERTH_ENGINE_WASMTIME)
    set(BERTH_HAVE_WASMTIME ON)
endif()
foreach(objects berth_lower_objects berth_objects)
    set_target_properties(${objects} PROPERTIES
        POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
    target_compile_options(${objects} PRIVATE -ffunction-sections -fdata-sections)
    target_include_directories(${objects} PRIVATE src PUBLIC include)
    target_compile_definitions(${objects} PRIVATE ${BERTH_DEFINITIONS}
        $<$<BOOL:${BERTH_HAVE_WASMTIME}>:BERTH_HAVE_WASMTIME=1>)
    target_link_libraries(${objects} PRIVATE berth_build_flags ${BERTH_LIBRARIES})
endforeach()
target_include_directories(berth_objects PRIVATE ${BERTH_TABLES})
set(all_objects $<TARGET_OBJECTS:berth_lower_objects> $<TARGET_OBJECTS:berth_objects>)

add_library(berth_static STATIC ${all_objects})
set_target_properties(berth_static PROPERTIES OUTPUT_NAME berth)
target_include_directories(berth_static PUBLIC include)
target_link_libraries(berth_static PUBLIC ${BERTH_LIBRARIES})

# The export map is written from the public headers, so that it cannot lag behind them;
# tools/check_symbols.py compares what came out.
set(export_map ${CMAKE_BINARY_DIR}/berth.map)
add_custom_command(OUTPUT ${export_map}
    COMMAND ${CMAKE_COMMAND} -DHEADERS=${CMAKE_SOURCE_DIR}/include/berth -DMAP=${export_map}
        -DSOVERSION=${PROJECT_VERSION_MAJOR} -P ${CMAKE_SOURCE_DIR}/cmake/export_map.cmake
    DEPENDS ${public_headers} ${CMAKE_SOURCE_DIR}/cmake/export_map.cmake
    COMMENT "Writing the export map" VERBATIM)
add_custom_target(berth_export_map DEPENDS ${export_map})

add_library(berth_shared SHARED ${all_objects})
add_dependencies(berth_shared berth_export_map)
set_target_properties(berth_shared PROPERTIES
    OUTPUT_NAME berth VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS ${export_map})
target_include_directories(berth_shared PUBLIC include)
target_link_libraries(berth_shared PRIVATE berth_build_flags ${BERTH_LIBRARIES})
target_link_options(berth_shared PRIVATE
    -Wl,--version-script=${export_map} -Wl,--exclude-libs,ALL
    # A look-up that nobody wants any more ends when the C library lets it (os/resolve.h), in our code.
    -Wl,-z,nodelete)
if(NOT BERTH_SANITIZE)
    target_link_options(berth_shared PRIVATE -Wl,-z,defs)
endif()

# For tests of the parts: the same archive, with the internal headers in sight.
add_library(berth_internal INTERFACE)
target_include_directories(berth_internal INTERFACE src ${BERTH_TABLES})
target_compile_definitions(berth_internal INTERFACE ${BERTH_DEFINITIONS}
    $<$<BOOL:${BERTH_HAVE_WASMTIME}>:BERTH_HAVE_WASMTIME=1>)
target_link_libraries(berth_internal INTERFACE berth_static)

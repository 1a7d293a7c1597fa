# The Wasmtime C API as target berth_wasmtime, or nothing with BERTH_ENGINE_WASMTIME=OFF.

if(NOT BERTH_ENGINE_WASMTIME)
    return()
endif()

set(root "${BERTH_WASMTIME_ROOT}")
if(NOT root)
    # Standard error goes to the terminal: the first time this takes minutes and says so.
    execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/engine.sh
        OUTPUT_VARIABLE root RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "The Wasmtime engine is neither there nor could it be built.\n"
            "Do one of these:\n"
            "  tools/setup.sh                   installs cargo 1.95 or newer; then configure again\n"
            "  -DBERTH_WASMTIME_ROOT=DIR        uses a prebuilt Wasmtime 48 C API\n"
            "  -DBERTH_ENGINE_WASMTIME=OFF      builds everything else, with the interpreter alone")
    endif()
endif()

foreach(file include/wasmtime.h lib/libwasmtime.a)
    if(NOT EXISTS ${root}/${file})
        message(FATAL_ERROR "BERTH_WASMTIME_ROOT: ${root} has no ${file}; "
            "give the folder of an unpacked Wasmtime 48 C API")
    endif()
endforeach()
file(STRINGS ${root}/include/wasmtime.h version REGEX "#define WASMTIME_VERSION_MAJOR")
if(NOT version MATCHES "WASMTIME_VERSION_MAJOR 48")
    message(FATAL_ERROR "BERTH_WASMTIME_ROOT: ${root} is not Wasmtime 48 (${version})")
endif()
message(STATUS "Engine: ${root}")

add_library(berth_wasmtime STATIC IMPORTED GLOBAL)
set_target_properties(berth_wasmtime PROPERTIES
    IMPORTED_LOCATION ${root}/lib/libwasmtime.a
    INTERFACE_INCLUDE_DIRECTORIES ${root}/include
    INTERFACE_LINK_LIBRARIES "pthread;dl;m")

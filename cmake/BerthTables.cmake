# Tables of functions that the library offers, in C, made of the WIT in wit/wasi and wit/torvyn before the rest of the library
# is compiled: `berth bindgen host` over the layers below it.

set(BERTH_TABLES ${CMAKE_BINARY_DIR}/tables)
set(wasi_wit ${CMAKE_SOURCE_DIR}/wit/wasi)
set(wasi_packages)
foreach(package io clocks random cli filesystem sockets http host) # the last one has the world
    list(APPEND wasi_packages ${wasi_wit}/${package}.wit)
endforeach()

add_executable(berth_make_tables ${CMAKE_SOURCE_DIR}/tools/make_tables.c
    $<TARGET_OBJECTS:berth_lower_objects>)
target_include_directories(berth_make_tables PRIVATE include)
target_compile_definitions(berth_make_tables PRIVATE ${BERTH_DEFINITIONS})
target_link_libraries(berth_make_tables PRIVATE berth_build_flags ${BERTH_LIBRARIES})

set(table_sources ${BERTH_TABLES}/berthi_wasi_host.c)
add_custom_command(
    OUTPUT ${BERTH_TABLES}/berthi_wasi_host.c ${BERTH_TABLES}/berthi_wasi_host.h ${BERTH_TABLES}/berthi_wasi_types.h
    COMMAND ${BERTH_TEST_LAUNCHER} $<TARGET_FILE:berth_make_tables> ${BERTH_TABLES} berthi_wasi
        ${wasi_packages}
    DEPENDS berth_make_tables ${wasi_packages}
    COMMENT "Tables of WASI 0.2" VERBATIM)

set(flow_wit)
foreach(package streaming filtering aggregation capabilities host) # the last one has the world
    list(APPEND flow_wit ${CMAKE_SOURCE_DIR}/wit/torvyn/${package}.wit)
endforeach()
list(APPEND table_sources ${BERTH_TABLES}/berthi_torvyn_host.c)
add_custom_command(
    OUTPUT ${BERTH_TABLES}/berthi_torvyn_host.c ${BERTH_TABLES}/berthi_torvyn_host.h
        ${BERTH_TABLES}/berthi_torvyn_types.h
    COMMAND ${BERTH_TEST_LAUNCHER} $<TARGET_FILE:berth_make_tables> ${BERTH_TABLES} berthi_torvyn
        ${flow_wit}
    DEPENDS berth_make_tables ${flow_wit}
    COMMENT "Tables of stages" VERBATIM)

# Of stages that take batches only the structs are wanted: they import nothing.
set(batch_wit ${CMAKE_SOURCE_DIR}/wit/berth-flow/flow.wit ${CMAKE_SOURCE_DIR}/wit/berth-flow/host.wit)
add_custom_command(
    OUTPUT ${BERTH_TABLES}/berthi_batch_types.h
    COMMAND ${BERTH_TEST_LAUNCHER} $<TARGET_FILE:berth_make_tables> ${BERTH_TABLES} berthi_batch
        ${batch_wit}
    DEPENDS berth_make_tables ${batch_wit}
    COMMENT "Tables of batches" VERBATIM)
list(APPEND table_sources ${BERTH_TABLES}/berthi_batch_types.h)
file(MAKE_DIRECTORY ${BERTH_TABLES})
add_custom_target(berth_tables DEPENDS ${table_sources})

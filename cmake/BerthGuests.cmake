# Guests: WebAssembly modules made from text (wat2wasm) or C (clang and wasm-ld).
#
# A guest says in comments which custom sections it carries, one a line, because neither tool has
# a form for them that all supported versions understand:
#     ;;@section NAME {"json": "inline"}        in .wat
#     //@section NAME @file-beside-the-source   in .c

find_program(BERTH_WAT2WASM wat2wasm)
find_program(BERTH_WASM_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
find_program(BERTH_WASM_LD NAMES wasm-ld wasm-ld-19 wasm-ld-18 wasm-ld-17 wasm-ld-16 wasm-ld-15 wasm-ld-14)

# berth_guest(SOURCE OUTPUT): a rule that makes OUTPUT (.wasm) from SOURCE (.wat or .c).
function(berth_guest source output)
    get_filename_component(extension ${source} LAST_EXT)
    get_filename_component(folder ${output} DIRECTORY)
    get_filename_component(source_folder ${source} DIRECTORY)
    set(section_tool ${CMAKE_SOURCE_DIR}/tools/wasm_section.py)
    file(MAKE_DIRECTORY ${folder})
    if(extension STREQUAL ".wat")
        if(NOT BERTH_WAT2WASM)
            message(FATAL_ERROR "wat2wasm is missing; run tools/setup.sh (package wabt)")
        endif()
        set(command ${BERTH_WAT2WASM} --no-check --debug-names --enable-memory64
            --enable-tail-call ${source} -o ${output}.raw)
    else()
        if(NOT BERTH_WASM_CLANG OR NOT BERTH_WASM_LD)
            message(FATAL_ERROR "clang and wasm-ld are missing; run tools/setup.sh (clang, lld)")
        endif()
        # Linked by wasm-ld itself: clang would run wasm-opt where that happens to be installed,
        # and it drops the names that a trap's backtrace shows.
        set(command ${BERTH_WASM_CLANG} --target=wasm32 -std=c17 -O2 -Wall -Wextra -Werror
            -ffreestanding -I ${source_folder} -I ${CMAKE_SOURCE_DIR}/guest
            -c ${source} -o ${output}.o
            COMMAND ${BERTH_WASM_LD} --no-entry --export-dynamic -z stack-size=65536
            ${output}.o -o ${output}.raw
            COMMAND ${CMAKE_COMMAND} -E rm ${output}.o)
    endif()
    file(GLOB beside CONFIGURE_DEPENDS ${source_folder}/*.h ${source_folder}/*.json
        ${CMAKE_SOURCE_DIR}/guest/*.h)
    add_custom_command(OUTPUT ${output}
        COMMAND ${command}
        COMMAND ${Python3_EXECUTABLE} ${section_tool} ${source} ${output}.raw ${output}
        COMMAND ${CMAKE_COMMAND} -E rm ${output}.raw
        DEPENDS ${source} ${beside} ${section_tool}
        COMMENT "Guest ${output}" VERBATIM)
endfunction()

# berth_component(SOURCE WIT WORLD OUTPUT): a rule that makes a component from a plugin in C that uses
# guest/berth_hook.h, by the program that this build makes.
function(berth_component source wit world output)
    get_filename_component(folder ${output} DIRECTORY)
    get_filename_component(source_folder ${source} DIRECTORY)
    file(MAKE_DIRECTORY ${folder})
    file(GLOB beside CONFIGURE_DEPENDS ${source_folder}/*.h ${CMAKE_SOURCE_DIR}/guest/*.h)
    add_custom_command(OUTPUT ${output}
        COMMAND ${BERTH_WASM_CLANG} --target=wasm32 -std=c17 -O2 -Wall -Wextra -Werror
            -ffreestanding -DBERTH_HOOK_COMPONENT -I ${source_folder}
            -I ${CMAKE_SOURCE_DIR}/guest -c ${source} -o ${output}.o
        COMMAND ${BERTH_WASM_LD} --no-entry --export-dynamic -z stack-size=65536 ${output}.o
            -o ${output}.core
        COMMAND berth_program wrap ${output}.core --wit ${wit} --world ${world} -o ${output}
        COMMAND ${CMAKE_COMMAND} -E rm ${output}.o ${output}.core
        DEPENDS ${source} ${wit} ${beside} berth_program
        COMMENT "Component ${output}" VERBATIM)
endfunction()

# berth_bindings(SIDE WIT WORLD FOLDER): a rule that makes FOLDER/WORLD_types.h and what else the side
# (host, guest, native or plugin, which is these two) has, by the program that this build makes.
function(berth_bindings side wit world folder)
    set(files ${folder}/${world}_types.h)
    set(more)
    if(side STREQUAL plugin)
        set(more COMMAND berth_program bindgen native ${wit} --world ${world} --out ${folder})
        list(APPEND files ${folder}/${world}_native.c)
        set(side guest)
    endif()
    if(side STREQUAL host)
        list(APPEND files ${folder}/${world}_host.h ${folder}/${world}_host.c)
    elseif(side STREQUAL native)
        list(APPEND files ${folder}/${world}_plugin.h ${folder}/${world}_native.c)
    else()
        list(APPEND files ${folder}/${world}_plugin.h ${folder}/${world}_guest.c)
    endif()
    add_custom_command(OUTPUT ${files}
        COMMAND berth_program bindgen ${side} ${wit} --world ${world} --out ${folder}
        ${more}
        DEPENDS ${wit} berth_program
        COMMENT "Bindings ${folder}/${world}" VERBATIM)
endfunction()

# berth_native_plugin(SOURCE WIT WORLD OUTPUT [FLAGS...]): a rule that makes a shared object from the same
# plugin.
function(berth_native_plugin source wit world output)
    set(folder ${output}.bindings)
    file(MAKE_DIRECTORY ${folder})
    berth_bindings(native ${wit} ${world} ${folder})
    add_custom_command(OUTPUT ${output}
        COMMAND ${CMAKE_C_COMPILER} -shared -fPIC -fvisibility=hidden -std=c11
            -O2 -Wall -Wextra -Wpedantic -Werror -I ${folder} -I ${CMAKE_SOURCE_DIR}/include
            -o ${output} ${source} ${folder}/${world}_native.c ${ARGN}
        DEPENDS ${source} ${wit} ${folder}/${world}_native.c ${folder}/${world}_plugin.h
            ${CMAKE_SOURCE_DIR}/include/berth/native.h ${CMAKE_SOURCE_DIR}/include/berth/plugin.h
        COMMENT "Shared object ${output}" VERBATIM)
endfunction()

# berth_typed_plugin(SOURCE WIT WORLD OUTPUT [FLAGS...]): a rule that makes a component from a plugin in C
# that is written against the types of its world; the core module in it stays in OUTPUT.bindings/core.wasm.
function(berth_typed_plugin source wit world output)
    set(folder ${output}.bindings)
    file(MAKE_DIRECTORY ${folder})
    berth_bindings(guest ${wit} ${world} ${folder})
    set(compile ${BERTH_WASM_CLANG} --target=wasm32 -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror
        -ffreestanding -I ${folder} -I ${CMAKE_SOURCE_DIR}/guest ${ARGN})
    add_custom_command(OUTPUT ${output}
        BYPRODUCTS ${folder}/core.wasm
        COMMAND ${compile} -c ${source} -o ${folder}/plugin.o
        COMMAND ${compile} -c ${folder}/${world}_guest.c -o ${folder}/glue.o
        COMMAND ${BERTH_WASM_LD} --no-entry --export-dynamic -z stack-size=65536
            ${folder}/plugin.o ${folder}/glue.o -o ${folder}/core.wasm
        COMMAND berth_program wrap ${folder}/core.wasm --wit ${wit} --world ${world} -o ${output}
        DEPENDS ${source} ${wit} ${folder}/${world}_guest.c ${folder}/${world}_plugin.h
            ${CMAKE_SOURCE_DIR}/guest/berth_guest.h ${CMAKE_SOURCE_DIR}/guest/berth_hook.h
            berth_program
        COMMENT "Component ${output}" VERBATIM)
endfunction()

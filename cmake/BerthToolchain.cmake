# Compiler, linker, warnings and sanitizers: what every target of ours is built with.

find_program(BERTH_CCACHE ccache)
if(BERTH_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER ${BERTH_CCACHE})
endif()

add_library(berth_build_flags INTERFACE)
target_compile_options(berth_build_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wcast-qual -Wvla -Wundef -Wformat=2 -Wdouble-promotion -Wwrite-strings
    $<$<BOOL:${BERTH_WERROR}>:-Werror>
    -fno-common -fno-omit-frame-pointer)

# Paths of this machine stay out of what is built here.
target_compile_options(berth_build_flags INTERFACE
    -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)

set(BERTH_DEFINITIONS _GNU_SOURCE BERTH_VERSION="${PROJECT_VERSION}")
if(BERTH_HOSTILE)
    list(APPEND BERTH_DEFINITIONS BERTH_HOSTILE=1)
endif()
if(BERTH_FAULTS)
    list(APPEND BERTH_DEFINITIONS BERTH_FAULTS=1)
endif()

# Debug is for reading in a debugger, release keeps symbols for backtraces.
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g -DNDEBUG")

# Hardening that costs nothing on the call path.
target_compile_options(berth_build_flags INTERFACE -fstack-protector-strong)
target_link_options(berth_build_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
if(CMAKE_BUILD_TYPE STREQUAL Release AND NOT BERTH_SANITIZE)
    target_compile_options(berth_build_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

if(BERTH_SANITIZE)
    target_compile_options(berth_build_flags INTERFACE
        -fsanitize=${BERTH_SANITIZE} -fno-sanitize-recover=all -O1)
    target_link_options(berth_build_flags INTERFACE -fsanitize=${BERTH_SANITIZE})
endif()

# What libraries without instrumentation hand to a function of ours is taken as initialized: cmocka
# calls the tests.  The allocator poisons what it gives out itself (src/base/alloc.c).
if(BERTH_SANITIZE MATCHES memory)
    target_compile_options(berth_build_flags INTERFACE
        -fsanitize-memory-param-retval -fsanitize-memory-track-origins)
endif()

# GCC 12's null check of a thread-local's address takes its flags from an `add` that linkers turn
# into a `lea`, which sets none.  A null pointer that is used is found by AddressSanitizer.
if(BERTH_SANITIZE MATCHES undefined AND CMAKE_C_COMPILER_ID STREQUAL GNU)
    target_compile_options(berth_build_flags INTERFACE -fno-sanitize=null)
endif()

if(BERTH_FUZZ)
    target_compile_options(berth_build_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The engine's archive is large; a fast linker is worth looking for.  Never required.
find_program(BERTH_LLD ld.lld)
find_program(BERTH_MOLD ld.mold)
if(CMAKE_CROSSCOMPILING)
    # A cross compiler knows its own linker alone.
elseif(BERTH_MOLD AND NOT BERTH_SANITIZE)
    target_link_options(berth_build_flags INTERFACE -fuse-ld=mold)
elseif(BERTH_LLD)
    target_link_options(berth_build_flags INTERFACE -fuse-ld=lld)
endif()
target_link_options(berth_build_flags INTERFACE -Wl,--gc-sections)

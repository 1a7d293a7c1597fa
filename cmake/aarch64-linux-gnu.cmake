# Builds for arm64 on another machine, and runs the tests under qemu-user (preset arm64):
#
#   BERTH_SYSROOT=DIR make arm64
#
# DIR is an arm64 Debian with libc6-dev, libcmocka-dev, libjansson-dev, libssl-dev, libcurl4-openssl-dev, libsodium-dev and libmicrohttpd-dev in it.
if(NOT EXISTS ${BERTH_SYSROOT}/usr/include)
    message(FATAL_ERROR "BERTH_SYSROOT names no arm64 system; CONTRIBUTING.md says how to make one")
endif()
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES BERTH_SYSROOT)
set(CMAKE_SYSROOT ${BERTH_SYSROOT})
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L ${BERTH_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${BERTH_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${BERTH_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig)

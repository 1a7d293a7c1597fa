#!/usr/bin/env bash
# Installs into an empty folder and builds a program against it four ways: pkg-config and CMake,
# shared and static; and the program that the README shows.  Then the folder is moved: the package must not know where it was built.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$BERTH_SOURCE_DIR/tests/consumer
prefix=/opt/berth
version=$(sed -n 's/^project(berth VERSION \([0-9.]*\).*/\1/p' "$BERTH_SOURCE_DIR/CMakeLists.txt")

DESTDIR=$work/stage cmake --install "$BERTH_BUILD_DIR" --prefix $prefix >"$work/install.log"
root=$work/stage$prefix
lib=$(dirname "$(find "$root" -name libberth.a)")
for file in libberth.a libberth.so libberth.so.0 libberth.so."$version" pkgconfig/berth.pc; do
    [ -e "$lib/$file" ] || { echo "not installed: $file"; exit 1; }
done
for header in "$BERTH_SOURCE_DIR"/include/berth/*.h; do
    cmp "$header" "$root/include/berth/${header##*/}"
done
if grep -rlF -e "$BERTH_SOURCE_DIR" -e "$BERTH_BUILD_DIR" "$lib/pkgconfig" "$lib/cmake"; then
    echo "the package names the folder it was built in"
    exit 1
fi

run() # PROGRAM
{
    LD_LIBRARY_PATH=$lib "$1" "$BERTH_GUESTS_DIR/echo.wasm" >"$work/out" || {
        echo "$1 failed"
        exit 1
    }
    grep -q "^$version " "$work/out"
}

export PKG_CONFIG_PATH=$lib/pkgconfig
pc() { pkg-config "$@" berth; }
[ "$(pkg-config --modversion berth)" = "$version" ]
define=-DEXPECTED_VERSION="\"$version\""
mkdir "$work/archives"
cp "$lib"/*.a "$work/archives"
# shellcheck disable=SC2046
{
    "$CC" "$define" "$here/consumer.c" -o "$work/pc_shared" $(pc --cflags --libs)
    # Only archives in sight: -lberth can mean nothing but libberth.a.
    "$CC" "$define" "$here/consumer.c" -o "$work/pc_static" $(pc --cflags) \
        $(pc --static --libs | sed "s|-L[^ ]*|-L$work/archives|")
}
run "$work/pc_shared"
run "$work/pc_static"

# The README's program, pasted, built by the line below it, and run as the next one says.
readme=$BERTH_SOURCE_DIR/README.md
mkdir "$work/pasted"
sed -n '/^```c file=examples.swap.c$/,/^```$/{/^```/!p}' "$readme" >"$work/pasted/swap.c"
compile=$(sed -n 's/^cc \(swap\.c .*\)/\1/p' "$readme")
call=$(sed -n 's|^\./swap |./swap |p' "$readme")
(
    cd "$work/pasted"
    eval "\"$CC\" $compile"
    LD_LIBRARY_PATH=$lib eval "${call//build\/release\/guests/$BERTH_GUESTS_DIR}" >"$work/out"
) || { echo "the README's program failed: $compile; $call"; exit 1; }
grep -q "^[1-9][0-9]* calls, none failed; version 10[01] answered" "$work/out"

# CMake, from another place than the one it was installed to.
mv "$root" "$work/moved"
lib=$work/moved${lib#"$root"}
root=$work/moved
cmake -S "$here" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_PREFIX_PATH="$root" -DEXPECTED_VERSION="$version" >"$work/cmake.log" 2>&1 &&
    cmake --build "$work/build" >>"$work/cmake.log" 2>&1 || { cat "$work/cmake.log"; exit 1; }
run "$work/build/consumer_shared"
run "$work/build/consumer_static"

# Shared means shared, static means static.
for program in "$work/build/consumer_shared" "$work/pc_shared"; do
    readelf -d "$program" | grep -q 'libberth.so.0' || { echo "$program is not shared"; exit 1; }
done
for program in "$work/build/consumer_static" "$work/pc_static"; do
    if readelf -d "$program" | grep -q 'libberth'; then
        echo "$program is not static"
        exit 1
    fi
done
echo "consumer: five programs built against $version and ran"

#!/usr/bin/env bash
# Each public header stands alone, may be included twice, is C11 and C++11, and all go together in
# any order, without a warning of gcc or clang.
set -eu
cd "$BERTH_SOURCE_DIR"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

flags=(-Wall -Wextra -Wpedantic -Wshadow -Wundef -Werror -Iinclude -fsyntax-only)
c_flags=(-std=c11 -Wstrict-prototypes -Wconversion)
cxx_flags=(-std=c++11 -x c++)
headers=()
for header in include/berth/*.h; do headers+=("berth/${header##*/}"); done

for header in "${headers[@]}"; do
    printf '#include <%s>\n#include <%s>\nextern int not_empty;\n' \
        "$header" "$header" >"$work/${header//\//_}.c"
done
for header in "${headers[@]}"; do echo "#include <$header>"; done >"$work/forward.c"
tac "$work/forward.c" >"$work/backward.c"
# What an initializer expands to is checked where it is used.
cp "$work/forward.c" "$work/inits.c"
sed -n 's/^#define \(BERTH_[A-Z_]*_INIT\)\b.*/\1/p' include/berth/*.h | sort -u >"$work/inits"
while read -r init; do
    type=$(echo "${init%_INIT}" | tr '[:upper:]' '[:lower:]')
    echo "void use_$type(void); void use_$type(void) { $type value = $init; (void)value; }"
done <"$work/inits" >>"$work/inits.c"

compilers=0
try() # COMPILER FLAGS...
{
    command -v "$1" >/dev/null || { echo "skipped: no $1"; return 0; }
    compilers=$((compilers + 1))
    for unit in "$work"/*.c; do
        "$@" "${flags[@]}" "$unit" || { echo "headers: $* ${unit##*/} failed"; exit 1; }
    done
}
try gcc "${c_flags[@]}"
try g++ "${cxx_flags[@]}"
try clang "${c_flags[@]}"
try clang++ "${cxx_flags[@]}"
[ $compilers -gt 0 ] || { echo "no compiler"; exit 1; }
echo "headers: ${#headers[@]} headers, $(wc -l <"$work/inits") initializers, $compilers compilers"

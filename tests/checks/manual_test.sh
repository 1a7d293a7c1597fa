#!/usr/bin/env bash
# The manual pages are free of mandoc's warnings, and every option that --help shows is in one.
set -eu
cd "$BERTH_SOURCE_DIR"
shopt -s nullglob
pages=(man/*.1)
[ ${#pages[@]} -gt 0 ] || { echo "there is no manual page"; exit 1; }
if ! command -v mandoc >/dev/null; then
    echo "skipped: mandoc is not installed (tools/setup.sh)"
    exit 77
fi
mandoc -Tlint -Wwarning "${pages[@]}"
manual=$(mandoc -Tascii "${pages[@]}" | sed 's/.\x08//g')
options=0
for command in inspect call pipe ctl wit wrap bindgen componentize; do
    for option in $("$BERTH_PROGRAM" $command --help | grep -oE -e '--[a-z][a-z-]+' | sort -u); do
        options=$((options + 1))
        grep -qE -e "$option([^a-z-]|$)" <<<"$manual" || {
            echo "berth $command $option is not in the manual"
            exit 1
        }
    done
done
[ $options -gt 0 ] || { echo "--help shows no option"; exit 1; }
echo "manual: ${#pages[@]} pages without a warning, $options options described"

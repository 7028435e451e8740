#!/bin/bash
# Builds: scripts/build.sh release|tests
#
# A room may import only what Package.swift says, and a warning is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly flags=(--explicit-target-dependency-import-check error -Xswiftc -warnings-as-errors)

require_space() { # MEBIBYTES: a first build needs that much, a later one a part of it
    local needed=$1 free
    [ ! -d ".build/$2" ] || needed=$((needed / 6))
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
    if [ "$free" -lt "$needed" ]; then
        echo "build: $free MiB are free in $PWD; the build needs $needed MiB. Make room and try again" >&2
        exit 1
    fi
}

case "${1:-}" in
release)
    require_space 4096 release
    exec swift build -c release "${flags[@]}"
    ;;
tests)
    require_space 6144 debug
    swift build --build-tests "${flags[@]}"
    # The same flags, so that nothing is built again. All tests are Swift Testing's. Many of them wait for processes and
    # sockets with a deadline: more at a time than a machine has cores for, and they would wait for each other.
    width=$(($(nproc) * 2))
    status=0
    SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$width \
        swift test --skip-build --disable-xctest "${flags[@]}" --skip EndToEndTests || status=$?
    # These start all of the product; they have the machine to themselves.
    SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=1 \
        swift test --skip-build --disable-xctest "${flags[@]}" --filter EndToEndTests || status=$?
    exit "$status"
    ;;
*)
    echo "usage: scripts/build.sh release|tests" >&2
    exit 2
    ;;
esac

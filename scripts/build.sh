#!/bin/bash
# Builds: scripts/build.sh release|tests|simulation
#
# A room may import only what Package.swift says, and a warning is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly flags=(--explicit-target-dependency-import-check error -Xswiftc -warnings-as-errors)

require_space() { # MEBIBYTES FOLDER: a first build needs that much, a later one a part of it
    local needed=$1
    [ ! -d ".build/$2" ] || needed=$((needed / 6))
    scripts/require-space.sh build "$PWD" "$needed" "the build"
}

build() { # ARGUMENT...: swift build; a disk that has become full meanwhile is named after the compiler's many words
    local status=0
    swift build "$@" "${flags[@]}" || status=$?
    [ "$status" = 0 ] || scripts/require-space.sh build "$PWD" 64 "the build" || true
    return "$status"
}

run_tests() { # WIDTH ARGUMENT...: one pass, shown as it goes and kept in $log
    local width=$1
    shift
    SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$width \
        swift test --skip-build --disable-xctest "${flags[@]}" "$@" 2>&1 | tee -a "$log"
}

# Whatever went wrong in ten thousand lines, said once more where it is read: at their end.
summarise_failures() { # LOG
    echo
    echo "What failed:"
    grep -E '^(✘|✗|↳|error:|Fatal error|.*(unexpected signal|Fatal error:))|recorded an issue' "$1" | head -n 200 || true
}

case "${1:-}" in
release)
    require_space 4096 release
    build -c release
    ;;
simulation)
    require_space 3072 debug
    # As the tests are built, so that nothing is built twice.
    build --product showrunner-simulation
    exec .build/debug/showrunner-simulation --seed "${SEED:-1}" --seeds "${SEEDS:-1000}"
    ;;
tests)
    require_space 3072 debug
    # Private PostgreSQL servers, films and object stores.
    scripts/require-space.sh test "${TMPDIR:-/tmp}" 2048 "a run of the tests"
    build --build-tests
    # The same flags, so that nothing is built again. All tests are Swift Testing's. Many of them wait for processes and
    # sockets with a deadline: more at a time than a machine has cores for, and they would wait for each other.
    width=$(($(nproc) * 2))
    log=$(mktemp -t showrunner-tests.XXXXXX)
    trap 'rm -f "$log"' EXIT
    status=0
    run_tests "$width" --skip EndToEndTests || status=$?
    # These start all of the product; they have the machine to themselves.
    run_tests 1 --filter EndToEndTests || status=$?
    [ "$status" = 0 ] || summarise_failures "$log"
    exit "$status"
    ;;
*)
    echo "usage: scripts/build.sh release|tests|simulation" >&2
    exit 2
    ;;
esac

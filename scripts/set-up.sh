#!/bin/bash
# Makes a Debian machine ready: scripts/set-up.sh build|demo|test|chaos|proofs
#
# Installs the packages that are missing, and nothing when none is. Asks for no password where it can't be typed.
# Swift itself is looked for, never installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly swift_major=6 swift_minor=3

# What Swift links against.
build_packages=(
    libavcodec-dev libavfilter-dev libavformat-dev libavutil-dev libcurl4-openssl-dev libpq-dev libssl-dev
    libswresample-dev libswscale-dev libyaml-dev pkg-config zlib1g-dev
)
# What the programs start: the private PostgreSQL, and the sandbox that media files are opened in.
run_packages=(bubblewrap postgresql-15)
# What makes the demo's clip.
demo_packages=(ffmpeg)
# What the tests judge with: reference decoder, browser, and a real S3 server that checks signatures.
test_packages=(ceph-common ceph-mon ceph-osd chromium chromium-driver ffmpeg fonts-dejavu-core radosgw)
# What sets the clocks of programs that are under chaos.
chaos_packages=(faketime)
# The model checker, and what compiles the program that it writes. Proofs need nothing else, Swift neither.
proof_packages=(gcc libc6-dev spin)

fail() {
    echo "set-up: $*" >&2
    exit 1
}

check_swift() {
    local answer version major minor
    command -v swift >/dev/null ||
        fail "swift is not on PATH: install Swift $swift_major.$swift_minor or newer (https://www.swift.org/install/linux/) and try again"
    answer=$(swift --version 2>/dev/null) || fail "'swift --version' fails: mend the Swift installation and try again"
    [[ $answer =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]] || fail "'swift --version' names no version: ${answer%%$'\n'*}"
    major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]} version="${BASH_REMATCH[1]}.${BASH_REMATCH[2]}"
    if ((major < swift_major || (major == swift_major && minor < swift_minor))); then
        fail "Swift $version is too old: install Swift $swift_major.$swift_minor or newer (https://www.swift.org/install/linux/) and try again"
    fi
}

missing_packages() { # PACKAGE...: those that are not installed
    local installed
    # Fails when one of them is unknown; what it prints about the others counts.
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    local package
    for package in "$@"; do
        grep -qx "installed $package" <<<"$installed" || echo "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif [ -t 0 ] && [ -t 2 ]; then
        sudo -- "$@"
    else
        sudo -n -- "$@"
    fi
}

install_missing() { # PACKAGE...
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
        fail "this is no Debian machine (apt-get or dpkg-query is missing): install by hand what corresponds to $*, then call 'swift build'"
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0

    local privilege="the right to install packages is missing: run this as root or as a user with sudo, or have somebody run: apt-get install ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "$privilege"
        as_root true || fail "$privilege"
    fi
    local free
    free=$(df -Pk /usr | awk 'NR == 2 { print $4 }')
    [ "$free" -ge $((1500 * 1024)) ] ||
        fail "the disk of /usr has $((free / 1024)) MiB left; the packages need up to 1500 MiB"

    log=$(mktemp)
    trap 'rm -f "$log"; bring_back' EXIT
    case " ${missing[*]} " in *" postgresql-15 "*) prepare_for_postgresql ;; esac
    echo "set-up: installing ${missing[*]}" >&2
    local apt=(env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get -q -o Dpkg::Use-Pty=0
        -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3)
    # A machine that lives for one run need not wait for its disk after every file.
    [ "${CI:-}" != true ] || apt+=(-o Dpkg::Options::=--force-unsafe-io)
    as_root "${apt[@]}" update </dev/null >"$log" 2>&1 || apt_failed "$log" "apt-get update fails"
    local status=0
    as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >"$log" 2>&1 || status=$?
    bring_back
    [ "$status" = 0 ] || apt_failed "$log" "apt-get can't install ${missing[*]}"
}

prepare_for_postgresql() {
    # 'showrunner up' starts a private cluster; Debian's main cluster would only take a port and memory. Where PostgreSQL
    # has been set up already, its settings are its owner's.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        as_root install -d -m 0755 /etc/postgresql-common/createcluster.d
        echo 'create_main_cluster = false' |
            as_root tee /etc/postgresql-common/createcluster.d/showrunner.conf >/dev/null
    fi
    # Containers may share the host's certificates and apt settings, read-only. Two helpers of Debian's PostgreSQL fail
    # there, and its installation with them: one makes a certificate, the other a note for apt, and nothing here needs
    # either. They stand aside meanwhile.
    stand_aside ssl-cert /usr/sbin/make-ssl-cert /etc/ssl/certs
    stand_aside postgresql-common /usr/share/postgresql-common/pg_updateaptconfig /etc/apt/apt.conf.d
}

standing_aside=()
stand_aside() { # PACKAGE PROGRAM DIRECTORY: the package's program, which writes into the directory, does nothing for now
    [ -d "$3" ] && ! as_root test -w "$3" && [ -n "$(missing_packages "$1")" ] || return 0
    as_root mkdir -p "$(dirname "$2")"
    as_root dpkg-divert --quiet --local --rename --add "$2"
    as_root ln -s /bin/true "$2"
    standing_aside+=("$2")
}

bring_back() {
    local program
    for program in "${standing_aside[@]}"; do
        as_root rm -f "$program"
        as_root dpkg-divert --quiet --local --rename --remove "$program"
    done
    standing_aside=()
}

apt_failed() { # LOG SENTENCE
    tail -n 15 "$1" >&2
    fail "$2; its own words stand above. Check the network and /etc/apt, then try again"
}

case "${1:-}" in
build) packages=("${build_packages[@]}" "${run_packages[@]}") ;;
demo) packages=("${build_packages[@]}" "${run_packages[@]}" "${demo_packages[@]}") ;;
test) packages=("${build_packages[@]}" "${run_packages[@]}" "${test_packages[@]}") ;;
chaos) packages=("${build_packages[@]}" "${run_packages[@]}" "${chaos_packages[@]}") ;;
proofs) packages=("${proof_packages[@]}") ;;
*)
    echo "usage: scripts/set-up.sh build|demo|test|chaos|proofs" >&2
    exit 2
    ;;
esac
[ "$1" = proofs ] || check_swift
install_missing "${packages[@]}"

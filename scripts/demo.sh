#!/bin/bash
# The whole way of a film on this machine: set-up, build, start, ingest, watch. Ends with Ctrl-C.
#
# From the environment: VIDEO (a file; default: a generated clip), PORT (default 4600; the next one is taken too), DATA
# (directory; default .demo), VERBOSE=1 (all logs on the terminal).
set -euo pipefail
called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

port=${PORT:-4600}
video=${VIDEO:-}
data=${DATA:-}
verbose=${VERBOSE:-0}
engine=http://127.0.0.1:$port
viewer=http://127.0.0.1:$((port + 1))

fail() {
    echo "demo: $*" >&2
    exit 1
}

say() { printf '\n== %s\n' "$*"; }

absolute() { case $1 in /*) echo "$1" ;; *) echo "$called_from/$1" ;; esac; }

# --- What can be known before anything is installed or built ---------------------------------------------------------

[[ $port =~ ^[0-9]+$ ]] && ((port >= 1 && port <= 65534)) || fail "PORT is '$port'; it has to be a number from 1 to 65534"
for taken in "$port" "$((port + 1))"; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$taken") 2>/dev/null; then
        fail "port $taken is taken by another program: stop it, or choose another with 'make demo PORT=5600'"
    fi
done
if [ -n "$video" ]; then
    video=$(absolute "$video")
    [ -f "$video" ] || fail "VIDEO is '$video', and there is no such file"
    [ -r "$video" ] || fail "VIDEO is '$video', and this user may not read it"
fi
if [ -n "$data" ]; then
    data=$(absolute "$data")
else
    data=$PWD/.demo
    # As root PostgreSQL runs under an account of its own, which has to reach the directory from the root on.
    if [ "$(id -u)" = 0 ]; then
        above=$PWD
        while [ "$above" != / ]; do
            if [ -z "$(find "$above" -maxdepth 0 -perm -o=x)" ]; then
                data=/var/tmp/showrunner-demo
                echo "demo: $above is closed to PostgreSQL's account, so the data go to $data" >&2
                break
            fi
            above=$(dirname "$above")
        done
    fi
fi

# The database, and what uploads, running steps and the store keep of a film; a long one needs more, which is told then.
scripts/require-space.sh demo "$data" 1024 "the demo"

# --- Set-up and build --------------------------------------------------------------------------------------------------

say "Set-up"
scripts/set-up.sh demo
say "Build (the first one takes some minutes)"
scripts/build.sh release
bin=$PWD/.build/release

# --- Start ---------------------------------------------------------------------------------------------------------------

mkdir -p -- "$data" || fail "the directory $data can't be made"
[ "$(id -u)" != 0 ] || chmod o+x -- "$data" # whatever the umask says
[ -w "$data" ] || fail "the directory $data can't be written"
log=$data/up.log
ready=$data/up.ready
up='' ingest=''

stop() {
    local status=$?
    trap '' INT TERM HUP
    trap - EXIT
    if [ -n "$ingest" ]; then kill -TERM "$ingest" 2>/dev/null || true; fi
    if [ -n "$up" ] && kill -0 "$up" 2>/dev/null; then
        printf '\ndemo: stopping\n' >&2
        kill -TERM "$up" 2>/dev/null || true
        wait "$up" || true
    fi
    rm -f -- "$ready"
    exit "$status"
}
trap stop EXIT
# Asked to stop: that is how the demo is meant to end.
trap 'exit 0' INT TERM HUP

say "Start"
: >"$ready"
# In a session of its own: Ctrl-C reaches this script alone, which then has everything stopped in order.
if [ "$verbose" = 1 ]; then
    setsid "$bin/showrunner" up --data "$data" --port "$port" --workers 2 </dev/null >"$ready" &
else
    setsid "$bin/showrunner" up --data "$data" --port "$port" --workers 2 </dev/null >"$ready" 2>"$log" &
fi
up=$!

ended() { # SENTENCE: waits for the end of `up`, which nobody has asked for
    local status=0
    wait "$up" || status=$?
    up=''
    [ "$verbose" = 1 ] || tail -n 12 -- "$log" >&2
    fail "$1 (status $status)"
}

patience=$((SECONDS + 150))
until grep -q '^ready ' -- "$ready"; do
    kill -0 "$up" 2>/dev/null || ended "showrunner did not start; its last words stand above"
    ((SECONDS < patience)) || fail "showrunner is not ready after 150 seconds; see $log"
    sleep 0.1
done
cat -- "$ready"

# --- A film ----------------------------------------------------------------------------------------------------------------

options=()
if [ -z "$video" ]; then
    video="$data/Test pattern.mp4"
    options=(--title "Test pattern")
    if [ ! -s "$video" ]; then
        say "A clip of 20 seconds to work with (bring your own with 'make demo VIDEO=film.mp4')"
        ffmpeg -nostdin -hide_banner -v error -y \
            -f lavfi -i testsrc2=size=1920x1080:rate=24:duration=20 -f lavfi -i sine=frequency=440:sample_rate=48000:duration=20 \
            -c:v libx264 -preset ultrafast -crf 20 -pix_fmt yuv420p -c:a aac -b:a 128k -movflags +faststart -f mp4 \
            -- "$video.part" || fail "ffmpeg can't make the clip"
        mv -- "$video.part" "$video"
    fi
fi

say "Ingest $(basename -- "$video")"
"$bin/showrunner" ingest "$video" "${options[@]}" --wait --engine "$engine" &
ingest=$!
status=0
wait "$ingest" || status=$?
ingest=''
[ "$status" = 0 ] || fail "the film was not published; the reason stands above, the logs are in $log"

# --- Serve -----------------------------------------------------------------------------------------------------------------

cat <<END

-----------------------------------------------------------------------
  Watch it (viewers)      $viewer/
  See the run (console)   $engine/console/

  Another film            .build/release/showrunner ingest FILE --wait --engine $engine
  Logs                    $([ "$verbose" = 1 ] && echo 'this terminal' || echo "$log")

  Ctrl-C stops everything. What was published stays in
  $data
-----------------------------------------------------------------------
END
ended "showrunner ended by itself; its last words stand above"

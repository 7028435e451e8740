#!/bin/bash
# Checks the model of the journal with Spin: Proofs/run.sh
#
# The rules as they are must hold in every state; each broken rule must be found, and what comes of it is told in words.
# Exits 1 when one of them comes out otherwise. One core, at most 2 GB of memory and of the temporary directory.
set -euo pipefail
export LC_ALL=C
model="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/journal.pml"
readonly model memory_limit=1900 # MB: the checker stops there, which is a failure

fail() {
    echo "proofs: $*" >&2
    exit 2
}
for program in spin gcc; do
    command -v "$program" >/dev/null || fail "$program is not installed: scripts/set-up.sh proofs"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0

# What the properties say, as README.md has it.
sentence() { # PROPERTY
    case "$1" in
    FENCE) echo "after the lease was taken no append of the former holder succeeds" ;;
    KEY) echo "the rows of an execution have no gap, and no seq twice" ;;
    WRITER) echo "whoever was followed as the writer of an execution never writes a row of it again" ;;
    MEMORY) echo "what an engine takes into memory as its row is the row that is in the journal" ;;
    RULE) echo "a task has one live attempt at most, and an answer counts once, with the nonce of that attempt" ;;
    DURABLE) echo "what is offered or acknowledged is in the journal" ;;
    PUBLISH) echo "an execution publishes once" ;;
    OFFER) echo "as long as some engine lives, a scheduled task is offered in the end" ;;
    TRUE_REFUSALS) echo "an answer is refused as stale only if its attempt is over" ;;
    *) fail "no property is called $1" ;;
    esac
}

check() { # SPIN-FLAGS CC-FLAGS PAN-FLAGS: leaves pan's words in the file 'said'
    rm -f ./*.trail pan pan.*
    # shellcheck disable=SC2086 # these are lists of flags
    spin -a $1 "$model" >spin.log 2>&1 || { cat spin.log >&2; fail "spin can't read the model"; }
    # shellcheck disable=SC2086
    gcc -w $2 -DNOREDUCE -DMEMLIM=$memory_limit -o pan pan.c || fail "gcc can't compile what spin made"
    # shellcheck disable=SC2086
    ./pan $3 >said 2>&1 || true
    grep -q 'errors: ' said || { cat said >&2; fail "the checker ended early"; }
}

figures() {
    awk '/^State-vector/ { depth = $6 + 0; vector = $2 }
        / states, stored/ { states = $1 }
        /transitions \(=/ { transitions = $1 }
        /total actual memory/ { memory = $1 }
        /elapsed time/ { seconds = $4 }
        END { printf "  %d states of %d bytes, %d transitions, depth %d, %.1f s, %.0f MB\n",
              states, vector, transitions, depth, seconds, memory }' said
}

holds() { # WHAT SPIN-FLAGS CC-FLAGS PAN-FLAGS
    echo "holds: $1"
    echo "  spin -a $2; gcc -O2 $3 -DNOREDUCE; pan $4"
    check "$2" "-O2 $3" "$4"
    figures
    if ! grep -q 'errors: 0$' said || grep -qE 'Search not completed|max search depth too small|out of memory' said; then
        echo "  FAILED"
        grep -E '^pan|^error|not completed' said | sed 's/^/  /' || true
        [ ! -e journal.pml.trail ] || tell "$2"
        failures=$((failures + 1))
    fi
}

# Each step of the model says what it does. One that is never taken would make what holds worth nothing.
happens() { # SPIN-FLAGS
    echo "happens: every step of the model"
    check "$1" "-O1 -DSAFETY -DPRINTF" "-m100000"
    # Numbers, engines and kinds of rows aside.
    sed -E 's/^(engine )[AB]/\1#/; s/[0-9]+/#/g; s/^( +row # of execution #: ).*/\1#/' said | sort -u >happened
    # shellcheck disable=SC2086
    gcc -E -P -x c $1 "$model" | grep -o 'printf("[^"]*' | sed -E 's/^printf\("//; s/\\n$//; s/%[a-z]/#/g' |
        grep -v '^violated' | sort -u >steps
    if [ ! -s steps ] || comm -23 steps happened | grep . >never; then
        echo "  FAILED: these never happen"
        sed 's/^/    /' never
        failures=$((failures + 1))
    else
        echo "  $(wc -l <steps) of $(wc -l <steps)"
    fi
}

tell() { # SPIN-FLAGS: the trail in words
    # shellcheck disable=SC2086
    spin -t -T -B $1 -k journal.pml.trail "$model" >trail.log 2>&1 || true
    grep -vE '^(spin:|ltl |Never claim|$)' trail.log | sed 's/<<<<<START OF CYCLE>>>>>/and so on for ever:/; s/^/    /'
}

breaks() { # WHAT PROPERTY SPIN-FLAGS
    echo "breaks: $1"
    echo "  violated must be $2: $(sentence "$2")"
    check "$3" "-O1 -DSAFETY -DBFS" "" # breadth first: the shortest way there
    figures
    if [ -e journal.pml.trail ]; then tell "$3"; fi
    if ! grep -q 'errors: 1$' said || ! grep -q "^violated: $2\$" trail.log; then
        echo "  FAILED: this was not found"
        failures=$((failures + 1))
    fi
    rm -f trail.log
}

breaks_in_the_end() { # WHAT SPIN-FLAGS: an endless run in which a scheduled task is never offered
    echo "breaks: $1"
    echo "  violated must be OFFER: $(sentence OFFER)"
    check "$2" "-O1 -DNFAIR=4" "-a -f -N is_offered -m60"
    # Depth first: with little depth the way there is short.
    local depth
    for depth in 80 100 150 200 100000; do
        [ ! -e journal.pml.trail ] || break
        ./pan -a -f -N is_offered -m$depth >said 2>&1 || true
    done
    figures
    if [ -e journal.pml.trail ]; then tell "$2"; fi
    if ! grep -q 'errors: 1$' said || ! grep -q 'acceptance cycle' said; then
        echo "  FAILED: this was not found"
        failures=$((failures + 1))
    fi
    rm -f trail.log
}

holds "one execution, three incarnations: FENCE KEY WRITER RULE PUBLISH MEMORY DURABLE" \
    "-DEXECUTIONS=1" "-DSAFETY" "-m100000"
holds "two executions in one statement, two incarnations: FENCE KEY WRITER RULE PUBLISH MEMORY DURABLE" \
    "-DEXECUTIONS=2 -DTERMS=2 -DLATE=0 -DANSWERED=1" "-DSAFETY" "-m100000"
holds "two executions, two connections, two incarnations: FENCE KEY WRITER RULE PUBLISH MEMORY DURABLE" \
    "-DEXECUTIONS=2 -DCONNECTIONS=2 -DTERMS=2 -DLATE=0 -DLOSSES=0 -DANSWERED=1" "-DSAFETY -DCOLLAPSE" "-m100000"
holds "one execution, three incarnations: OFFER" \
    "-DEXECUTIONS=1 -DLATE=0 -DPROGRESS" "-DNFAIR=4" "-m1000000 -a -f -N is_offered"
holds "one execution, two incarnations: END" \
    "-DEXECUTIONS=1 -DTERMS=2 -DPROGRESS" "-DNFAIR=4" "-m1000000 -a -f -N has_ended"

one="-DEXECUTIONS=1 -DTERMS=2"
happens "$one"
breaks "an append does not read the lease" FENCE "$one -DNO_FENCE"
breaks_in_the_end "the same, and what a client sees" "$one -DLOSSES=0 -DLATE=0 -DATTEMPTS=4 -DPROGRESS -DCONSEQUENCES -DNO_FENCE"
breaks "an append reads the lease without locking it" FENCE "$one -DNO_LEASE_LOCK"
breaks_in_the_end "the same, and what a client sees" "$one -DLOSSES=0 -DLATE=0 -DATTEMPTS=4 -DPROGRESS -DCONSEQUENCES -DNO_LEASE_LOCK"
breaks "the journal has no primary key" KEY "$one -DNO_SEQ_KEY"
breaks "the same, and what viewers see" PUBLISH "$one -DVIEWERS -DNO_SEQ_KEY"
breaks "a retry makes another row" KEY "$one -DNEW_ROW_ON_RETRY"
breaks "the same, and what clients see" RULE "$one -DCONSEQUENCES -DNEW_ROW_ON_RETRY"
breaks "another's row is taken for one's own" MEMORY "$one -DNO_WRITER"
breaks "the same, and what workers see" DURABLE "$one -DCONSEQUENCES -DNO_WRITER"
breaks "two connections, and an append does not read the lease" FENCE "$one -DCONNECTIONS=2 -DNO_FENCE"
breaks "two connections, and a row that is under way on one is sent on the other" MEMORY "$one -DCONNECTIONS=2 -DNO_IN_FLIGHT"
breaks "a task is offered before its hand-out is durable" DURABLE "$one -DEARLY_OFFER"
breaks "an answer is taken whatever its nonce" RULE "$one -DNO_NONCE"
breaks "not promised: a refusal comes from memory" TRUE_REFUSALS "$one -DTRUE_REFUSALS"

if [ "$failures" != 0 ]; then
    echo "proofs: $failures came out otherwise" >&2
    exit 1
fi
echo "proofs: all as they must be, in $SECONDS s"

#!/bin/bash
# Formatting, and the house rules that the compiler does not know. Prints every breach as file:line: and exits 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
breaches=0

breach() { # SENTENCE: the breaches come on standard input, as grep -n prints them
    local line
    while IFS= read -r line; do
        echo "$line  <- $1"
        breaches=$((breaches + 1))
    done
}

# Swift files that are part of the project, whether committed yet or not.
sources() { git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r f; do [ ! -e "$f" ] || echo "$f"; done; }
mapfile -t all < <(sources '*.swift')
[ "${#all[@]}" -gt 0 ] || { echo "lint: no Swift file found" >&2; exit 1; }

swift format lint --strict --parallel "${all[@]}" || breaches=$((breaches + 1))

# Pure rooms decide and compute; whoever needs a clock, a file or a socket is another room.
pure=(
    Sources/Platform/CivilDates Sources/Platform/CSV Sources/Platform/Encodings Sources/Platform/JSON
    Sources/Platform/SeededNumbers
    Sources/Orchestrator/JSONata Sources/Orchestrator/StatesLanguage Sources/Orchestrator/Interpreter
    Sources/Orchestrator/DefinitionSchema Sources/Orchestrator/StateGraph Sources/Orchestrator/AccessControl
    Sources/Orchestrator/Dispatching Sources/Orchestrator/Schedules Sources/Orchestrator/EventPatterns
    Sources/Steps/StepContracts Sources/Steps/Packaging Sources/Steps/Recommender
    Sources/Workers/WorkerProtocol Sources/Catalog/TitleMetadata Sources/Catalog/HomeRows
)
for room in "${pure[@]}"; do
    [ -d "$room" ] || { echo "lint: the pure room $room does not exist" >&2; exit 1; }
done
breach "a pure room imports only pure rooms and collections" < <(
    grep -rnE '^[^/]*\bimport [A-Za-z]' --include='*.swift' "${pure[@]}" |
        grep -vE 'import (CivilDates|Encodings|JSON|JSONata|HashTreeCollections|HeapModule|OrderedCollections|Recommender|SeededNumbers|StatesLanguage|StepContracts)$' || true)
breach "a pure room reads no clock and draws no random number" < <(
    grep -rnE '\b(ContinuousClock|SuspendingClock|SystemRandomNumberGenerator)\b|\.random\((in|using):|\.randomElement\(|\.shuffled?\(' \
        --include='*.swift' "${pure[@]}" || true)

# An error is handled or passed on.
breach "this trap has no place here: throw, or preconditionFailure with a sentence" < <(
    grep -nE '\btry!|\bfatalError\(' "${all[@]}" | grep -vE '^[^:]+:[0-9]+: *//' || true)
breach "try? swallows the reason: handle the error or pass it on" < <(
    grep -rnE '\btry\?' --include='*.swift' Sources | grep -vE '^[^:]+:[0-9]+: *//' || true)
breach "unfinished business belongs into an issue" < <(grep -nE '\b(TODO|FIXME|XXX)\b' "${all[@]}" || true)

# Rooms are named for what they are about.
breach "this name says nothing about what is inside" < <(
    find Sources Tests -type d | grep -E '/(Core|Common|Utils|Helpers?|Manager)$' || true)

# FFmpeg is for the worker alone.
breach "only MediaFiles and the shims may import FFmpeg" < <(
    grep -nE '^[^/]*\bimport (CMedia|CMediaShims)\b' "${all[@]}" |
        grep -vE '^(Sources/Steps/MediaFiles|Tests/MediaFilesTests)/' || true)

if ((breaches > 0)); then
    echo "lint: $breaches breaches" >&2
    exit 1
fi
echo "lint: ${#all[@]} files, no breach"

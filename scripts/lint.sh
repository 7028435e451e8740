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

# The build refuses an import that Package.swift does not list; what it lists and nobody imports is told here. Programs are
# listed so that they are built.
unused=$(
    perl -0777 -MFile::Find -e '
        my $package = <>;
        my %module = $package =~ /let (\w+) = Target\.Dependency\.product\(name: "(\w+)"/g;
        my %program = map { $_ => 1 } $package =~ /\.executableTarget\(\s*name: "([^"]+)"/g;
        while ($package =~ /\.(?:target|executableTarget|testTarget)(\((?:[^()]++|(?1))*\))/g) {
            my ($target, $start) = ($1, $-[0]);
            next unless $target =~ /dependencies: \[([^\]]*)\]/;
            my @listed = $1 =~ /"([^"]+)"|(\b[a-z]\w*\b)/gi;
            my ($name) = $target =~ /name: "([^"]+)"/;
            my ($path) = $target =~ /\bpath: "([^"]+)"/;
            my ($files, %imported) = 0;
            find({ no_chdir => 1, wanted => sub {
                return unless /\.swift$/;
                $files++;
                open(my $file, "<", $_) or die "$_: $!";
                my $text = <$file>;
                $imported{$1} = 1 while $text =~ /^(?:\@\w+ |public |private |package )*import (?:[a-z]+ )?(\w+)/mg;
            } }, $path);
            next unless $files;
            my $line = 1 + (substr($package, 0, $start) =~ tr/\n//);
            for my $item (grep { defined } @listed) {
                my $module = $module{$item} // $item;
                print "Package.swift:$line: $name: $module\n" unless $program{$item} || $imported{$module};
            }
        }' Package.swift
)
breach "nothing in it imports this: take it out of its dependencies" < <([ -z "$unused" ] || echo "$unused")

breach "docs/metrics.md says nothing of this metric" < <(
    grep -rnoE '(Counter|Gauge|Timer)\(label: "[a-z_]+"|Self\.record\("[a-z_]+"' --include='*.swift' Sources |
        while IFS= read -r line; do
            name=${line#*\"} name=${name%\"}
            # Prometheus' unit.
            [[ $line != *Timer* ]] || name+=_seconds
            grep -q "\`$name\`" docs/metrics.md || echo "$line"
        done)

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

#!/bin/bash
# Ends with a sentence where a disk is too full: scripts/require-space.sh WHO DIRECTORY MEBIBYTES WHAT
#
# The directory need not exist yet: what counts is the file system it will lie on.
set -euo pipefail

who=$1 directory=$2 needed=$3 what=$4
existing=$directory
while [ ! -d "$existing" ]; do existing=$(dirname -- "$existing"); done
free=$(df -Pk -- "$existing" | awk 'NR == 2 { print int($4 / 1024) }')
if [ "$free" -lt "$needed" ]; then
    echo "$who: the disk is full: $free MiB are free for $directory, and $what needs $needed MiB; make room and try again" >&2
    exit 1
fi

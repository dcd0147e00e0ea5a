#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs a benchmark and keeps what it says:
#
#   tests/bench/run.sh NAME [ARGUMENT...]      into tests/bench/results/NAME.txt
#   tests/bench/run.sh                         lists them
#
# Builds in build-bench/ (release, with the checks that packages have). Being slow is no failure.

set -euo pipefail
cd "$(dirname "$0")/../.."

names=(latency_during_gc bench_core_sharing bench_handshake bench_mark)
name=${1:-}
if [[ " ${names[*]} " != *" $name "* || -z $name ]]; then
        printf '%s\n' "${names[@]}"
        exit $((${#name} > 0 ? 64 : 0))
fi
shift

build=build-bench
[ -f $build/build.ninja ] || meson setup $build --buildtype=release >&2
case $name in
latency_during_gc)
        ninja -C $build daemon/heapd client/heapctl/heapctl >&2
        peers=()
        if command -v go >/dev/null; then
                go build -o $build/gosrv tests/bench/peers/gosrv.go
                peers=(--peer $build/gosrv)
        fi
        command=(tests/bench/latency_during_gc.py $build/daemon/heapd $build/client/heapctl/heapctl
                "${peers[@]}")
        ;;
bench_*)
        ninja -C $build tests/bench/"$name" >&2
        command=($build/tests/bench/$name)
        ;;
esac
{
        echo "# $(/usr/bin/python3 tests/bench/machine.py)"
        "${command[@]}" "$@"
} | tee tests/bench/results/"$name".txt

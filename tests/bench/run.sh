#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs a benchmark and keeps what it says:
#
#   tests/bench/run.sh NAME [ARGUMENT...]      into tests/bench/results/NAME.txt
#   tests/bench/run.sh engine [--workloads NAME,...]   replaces these sections of engine.txt
#   tests/bench/run.sh                         lists them
#
# Builds in build-bench/ (release, with the checks that packages have). Being slow is no failure.

set -euo pipefail
cd "$(dirname "$0")/../.."

names=(latency_during_gc latency_4gb disconnect limit_held bench_alloc bench_core_sharing
        bench_handshake bench_mark bench_purge bench_sweep engine)
name=${1:-}
if [[ " ${names[*]} " != *" $name "* || -z $name ]]; then
        printf '%s\n' "${names[@]}"
        exit $((${#name} > 0 ? 64 : 0))
fi
shift

build=build-bench
[ -f $build/build.ninja ] || meson setup $build --buildtype=release >&2
result=tests/bench/results/$name.txt
case $name in
disconnect)
        ninja -C $build daemon/heapd >&2
        tests/bench/disconnect.py $build "$@" | tee "$result"
        ;;
latency_*)
        # They keep what they say themselves, so that --append can add to it.
        ninja -C $build daemon/heapd client/heapctl/heapctl tests/bench/{bench_load,echo} >&2
        options=()
        if [ "$name" = latency_4gb ]; then
                options=(--objects 83000000 --servers heapd,floor)
        elif command -v go >/dev/null; then
                go build -o $build/gosrv tests/bench/peers/gosrv.go
        fi
        exec tests/bench/latency_during_gc.py $build --keep "$result" "${options[@]}" "$@"
        ;;
engine)
        # What an embedder links for speed: words without stamps.
        build=build-engine
        [ -f $build/build.ninja ] || meson setup $build --buildtype=release -Dchecks=none >&2
        ninja -C $build >&2
        exec tests/bench/engine/engine.py $build --keep tests/bench/results/engine.txt "$@"
        ;;
limit_held)
        ninja -C $build daemon/heapd >&2
        tests/bench/limit_held.py $build "$@" | tee "$result"
        ;;
bench_*)
        ninja -C $build tests/bench/"$name" >&2
        {
                echo "# $(/usr/bin/python3 tests/bench/machine.py)"
                $build/tests/bench/"$name" "$@"
        } | tee "$result"
        ;;
esac

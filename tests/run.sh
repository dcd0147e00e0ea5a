#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs heapd's tests, the cheap ones first, and ends with a line "N passed, N failed".
#
#   tests/run.sh          everything but mutants and live fuzzing
#   tests/run.sh quick    the rules of the house, one build, all suites
#   tests/run.sh full     everything, five mutants, and each fuzzer for a while (what CI runs)
#
# Needs Debian 12 or alike; as root it installs the packages that are missing. Builds stay in
# build-*/, so a second run compiles only what changed. Exit status: 0 if nothing failed.

set -uo pipefail
cd "$(dirname "$0")/.."
exec </dev/null

mode=${1:-all}
case $mode in
quick | all | full) ;;
*)
        sed -n '4,11s/^# \{0,1\}//p' "$0" >&2
        exit 64
        ;;
esac

packages=(gcc libc6-dev meson ninja-build pkg-config git libuv1-dev libmsgpack-dev libsystemd-dev
        libjson-c-dev libcriterion-dev clang-format-14 scdoc systemd systemd-container prometheus
        spin python3 python3-msgpack python3-pynvim)
[ "$mode" = quick ] || packages+=(clang-14 libclang-rt-14-dev libasan8 libtsan2 libubsan1)

n_passed=0
n_failed=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
# Sanitizers of this age cannot live with all the address randomisation of today's kernels.
steady=()
setarch -R true 2>/dev/null && steady=(setarch -R)

# stage NAME COMMAND...: COMMAND says on stdout how many passed and failed, then what failed, as
# tests/verdict.py writes it.
stage() {
        local name=$1 since=$SECONDS passed failed
        shift
        printf '%-8s' "$name"
        "$@" >"$logs/$name"
        read -r passed failed <"$logs/$name"
        n_passed=$((n_passed + passed))
        n_failed=$((n_failed + failed))
        printf '%5s s %5s passed, %s failed\n' $((SECONDS - since)) "$passed" "$failed"
        tail -n +2 "$logs/$name"
}

# broken TEXT LOG: the verdict of a stage that never came to its tests.
broken() {
        printf '0 1\n--- %s\n' "$1"
        if grep -q '^FAILED' "$2"; then
                sed -n '/^FAILED/,$p' "$2" | head -n 40
        else
                tail -n 40 "$2"
        fi
}

tidy() {
        local check
        for check in tests/tidy/check_*.py tests/tidy/test_*.py; do
                /usr/bin/python3 "$check" >"$logs/tidy-$(basename "$check").tap" 2>&1
        done
        tests/verdict.py tap "$logs"/tidy-*.tap
}

# build DIRECTORY OPTION...: quiet when it succeeds.
build() {
        local dir=$1
        shift
        if [ ! -f "$dir/build.ninja" ]; then
                rm -rf "$dir"
                meson setup "$dir" "$@" || return 1
        fi
        ninja -C "$dir"
}

# suites NAME "SUITE..." OPTION...: builds build-NAME with the options and runs these suites.
suites() {
        local dir=build-$1 log=$logs/$1.log suite args=()
        for suite in $2; do
                args+=(--suite "$suite")
        done
        shift 2
        if ! build "$dir" "$@" >"$log" 2>&1; then
                broken "$dir does not build" "$log"
                return
        fi
        rm -f "$dir/meson-logs/testlog.json"
        "${steady[@]}" meson test -C "$dir" --no-rebuild -t 3 "${args[@]}" >"$log" 2>&1
        if [ -f "$dir/meson-logs/testlog.json" ]; then
                tests/verdict.py meson "$dir/meson-logs/testlog.json"
        else
                broken "$dir ran no tests" "$log"
        fi
}

# Each fuzzer starts from its corpus, in a copy, so that a run leaves the tree as it was.
fuzz() {
        local log=$logs/fuzz.log binary target dir=build-fuzz
        if ! CC=clang-14 build $dir -Dfuzz=true -Db_sanitize=address,undefined \
                -Db_lundef=false -Dtests=enabled -Dplain_tests=true >"$log" 2>&1; then
                broken "$dir does not build" "$log"
                return
        fi
        for binary in "$dir"/tests/fuzz_*; do
                [ -f "$binary" ] || continue
                target=$(basename "$binary")
                mkdir -p "$dir/corpus/$target"
                cp -n "tests/fuzz/corpus/${target#fuzz_}"/* "$dir/corpus/$target/"
                if "${steady[@]}" "$binary" -max_total_time=20 -timeout=10 -rss_limit_mb=2048 \
                        -artifact_prefix="$dir/$target-" -close_fd_mask=1 \
                        "$dir/corpus/$target" >"$log" 2>&1; then
                        echo "ok - $target"
                else
                        echo "not ok - $target"
                        tail -n 40 "$log" | sed 's/^/# /'
                fi
        done >"$logs/fuzz.tap"
        tests/verdict.py tap "$logs/fuzz.tap"
}

# Faults planted in the collector: five of them, others each day (tests/mutants/README.md).
mutants() {
        "${steady[@]}" tests/mutants/run_mutants.py --some 5 >"$logs/mutants.tap" 2>&1
        tests/verdict.py tap "$logs/mutants.tap"
}

packaging/need.sh "${packages[@]}" || {
        echo "0 passed, 1 failed"
        exit 1
}

sanitized=(-Db_lundef=false -Dc_args=-fno-sanitize-recover=all)
stage tidy tidy
stage gcc suites gcc "unit model stress integration fuzz" -Dwerror=true
if [ "$mode" != quick ]; then
        stage proof suites gcc proof -Dwerror=true
        stage asan suites asan "unit model stress integration fuzz" "${sanitized[@]}" \
                -Db_sanitize=address,undefined
        stage tsan suites tsan "unit model stress" "${sanitized[@]}" \
                -Db_sanitize=thread -Dplain_tests=true
        CC=clang-14 stage clang suites clang "unit fuzz" -Dwerror=true
        stage release suites release "unit model" -Dbuildtype=release -Dchecks=none
fi
if [ "$mode" = full ]; then
        stage mutants mutants
        stage fuzz fuzz
fi

echo "$n_passed passed, $n_failed failed"
[ "$n_failed" = 0 ] && [ "$n_passed" != 0 ]

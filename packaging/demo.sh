#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Shows heapd at its main job, on real input: this machine's database of installed packages.
#
#   packaging/demo.sh [STATUS-FILE] [--keep NAME...]
#
# Builds heapd in build-demo/ (as root on Debian 12 it installs what that needs), starts a private
# daemon, loads every installed package with its dependencies as one linked graph, kills the loader
# and collects. Arguments are passed on to `heapctl demo packages`.

set -euo pipefail
here=$PWD
cd "$(dirname "$0")/.."
exec </dev/null

packaging/need.sh gcc libc6-dev meson ninja-build pkg-config \
        libuv1-dev libmsgpack-dev libsystemd-dev libjson-c-dev

log=$(mktemp)
trap 'rm -f "$log"' EXIT
build() {
        if [ ! -f build-demo/build.ninja ]; then
                rm -rf build-demo
                meson setup build-demo -Dbuildtype=release -Dtests=disabled || return
        fi
        ninja -C build-demo
}

echo "Building heapd ..."
if ! build >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        echo "demo: the build failed" >&2
        exit 1
fi

heapctl=$PWD/build-demo/client/heapctl/heapctl
export HEAPD_DAEMON=$PWD/build-demo/daemon/heapd
cd "$here"
rm -f "$log"
exec "$heapctl" demo packages "$@"

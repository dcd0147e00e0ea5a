#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Makes sure that Debian packages are there: packaging/need.sh PACKAGE...
# Asks apt for nothing when all are; as another user than root it says which command to run.

set -euo pipefail

missing=()
for package in "$@"; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
        exit 0
fi
if [ "$(id -u)" != 0 ]; then
        echo "These Debian packages are needed; run as root: apt-get install ${missing[*]}" >&2
        exit 1
fi

echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get -q update && apt-get -qy --no-install-recommends install "${missing[@]}"; } \
        >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        exit 1
fi

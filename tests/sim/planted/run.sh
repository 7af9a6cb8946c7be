#!/usr/bin/env bash
# Checks the checker: plants each bug of this folder into a copy of the tree, builds the simulator there, and expects it to find
# the bug within 500 seeds. Prints the seed that does. Takes a few minutes: `make test-planted`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$root/build/planted
for patch in "$here"/*.patch; do
  name=$(basename "$patch" .patch)
  rm -rf "$work/tree"
  mkdir -p "$work/tree"
  (cd "$root" && git ls-files -z | xargs -0 cp --parents -t "$work/tree")
  patch -s -p1 -d "$work/tree" <"$patch"
  CCACHE_BASEDIR=$work/tree CCACHE_NOHASHDIR=1 cmake -S "$work/tree" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DHOLDFAST_BENCH=OFF >/dev/null
  CCACHE_BASEDIR=$work/tree CCACHE_NOHASHDIR=1 ninja -C "$work/build" sim_test >/dev/null
  if output=$(HOLDFAST_SIM_SEEDS=500 "$work/build/tests/sim/sim_test" --gtest_brief=1 2>&1); then
    echo "$name: NOT found within 500 seeds"
    exit 1
  fi
  echo "$name: found, $(grep -m1 -o 'seed [0-9]*: .*' <<<"$output" || echo "the simulator crashed")"
done

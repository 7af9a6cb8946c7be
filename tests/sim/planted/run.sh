#!/usr/bin/env bash
# Checks the checker: plants each bug of this folder into a copy of the tree, one after the other, builds the simulator there, and expects it
# to find the bug within 500 seeds. Prints the seed that does, and how long it took. `make test-planted`; some of them: run.sh FILE.patch ...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$root/build/planted
patches=("$@")
[ ${#patches[@]} -gt 0 ] || patches=("$here"/*.patch)

# Where a build of the tree itself has been, ccache knows most of it.
mkdir -p "$work"
find "$work" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
(cd "$root" && git ls-files -z | xargs -0 cp --parents -t "$work")
export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
(cd "$work" && cmake --preset release -DHOLDFAST_BENCH=OFF >/dev/null && ninja -C build/release sim_test >/dev/null)

missed=0
for patch in "${patches[@]}"; do
  name=$(basename "$patch" .patch)
  began=$SECONDS
  patch -s -p1 -d "$work" <"$patch"
  ninja -C "$work/build/release" sim_test >/dev/null
  built=$SECONDS
  if output=$(HOLDFAST_SIM_SEEDS=${HOLDFAST_SIM_SEEDS:-500} HOLDFAST_SIM_FAILURES=1 "$work/build/release/tests/sim/sim_test" --gtest_brief=1 \
    --gtest_filter='Simulation.EverythingAccepted*' 2>&1); then
    echo "$name: NOT found within ${HOLDFAST_SIM_SEEDS:-500} seeds"
    missed=1
  else
    found=$(grep -m1 -o 'seed [0-9]*: .*' <<<"$output" || echo "the simulator crashed")
    echo "$name: found in $((SECONDS - built)) s, after a build of $((built - began)) s: $found"
  fi
  patch -s -R -p1 -d "$work" <"$patch"
done
exit $missed

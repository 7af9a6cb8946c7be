#!/usr/bin/env bash
# fuzz.sh TARGET SECONDS: builds and runs one libFuzzer target of the `fuzz` preset. What it finds on the way is kept in
# build/fuzz-corpus/TARGET; inputs worth keeping go into the x_corpus/ folder beside the source.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1 seconds=$2

names() { find src tests sdk -name '*_fuzz.cc' -printf '%f\n' | sed 's/\.cc$//' | sort; }
if [ -z "$target" ]; then
  echo "fuzz targets (make fuzz T=name SECONDS=60):"
  names | sed 's/^/  /'
  exit 0
fi
source=$(find src tests sdk -name "$target.cc" | head -n 1)
[ -n "$source" ] || { echo "fuzz: no target $target; there are:" $(names) >&2; exit 2; }

cmake --build --preset fuzz --target "$target"
program=$(find build/fuzz -type f -name "$target" -perm -u+x | head -n 1)
found=build/fuzz-corpus/$target
mkdir -p "$found"
stored=${source%_fuzz.cc}_corpus
[ -d "$stored" ] || stored=
# shellcheck disable=SC2086  # an empty $stored is no argument
"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$found-" "$found" $stored

"""How a bench run ends: what disturbed it is said, its figures are written, and what failed decides the exit code."""
import datetime
import json
import pathlib
import sys

import probes

ROOT = pathlib.Path(__file__).resolve().parent.parent
OTHERS_CORES_MAX = 0.15  # More CPU than this used by other processes: the figures say little.


def say_others(machine, cores):
    """`cores`: the most that other processes used meanwhile."""
    machine["others_cores_max"] = round(cores, 2)
    if cores > OTHERS_CORES_MAX:
        print(f"The machine was shared: other processes used up to {cores:.1f} cores during a row. Measure again when it is quiet.")


def write(out, machine, versions, **figures):
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({
        "machine": machine, "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": probes.first_line(["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=12"]), "versions": versions,
        **figures}, indent=1) + "\n")
    print(f"wrote {out.relative_to(ROOT) if out.is_relative_to(ROOT) else out}")


def exit_code(failures):
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0

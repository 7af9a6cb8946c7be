#!/usr/bin/env python3
"""Writes down in expected/ what the real daprd 1.14 (`make daprd`) answers to every scene; `record.py NAME…`: to those.

    {"calls": [{"call": …, "answer": …, "state.sqlite": …}]}

One entry a call. Where a scene is played with several stores, the answer is that of the first; another store's has its type as key, if
it differs.
"""
import json
import pathlib
import sys

from scene import SCENES, play
import invocation_scenes  # noqa: F401
import other_scenes  # noqa: F401
import sdk_scenes  # noqa: F401
import state_scenes  # noqa: F401

EXPECTED = pathlib.Path(__file__).resolve().parent / "expected"


def merged(name, program):
    _, stores = SCENES[name]
    calls = play(name, program, stores[0])
    for store in stores[1:]:
        other = play(name, program, store)
        if len(other) != len(calls):
            raise AssertionError(f"{name}: {len(calls)} calls with {stores[0]}, {len(other)} with {store}")
        for call, there in zip(calls, other):
            if there["answer"] != call["answer"]:
                call[store] = there["answer"]
    return calls


def text(calls):
    """One line for a call's parts: a change of one answer is a change of one line."""
    entries = []
    for call in calls:
        parts = ",\n".join(f"    {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in call.items())
        entries.append(f"  {{\n{parts}\n  }}")
    return "{\"calls\": [\n" + ",\n".join(entries) + "\n]}\n"


def main():
    failed = 0
    for name in sys.argv[1:] or SCENES:
        try:
            calls = merged(name, "daprd")
        except Exception as error:  # noqa: BLE001 (the other scenes are written down all the same)
            print(f"{name}: {error!r}", flush=True)
            failed = 1
            continue
        (EXPECTED / f"{name}.json").write_text(text(calls))
        print(f"{name}: {len(calls)} calls", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())

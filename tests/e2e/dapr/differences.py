#!/usr/bin/env python3
"""Where Holdfast answers otherwise than daprd 1.14, on purpose: differences.json, and docs/dapr/differences.md, which is made of it.

    differences.json    [{"title", "reason", "calls": [{"scene", "call", "holdfast": answer, "index"?, "stores"?}]}]

`index` says which one where a scene makes the same call twice, `stores` for which stores (all, without). Run as a program, it writes the page.
"""
import functools
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent.parent / "docs" / "dapr" / "differences.md"
HEAD = """# Where Holdfast answers otherwise than daprd

Applications see daprd 1.14's answers: statuses, bodies, headers, gRPC codes, messages and details. tests/e2e/dapr holds Holdfast to what
the real daprd 1.14.0 was recorded to answer, a call at a time. These are the exceptions, all of them, made of
tests/e2e/dapr/differences.json.
"""
SHOWN_MAX = 5


@functools.cache
def load():
    return json.loads((HERE / "differences.json").read_text())


def of(scene, index, call, store):
    """What Holdfast answers instead, or None."""
    for entry in load():
        for known in entry["calls"]:
            if (known["scene"], known["call"]) == (scene, call) and known.get("index", index) == index and store in known.get("stores", [store]):
                return known["holdfast"]
    return None


def page():
    lines = [HEAD]
    for entry in load():
        lines.append(f"## {entry['title']}\n\n{entry['reason']}\n")
        for call in entry["calls"][:SHOWN_MAX]:
            expected = json.loads((HERE / "expected" / f"{call['scene']}.json").read_text())["calls"]
            theirs = next(one["answer"] for index, one in enumerate(expected) if one["call"] == call["call"] and call.get("index", index) == index)
            lines.append(f"    {call['call']}\n    daprd     {short(theirs)}\n    holdfast  {short(call['holdfast'])}\n")
        if len(entry["calls"]) > SHOWN_MAX:
            lines.append(f"And {len(entry['calls']) - SHOWN_MAX} more of the kind.\n")
    return "\n".join(lines)


def short(answer):
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return text if len(text) <= 200 else text[:199] + "…"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())

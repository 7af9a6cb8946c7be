#!/usr/bin/env python3
"""Where Holdfast answers otherwise than daprd 1.14, on purpose: differences.json, and docs/dapr/differences.md, which is made of it.

    differences.json    [{"title", "reason", "calls": [{"scene", "call", "holdfast": answer, "index"?, "stores"?}]}]

`index` says which one where a scene makes the same call twice, `stores` for which stores (all, without).

    differences.py                                      writes the page
    differences.py show [SCENE…]                        plays against Holdfast, and prints what differs and is not listed
    differences.py accept "TITLE" SCENE [TEXT]          adds what differs in that scene (calls that have TEXT in them) to the entry of this title
"""
import functools
import json
import pathlib
import sys

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


def found(scenes):
    """What differs, and is not listed: (scene, index, call, store, expected, answered)."""
    import dapr_test
    for scene in scenes:
        for store, like in dapr_test.stores_of(scene):
            if dapr_test.not_yet(scene, store):
                continue
            expected = json.loads((dapr_test.EXPECTED / f"{scene}.json").read_text())["calls"]
            for index, (entry, call) in enumerate(zip(expected, dapr_test.play(scene, "holdfast", store))):
                answer = json.loads(json.dumps(call["answer"]))
                wanted = of(scene, index, entry["call"], store) or entry.get(like, entry["answer"])
                if answer != wanted:
                    yield scene, index, entry["call"], store, wanted, answer


def show(scenes):
    for scene, index, call, store, wanted, answer in found(scenes):
        print(f"{scene}[{index}] {store or ''}\n    {call}\n    daprd     {json.dumps(wanted, ensure_ascii=False)}\n    holdfast  {json.dumps(answer, ensure_ascii=False)}")


def accept(title, scene, text=""):
    entries = load()
    entry = next((entry for entry in entries if entry["title"] == title), None)
    if entry is None:
        entry = {"title": title, "reason": "TODO", "calls": []}
        entries.append(entry)
    for _, index, call, store, _, answer in list(found([scene])):
        if text not in call:
            continue
        same = next((one for one in entry["calls"] if (one["scene"], one["index"], one["holdfast"]) == (scene, index, answer)), None)
        if same:
            same["stores"].append(store)
        else:
            entry["calls"].append({"scene": scene, "index": index, "call": call, "stores": [store], "holdfast": answer})
    (HERE / "differences.json").write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")


def main(arguments):
    if not arguments:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page())
    elif arguments[0] == "show":
        from scene import SCENES
        import dapr_test  # noqa: F401 (registers the scenes)
        show(arguments[1:] or SCENES)
    elif arguments[0] == "accept" and len(arguments) in (3, 4):
        accept(*arguments[1:])
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    # Under its own name, so that dapr_test and this are one module.
    import differences
    differences.main(sys.argv[1:])

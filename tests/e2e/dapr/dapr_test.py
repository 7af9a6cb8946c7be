"""Holdfast answers as daprd 1.14 does: every scene is played, and each answer compared with the one that is written down in expected/.

What is to differ is in differences.json, each with its reason and with what Holdfast answers instead; one that does not differ any more is a failure, too.
HOLDFAST_DAPR_PEER=daprd plays the scenes against the real one (`make daprd`), which checks what is written down.
"""
import json
import unittest

import differences
import invocation_scenes  # noqa: F401
import other_scenes  # noqa: F401
import sdk_scenes  # noqa: F401
import state_scenes  # noqa: F401
from record import EXPECTED
from scene import SCENES, play
from sidecar import peer


def stores_of(name):
    """(store to play with, the store whose answers it has to give)."""
    _, stores = SCENES[name]
    if peer() == "daprd" or stores[0] is None:
        return [(store, store) for store in stores]
    own = [("state.holdfast", stores[0])]
    return own + ([(store, store) for store in stores] if len(stores) > 1 else [])


# What Holdfast does not do yet: a store, or a scene. Their tests are skipped with this reason, and counted as that.
NOT_YET = {}


def not_yet(name, store):
    return peer() == "holdfast" and (NOT_YET.get(name) or NOT_YET.get(store))


class DaprTest(unittest.TestCase):
    maxDiff = None

    def check(self, name, store, like):
        if not_yet(name, store):
            self.skipTest(not_yet(name, store))
        expected = json.loads((EXPECTED / f"{name}.json").read_text())["calls"]
        calls = play(name, peer(), store)
        wanted = [entry.get(like, entry["answer"]) for entry in expected]
        found = []
        for index, (entry, call) in enumerate(zip(expected, calls)):
            known = differences.of(name, index, entry["call"], store) if peer() == "holdfast" else None
            if known is not None:
                if wanted[index] == known:
                    found.append(f"[{index}] {entry['call']}: differences.json says that it differs, and it does not")
                wanted[index] = known
            # As JSON, as what is written down has been: a tuple is a list.
            answer = json.loads(json.dumps(call["answer"]))
            if answer != wanted[index]:
                found.append(f"[{index}] {entry['call']}\n    expected {json.dumps(wanted[index], ensure_ascii=False)}\n    answered {json.dumps(answer, ensure_ascii=False)}")
        if len(calls) != len(expected):
            found.append(f"{len(calls)} calls, {len(expected)} are written down")
        if found:
            self.fail(f"{name} with {store}: {len(found)} of {len(expected)} answers differ\n" + "\n".join(found))


def add_tests():
    for name in SCENES:
        for store, like in stores_of(name):
            def test(self, name=name, store=store, like=like):
                self.check(name, store, like)
            kind = f"_{store.removeprefix('state.').replace('-', '_')}" if store else ""
            setattr(DaprTest, f"test_{name}{kind}", test)


add_tests()


class DifferencesTest(unittest.TestCase):
    def test_every_difference_is_one_of_a_call_that_is_made(self):
        for entry in differences.load():
            for call in entry["calls"]:
                with self.subTest(call):
                    expected = json.loads((EXPECTED / f"{call['scene']}.json").read_text())["calls"]
                    self.assertIn(call["call"], [one["call"] for one in expected])

    def test_the_page_says_them(self):
        self.assertEqual(differences.PAGE.read_text(), differences.page(), "run tests/e2e/dapr/differences.py")


if __name__ == "__main__":
    unittest.main()

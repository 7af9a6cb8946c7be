"""What the lanes beside a peer make of their measurements."""
import contextlib
import io
import struct
import unittest

import restate
import statefun
from beside import Table
from running import Failure


def printed(*rows):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        table = Table("Peer", {"rate": ("messages/s", 1, 0), "cpu": ("us/message", -1, 1), "batch": ("messages", 0, 1)})
        for row in rows:
            table.add(*row)
    return [line.split() for line in text.getvalue().splitlines()[1:]], table.rows


class Tables(unittest.TestCase):
    def test_better_is_what_is_better_of_the_metric(self):
        lines, _rows = printed(("row", {"rate": 300, "cpu": 2, "batch": 9}, {"rate": 100, "cpu": 8, "batch": 3}))
        self.assertEqual([line[-1] for line in lines], ["3.0x", "4.0x", "3.0"])

    def test_what_was_not_measured_of_one_side_is_null(self):
        lines, rows = printed(("row", {"rate": 300}, None), ("other", None, {"latency/cpu": 1}, "", ["latency/cpu"]))
        self.assertEqual(lines, [["row/rate", "messages/s", "300", "-"], ["other/latency/cpu", "us/message", "-", "1.0"]])
        self.assertEqual(rows[0], {"name": "row/rate", "unit": "messages/s", "holdfast": 300, "peer": None})

    def test_rounds_are_kept_beside_their_median(self):
        table = Table("Restate", restate.METRICS)
        sides = [{"rate": 100.0, "p50_ms": 1.0}, {"rate": 300.0, "p50_ms": 3.0}], []
        table.add("row", *map(restate.median, sides), rounds=sides)
        self.assertEqual(table.rows[0], {"name": "row/rate", "unit": "messages/s", "holdfast": 200.0, "peer": None,
                                         "rounds": {"holdfast": [100.0, 300.0], "peer": []}})


class Transactions(unittest.TestCase):
    """Records of a coordinator's log as Kafka 3.9 writes them."""

    @staticmethod
    def record(status, topics, version=0):
        partitions = b"".join(struct.pack(">h", len(name)) + name.encode() + struct.pack(">ii", 1, 0) for name in topics)
        return struct.pack(">hqhibi", version, 7, 1, 60_000, status, len(topics)) + partitions + struct.pack(">qq", 2, 1)

    def test_count_when_committed_and_of_the_topic(self):
        ongoing, prepare_commit, prepare_abort, complete = 1, 2, 3, 4
        for status, topics, expected in ((prepare_commit, ["out"], True), (prepare_commit, ["__consumer_offsets", "out"], True),
                                         (prepare_commit, ["out-tuned"], False), (ongoing, ["out"], False), (prepare_abort, ["out"], False),
                                         (complete, [], False)):
            self.assertEqual(statefun.is_commit_of("out", self.record(status, topics)), expected, (status, topics))
        self.assertFalse(statefun.is_commit_of("out", None))

    def test_of_another_version_are_refused(self):
        with self.assertRaisesRegex(Failure, "version 0 .* got 1"):
            statefun.is_commit_of("out", self.record(2, ["out"], version=1))


if __name__ == "__main__":
    unittest.main()

"""Stored data that is damaged, or sound and impossible: named by check-data and by up, given up by repair, never a crash."""
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import unittest

import wire
from damage import Log
from harness import Case, Failure, endpoint, stream
from operations_test import holdfast
from running import binary
from stub import count_and_answer

STREAM = b"test/out/records"


def count_and_emit(request):
    if "count" not in request.states:
        return count_and_answer(request)
    number = request.integer("count")
    return count_and_answer(request, *[wire.egress("test/out", wire.kafka_record("records", f"{number + i}".encode()))
                                       for i in range(len(request.invocations))])


def check_data(data):
    result = holdfast("check-data", data, "--json")
    return result.returncode, json.loads(result.stdout)["damage"] if result.stdout else [result.stderr]


class LostRecords(Case):
    def setUp(self):
        super().setUp()
        self.module = self.write("module.yaml", endpoint("test/*", self.stub(count_and_emit).url), stream())
        self.up(self.module)
        for n in range(10):
            self.assertAnswer(str(n + 1), "test/f", "a", "x")
        self.assertEqual(len(self.stream("records")), 10)
        self.holdfast.kill()
        log = Log(self.data)
        key = log.find_key(b"S", STREAM)
        log.append(*[key + struct.pack(">Q", position) for position in (4, 5)])

    def page(self, position):
        return self.ask(self.holdfast.gateway, "GET", f"/v1/streams/test/out/records?from={position}&limit=100")

    def test_are_named_and_the_rest_of_the_stream_and_everything_else_goes_on(self):
        code, damage = check_data(self.data)
        self.assertEqual((code, damage), (1, ["stream test/out/records has lost its records 4 to 5 of [0, 10)"]))
        self.up(self.module)
        self.assertEqual([r["position"] for r in self.page(0).json()["records"]], [0, 1, 2, 3])
        answer = self.page(4)
        self.assertEqual(answer.status, 500, answer)
        self.assertIn("stream test/out/records has lost its records 4 to 5", answer.text)
        self.assertIn("it goes on at 6", answer.text)
        self.assertEqual([r["position"] for r in self.page(6).json()["records"]], [6, 7, 8, 9])
        self.assertAnswer("11", "test/f", "a", "x")
        self.assertEqual([r["position"] for r in self.page(10).json()["records"]], [10])

    def test_retention_goes_over_them(self):
        self.module = self.write("module.yaml", endpoint("test/*", self.stub(count_and_emit).url), stream(retention={"size": "1kb"}))
        self.up(self.module)
        for n in range(40):
            self.assertAnswer(str(n + 11), "test/f", "a", "x")
        first = self.page(0).json()["records"][0]["position"]
        self.assertGreater(first, 10)
        self.holdfast.kill()
        self.assertEqual(check_data(self.data)[0], 0)

    def test_a_stream_can_be_given_up(self):
        refused = holdfast("repair", self.data, "--drop-stream", STREAM.decode())
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("--yes", refused.stderr)
        self.assertEqual(check_data(self.data)[0], 1, "nothing is done unasked")
        self.assertEqual(holdfast("repair", self.data, "--drop-stream", "test/out/other", "--yes").returncode, 1)
        done = holdfast("repair", self.data, "--drop-stream", STREAM.decode(), "--yes")
        self.assertEqual((done.returncode, done.stdout), (0, "dropped 8 records\n"), done.stderr)
        self.assertEqual(check_data(self.data), (0, []))
        self.up(self.module)
        self.assertEqual(self.page(0).json()["records"], [])
        self.assertAnswer("11", "test/f", "a", "x")
        self.assertEqual([r["position"] for r in self.page(0).json()["records"]], [10], "no position is used twice")

    def test_repair_keeps_away_from_a_running_one(self):
        self.up(self.module)
        result = holdfast("repair", self.data, "--drop-stream", STREAM.decode(), "--yes")
        self.assertEqual(result.returncode, 1)
        self.assertIn("in use", result.stderr)


class LostMail(Case):
    def test_is_named_and_refused_and_can_be_given_up(self):
        module = self.write("module.yaml", endpoint("test/*", "http://127.0.0.1:1/statefun"))
        self.up(module)
        for n in range(5):
            self.assertSent("test/f", "a", f"{n}")
        self.assertSent("test/f", "b", "x")
        self.holdfast.kill()
        log = Log(self.data)
        key = log.find_key(b"M", b"test/f")
        key = key[:3 + 4 + len("test/f")] + struct.pack(">I", 1) + b"a"
        log.append(key + struct.pack(">Q", 2))
        damage = check_data(self.data)[1]
        self.assertEqual(len(damage), 1)
        self.assertIn('message 3 of "test/f/a"', damage[0])
        self.assertIn("the mailbox has no message 2", damage[0])
        with self.assertRaises(Failure) as refused:
            self.up(module)
        self.assertIn("the mailbox of test/f/a has no message 2", str(refused.exception))
        done = holdfast("repair", self.data, "--drop-mail", "test/f/a", "--yes")
        self.assertEqual((done.returncode, done.stdout), (0, "dropped 4 messages\n"), done.stderr)
        self.assertEqual(check_data(self.data), (0, []))
        self.up(self.write("module.yaml", endpoint("test/*", self.stub().url)))
        self.eventually(lambda: self.state("test/f", "b") == {"count": "1"} or self.state("test/f", "b") == {"count": 1}, "the other one's is handled")
        self.assertAnswer("1", "test/f", "a", "x")


    def test_a_call_whose_message_is_given_up_is_answered_with_that(self):
        self.up(self.write("module.yaml", endpoint("test/*", "http://127.0.0.1:1/statefun")))
        self.assertEqual(self.call("test/f", "a", "x", key="k", timeout="100ms").status, 504)
        self.holdfast.kill()
        done = holdfast("repair", self.data, "--drop-mail", "test/f/a", "--yes")
        self.assertEqual((done.returncode, done.stdout), (0, "dropped 1 messages\n"), done.stderr)
        self.assertEqual(check_data(self.data), (0, []))
        self.up(self.write("module.yaml", endpoint("test/*", self.stub().url)))
        answer = self.call("test/f", "a", "x", key="k", timeout="5s")
        self.assertIn("dropped by `holdfast repair`", answer.text)


    @unittest.skipUnless(os.geteuid() == 0, "gives files away")
    def test_repair_leaves_a_directory_of_another_user_alone(self):
        self.up(self.write("module.yaml", endpoint("test/*", "http://127.0.0.1:1/statefun")))
        self.assertSent("test/f", "a", "x")
        self.holdfast.kill()
        nobody = 65534
        for path in (self.data, *self.data.rglob("*")):
            os.chown(path, nobody, nobody)
        refused = holdfast("repair", self.data, "--drop-mail", "test/f/a", "--yes")
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("do it as that user", refused.stderr)
        self.assertEqual({path.stat().st_uid for path in self.data.rglob("*")}, {nobody})


class Flipped(Case):
    def test_bits_of_the_log_and_of_holdfast_json_are_named_and_never_a_crash(self):
        module = self.write("module.yaml", endpoint("test/*", self.stub(count_and_emit).url), stream())
        self.up(module)
        for n in range(20):
            self.assertAnswer(str(n + 1), "test/f", "a", "x")
        self.holdfast.kill()
        log = Log(self.data)
        dice = random.Random(7)
        copy = self.folder / "copy"
        last = max(at for at in range(64, log.end, 8) if log._length(at) is not None)
        for n in range(40):
            shutil.copytree(self.data, copy)
            path = copy / ("holdfast.json" if n % 4 == 0 else f"log/{log.path.name}")
            content = bytearray(path.read_bytes())
            at = dice.randrange(len(content) if n % 4 == 0 else last)  # The very last record cannot be told from a torn one.
            content[at] ^= 1 << dice.randrange(8)
            path.write_bytes(content)
            result = holdfast("check-data", copy)
            said = result.stdout + result.stderr
            self.assertIn(result.returncode, (1, 2), (path.name, at, said))
            self.assertIn(path.name, said)
            if n % 8 < 2:
                up = subprocess.run([binary(), "up", module, "--data", copy, "--gateway", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
                                    stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
                self.assertIn(up.returncode, (1, 2), up.stderr)
                self.assertIn(path.name, up.stderr)
            shutil.rmtree(copy)

    def test_another_number_of_partitions_is_seen_against_the_view(self):
        module = self.write("module.yaml", endpoint("test/*", self.stub().url))
        self.up(module)
        self.assertAnswer("1", "test/f", "a", "x")
        self.holdfast.signal(signal.SIGTERM)
        self.assertEqual(self.holdfast.wait(30), 0)
        identity = json.loads((self.data / "holdfast.json").read_text())
        # As it was written before there were checksums.
        (self.data / "holdfast.json").write_text(f'{{"format":1,"partitions":65,"id":"{identity["id"]}"}}\n')
        damage = check_data(self.data)[1]
        self.assertIn(f'holdfast.json says partitions 65, id "{identity["id"]}", the view is of a directory with partitions 64', damage[0])
        with self.assertRaises(Failure) as refused:
            self.up(module)
        self.assertIn("partitions 64", str(refused.exception))

    def test_a_damaged_block_of_the_view_is_named_with_its_keys(self):
        module = self.write("module.yaml", endpoint("test/*", self.stub().url))
        self.up(module)
        for n in range(20):
            self.assertAnswer("1", "test/f", f"a{n}", "x")
        self.holdfast.signal(signal.SIGTERM)
        self.assertEqual(self.holdfast.wait(30), 0)
        table = next((self.data / "view").glob("*.sst"))
        content = bytearray(table.read_bytes())
        content[20] ^= 1
        table.write_bytes(content)
        code, damage = check_data(self.data)
        self.assertEqual(code, 1)
        self.assertIn(table.name, damage[0])
        self.assertIn('what is kept of "test/f/a', damage[0])
        self.assertIn("checksum mismatch", damage[0])


class OwnersAlone(Case):
    def test_what_is_made_is_its_owners_alone_whatever_the_umask(self):
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        module = self.write("module.yaml", endpoint("test/*", self.stub().url))
        self.up(module)
        self.assertAnswer("1", "test/f", "a", "x")
        self.holdfast.signal(signal.SIGTERM)
        self.assertEqual(self.holdfast.wait(30), 0)
        seen = 0
        for path in [self.data, *self.data.rglob("*")]:
            self.assertEqual(path.stat().st_mode & 0o777, 0o700 if path.is_dir() else 0o600, path)
            seen += 1
        self.assertGreater(seen, 8)

    def test_a_second_process_is_kept_out_after_LOCK_is_taken_away(self):
        module = self.write("module.yaml", endpoint("test/*", self.stub().url))
        self.up(module)
        (self.data / "LOCK").unlink()
        with self.assertRaises(Failure) as second:
            self.up(module)
        self.assertIn("in use", str(second.exception))


if __name__ == "__main__":
    unittest.main()

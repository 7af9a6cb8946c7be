"""Kafka to Kafka, exactly once, while Holdfast is killed at random moments and the broker is restarted, with functions in JavaScript on
the unmodified SDK: a read_committed consumer sees one output for each input, and each key's counter without a gap, in order.

HOLDFAST_KAFKA_RECORDS (200000), HOLDFAST_KAFKA_KEYS (1000), HOLDFAST_KAFKA_KILLS (30) and HOLDFAST_KAFKA_RESTARTS (3, of the broker)
make it longer or shorter, HOLDFAST_SEED chooses the moments again. (The moments are in time, so a seed repeats the plan, not every
interleaving.)
"""
import json
import os
import random
import time
import unittest

from harness import endpoint
from kafka import confluent
from kafka_case import KafkaCase, earliest, egress, ingress

RECORDS = int(os.environ.get("HOLDFAST_KAFKA_RECORDS", "200000"))
KEYS = int(os.environ.get("HOLDFAST_KAFKA_KEYS", "1000"))
KILLS = int(os.environ.get("HOLDFAST_KAFKA_KILLS", "30"))
RESTARTS = int(os.environ.get("HOLDFAST_KAFKA_RESTARTS", "3"))
PARTITIONS = 4
SLICES = 20          # Of what is produced between two kills.
DRAIN_SECONDS = 180


class Chaos(KafkaCase):
    def test_every_input_has_one_output_across_kills_and_restarts_of_the_broker(self):
        seed = os.environ.get("HOLDFAST_SEED") or str(random.SystemRandom().randrange(1 << 32))
        print(f"       {RECORDS} records, {KEYS} keys, {KILLS} kills, {RESTARTS} restarts of the broker, HOLDFAST_SEED={seed}", flush=True)
        self.chance = random.Random(seed)
        source, out = self.topic("in", PARTITIONS), "added"  # Where the functions put it.
        self.broker.create_topic(out, PARTITIONS)
        self.module = self.write("module.yaml", endpoint("test/*", self.functions("js").url), egress(self.broker),
                                 ingress(self.broker, [(source, "test/counter", "test/Json")], **earliest()))
        self.up(self.module)
        producer = confluent().Producer({**self.broker.client_config(), "enable.idempotence": "true", "linger.ms": "5", "log_level": "0",
                                         "queue.buffering.max.messages": "1000000", "error_cb": lambda _error: None, "reconnect.backoff.max.ms": "500"})
        refused = []
        plan = [self.chance.randrange(KEYS) for _ in range(RECORDS)]
        restarts = set(self.chance.sample(range(KILLS), RESTARTS)) if RESTARTS < KILLS else set(range(KILLS))
        began = time.monotonic()
        given = 0
        outputs_at_kill = []
        for kill in range(KILLS):
            moments = self.chance.uniform(0.1, 1.0)
            goal = RECORDS * (kill + 1) // KILLS
            while given < goal:
                until = min(goal, given + max(1, RECORDS // KILLS // SLICES))
                for number in range(given, until):
                    key = f"key{plan[number]}"
                    producer.produce(source, json.dumps({"n": 1, "ref": number}), key, on_delivery=lambda error, _: refused.append(error) if error else None)
                given = until
                producer.poll(0)
                time.sleep(moments / SLICES)
            if kill in restarts:
                if self.chance.random() < 0.6:
                    self.broker.kill()
                else:
                    self.broker.stop()
                if self.chance.random() < 0.5:  # Holdfast goes while the broker is away, too.
                    self.holdfast.kill()
                    self.up(self.module)
                self.broker.start()
            outputs_at_kill.append(sum(self.broker.end_offsets(out).values()))
            self.holdfast.kill()
            self.up(self.module)
        self.assertEqual(producer.flush(60), 0)
        self.assertEqual(refused, [])
        flowed = sum(later > earlier for earlier, later in zip(outputs_at_kill, outputs_at_kill[1:]))
        self.eventually_taken(source, seconds=DRAIN_SECONDS)
        self.eventually(lambda: self.drained(), lambda: f"{self.ingress()} {self.egress()}", DRAIN_SECONDS)
        took = time.monotonic() - began
        records = self.broker.consume_all(out, "read_committed")
        uncommitted = len(self.broker.consume_all(out, "read_uncommitted"))
        print(f"       {took:.0f} s, {len(records)} outputs, {uncommitted - len(records)} of transactions that were undone, "
              f"{flowed} of {KILLS - 1} times records had come between two kills, slowest start "
              f"{max(p.seconds_to_ready for p in self.started if hasattr(p, 'seconds_to_ready')) * 1000:.0f} ms", flush=True)
        self.assertOnceAndInOrder(plan, records)
        self.assertGreater(flowed, KILLS // 4, "there was hardly any load")
        self.assertEqual(self.ingress()["lost"], 0)
        self.assertEqual(self.ingress()["parked"], 0)
        self.assertEqual(self.holdfast.stop(), 0)

    def drained(self):
        """All that is taken in has been handled, and all that was emitted is sent."""
        return self.metric("holdfast_runtime_mailbox_messages") == 0 and self.egress()["waiting"] == 0

    def assertOnceAndInOrder(self, plan, records):
        expected = {}
        for number, key in enumerate(plan):
            expected.setdefault(f"key{key}", []).append(number)
        seen = {}
        for _, _, key, value, _ in records:
            value = json.loads(value)
            self.assertEqual(value["id"], key.decode())
            seen.setdefault(value["id"], []).append((value["ref"], value["count"], value["sum"]))
        self.assertEqual(len(records), len(plan))
        for key, numbers in expected.items():
            self.assertEqual(seen.get(key), [(number, at, at) for at, number in enumerate(numbers, 1)], key)
        self.assertEqual(len(seen), len(expected))


if __name__ == "__main__":
    unittest.main()

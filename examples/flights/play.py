#!/usr/bin/env python3
"""Plays flight records into Holdfast, each acknowledged as durable before the next one of the same airport is sent.

    python3 play.py [--gateway http://127.0.0.1:9999] [--records 20000]

The safe way to send over HTTP: every record carries an Idempotency-Key (its place in the file), and whatever goes wrong
in between - connection refused, connection lost, 429, 503 - it is sent again until the answer is 202. Holdfast handles
it once.
"""
import argparse
import json
import pathlib
import sys
import threading
import time
import urllib.parse
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools"))
from running import GONE, Connection, function_path, type_headers  # noqa: E402

RECORDS = HERE / "node_modules" / "vega-datasets" / "data" / "flights-20k.json"
LANES = 16


def load(count=None):
    return json.loads(RECORDS.read_text())[:count]


class Player:
    """Sends records over LANES connections. Records of one airport go over the same one, so they keep their order.

    `gateway` is asked for the (host, port) before each connect, so that a runtime may come back elsewhere.
    """

    def __init__(self, records, gateway, progress=lambda acknowledged: None):
        self.acknowledged = 0
        self.sent_again = 0
        self._gateway = gateway
        self._progress = progress
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._error = None
        lanes = [[] for _ in range(LANES)]
        for index, record in enumerate(records):
            lanes[zlib.crc32(record["origin"].encode()) % LANES].append((index, record))
        self._threads = [threading.Thread(target=self._play, args=(lane,), daemon=True) for lane in lanes]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()

    def join(self):
        for thread in self._threads:
            thread.join()
        if self._error:
            raise self._error

    def _play(self, lane):
        connection = None
        try:
            for index, record in lane:
                path = function_path("flights/airport", record["origin"], "send")
                headers = type_headers("flights/Departure", **{"Idempotency-Key": f"flights-20k/{index}"})
                body = json.dumps(record).encode()
                while True:
                    if self._stop.is_set():
                        return
                    try:
                        connection = connection or Connection(self._gateway())
                        answer = connection.ask("POST", path, body, headers)
                    except GONE:
                        connection = None
                        wait = 0.02
                    else:
                        if answer.status == 202:
                            break
                        if answer.status not in (429, 503):
                            raise RuntimeError(f"record {index}: {answer}")
                        wait = float(answer.headers.get("Retry-After") or 0.1)
                    with self._lock:
                        self.sent_again += 1
                    self._stop.wait(wait)
                with self._lock:
                    self.acknowledged += 1
                    acknowledged = self.acknowledged
                self._progress(acknowledged)
        except Exception as error:  # handed to join()
            self._error = error
            self._stop.set()
        finally:
            if connection:
                connection.close()


def progress_line(total, out=sys.stdout):
    """Prints how far it is: in place on a terminal, every tenth otherwise."""
    began = time.monotonic()
    step = max(1, total // (200 if out.isatty() else 10))

    def show(acknowledged):
        if acknowledged % step == 0 or acknowledged == total:
            rate = acknowledged / max(1e-9, time.monotonic() - began)
            text = f"  {acknowledged:>6,} of {total:,} acknowledged, {rate:,.0f}/s"
            end = "" if out.isatty() and acknowledged != total else "\n"
            out.write(("\r" if out.isatty() else "") + text + end)
            out.flush()

    return show


def main():
    parser = argparse.ArgumentParser(description="plays flight records into Holdfast")
    parser.add_argument("--gateway", default="http://127.0.0.1:9999")
    parser.add_argument("--records", type=int, help="only the first so many")
    options = parser.parse_args()
    url = urllib.parse.urlsplit(options.gateway)
    records = load(options.records)
    player = Player(records, lambda: (url.hostname, url.port), progress_line(len(records)))
    player.start()
    try:
        player.join()
    except KeyboardInterrupt:
        player.stop()
        return 130
    print(f"all acknowledged; {player.sent_again} were sent again")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The quickstart: 20,000 flights through two functions, kill -9 in the middle, and the books still balance.

    make quickstart        (builds what is needed first)
    python3 examples/flights/quickstart.py [--data DIR] [--records N]

Starts the function server and Holdfast on free ports, plays the records, kills Holdfast with -9 half way, starts it
again on the same data, and compares what the functions know at the end with a recount of the file.
Exits with 0 only if all of it is equal. Ends by itself, and leaves nothing running.
"""
import argparse
import collections
import concurrent.futures
import json
import pathlib
import shutil
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(HERE))
import play  # noqa: E402
from running import Connection, Failure, FunctionServer, Holdfast, binary, function_path  # noqa: E402

# As in server.js.
DELAY_THRESHOLD_MINUTES = 15
FLIGHTS_BEFORE_ALERTS = 20
TABLE_ROWS = 20
DATA = ROOT / "build" / "quickstart" / "data"


def recount(records):
    """What must come out: (airports, routes, alerts per airport), computed with nothing but a loop."""
    airports = collections.defaultdict(lambda: [0, 0])
    routes = collections.defaultdict(lambda: [0, 0])
    late = set()
    alerts = collections.defaultdict(list)
    for record in records:
        origin, delay = record["origin"], record["delay"]
        for entry in (airports[origin], routes[f"{origin}-{record['destination']}"]):
            entry[0] += 1
            entry[1] += delay
        flights, total = airports[origin]
        if flights >= FLIGHTS_BEFORE_ALERTS and total > DELAY_THRESHOLD_MINUTES * flights:
            if origin not in late:
                late.add(origin)
                alerts[origin].append({"airport": origin, "flights": flights, "delay": total, "date": record["date"]})
        else:
            late.discard(origin)
    return ({k: tuple(v) for k, v in airports.items()}, {k: tuple(v) for k, v in routes.items()}, dict(alerts))


def ask_all(holdfast, function, ids):
    """Asks each address for its summary. A question queues behind what was accepted before, so the answer counts it all."""
    ids = sorted(ids)

    def ask(chunk):
        found = {}
        with Connection(holdfast.gateway) as connection:
            for id in chunk:
                answer = connection.ask("POST", function_path(function, id, "call") + "?timeout=30s", b"how late are you?",
                                        {"Content-Type": "text/plain"})
                if answer.status != 200:
                    raise Failure(f"call {function}/{id}: {answer}")
                summary = answer.json()
                found[id] = (summary["flights"], summary["delay"])
        return found

    lanes = 8
    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        found = {}
        for part in pool.map(ask, [ids[lane::lanes] for lane in range(lanes)]):
            found.update(part)
    return found


def read_alerts(holdfast):
    """All records of the stream, by airport, in order of position."""
    alerts = collections.defaultdict(list)
    position = 0
    with Connection(holdfast.gateway) as connection:
        while True:
            answer = connection.ask("GET", f"/v1/streams/flights/alerts/delayed?from={position}&limit=100")
            if answer.status != 200:
                raise Failure(f"reading the alerts: {answer}")
            page = answer.json()
            for record in page["records"]:
                value = record["value"]
                value = json.loads(value) if isinstance(value, str) else value
                alerts[value["airport"]].append(value)
            if not page["records"]:
                return dict(alerts)
            position = page["next"]


def differences(what, found, expected):
    return [f"{what} {key}: Holdfast {found.get(key)}, the file {expected.get(key)}"
            for key in sorted(set(found) | set(expected)) if found.get(key) != expected.get(key)]


def print_table(airports, expected):
    print(f"\n  {'':8} {'—— Holdfast ——':^20}   {'—— the file ——':^20}")
    print(f"  {'airport':8} {'flights':>9} {'mean delay':>10}   {'flights':>9} {'mean delay':>10}")

    def row(name, ours, theirs):
        cells = "   ".join(f"{flights:>9,} {delay / flights if flights else 0:>10.2f}" for flights, delay in (ours, theirs))
        print(f"  {name:8} {cells}   {'equal' if ours == theirs else 'DIFFERENT'}")

    ranked = sorted(expected, key=lambda code: (-expected[code][0], code))
    for code in ranked[:TABLE_ROWS]:
        row(code, airports.get(code, (0, 0)), expected[code])
    if len(ranked) > TABLE_ROWS:
        rest = ranked[TABLE_ROWS:]
        row(f"+ {len(rest)}", tuple(map(sum, zip(*(airports.get(code, (0, 0)) for code in rest)))),
            tuple(map(sum, zip(*(expected[code] for code in rest)))))
    row("total", tuple(map(sum, zip(*airports.values()))), tuple(map(sum, zip(*expected.values()))))


def run(options):
    records = play.load(options.records)
    airports, routes, alerts = recount(records)
    data = pathlib.Path(options.data or DATA)
    if not options.data:
        shutil.rmtree(data, ignore_errors=True)
    elif data.exists() and any(data.iterdir()):
        raise Failure(f"{data} is not empty: name a new directory")
    data.parent.mkdir(parents=True, exist_ok=True)

    started = []
    player = None
    try:
        functions = FunctionServer(["node", HERE / "server.js"], name="functions")
        started.append(functions)
        print(f"functions   node examples/flights/server.js, pid {functions.pid}, {functions.url}")

        def up():
            holdfast = Holdfast([HERE / "module.yaml"], data, env={"FLIGHTS_URL": functions.url})
            started.append(holdfast)
            print(f"holdfast    pid {holdfast.pid}, {holdfast.gateway_url}, ready after {holdfast.seconds_to_ready * 1000:.0f} ms")
            return holdfast

        holdfast = up()
        print(f"playing     {len(records):,} flights of 2001, {play.LANES} connections, each record acknowledged when it is durable")
        gateway = [holdfast.gateway]
        half = threading.Event()
        show = play.progress_line(len(records))

        def progress(acknowledged):
            show(acknowledged)
            if acknowledged >= len(records) // 2:
                half.set()

        player = play.Player(records, lambda: gateway[0], progress)
        player.start()
        if not half.wait(options.seconds):
            player.stop()
            player.join()
            raise Failure(f"only {player.acknowledged} records acknowledged within {options.seconds} s\n{holdfast.tail()}")

        print(f"kill -9     {holdfast.pid}, {player.acknowledged:,} acknowledged so far")
        holdfast.kill()
        holdfast = up()
        gateway[0] = holdfast.gateway
        player.join()
        print(f"            all acknowledged; {player.sent_again} requests had to be made again")

        found_airports = ask_all(holdfast, "flights/airport", airports)
        found_routes = ask_all(holdfast, "flights/route", routes)
        found_alerts = read_alerts(holdfast)

        print_table(found_airports, airports)
        wrong = (differences("airport", found_airports, airports) + differences("route", found_routes, routes) +
                 differences("alerts of", found_alerts, alerts))
        print(f"\n  {len(airports)} airports, {len(routes):,} routes and {sum(map(len, alerts.values()))} alerts "
              f"(mean delay over {DELAY_THRESHOLD_MINUTES} minutes): " + ("all equal" if not wrong else f"{len(wrong)} DIFFERENT"))
        for line in wrong[:50]:
            print("  " + line)
        if wrong:
            return 1

        example = max(airports, key=lambda code: airports[code])
        for command in (["state", "get", f"flights/airport/{example}"], ["functions"]):
            print(f"\n$ holdfast {' '.join(command)}")
            print(holdfast.cli(*command).stdout.rstrip())
        code = holdfast.stop()
        if code != 0:
            raise Failure(f"holdfast did not stop cleanly\n{holdfast.tail()}")
    finally:
        if player:
            player.stop()
        for process in reversed(started):
            process.kill()

    shown_binary, shown_data = (shorten(path) for path in (binary(), data))
    print(f"""
Everything is stopped; the data is in {shown_data}. To look around, start both again, each in a terminal of its own

  node examples/flights/server.js
  {shown_binary} up examples/flights/module.yaml --data {shown_data}

and ask:

  {shown_binary} state get flights/airport/{example}
  {shown_binary} call flights/route/{max(routes, key=lambda key: routes[key])} hello
  {shown_binary} state ls
  curl 'localhost:9999/v1/streams/flights/alerts/delayed?limit=3'

Next: docs/getting-started.md""")
    return 0


def shorten(path):
    try:
        return pathlib.Path(path).resolve().relative_to(pathlib.Path.cwd())
    except ValueError:
        return path


def main():
    parser = argparse.ArgumentParser(description="20,000 flights, and kill -9 in the middle")
    parser.add_argument("--data", help="a new directory; default: build/quickstart/data, which is emptied first")
    parser.add_argument("--records", type=int, help="only the first so many")
    parser.add_argument("--seconds", type=float, default=300, help="give up when half is not reached by then")
    options = parser.parse_args()
    try:
        return run(options)
    except Failure as failure:
        print(f"\nquickstart failed: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Gives a graph to the vertices, waits until they have settled, and compares the components they found with a union-find of its own.

    python3 graph.py counties                             which counties of the United States touch each other, by land
    python3 graph.py made [--vertices 1000] [--edges 900] [--seed 1]

Both take --gateway and --admin. The counties are those of the package vega-datasets on npm (us-10m.json, public domain, US Census Bureau), which
the flights example installs: `npm ci` in ../flights.
"""
import argparse
import collections
import json
import pathlib
import random
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools"))
from running import GONE, Connection, function_path, type_headers  # noqa: E402

COUNTIES = HERE.parent / "flights" / "node_modules" / "vega-datasets" / "data" / "us-10m.json"
LANES = 8


def counties():
    """(vertices, edges): numbers of counties, and pairs that share a line of the map. TopoJSON draws a line between two counties once."""
    shapes = json.loads(COUNTIES.read_text())["objects"]["counties"]["geometries"]
    of_line = collections.defaultdict(set)
    for shape in shapes:
        for line in lines_of(shape.get("arcs", [])):
            of_line[line].add(shape["id"])
    edges = {(one, other) for touching in of_line.values() for one in touching for other in touching if one < other}
    return sorted({shape["id"] for shape in shapes}), sorted(edges)


def lines_of(arcs):
    if isinstance(arcs, int):
        yield arcs if arcs >= 0 else ~arcs  # The same line, drawn backwards.
    else:
        for arc in arcs:
            yield from lines_of(arc)


def made(chance, vertices, edges):
    return list(range(vertices)), [tuple(chance.sample(range(vertices), 2)) for _ in range(edges)]


def union_find(vertices, edges):
    """{vertex: the smallest vertex of its component}"""
    parent = {vertex: vertex for vertex in vertices}

    def root(vertex):
        while parent[vertex] != vertex:
            parent[vertex] = parent[parent[vertex]]
            vertex = parent[vertex]
        return vertex

    for one, other in edges:
        one, other = root(one), root(other)
        parent[max(one, other)] = min(one, other)
    return {vertex: root(vertex) for vertex in vertices}


def differences(found, expected):
    return [f"{vertex}: found {found.get(vertex)}, expected {expected.get(vertex)}"
            for vertex in sorted(found.keys() | expected.keys()) if found.get(vertex) != expected.get(vertex)]


class Loader:
    """Sends each vertex its edges, each edge to one of its ends only, until that is acknowledged. `gateway` is asked before each connect."""

    def __init__(self, vertices, edges, gateway):
        self.acknowledged = 0
        self.error = None
        self._gateway = gateway
        self._lock = threading.Lock()
        of_vertex = {vertex: [] for vertex in vertices}
        for number, (one, other) in enumerate(edges):
            one, other = (one, other) if number % 2 else (other, one)
            of_vertex[one].append(other)
        lanes = [[] for _ in range(LANES)]
        for number, vertex in enumerate(vertices):
            lanes[number % LANES].append((vertex, of_vertex[vertex]))
        self._threads = [threading.Thread(target=self._run, args=(lane,), daemon=True) for lane in lanes]

    def start(self):
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join()
        if self.error:
            raise self.error

    def _run(self, lane):
        connection = None
        try:
            for vertex, edges in lane:
                # Said twice an edge is the same edge: no key is needed to say it again.
                while True:
                    try:
                        connection = connection or Connection(self._gateway(), 10)
                        answer = connection.ask("POST", function_path("graph/vertex", str(vertex), "send"),
                                                json.dumps({"to": edges}).encode(), type_headers("graph/Edges"))
                    except GONE:
                        connection = None
                    else:
                        if answer.status == 202:
                            break
                        if answer.status not in (429, 503):
                            raise RuntimeError(f"vertex {vertex}: {answer}")
                    time.sleep(0.02)
                with self._lock:
                    self.acknowledged += 1
        except Exception as error:
            self.error = error


def settle(admin):
    """Until no vertex has a message."""
    with Connection(admin) as connection:
        while connection.ask("GET", "/v1/addresses?limit=1").json()["addresses"]:
            time.sleep(0.05)


def read(admin):
    """{vertex: component}, from the states."""
    with Connection(admin) as connection:
        listed = connection.ask("GET", "/v1/states?type=graph%2Fvertex&limit=10000").json()["addresses"]
    return {int(each["id"]): state["value"]["component"] for each in listed for state in each["states"]}


def address_of(url):
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def main():
    parser = argparse.ArgumentParser(description="gives a graph to the vertices and checks what they make of it")
    parser.add_argument("what", choices=("counties", "made"))
    parser.add_argument("--gateway", default="http://127.0.0.1:9999")
    parser.add_argument("--admin", default="http://127.0.0.1:7780")
    parser.add_argument("--vertices", type=int, default=1000)
    parser.add_argument("--edges", type=int, default=900)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    vertices, edges = counties() if options.what == "counties" else made(random.Random(options.seed), options.vertices, options.edges)
    loader = Loader(vertices, edges, lambda: address_of(options.gateway))
    loader.start()
    loader.join()
    settle(address_of(options.admin))
    expected = union_find(vertices, edges)
    wrong = differences(read(address_of(options.admin)), expected)
    for difference in wrong[:20]:
        print(difference)
    print(f"{len(vertices)} vertices, {len(edges)} edges, {len(set(expected.values()))} components: " +
          (f"{len(wrong)} vertices are DIFFERENT" if wrong else "the vertices and union-find agree"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

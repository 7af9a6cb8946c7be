"""The examples in C++ on the real program, each as a server and as a module: what their READMEs promise, with kill -9 in between."""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import unittest

from harness import ROOT, Case, Connection, FunctionServer, function_path
from running import Process, binary
from wire import STRING, field

EXAMPLES = ROOT / "examples"
# Of the build that the program under test is from, unless said otherwise.
BUILT = pathlib.Path(os.environ.get("HOLDFAST_EXAMPLES") or pathlib.Path(binary()).parent / "examples")
SEED = int(os.environ.get("HOLDFAST_SEED", "20261121"))

for folder in ("bank", "connected_components"):
    sys.path.insert(0, str(EXAMPLES / folder))


class Example(Case):
    """Starts an example in the one way or the other; `kill()` kills what there is to kill and starts it again."""

    example = None   # Its folder below examples/.
    name = None      # Of its targets; the folder's, if it is not said.
    variable = None  # SHOP: module.yaml reads SHOP_URL, native.yaml SHOP_MODULE.
    env = {}

    def setUp(self):
        super().setUp()
        self.server = None
        self.built = BUILT / self.example
        self.program = self.name or self.example

    def start(self, way):
        self.way = way
        if way == "remote":
            self.server = FunctionServer([self.built / f"{self.program}_server"], name=f"{self.program}_server")
            self.started.append(self.server)
            self.modules = [self.remote_module()]
            self.environment = {f"{self.variable}_URL": self.server.url, **self.env}
        else:
            self.modules = [EXAMPLES / self.example / "native.yaml"]
            self.environment = {f"{self.variable}_MODULE": str(self.built / f"{self.program}.so"), **self.env}
        self.up(*self.modules, env=self.environment)

    def remote_module(self):
        return EXAMPLES / self.example / "module.yaml"

    def kill(self):
        """kill -9 of Holdfast; it comes back where it was, for those who keep asking."""
        port = self.holdfast.gateway[1]
        self.holdfast.kill()
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()
        self.up(*self.modules, env=self.environment, gateway_port=port)

    def kill_functions(self):
        """kill -9 of the function server, if there is one, while Holdfast goes on."""
        if not self.server:
            return self.kill()
        port = self.server.port
        self.server.kill()
        self.server = FunctionServer([self.built / f"{self.program}_server"], name=f"{self.program}_server", port=port)
        self.started.append(self.server)

    def ask_json(self, function, id, name, value, expected=200, **options):
        """A call with a JSON value of that type; the JSON of its answer."""
        answer = self.call(function, id, json.dumps(value), name, **options)
        self.assertEqual(answer.status, expected, answer)
        return answer.json()

    def tell(self, function, id, name, value, **options):
        return self.assertSent(function, id, json.dumps(value), name, **options)

    def is_idle(self):
        """No address has work, and none waits for a timer."""
        return not self.holdfast.cli_json("addresses")["addresses"] and not self.holdfast.cli_json("timers")["timers"]

    def settle(self):
        self.eventually(self.is_idle, lambda: self.holdfast.cli("addresses").stdout + self.holdfast.cli("parked", "ls").stdout, 60)


def both_ways(case):
    """Makes test_x_remote and test_x_native of each `check_x`."""
    for name in [name for name in vars(case) if name.startswith("check_")]:
        for way in ("remote", "native"):
            def test(self, name=name, way=way):
                self.start(way)
                getattr(self, name)()
            setattr(case, f"test_{name[len('check_'):]}_{way}", test)
    return case


@both_ways
class Greeter(Example):
    example, name, variable = "greeter/cpp", "greeter", "GREETER"
    env = {"GREETER_INGRESS_PORT": "0", "GREETER_EGRESS_PORT": "0"}

    def remote_module(self):
        return EXAMPLES / "greeter" / "module.yaml"

    def pop(self):
        def take():
            return self.ask(("127.0.0.1", self.holdfast.ports["egress"][0]), "GET", "/greetings").text
        return self.eventually(take, "a greeting")

    def check_it_greets_as_its_neighbours_in_other_languages(self):
        ingress = ("127.0.0.1", self.holdfast.ports["ingress"][0])
        answer = self.ask(ingress, "PUT", "/example/greeter/bob", b'{"name": "Bob"}',
                          {"Content-Type": "application/vnd.example/GreetRequest"})
        self.assertIn(answer.status, (200, 202))
        self.assertEqual(self.pop(), "Welcome Bob!")
        self.assertAnswer("Welcome back Bob!", "example/greeter", "bob", "Bob")
        self.kill()
        self.assertAnswer("Hello Bob, visit number 3!", "example/greeter", "bob", '{"name": "Bob"}', "example/GreetRequest")
        self.kill_functions()
        self.assertAnswer("Hello bob, visit number 4!", "example/greeter", "bob", "{}", "example/GreetRequest")
        self.assertEqual(self.state("example/greeter", "bob"), {"seen": 4})
        self.assertEqual([self.pop() for _ in range(3)],
                         ["Welcome back Bob!", "Hello Bob, visit number 3!", "Hello bob, visit number 4!"])


@both_ways
class ShoppingCart(Example):
    example, variable = "shopping_cart", "SHOP"

    def stock(self, item):
        view = self.ask_json("shop/stock", item, "shop/ShowStock", {})
        return view["available"], view["held"], view["sold"]

    def add(self, user, item, quantity):
        return self.ask_json("shop/basket", user, "shop/Add", {"item": item, "quantity": quantity})

    def check_what_is_in_a_basket_is_bought_once_whatever_is_killed(self):
        self.ask_json("shop/stock", "tea", "shop/Restock", {"quantity": 5, "price": 250})
        self.ask_json("shop/stock", "milk", "shop/Restock", {"quantity": 1, "price": 99})
        self.assertEqual(self.add("al", "tea", 2), {"items": {"tea": 2}, "note": ""})
        self.assertEqual(self.add("bo", "tea", 4)["note"], "of tea there are 3")
        self.kill()
        self.assertEqual(self.add("al", "milk", 1)["items"], {"milk": 1, "tea": 2})
        self.kill_functions()
        self.assertEqual(self.add("bo", "milk", 1)["note"], "of milk there are 0")
        self.assertEqual(self.stock("tea"), (3, 2, 0))

        receipt = {"user": "al", "lines": [{"item": "milk", "quantity": 1, "price": 99}, {"item": "tea", "quantity": 2, "price": 500}],
                   "gone": [], "total": 599}
        got = self.ask_json("shop/basket", "al", "shop/Checkout", {}, key="checkout")
        got["lines"].sort(key=lambda line: line["item"])
        self.assertEqual(got, receipt)
        self.kill()
        # Asked again under its key, it is the same checkout.
        self.assertEqual(self.ask_json("shop/basket", "al", "shop/Checkout", {}, key="checkout")["total"], 599)
        self.assertEqual(self.stock("tea"), (3, 0, 2))
        records = self.stream("receipts", "shop/receipts")
        self.assertEqual([(record["key"], record["value"]["total"]) for record in records], [("al", 599)])
        self.settle()  # Among others, no timer is left of the holds.

    def check_a_hold_that_expires_frees_the_stock_and_empties_the_basket(self):
        self.ask_json("shop/stock", "tea", "shop/Restock", {"quantity": 2, "price": 250, "hold_ms": 300})
        self.assertEqual(self.add("al", "tea", 2)["items"], {"tea": 2})
        self.kill()  # Its timer is kept.
        self.eventually(lambda: self.stock("tea") == (2, 0, 0), "the hold to expire")
        self.eventually(lambda: self.ask_json("shop/basket", "al", "shop/ShowBasket", {})["items"] == {}, "the basket to be told")
        self.assertEqual(self.add("bo", "tea", 2)["items"], {"tea": 2})
        self.settle()


@both_ways
class RideSharing(Example):
    example, variable = "ride_sharing", "RIDES"
    CELLS, DRIVERS, PASSENGERS, RIDES = 4, 5, 8, 3

    def updates(self):
        return [record["value"] for record in self.stream("rides", "rides/updates")]

    def check_every_ride_ends_and_no_driver_drives_two_at_once(self):
        chance = random.Random(SEED)
        drivers = [f"driver{number}" for number in range(self.DRIVERS)]
        passengers = [f"passenger{number}" for number in range(self.PASSENGERS)]
        arrived = dict.fromkeys(passengers, 0)
        rounds = 0
        while min(arrived.values()) < self.RIDES:
            rounds += 1
            self.assertLess(rounds, 1500, arrived)
            for driver in drivers:
                self.tell("rides/driver", driver, "rides/DriverAt", {"cell": chance.randrange(self.CELLS)})
            passenger = chance.choice(passengers)
            if arrived[passenger] < self.RIDES:
                self.tell("rides/passenger", passenger, "rides/Book",
                          {"from": chance.randrange(self.CELLS), "to": chance.randrange(self.CELLS)})
            if rounds % 7 == 0:
                self.tell("rides/passenger", chance.choice(passengers), "rides/CancelBooking", {})
            if rounds in (10, 40):
                self.kill()
            if rounds in (25, 55):
                self.kill_functions()
            if rounds % 5 == 0:
                arrived = {name: self.state("rides/passenger", name).get("arrived", 0) for name in passengers}
        # Those that are still on their way arrive, or give up.
        def over():
            for driver in drivers:
                self.tell("rides/driver", driver, "rides/DriverAt", {"cell": chance.randrange(self.CELLS)})
            return not any("ride" in self.state("rides/passenger", name) for name in passengers)
        self.eventually(over, lambda: str(self.updates()), 60)
        self.settle()
        self.judge(passengers)

    def judge(self, passengers):
        rides, driving = {}, {}
        for update in self.updates():
            what, ride, driver = update["what"], update["ride"], update["driver"]
            before = rides.get(ride)
            self.assertIn((before, what), {(None, "requested"), ("requested", "started"), ("started", "arrived"),
                                           ("requested", "cancelled"), ("requested", "no driver")}, ride)
            rides[ride] = what
            if what == "started":
                self.assertNotIn(driver, driving, update)
                driving[driver] = ride
            elif what == "arrived":
                self.assertEqual(driving.pop(driver), ride)
        self.assertEqual(driving, {})
        self.assertLessEqual(set(rides.values()), {"arrived", "cancelled", "no driver"})
        for name in passengers:
            state = self.state("rides/passenger", name)
            mine = [what for ride, what in rides.items() if ride.rsplit("-", 1)[0] == name]
            self.assertEqual((state["booked"], state["arrived"]), (len(mine), mine.count("arrived")))


@both_ways
class ConnectedComponents(Example):
    example, variable = "connected_components", "GRAPH"

    def find(self, vertices, edges, kills):
        """Builds the graph with kills in between; the differences to the components that union-find finds."""
        import graph
        loader = graph.Loader(vertices, edges, lambda: self.holdfast.gateway)
        loader.start()
        for number in range(kills):
            goal = len(vertices) * (number + 1) // (kills + 1)
            self.eventually(lambda: loader.acknowledged >= goal or loader.error, f"{goal} vertices", 120)
            (self.kill, self.kill_functions)[number % 2]()
        loader.join()
        self.settle()
        found = graph.read(self.holdfast.admin)
        expected = graph.union_find(vertices, edges)
        self.assertEqual(graph.differences(found, expected), [])
        # The last that the stream says of each vertex is the same.
        last = {record["value"]["vertex"]: record["value"]["component"] for record in self.stream("components", "graph/changes")}
        self.assertEqual(graph.differences(last, expected), [])
        return expected

    def check_the_counties_of_the_united_states_are_51_land_masses(self):
        import graph
        vertices, edges = graph.counties()
        self.assertEqual((len(vertices), len(edges)), (3231, 8938))
        expected = self.find(vertices, edges, 3)
        self.assertEqual(len(set(expected.values())), 51)
        self.assertEqual(self.call("graph/vertex", "53000", b"", "graph/Which").json(), expected[53000])

    def check_a_graph_made_by_chance_falls_apart_as_union_find_says(self):
        import graph
        vertices, edges = graph.made(random.Random(SEED), 400, 350)
        self.find(vertices, edges, 1)


class ConnectedComponentsJudge(unittest.TestCase):
    """Check the checker."""

    def test_the_judge_would_notice_one_vertex_in_the_wrong_component(self):
        import graph
        vertices, edges = graph.made(random.Random(1), 50, 40)
        expected = graph.union_find(vertices, edges)
        self.assertEqual(graph.differences(dict(expected), expected), [])
        wrong = dict(expected)
        wrong[vertices[3]] += 1
        self.assertEqual(len(graph.differences(wrong, expected)), 1)
        del wrong[vertices[3]]
        self.assertEqual(len(graph.differences(wrong, expected)), 1)


@both_ways
class Bank(Example):
    example, variable = "bank", "BANK"
    ACCOUNTS, BALANCE, TRANSFERS, KILLS = 20, 1000, 600, 6

    def check_the_sum_never_changes_whatever_is_killed(self):
        import bank
        load = bank.Load(self.ACCOUNTS, self.BALANCE, self.TRANSFERS, SEED, lambda: self.holdfast.gateway)
        load.start()
        for number in range(self.KILLS):
            goal = self.TRANSFERS * (number + 1) // (self.KILLS + 1)
            self.eventually(lambda: load.answered >= goal or load.error, f"{goal} transfers", 120)
            (self.kill, self.kill_functions)[number % 2]()
        load.join()
        self.settle()
        report = bank.audit(self.holdfast.gateway, self.holdfast.admin)
        self.assertEqual(report.problems, [])
        self.assertEqual(report.sum, self.ACCOUNTS * self.BALANCE)
        self.assertEqual(report.under_way, 0)
        self.assertEqual(len(load.outcomes), self.TRANSFERS)
        done = {transfer for transfer, outcome in load.outcomes.items() if outcome["done"]}
        self.assertEqual(report.done, done)
        self.assertGreater(len(done), self.TRANSFERS // 3)
        self.assertLess(len(done), self.TRANSFERS)  # Some are refused: overdrafts, accounts that are not there.

    def check_a_transfer_says_what_became_of_it_and_happens_once(self):
        for name, balance in (("anna", 100), ("bert", 0)):
            self.ask_json("bank/account", name, "bank/Open", {"balance": balance})
        order = {"from": "anna", "to": "bert", "amount": 70}
        for _ in range(3):
            self.assertEqual(self.ask_json("bank/transfer", "t1", "bank/Transfer", order), {"transfer": "t1", "done": True, "reason": ""})
        self.kill()
        self.assertEqual(self.ask_json("bank/transfer", "t1", "bank/Transfer", order)["done"], True)
        self.assertEqual(self.ask_json("bank/transfer", "t2", "bank/Transfer", order)["reason"], "anna has 30, not 70")
        gone = {"from": "anna", "to": "nobody", "amount": 30}
        self.assertEqual(self.ask_json("bank/transfer", "t3", "bank/Transfer", gone)["reason"], "there is no account nobody")
        self.assertEqual(self.ask_json("bank/account", "anna", "bank/ShowAccount", {}), {"account": "anna", "open": True, "balance": 30})
        entries = [(entry["value"]["account"], entry["value"]["change"], entry["value"]["transfer"])
                   for entry in self.stream("entries", "bank/ledger")]
        self.assertEqual(entries, [("anna", 100, ""), ("bert", 0, ""), ("anna", -70, "t1"), ("bert", 70, "t1"),
                                   ("anna", -30, "t3"), ("anna", 30, "t3")])


class BankAudit(unittest.TestCase):
    """Check the checker: the audit sees what an unlucky bank would do."""

    GOOD = [("a", 100, 100, ""), ("b", 50, 50, ""), ("a", -30, 70, "t"), ("b", 30, 80, "t")]

    def problems(self, entries, balances):
        import bank
        ledger = [dict(zip(("account", "change", "balance", "transfer"), entry)) for entry in entries]
        return bank.judge(ledger, balances).problems

    def test_a_ledger_that_is_right_has_no_problems(self):
        self.assertEqual(self.problems(self.GOOD, {"a": 70, "b": 80}), [])

    def test_each_fault_is_a_problem(self):
        for name, entries, balances in (
                ("a withdrawal that never arrived", self.GOOD[:3], {"a": 70, "b": 50}),
                ("a deposit twice", self.GOOD + [("b", 30, 110, "t")], {"a": 70, "b": 110}),
                ("money from nowhere", self.GOOD[:2] + self.GOOD[3:], {"a": 100, "b": 80}),
                ("an entry that is missing", self.GOOD[:2] + [("a", -30, 60, "t"), self.GOOD[3]], {"a": 60, "b": 80}),
                ("a state the ledger does not know of", self.GOOD, {"a": 71, "b": 80}),
                ("an account below zero", [("a", 0, 0, ""), ("b", 0, 0, ""), ("a", -5, -5, "t"), ("b", 5, 5, "t")], {"a": -5, "b": 5})):
            with self.subTest(name):
                self.assertNotEqual(self.problems(entries, balances), [])


@both_ways
class Showcase(Example):
    example, variable = "showcase", "SHOWCASE"

    def check_part_1_types(self):
        self.assertAnswer("a string of 4 bytes", "showcase/types", "t", "four")
        for kind, value, expected in (("bool", "true", "a bool: true"), ("int", "-7", "an int: -7"), ("long", "1099511627776", "a long: 1099511627776"),
                                      ("float", "1.5", "a float: 1.500000"), ("double", "2.5", "a double: 2.500000")):
            self.assertAnswer(expected, "showcase/types", "t", value, f"io.statefun.types/{kind}", **{"Content-Type": "text/plain"})
        self.assertAnswer("an order: 2 of tea", "showcase/types", "t", '{"item": "tea", "quantity": 2}', "showcase/Order")
        self.assertAnswer("a point, so far from the origin: 5.000000", "showcase/types", "t", "3 4", "showcase/Point")

    def check_part_2_messages(self):
        self.assertAnswer("set", "showcase/alarm", "tea", "set")
        self.kill()
        self.assertAnswer("is set already", "showcase/alarm", "tea", "set")
        self.assertAnswer("stopped", "showcase/alarm", "tea", "stop")
        self.assertEqual(self.holdfast.cli_json("timers")["timers"], [])
        self.assertAnswer("set", "showcase/alarm", "egg", "set")
        self.eventually(lambda: self.call("showcase/bell", "egg", "?").text == "rung 1 times", "the bell")
        self.assertAnswer("rung 0 times", "showcase/bell", "tea", "?")

    def check_part_3_egress(self):
        self.assertSent("showcase/press", "daily", "man bites dog")
        self.settle()
        story, = self.stream("stories", "showcase/news")
        self.assertEqual((story["key"], story["value"]), ("daily", "man bites dog"))
        length, = self.stream("lengths", "showcase/news")
        self.assertEqual((length["type"], length["value"]), ("io.statefun.types/long", 3))

    def check_part_4_states_and_expiration(self):
        self.assertAnswer("ever: 1, in this session: 1, first of the last seconds: al", "showcase/visits", "v", "al")
        self.eventually(lambda: set(self.state("showcase/visits", "v")) == {"ever"}, "two states to expire")
        self.assertAnswer("ever: 2, in this session: 1, first of the last seconds: bo", "showcase/visits", "v", "bo")
        self.assertAnswer("ever: 0, in this session: 0, first of the last seconds: nobody", "showcase/visits", "v", "forget")
        self.assertEqual(self.state("showcase/visits", "v"), {})

    def check_part_5_async(self):
        answers = []
        def ask(number):
            connection = Connection(self.holdfast.gateway)
            answers.append(connection.ask("POST", function_path("showcase/quote", f"q{number}", "call"), b"tea", {"Content-Type": "text/plain"}).text)
            connection.close()
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, ["price 0.750000, asked 1 times"] * 20)


class ShowcaseServing(Example):
    example, variable = "showcase", "SHOWCASE"

    def test_part_6_a_unix_socket(self):
        server = Process([self.built / "showcase_server", "--unix", self.folder / "showcase.sock"], name="showcase_server")
        self.started.append(server)
        url = server.wait_for_line("listening on ").split("listening on ", 1)[1].strip()
        self.up(EXAMPLES / self.example / "module.yaml", env={"SHOWCASE_URL": url})
        self.assertAnswer("a string of 2 bytes", "showcase/types", "t", "hi")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)

    def test_part_6_bytes_in_bytes_out(self):
        def address(namespace, name, id):
            return field(1, namespace) + field(2, name) + field(3, id)
        value = field(1, STRING) + field(2, True) + field(3, field(1, "four"))
        call = field(1, address("example", "asker", "a")) + field(2, value)
        request = field(100, field(1, address("showcase", "types", "t")) + field(3, call))
        done = subprocess.run([self.built / "showcase_server", "--bytes"], input=request, capture_output=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"a string of 4 bytes", done.stdout)
        wrong = subprocess.run([self.built / "showcase_server", "--bytes"], input=b"no request", capture_output=True, timeout=30)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn(b"400: malformed request", wrong.stderr)


if __name__ == "__main__":
    unittest.main()

"""The judge of the interpreter test: plays again what each address says it handled, and compares everything that is to be seen with it.

An address says which messages it handled, and in which order, by a record each ("handled"). Those records and its state are changed
together or not at all, so a message that was lost, doubled or overtaken shows in one of: the set of handled nodes, the numbers that each
sender gave what it sent to each receiver, the records of each address in their order, the values that went from function to function,
the state at the end, the delayed messages that still wait.
"""
import collections

from interpreter_plan import Fate

TOTAL_BELOW = 1_000_000_007
DIGEST_BELOW = 2_147_483_647
FINDINGS_MAX = 20


def mixed(total, n):
    """Of which order matters."""
    return (total * 3 + n) % TOTAL_BELOW


class Account:
    """An address as it must be after what it handled."""

    def __init__(self):
        self.count = self.digest = self.total = 0
        self.sent = collections.Counter()
        self.flag = None

    def state(self):
        """Only states that were written are there."""
        values = {"count": self.count, "digest": self.digest, "total": self.total}
        if self.sent:
            values["sent"] = dict(self.sent)
        if self.flag is not None:
            values["flag"] = self.flag
        return values

    def shown(self, node):
        return {"node": node, "count": self.count, "total": self.total, "flag": self.flag}


class Seen:
    """What there is to see when everything has come to rest."""

    def __init__(self, handled=(), records=(), saw=(), states=None, pending=(), replies=None):
        self.handled = list(handled)    # [(address, {"node", "from", "seq", "got"})] in the order of the stream
        self.records = list(records)    # [(address, number)]
        self.saw = list(saw)            # [(address, {"node", "count", "total", "flag"})]
        self.states = states or {}      # {address: {name: value}}
        self.pending = list(pending)    # tokens
        self.replies = replies or {}    # {root node: answer}


class Judge:
    def __init__(self, plans):
        self.nodes = {id: node for plan in plans for id, node in plan.nodes.items()}
        self.roots = [root for plan in plans for root in plan.roots]
        self.accounts = collections.defaultdict(Account)
        self.findings = []
        self._given = {}                                     # reply node: the total it carries
        self._sent = collections.defaultdict(list)           # (sender, receiver): [(node, seq)], as sent
        self._got = collections.defaultdict(list)            # the same, as handled
        self._times = collections.Counter()                  # node: handled
        self._records = collections.defaultdict(list)
        self._saw = collections.defaultdict(list)
        self._took = []                                      # (node, what it carried)

    def verdict(self, seen):
        """What is wrong, a line each; empty: nothing."""
        for root in self.roots:
            self._sent[self.nodes[root.node].sender, self.nodes[root.node].target].append((root.node, root.command["seq"]))
        for address, entry in seen.handled:
            self._replay(address, entry)
        self._judge_fates()
        self._judge_order()
        self._judge_values(seen)
        self._compare("records", self._records, by_source(seen.records))
        self._compare("what was seen", self._saw, by_source(seen.saw))
        self._compare("state", {address: account.state() for address, account in self.accounts.items()}, seen.states)
        waiting = sorted(node.token for node in self.nodes.values() if node.fate is Fate.PENDING and self._times[node.parent])
        if waiting != sorted(seen.pending):
            self._find(f"delayed messages that wait: {difference(waiting, seen.pending)}")
        return self.findings

    def _find(self, text):
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(text)

    # --- What an address does, again.

    def _replay(self, address, entry):
        node = self.nodes.get(entry["node"])
        if node is None or node.target != address:
            return self._find(f"{address} handled node {entry['node']}, which {'nobody made' if node is None else 'went to ' + node.target}")
        if entry["from"] != node.sender:
            self._find(f"node {node.id} came from {entry['from']!r}, not {node.sender!r}")
        self._times[node.id] += 1
        account = self.accounts[address]
        account.count += 1
        account.digest = (account.digest * 31 + node.id * 7 + entry["seq"]) % DIGEST_BELOW
        if "got" in entry:
            self._took.append((node.id, entry["got"]))
            account.total = mixed(account.total, entry["got"])
        if entry["seq"]:
            self._got[node.sender, address].append((node.id, entry["seq"]))
        elif node.in_order:
            self._find(f"node {node.id} carries no number")
        for op in node.ops:
            self._carry_out(op, node, account)

    def _carry_out(self, op, node, account):
        kind = op["op"]
        if kind == "add":
            account.total = mixed(account.total, op["n"])
        elif kind == "flag":
            account.flag = op["text"]
        elif kind == "unflag":
            account.flag = None
        elif kind == "send":
            self._number(account, node.target, f"{op['to']}/{op['id']}", op["command"]["node"])
        elif kind == "record":
            self._records[node.target].append(op["n"])
        elif kind == "saw":
            self._saw[node.target].append(account.shown(node.id))
        elif kind == "reply":
            self._given[op["node"]] = account.total
            if op["node"] in self.nodes:
                self._number(account, node.target, self.nodes[op["node"]].target, op["node"])

    def _number(self, account, sender, receiver, child):
        account.sent[receiver] += 1
        self._sent[sender, receiver].append((child, account.sent[receiver]))

    # --- Comparisons

    def _judge_fates(self):
        for node in self.nodes.values():
            times = self._times[node.id]
            which = f"node {node.id} from {node.sender} to {node.target} ({node.fate.value})"
            if times > 1:
                self._find(f"{which} was handled {times} times")
            if node.parent and not self._times[node.parent]:
                if times:
                    self._find(f"{which} was handled, but nobody sent it")
            elif times and node.fate in (Fate.NEVER, Fate.PENDING):
                self._find(f"{which} was handled")
            elif not times and node.fate is Fate.ONCE:
                self._find(f"{which} was lost")

    def _judge_order(self):
        """From one address to another: all that was sent, as it was sent, but for what an operator skipped."""
        for pair in self._sent.keys() | self._got.keys():
            expected = [(id, number) for id, number in self._sent[pair] if not self.nodes[id].poison]
            if expected != self._got[pair]:
                self._find(f"from {pair[0]} to {pair[1]}: {difference(expected, self._got[pair])}")

    def _judge_values(self, seen):
        for id, got in self._took:
            if self._given.get(id) != got:
                self._find(f"node {id} carries {got}, but {self._given.get(id)} was sent")
        for root in self.roots:
            if root.reply:
                expected = {"node": root.reply, "seq": 0, "got": self._given.get(root.reply), "ops": []}
                if seen.replies.get(root.node) != expected:
                    self._find(f"call {root.node} was answered {seen.replies.get(root.node)}, not {expected}")

    def _compare(self, what, expected, found):
        for address in sorted(expected.keys() | found.keys()):
            if expected.get(address) != found.get(address):
                self._find(f"{what} of {address}: {difference(expected.get(address), found.get(address))}")


def by_source(pairs):
    out = collections.defaultdict(list)
    for source, value in pairs:
        out[source].append(value)
    return out


def difference(expected, found):
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = [key for key in sorted(expected.keys() | found.keys()) if expected.get(key) != found.get(key)]
        return "; ".join(f"{key}: {difference(expected.get(key), found.get(key))}" for key in keys)
    if not isinstance(expected, list) or not isinstance(found, list):
        return f"expected {expected}, found {found}"
    place = next((i for i, (a, b) in enumerate(zip(expected, found)) if a != b), min(len(expected), len(found)))
    return (f"expected {len(expected)}, found {len(found)}; from the {place + 1}th on expected {expected[place:place + 3]}, "
            f"found {found[place:place + 3]}")

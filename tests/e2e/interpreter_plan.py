"""Random trees of commands for the interpreter function, and what must become of each.

A *node* is one message: a command {"node", "ops"}, sent to one address. Its ops change state, emit records, and send further nodes, now or
later, to addresses of any language. functions/interpreter.h says what each op does; every language has the same one.

Who makes a tree knows the fate of each node beforehand, given that its parent was handled:

    ONCE      handled exactly once
    MAYBE     delayed, and taken back by a message that is under way: handled once or never
    NEVER     taken back in time, or poison: the function always throws, and an operator skips it
    PENDING   due long after the end of the test
"""
import dataclasses
import enum

FAR_AWAY_MS = 3_600_000
MESSAGE = "test/Command"


class Fate(enum.Enum):
    ONCE = "once"
    MAYBE = "maybe"
    NEVER = "never"
    PENDING = "pending"


@dataclasses.dataclass
class Node:
    id: int
    target: str            # "js/interpreter/a"
    sender: str            # The same of a function, or the name of a client.
    fate: Fate
    parent: int = 0        # 0: it comes from a client.
    in_order: bool = True  # Sent plainly: the receiver sees what a sender sends to it in the order in which it was sent.
    poison: bool = False
    token: str = ""
    ops: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Root:
    """What a client asks for: one request, repeated until it is acknowledged."""
    node: int
    type: str
    id: str
    command: dict
    reply: int = 0  # The node that the answer carries; 0: a send.


class Plan:
    """The trees of one client. Several clients share the numbers: this one's are `first`, `first + step`, …"""

    def __init__(self, client, random, types, ids, first=1, step=1):
        self.nodes = {}
        self.roots = []
        self._client, self._random, self._types, self._ids = client, random, types, ids
        self._next, self._step = first, step
        self._sent = {}

    def root(self):
        command, node = self._tree(self._random.randrange(5), self._client, Fate.ONCE)
        reply = 0
        if not node.poison and self._random.random() < 0.25:
            reply = self._reply(node, node.ops, "")
        command["from"] = self._client
        self._sent[node.target] = command["seq"] = self._sent.get(node.target, 0) + 1
        root = Root(node.id, *split(node.target), command, reply)
        self.roots.append(root)
        return root

    def _number(self):
        number = self._next
        self._next += self._step
        return number

    def _node(self, target, sender, fate, **more):
        node = Node(self._number(), target, sender, fate, **more)
        self.nodes[node.id] = node
        return {"node": node.id, "ops": node.ops}, node

    def _target(self):
        # The first ids are asked for often, so that messages wait for each other and come in batches.
        index = min(int(self._random.expovariate(3.0 / len(self._ids))), len(self._ids) - 1)
        return f"{self._random.choice(self._types)}/{self._ids[index]}"

    def _tree(self, depth, sender, fate, **more):
        """A command with all that follows from it, and its node."""
        chance = self._random
        command, node = self._node(self._target(), sender, fate, **more)
        if chance.random() < 0.004:
            node.poison, node.fate = True, Fate.NEVER
        kinds = ["add", "add", "flag", "unflag", "record", "saw"]
        if depth:
            kinds += ["send"] * 6 + ["after"] * 3 + ["cancel"]
        for _ in range(chance.randrange(1, 5)):
            self._add_op(chance.choice(kinds), node, depth)
        if node.parent and chance.random() < 0.15:
            self._reply(node, node.ops, sender)
        fault = {"op": "poison"} if node.poison else {"op": "fail", "times": chance.randrange(1, 3)} if chance.random() < 0.03 else None
        if fault:
            node.ops.insert(chance.randrange(len(node.ops) + 1), fault)
        return command, node

    def _add_op(self, kind, node, depth):
        chance, ops = self._random, node.ops
        if kind == "add":
            ops.append({"op": "add", "n": chance.randrange(1_000_000)})
        elif kind == "flag":
            ops.append({"op": "flag", "text": f"flag ☃ of {node.id}" if chance.random() < 0.5 else ""})
        elif kind == "record":
            ops.append({"op": "record", "n": self._number(), "form": chance.choice(("kafka", "value"))})
        elif kind == "send":
            command, child = self._tree(depth - 1, node.target, Fate.ONCE, parent=node.id)
            ops.append(send_op("send", child.target, command))
        elif kind == "after":
            self._add_delayed(node, depth)
        elif kind == "cancel":
            ops.append({"op": "cancel", "token": f"nothing-{node.id}"})
        else:
            ops.append({"op": kind})

    def _add_delayed(self, node, depth):
        chance, ops = self._random, node.ops
        delay, fate, cancel = chance.choice((
            (chance.randrange(400), Fate.ONCE, ""),
            (chance.randrange(400), Fate.NEVER, "at once"),
            (chance.randrange(100), Fate.MAYBE, "by message"),
            (FAR_AWAY_MS, Fate.NEVER, "by message"),
            (FAR_AWAY_MS, Fate.PENDING, ""),
        ))
        command, child = self._tree(depth - 1, node.target, fate, parent=node.id, in_order=False)
        if child.poison and fate is Fate.PENDING:
            child.fate = Fate.PENDING
        if cancel or fate is Fate.PENDING or chance.random() < 0.3:
            child.token = f"token-{child.id}"
        ops.append(send_op("after", child.target, command, delay=delay, token=child.token))
        if cancel == "at once":
            ops.append({"op": "cancel", "token": child.token})
        elif cancel == "by message":
            command, canceller = self._node(node.target, node.target, Fate.ONCE, parent=node.id)
            canceller.ops.append({"op": "cancel", "token": child.token})
            ops.append(send_op("send", canceller.target, command))

    def _reply(self, node, ops, caller):
        """The caller gets the total that the function has by then; to a function it is a command, too."""
        if caller:
            _, answer = self._node(caller, node.target, Fate.ONCE, parent=node.id)
            number = answer.id
        else:
            number = self._number()
        ops.append({"op": "reply", "node": number})
        return number


def send_op(kind, target, command, **more):
    type, id = split(target)
    return {"op": kind, "to": type, "id": id, "command": command, **more}


def split(address):
    """"ns/name/some/id" -> ("ns/name", "some/id")"""
    namespace, name, id = address.split("/", 2)
    return f"{namespace}/{name}", id

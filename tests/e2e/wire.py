"""The bytes of StateFun request-reply v3, as far as a hand-made function needs them; nothing but the standard library.

Requests come apart into plain values, answers are put together from fields: so a test can also say what no SDK would.
"""
import dataclasses
import struct

STRING = "io.statefun.types/string"
INT = "io.statefun.types/int"


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """One field: int and bool as varint, str and bytes with their length. None: no field."""
    if value is None:
        return b""
    if isinstance(value, (bool, int)):
        return varint(number << 3) + varint(int(value))
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    """[(number, value)] of a message."""
    found, at = [], 0

    def take_varint():
        nonlocal at
        number = shift = 0
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    while at < len(data):
        tag = take_varint()
        kind = tag & 7
        if kind == 0:
            value = take_varint()
        elif kind == 2:
            size = take_varint()
            value = data[at:at + size]
            if len(value) != size:
                raise ValueError("cut short")
            at += size
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value = data[at:at + size]
            at += size
        else:
            raise ValueError(f"wire type {kind}")
        found.append((tag >> 3, value))
    return found


def only(data, number, default=None):
    for key, value in fields(data):
        if key == number:
            default = value
    return default


# --- values ---------------------------------------------------------------------------------------------------------

def address(type_name, id):
    namespace, name = type_name.rsplit("/", 1)
    return field(1, namespace) + field(2, name) + field(3, id)


def typed(type_name, value):
    return field(1, type_name) + field(2, True) + field(3, value)


def string(text):
    return typed(STRING, field(1, text) if text else b"")


def integer(number):
    return typed(INT, b"\x0d" + struct.pack("<i", number) if number else b"")


# --- requests -------------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Invocation:
    caller: tuple  # (type, id), or None
    type_name: str
    value: bytes

    @property
    def text(self):
        return only(self.value, 1, b"").decode() if self.type_name == STRING else self.value.decode()


@dataclasses.dataclass
class Request:
    type_name: str
    id: str
    states: dict  # name: bytes, or None where it is declared and empty
    invocations: list

    def integer(self, name):
        """An io.statefun.types/int state; 0 where there is none."""
        value = self.states.get(name)
        return struct.unpack("<i", only(value, 1))[0] if value else 0


def parse_address(data):
    parts = {number: value.decode() for number, value in fields(data)}
    return f"{parts.get(1, '')}/{parts.get(2, '')}", parts.get(3, "")


def parse_request(body):
    batch = only(body, 100)
    target = parse_address(only(batch, 1))
    states, invocations = {}, []
    for number, value in fields(batch):
        if number == 2:
            state = only(value, 2)
            states[only(value, 1).decode()] = None if state is None or not only(state, 2) else only(state, 3, b"")
        elif number == 3:
            caller, argument = only(value, 1), only(value, 2, b"")
            invocations.append(Invocation(parse_address(caller) if caller else None, only(argument, 1, b"").decode(),
                                          only(argument, 3, b"")))
    return Request(*target, states, invocations)


# --- answers --------------------------------------------------------------------------------------------------------

AFTER_WRITE, AFTER_INVOKE = 1, 2


def missing(*specs):
    """IncompleteInvocationContext with (name, type) or (name, type, mode, milliseconds) specs."""
    return field(101, b"".join(field(1, _spec(*spec)) for spec in specs))


def _spec(name, type_name, mode=None, milliseconds=None):
    expiration = None if mode is None else field(1, mode) + field(2, milliseconds)
    return field(1, name) + field(2, expiration) + field(3, type_name)


def answer(*parts):
    return field(100, b"".join(parts))


def mutation(name, value):
    return field(1, (field(1, 1) if value is not None else b"") + field(2, name) + field(3, value))


def send(target, argument):
    return field(2, field(1, address(*target)) + field(2, argument))


def send_after(delay_ms, target, argument, token=None):
    return field(3, field(1, delay_ms) + field(2, address(*target)) + field(3, argument) + field(11, token))


def egress(egress_id, argument):
    namespace, name = egress_id.rsplit("/", 1)
    return field(4, field(1, namespace) + field(2, name) + field(3, argument))


def kafka_record(topic, value, key=None):
    return typed("type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord", field(1, key) + field(2, value) + field(3, topic))

"""The epoch log of a stopped Holdfast, read and written by hand (docs/data-format.md): to store what Holdfast itself never would."""
import struct

SEGMENT_HEADER = 64
RECORD_HEADER = 32


def _table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ 0x82F63B78 if n & 1 else n >> 1
        table.append(n)
    return table


_TABLE = _table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


class Log:
    def __init__(self, data):
        self.path = max((data / "log").glob("epochs-*.log"))
        self.content = bytearray(self.path.read_bytes())
        self._seed = crc32c(self.content[16:32])
        self.sequence, self.epoch = struct.unpack_from(">QQ", self.content, 32)
        self.end = SEGMENT_HEADER
        while (length := self._length(self.end)) is not None:
            self.epoch, self.sequence = struct.unpack_from(">QQ", self.content, self.end + 16)
            self.sequence += 1
            self.end += RECORD_HEADER + (length + 7) // 8 * 8

    def _header_crc(self, at, header):
        return crc32c(header[4:], crc32c(struct.pack(">Q", at), self._seed))

    def _length(self, at):
        header = self.content[at:at + RECORD_HEADER]
        if len(header) < RECORD_HEADER or struct.unpack_from(">I", header)[0] != self._header_crc(at, header):
            return None
        return struct.unpack_from(">I", header, 8)[0]

    def find_key(self, kind, name):
        """The first key of this kind whose name is `name`, sized, without what comes after the name."""
        wanted = kind + struct.pack(">I", len(name)) + name
        at = self.content.index(wanted, SEGMENT_HEADER, self.end)
        return bytes(self.content[at - 2:at + len(wanted)])

    def append(self, *deleted):
        """One more epoch: rows of these keys go away."""
        payload = b"".join(varint(len(key)) + key + b"\0" for key in deleted)
        rest = struct.pack(">IIB3xQQ", crc32c(payload, self._seed), len(payload), 2, self.epoch + 1, self.sequence)
        header = struct.pack(">I", self._header_crc(self.end, b"\0\0\0\0" + rest)) + rest
        record = header + payload + bytes(-len(payload) % 8)
        self.content[self.end:self.end + len(record)] = record
        self.path.write_bytes(self.content)

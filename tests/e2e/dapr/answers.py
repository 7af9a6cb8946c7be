"""What of an answer is compared, and how. Rules, all of them:

* An HTTP answer is its status, its body, and of its headers those in HEADERS and all that begin with `metadata.`, names in lower case.
  The content-type of no body is not compared. A body is text as it came, byte for byte (bytes that are no UTF-8 as \\xNN); longer than BODY_MAX: its length and its first bytes.
* A gRPC answer is its status code, its message, its details (google.rpc, decoded), the response message as JSON (bytes as text, with the
  same rule), and of the metadata what begins with `metadata.` or is in HEADERS.
* Etags are names: the value that an item's etag had first is <etag-1>, the next other one <etag-2>, separately for each key. So
  "the same as before" and "another one" are compared, not what etags look like (daprd's are UUIDs, or numbers, Holdfast's two numbers). In the
  text of an error ("current=…, expect=…") they are <etag>.
* <uuid>, <time> (RFC 3339, HTTP dates, and YYYY-MM-DDTHH:MM:SSZ), <port> where it is one of ours, <folder> where the temporary folder
  is written, <address> where a listener other than ours has an address of 127.0.0.1.
* The type of the store that a scene is played with is <store>, and of versions of the runtime only that there is one is compared: <version>.
* Lists whose order daprd leaves to chance are sorted where the call says so (`sort=`: the name of the list's sort key).
"""
import json
import re

HEADERS = ("content-type", "etag", "allow", "location", "x-own", "x-twice", "set-cookie", "dapr-http-status", "www-authenticate", "retry-after")
BODY_MAX = 4000

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
VERSION = re.compile(r'("(?:runtimeVersion|daprRuntimeVersion)":")\d+\.\d+\.\d+"')
ETAG_IN_TEXT = re.compile(r"\b(current=|expect=|etag |version )(\\*\"?)(?:<uuid>|\d+-\d+)")
OTHER_ADDRESS = re.compile(r"127\.0\.0\.1:\d{4,5}\b")


class Masks:
    """The names that values have got so far in one scene."""

    def __init__(self, replaced=()):
        self._replaced = list(replaced)  # (text, name)
        self._etags = {}                 # (key, value) -> name

    def replace(self, text, name):
        self._replaced.append((str(text), name))

    def plain(self):
        """The same without etags: a request is shown with those it has."""
        masks = Masks(self._replaced)
        masks.etag = lambda _, value: value
        return masks

    def etag(self, key, value):
        if not value:
            return value
        known = self._etags.setdefault(key, {})
        bare = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
        return value.replace(bare, known.setdefault(bare, f"<etag-{len(known) + 1}>"))

    def text(self, text):
        for value, name in self._replaced:
            text = text.replace(value, name)
        text = VERSION.sub(r'\1<version>"', text)
        text = ETAG_IN_TEXT.sub(r"\1\2<etag>", TIME.sub("<time>", UUID.sub("<uuid>", text)))
        return OTHER_ADDRESS.sub("<address>", text)

    def body(self, body, key):
        if len(body) > BODY_MAX:
            return f"{len(body)} bytes: {self.text(body[:40].decode('utf-8', 'backslashreplace'))}…"
        text = body.decode("utf-8", "backslashreplace")
        try:
            self._note_etags(json.loads(text), key)
        except ValueError:
            pass
        for (known_key, values) in self._etags.items():
            for value, name in values.items():
                text = text.replace(f'"etag":"{value}"', f'"etag":"{name}"') if known_key in self._in_body else text
        return self.text(text)

    _in_body = ()

    def _note_etags(self, value, key):
        """Numbers the etags of a bulk answer: [{"key", "etag"}], or of a query's: {"results": [...]}."""
        self._in_body = set()
        if isinstance(value, dict):
            value = value.get("results")
        for item in value if isinstance(value, list) else []:
            if isinstance(item, dict) and item.get("etag"):
                self.etag(item.get("key", key), item["etag"])
                self._in_body.add(item.get("key", key))


def http_answer(answer, masks, key=None, sort=None):
    headers = {}
    for name, value in answer.headers.items():
        name = name.lower()
        if name in HEADERS or name.startswith("metadata."):
            shown = masks.etag(key, value) if name == "etag" and key is not None else masks.text(value)
            headers[name] = f"{headers[name]}, {shown}" if name in headers else shown
    body = answer.body
    if not body:
        headers.pop("content-type", None)
    if sort:
        body = sorted_json(body, sort)
    return {"status": answer.status, "headers": dict(sorted(headers.items())), "body": masks.body(body, key)}


def sorted_json(body, sort):
    """The same JSON with the lists below the given names sorted by an entry's text; what is no JSON stays."""
    try:
        value = json.loads(body)
    except ValueError:
        return body

    def walk(node, name=None):
        if isinstance(node, dict):
            return {key: walk(child, key) for key, child in node.items()}
        if isinstance(node, list):
            children = [walk(child) for child in node]
            return sorted(children, key=lambda child: json.dumps(child, sort_keys=True)) if name in sort or "" in sort and name is None else children
        return node

    return json.dumps(walk(value), separators=(",", ":"), ensure_ascii=False).encode()


def message(value, masks, key=None):
    """A protobuf message as a dict of what is set; bytes as text."""
    from google.protobuf.descriptor import FieldDescriptor

    def scalar(field, child, owner):
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            return walk(child)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return masks.body(child, None)
        if field.type == FieldDescriptor.TYPE_ENUM:
            return field.enum_type.values_by_number[child].name if child in field.enum_type.values_by_number else child
        if field.type == FieldDescriptor.TYPE_STRING:
            if field.name == "etag":
                return masks.etag(getattr(owner, "key", key), child)
            if field.name == "runtime_version":
                return "<version>"
            return masks.text(child)
        return child

    def walk(node):
        shown = {}
        for field, child in node.ListFields():
            if field.message_type and field.message_type.GetOptions().map_entry:
                entry = field.message_type.fields_by_name["value"]
                shown[field.name] = {str(name): scalar(entry, child[name], node) if name != "daprRuntimeVersion" else "<version>" for name in sorted(child)}
            elif isinstance(child, (str, bytes)) or not hasattr(child, "__len__"):
                shown[field.name] = scalar(field, child, node)
            else:
                shown[field.name] = [scalar(field, item, node) for item in child]
        return shown

    return walk(value)


def metadata(pairs, masks):
    shown = {}
    for name, value in pairs or ():
        if name.startswith("metadata.") or name in HEADERS and name != "content-type":
            value = value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")
            shown[name] = masks.text(value)
    return dict(sorted(shown.items()))


def grpc_answer(response, masks, header=None, key=None):
    shown = {"code": "OK", "response": message(response, masks, key)}
    header = metadata(header, masks)
    if header:
        shown["metadata"] = header
    return shown


def grpc_error(error, masks):
    from google.rpc import error_details_pb2, status_pb2

    shown = {"code": error.code().name, "message": masks.text(error.details() or "")}
    details = []
    for name, value in error.trailing_metadata() or ():
        if name != "grpc-status-details-bin":
            continue
        status = status_pb2.Status.FromString(value)
        if status.code != error.code().value[0] or status.message != error.details():
            details.append({"status": status.code, "message": masks.text(status.message)})
        for detail in status.details:
            kind = detail.type_url.rsplit(".", 1)[-1]
            known = getattr(error_details_pb2, kind, None)
            if known is None:
                details.append({"type": detail.type_url})
                continue
            details.append({"type": kind, **message(known.FromString(detail.value), masks)})
    if details:
        shown["details"] = details
    header = metadata(error.initial_metadata() if hasattr(error, "initial_metadata") else None, masks)
    if header:
        shown["metadata"] = header
    return shown

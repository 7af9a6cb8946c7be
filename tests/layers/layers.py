"""What src/ may include, checked against cmake/layers.txt.

The build enforces the module table by include roots; this says it in words, and checks what the build cannot: that the
table has no cycles, that each technology is included by one folder, and that the pure modules stay pure.
"""
import pathlib
import re

# Who may include the headers of a technology. One folder each: whoever needs it, asks that folder.
TECHNOLOGIES = {
    "rocksdb/": {"storage"},
    "sys/epoll.h": {"net"},
    "openssl/": {"net"},
    "zlib.h": {"net"},
    "nghttp2/": {"net"},
    "boost/json": {"codec"},
    "yaml-cpp/": {"config"},
    "spdlog/": {"base"},
    "fmt/": {"base"},
    "xxhash.h": {"base"},
    "google/protobuf/": {"connect"},
    "librdkafka/": {"kafka"},
    "nats/": {"nats"},
    "sqlite3.h": {"sqlite"},
    "hiredis/": {"redis"},
    "libpq-fe.h": {"postgres"},
    "CLI/": {"cli"},
    "dlfcn.h": {"native"},
}

# No input or output, no clock, no chance, no threads, no logging: time and chance come in as arguments.
IMPURE = ("thread", "mutex", "shared_mutex", "condition_variable", "atomic", "future", "fstream", "iostream", "cstdio", "filesystem",
          "random", "chrono", "ctime", "unistd.h", "sys/", "netinet/", "base/log.h", "base/metrics.h", "base/loop.h", "base/random.h")
PURE_MODULES = ("model", "partition")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def read_table(path):
    """{module: [what it may include]}, in the order of the file."""
    table = {}
    for line in pathlib.Path(path).read_text().splitlines():
        match = re.match(r"^([a-z]+):\s*(.*)$", line)
        if match:
            table[match[1]] = match[2].split()
    return table


def check_table(table):
    """Each module stands below those it may include, which also rules out cycles; and what is allowed exists."""
    problems = []
    above = set()
    for module, allowed in table.items():
        for other in allowed:
            if other not in table:
                problems.append(f"layers.txt: {module} may use {other}, which is no module")
            elif other not in above:
                problems.append(f"layers.txt: {module} may use {other}, which stands beside or above it")
        above.add(module)
    return problems


def check_sources(src, table, technologies=None):
    """Problems as "file:line: what", sorted."""
    technologies = TECHNOLOGIES if technologies is None else technologies
    src = pathlib.Path(src)
    problems = []
    for folder in sorted(entry.name for entry in src.iterdir() if entry.is_dir()):
        if folder not in table:
            problems.append(f"{folder}/: is not in layers.txt")
    for path in sorted(src.rglob("*")):
        if path.suffix not in (".h", ".cc") or path.parent == src:
            continue
        module = path.relative_to(src).parts[0]
        text = path.read_text(errors="replace")
        is_test = path.stem.endswith(("_test", "_fuzz", "_bench"))
        for match in INCLUDE.finditer(text):
            quoted, header = match[1] == '"', match[2]
            where = f"{path.relative_to(src)}:{text.count(chr(10), 0, match.start()) + 1}"
            ours = quoted and header.split("/")[0] in table  # "nats/sink.h" is ours, <nats/nats.h> is not.
            if not is_test:
                for prefix, folders in technologies.items():
                    if header.startswith(prefix) and not ours and module not in folders:
                        problems.append(f"{where}: <{header}> belongs to {', '.join(sorted(folders))}")
                if module in PURE_MODULES and header.startswith(IMPURE) and not (header == "base/time.h"):
                    problems.append(f"{where}: {module} is pure, and includes <{header}>")
            if quoted:
                problems += check_own_header(src, table, module, header, where)
    return problems


# What the server of the C++ SDK stands on. The rest of the SDK stands alone: the standard library, POSIX, and itself.
SDK_SERVER_MODULES = ("base", "net", "telemetry")
STANDARD = re.compile(r"^(?:[a-z_0-9]+(?:\.h)?|sys/[a-z_]+\.h)$")


def check_sdk(sdk):
    """Public headers and the core of the SDK include no library, and nothing of src/ but what its server may."""
    sdk = pathlib.Path(sdk)
    problems = []
    for path in sorted([*(sdk / "include").rglob("*.h"), *(sdk / "src").rglob("*.[hc]*")]):
        if path.stem.endswith(("_test", "_fuzz", "_bench", "_fixture")):
            continue
        in_server = "server" in path.relative_to(sdk).parts
        text = path.read_text(errors="replace")
        for match in INCLUDE.finditer(text):
            quoted, header = match[1] == '"', match[2]
            own = header.startswith("holdfast/") if quoted else STANDARD.match(header)
            private = quoted and "include" not in path.relative_to(sdk).parts and \
                ((path.parent / header).exists() or (sdk / "src" / header).exists())
            allowed = own or private or (in_server and quoted and header.split("/")[0] in SDK_SERVER_MODULES)
            if not allowed:
                line = text.count(chr(10), 0, match.start()) + 1
                problems.append(f"{path.relative_to(sdk)}:{line}: the SDK stands alone, and includes {header}")
    return problems


def check_own_header(src, table, module, header, where):
    other = header.split("/")[0]
    if "/" not in header or other not in table:
        # tests/support may be included by name; anything else of ours has its module in front.
        return [] if not (src / module / header).exists() else [f'{where}: "{header}" is named without its module']
    problems = []
    if other != module and other not in table.get(module, []):
        problems.append(f"{where}: {module} may not use {other}")
    if not (src / header).exists():
        problems.append(f"{where}: there is no src/{header}")
    return problems

#!/usr/bin/env python3
"""examples.py --out FOLDER DOCUMENT…: the C++ of documents as source files, so that the build compiles all of it.

Above each ```cpp block stands a comment that readers do not see:

    <!-- cpp: NAME -->              the block goes to the file NAME.cc; blocks of one name are one file, in their order
    <!-- cpp: NAME, in a call -->   it is the inside of a function with `ctx` and `message`
    <!-- cpp: file FILE -->         it is a whole file of this name, in a folder of the document's

Names are the document's own: its name is put in front. NAME.cc begins with the SDK and the names the documents use for it. A block
without such a comment is an error: no code in a document goes unread. Names the files on standard output, one a line; those that did not
change are not touched.
"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PREAMBLE = """#include <chrono>
#include <string>

#include <holdfast/sdk.h>

namespace sf = holdfast::sdk;
using namespace std::chrono_literals;
"""
MARK = re.compile(r"<!-- cpp: (?:([a-z][a-z_0-9]*)(, in a call)?|file ([a-z_]+\.(?:h|cc))) -->")


class Unmarked(Exception):
    pass


def files(document):
    """{name of a file: its source} of one document."""
    found = {}
    shown = document.resolve().relative_to(ROOT)
    prefix = document.stem.replace("-", "_").lower()
    lines = document.read_text().splitlines()
    mark, block = None, None
    for number, line in enumerate(lines, 1):
        if block is not None:
            if line.strip() == "```":
                name, inside, file = block[0]
                code = "\n".join(block[1])
                at = f'#line {block[2]} "{shown}"\n'
                if file:
                    found.setdefault(f"{prefix}/{file}", []).append(at + code + "\n")
                    block = None
                    continue
                if inside:
                    code = f"void in_a_call_{block[2]}([[maybe_unused]] sf::Context& ctx, [[maybe_unused]] const sf::Message& message) {{\n{at}{code}\n}}"
                found.setdefault(f"{prefix}_{name}.cc", [PREAMBLE]).append(at + code + "\n")
                block = None
            else:
                block[1].append(line)
        elif line.startswith("```cpp"):
            if mark is None:
                raise Unmarked(f"{shown}:{number}: a ```cpp block without a <!-- cpp: NAME --> line above it")
            block, mark = (mark, [], number + 1), None
        elif match := MARK.fullmatch(line.strip()):
            mark = (match[1], bool(match[2]), match[3])
        elif line.strip():
            if mark is not None:
                raise Unmarked(f"{shown}:{number}: a <!-- cpp: --> line without a ```cpp block below it")
    return {name: "".join(parts) for name, parts in found.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("documents", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    written = {}
    for document in options.documents:
        try:
            written.update({options.out / name: source for name, source in files(document).items()})
        except Unmarked as error:
            print(error, file=sys.stderr)
            return 1
    for stale in {*options.out.rglob("*.cc"), *options.out.rglob("*.h")} - set(written):
        stale.unlink()
    for path, source in written.items():
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text() != source:
            path.write_text(source)
    print("\n".join(sorted(str(path) for path in written)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

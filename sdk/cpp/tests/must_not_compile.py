#!/usr/bin/env python3
"""must_not_compile.py SOURCE COMPILER FLAG…: compiles the cases of the source one by one and expects of each that it fails, with
the text behind its `#if CASE_name  // text` in what the compiler says; and that it compiles without any.
`--gtest_output=json:FILE` is where the counts go (tools/test.py)."""
import concurrent.futures
import json
import os
import re
import subprocess
import sys


def main():
    report = next((a.split(":", 1)[1] for a in sys.argv if a.startswith("--gtest_output=json:")), None)
    source, *command = [a for a in sys.argv[1:] if not a.startswith("--gtest_")]
    with open(source, encoding="utf-8") as file:
        cases = re.findall(r"^#(?:el)?if (CASE_\w+)  // (.+)$", file.read(), re.M)

    def compile_case(case):
        name, text = case
        done = subprocess.run([*command, *([f"-D{name}=1"] if name else []), "-fsyntax-only", source], capture_output=True, text=True,
                              env={**os.environ, "LC_ALL": "C"})
        said = done.stdout + done.stderr
        if not name:
            return name, "" if done.returncode == 0 else "does not compile without any case:\n" + said
        if done.returncode == 0:
            return name, "compiles"
        return name, "" if text in said else f"fails without saying '{text}':\n{said}"

    failed = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, why in pool.map(compile_case, [("", ""), *cases]):
            if why:
                print(f"{name or 'no case'}: {why}")
                failed.append(f"must_not_compile.{name}")
    print(f"{len(cases) + 1 - len(failed)} of {len(cases) + 1} as expected")
    if report:
        with open(report, "w", encoding="utf-8") as file:
            json.dump({"passed": len(cases) + 1 - len(failed), "failed": failed, "skipped": 0}, file)
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())

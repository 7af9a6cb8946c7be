#!/usr/bin/env python3
"""Runs the test suites and counts: one line per suite as it ends, the output of what failed in full, and at last

    N passed, M failed[, K skipped]

Exit code 0 only if nothing failed and nothing crashed. Standard library only.

Suites: `layers`, `docs`, `tools` and `bench` (Python), `unit` (the GoogleTest programs that ctest knows in build/release), `debug` and
`tsan` (the same in build/debug and build/tsan), `e2e` (real processes, tests/e2e), `dapr` (the Dapr face held to
daprd's answers, tests/e2e/dapr), `flink` (the C++ SDK behind a real Flink
StateFun, tests/flink). Without --suites: all but tsan.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM_SECONDS = 1800
OUTPUT_LINES_MAX = 2000
DEFAULT_SUITES = ("layers", "docs", "tools", "bench", "unit", "debug", "e2e", "dapr", "flink")


@dataclasses.dataclass
class Outcome:
    """What one program of a suite reported. A program that gave no report, or crashed, counts as one failed case."""
    name: str
    passed: int = 0
    failed: list = dataclasses.field(default_factory=list)
    skipped: int = 0
    output: str = ""
    seconds: float = 0.0


def run(name, command, report, cwd=ROOT, env=None):
    """Runs a program that writes its report to the file `report`; read_report() says what is in there."""
    began = time.monotonic()
    try:
        done = subprocess.run([str(part) for part in command], cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PROGRAM_SECONDS)
        output, code = done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired as timeout:
        output, code = (timeout.stdout or b"").decode("utf-8", "replace"), f"no end after {PROGRAM_SECONDS} s"
    except OSError as error:
        output, code = "", f"cannot be run: {error}"
    outcome = read_report(name, report, output, code)
    outcome.seconds = time.monotonic() - began
    return outcome


def read_report(name, report, output, code):
    outcome = Outcome(name, output=output)
    try:
        found = json.loads(pathlib.Path(report).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        found = None
    if found is not None and "testsuites" in found:
        read_gtest(found, outcome)
    elif found is not None:
        outcome.passed, outcome.failed, outcome.skipped = found["passed"], list(found["failed"]), found["skipped"]
    else:
        read_gtest_lines(output, outcome)
    if code != 0 and not outcome.failed:
        outcome.failed.append(f"{name}: {describe_exit(code)}")
    if code == 0 and found is None:
        # No GoogleTest, no report: its exit code is its answer.
        outcome.passed = max(outcome.passed, 1)
    if code == 0 and not outcome.failed and outcome.passed + outcome.skipped == 0:
        outcome.failed.append(f"{name}: ran no test at all")
    return outcome


def read_gtest(found, outcome):
    for suite in found["testsuites"]:
        for case in suite["testsuite"]:
            name = f"{suite['name']}.{case['name']}"
            if case.get("failures"):
                outcome.failed.append(name)
            elif case.get("result") == "SKIPPED":
                outcome.skipped += 1
            elif case.get("status") == "RUN":
                outcome.passed += 1


def read_gtest_lines(output, outcome):
    """A GoogleTest program that died leaves no report: what it printed says how far it came, and where."""
    running = None
    for line in output.splitlines():
        match = re.match(r"\[\s*(RUN|OK|FAILED|SKIPPED)\s*\] ([^\s,]+)", line)
        if not match:
            continue
        what, name = match.groups()
        if what == "RUN":
            running = name
        elif name == running:
            running = None
            if what == "OK":
                outcome.passed += 1
            elif what == "SKIPPED":
                outcome.skipped += 1
            else:
                outcome.failed.append(name)
    if running:
        outcome.failed.append(f"{running} (died in it)")


def describe_exit(code):
    return f"killed by signal {-code}" if isinstance(code, int) and code < 0 else f"exit code {code}" if isinstance(code, int) else code


def ctest_programs(build):
    """[(name, command, working directory)] of what the build registered with ctest."""
    listed = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, capture_output=True, text=True)
    if listed.returncode != 0:
        raise SystemExit(f"test.py: ctest cannot list the tests of {build}: {listed.stderr.strip()}")
    programs = []
    for test in json.loads(listed.stdout)["tests"]:
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        programs.append((test["name"], test.get("command"), properties.get("WORKING_DIRECTORY", str(build))))
    return programs


def gtest_suite(build, filter_, report_dir, env=None):
    if not (build / "build.ninja").exists():
        yield Outcome(build.name, failed=[f"{build} is not built: use make"])
        return
    programs = ctest_programs(build)
    if not programs:
        yield Outcome(build.name, failed=[f"{build} has no tests"])
        return

    def one(program):
        name, command, cwd = program
        if not command or not pathlib.Path(command[0]).exists():
            return Outcome(name, failed=[f"{name} is not built: use make"])
        report = pathlib.Path(report_dir) / f"{name}.json"
        arguments = [part for part in command if not part.startswith("--gtest_brief")]
        arguments.append(f"--gtest_output=json:{report}")
        if filter_:
            arguments.append(f"--gtest_filter={filter_}")
        outcome = run(name, arguments, report, cwd, env)
        if filter_ and outcome.failed == [f"{name}: ran no test at all"]:
            outcome.failed = []
        return outcome

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for future in concurrent.futures.as_completed([pool.submit(one, program) for program in programs]):
            yield future.result()


def python_suite(folder, filter_, report_dir):
    report = pathlib.Path(report_dir) / "report.json"
    command = [sys.executable, ROOT / "tools" / "unittest_report.py", "--report", report, ROOT / folder]
    outcome = run(folder, command + (["--filter", filter_] if filter_ else []), report)
    if filter_ and outcome.failed == [f"{folder}: ran no test at all"]:
        outcome.failed = []
    yield outcome


# Leaks and races end the program; both sanitizers say where.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:suppressions={ROOT}/tests/support/tsan.supp",
}
SUITES = {
    "layers": lambda f, d: python_suite("tests/layers", f, d),
    "docs": lambda f, d: python_suite("tests/docs", f, d),
    "tools": lambda f, d: python_suite("tools", f, d),
    "bench": lambda f, d: python_suite("bench", f, d),
    "unit": lambda f, d: gtest_suite(ROOT / "build" / "release", f, d),
    "debug": lambda f, d: gtest_suite(ROOT / "build" / "debug", f, d, SANITIZERS),
    "tsan": lambda f, d: gtest_suite(ROOT / "build" / "tsan", f, d, SANITIZERS),
    "e2e": lambda f, d: python_suite("tests/e2e", f, d),
    "dapr": lambda f, d: python_suite("tests/e2e/dapr", f, d),
    "flink": lambda f, d: python_suite("tests/flink", f, d),
}


def counted(passed, failed, skipped):
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def main():
    parser = argparse.ArgumentParser(description="runs the test suites and counts")
    parser.add_argument("--suites", default="", help=f"some of {', '.join(SUITES)}, with commas between")
    parser.add_argument("--filter", default="", help="GoogleTest filter, or part of a Python test's name")
    options = parser.parse_args()
    wanted = [name for name in options.suites.split(",") if name] or list(DEFAULT_SUITES)
    for name in wanted:
        if name not in SUITES:
            parser.error(f"no suite {name}; there are {', '.join(SUITES)}")

    outcomes = []
    for suite in wanted:
        with tempfile.TemporaryDirectory(prefix="holdfast-test-") as report_dir:
            for outcome in SUITES[suite](options.filter, report_dir):
                outcomes.append((suite, outcome))
                mark = "FAILED" if outcome.failed else "ok"
                print(f"{mark:6} {suite:7} {outcome.name:32} {counted(outcome.passed, len(outcome.failed), outcome.skipped):28} "
                      f"{outcome.seconds:6.1f} s", flush=True)

    for suite, outcome in outcomes:
        if outcome.failed:
            lines = outcome.output.splitlines()
            cut = max(0, len(lines) - OUTPUT_LINES_MAX)
            print(f"\n===== {suite} {outcome.name}: failed" + (f" (the first {cut} lines are left out)" if cut else ""))
            print("\n".join(lines[cut:]))
            for name in outcome.failed:
                print(f"  failed: {name}")
    passed = sum(outcome.passed for _, outcome in outcomes)
    failed = sum(len(outcome.failed) for _, outcome in outcomes)
    skipped = sum(outcome.skipped for _, outcome in outcomes)
    print(f"\n{counted(passed, failed, skipped)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

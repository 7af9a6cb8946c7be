#!/usr/bin/env python3
"""unittest_report.py --report FILE FOLDER: runs the *_test.py of a folder with unittest, one line per case, and writes
{"passed", "failed", "skipped"} for tools/test.py."""
import argparse
import json
import pathlib
import sys
import time
import unittest


class Lines(unittest.TextTestResult):
    """A line per case with its time, and what passed. A test with subtests fails once, however many of them do."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.passed = []
        self.failed = []

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()
        print(f"       {test.id()}", flush=True)

    def _say(self, mark, test):
        print(f"{mark:6} {test.id()} ({time.monotonic() - getattr(self, '_began', time.monotonic()):.1f} s)", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed.append(test.id())
        self._say("ok", test)

    def _fail(self, test):
        if test.id() not in self.failed:
            self.failed.append(test.id())
        self._say("FAILED", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._fail(test)

    def addError(self, test, error):
        super().addError(test, error)
        self._fail(test)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self._fail(test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._fail(test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say("skip", test)


def matching(suite, wanted):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from matching(test, wanted)
        elif not wanted or wanted in test.id():
            yield test


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--report", required=True)
    parser.add_argument("--filter", default="")
    options = parser.parse_args()
    folder = str(pathlib.Path(options.folder).resolve())
    found = unittest.TestLoader().discover(folder, pattern="*_test.py", top_level_dir=folder)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0, resultclass=Lines).run(
        unittest.TestSuite(matching(found, options.filter)))
    pathlib.Path(options.report).write_text(
        json.dumps({"passed": len(result.passed), "failed": result.failed, "skipped": len(result.skipped)}))
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The counting of tools/test.py: a runner that overlooks a failure is worse than none."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import test as runner

CRASHED = """[ RUN      ] Sum.Adds
[       OK ] Sum.Adds (0 ms)
[ RUN      ] Sum.Overflows
"""


class Counting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def report(self, content):
        path = self.folder / "report.json"
        path.write_text(json.dumps(content))
        return path

    def test_a_gtest_report_is_counted_by_case(self):
        report = self.report({"testsuites": [{"name": "S", "testsuite": [
            {"name": "a", "status": "RUN", "result": "COMPLETED"},
            {"name": "b", "status": "RUN", "result": "COMPLETED", "failures": [{"failure": "x"}]},
            {"name": "c", "status": "RUN", "result": "SKIPPED"},
            {"name": "d", "status": "NOTRUN", "result": "SUPPRESSED"}]}]})
        outcome = runner.read_report("x_test", report, "", 1)
        self.assertEqual((outcome.passed, outcome.failed, outcome.skipped), (1, ["S.b"], 1))

    def test_a_program_that_dies_fails_in_the_case_it_died_in(self):
        outcome = runner.read_report("x_test", self.folder / "none", CRASHED, -11)
        self.assertEqual((outcome.passed, outcome.failed), (1, ["Sum.Overflows (died in it)"]))

    def test_a_program_that_dies_after_its_report_fails(self):
        report = self.report({"testsuites": [{"name": "S", "testsuite": [{"name": "a", "status": "RUN", "result": "COMPLETED"}]}]})
        outcome = runner.read_report("x_test", report, "", -6)
        self.assertEqual((outcome.passed, outcome.failed), (1, ["x_test: killed by signal 6"]))

    def test_a_program_that_runs_nothing_fails(self):
        outcome = runner.read_report("x_test", self.report({"testsuites": []}), "", 0)
        self.assertEqual(outcome.failed, ["x_test: ran no test at all"])

    def test_a_program_without_report_is_one_case(self):
        self.assertEqual(runner.read_report("plain", self.folder / "none", "", 0).passed, 1)
        self.assertEqual(runner.read_report("plain", self.folder / "none", "", 3).failed, ["plain: exit code 3"])

    def test_a_program_that_cannot_be_run_fails(self):
        outcome = runner.run("gone", [self.folder / "gone"], self.folder / "none")
        self.assertEqual(len(outcome.failed), 1)

    def test_python_suites_report_passes_failures_and_skips(self):
        (self.folder / "some_test.py").write_text(
            "import unittest\n"
            "class T(unittest.TestCase):\n"
            "    def test_good(self): pass\n"
            "    def test_bad(self): self.fail('no')\n"
            "    def test_broken(self): raise OSError\n"
            "    def test_sub(self):\n"
            "        for i in range(3):\n"
            "            with self.subTest(i=i): self.assertEqual(i, 0)\n"
            "    @unittest.skip('later')\n"
            "    def test_later(self): pass\n")
        (self.folder / "unimportable_test.py").write_text("import no_such_module_anywhere\n")
        report = self.folder / "report.json"
        done = subprocess.run([sys.executable, runner.ROOT / "tools" / "unittest_report.py", "--report", report, self.folder],
                              capture_output=True, text=True)
        found = json.loads(report.read_text())
        self.assertEqual(done.returncode, 1)
        self.assertEqual((found["passed"], found["skipped"], len(found["failed"])), (1, 1, 4), done.stdout)

    def test_the_summary_names_skips_only_if_there_are_any(self):
        self.assertEqual(runner.counted(3, 0, 0), "3 passed, 0 failed")
        self.assertEqual(runner.counted(3, 1, 2), "3 passed, 1 failed, 2 skipped")

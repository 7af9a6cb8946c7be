"""The quickstart, as a user runs it: it ends by itself, with 0, and the books balance."""
import subprocess
import sys
import unittest

from harness import ROOT, Case


class Flights(Case):
    def test_the_quickstart_balances_after_a_kill(self):
        done = subprocess.run([sys.executable, ROOT / "examples" / "flights" / "quickstart.py", "--data", self.data],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("kill -9", done.stdout)
        self.assertIn("all equal", done.stdout)
        self.assertNotIn("DIFFERENT", done.stdout)

    def test_the_recount_would_notice_one_missing_flight(self):
        sys.path.insert(0, str(ROOT / "examples" / "flights"))
        import play
        import quickstart
        records = play.load()
        whole, short = quickstart.recount(records), quickstart.recount(records[:-1])
        self.assertEqual(len(quickstart.differences("airport", short[0], whole[0])), 1)
        self.assertEqual(len(quickstart.differences("route", short[1], whole[1])), 1)
        self.assertEqual(sum(flights for flights, _ in whole[0].values()), len(records))


if __name__ == "__main__":
    unittest.main()

"""Whether processes get into the cgroups that --cpus makes, and whether nothing of those is left."""
import argparse
import pathlib
import tempfile
import unittest

import confined
import lane
from running import Process


class Layout(unittest.TestCase):
    """Which files are written where, in a folder that only looks like a hierarchy."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def mounts(self, *lines):
        path = self.folder / "mounts"
        path.write_text("".join(f"x {line} 0 0\n" for line in lines))
        return path

    def test_version_1_has_a_hierarchy_of_the_controller(self):
        cpu = self.folder / "cpu"
        cpu.mkdir()
        mounts = self.mounts(f"{self.folder}/set cgroup rw,cpuset", f"{cpu} cgroup rw,cpu,cpuacct", f"{self.folder} cgroup2 rw")
        confinement = confined.Confinement(0.5, mounts)
        command = confinement.wrap(["program", "a b"])
        group = pathlib.Path(command[3]).parent
        self.assertEqual(command[4:], ["program", "a b"])
        self.assertEqual((group / "cpu.cfs_quota_us").read_text(), "50000")
        self.assertEqual((group / "cpu.cfs_period_us").read_text(), "100000")
        self.assertEqual(group.parent.parent, cpu)

    def test_version_2_hands_the_controller_down(self):
        top = self.folder / "unified"
        top.mkdir()
        (top / "cgroup.controllers").write_text("cpuset cpu io\n")
        (top / "cgroup.subtree_control").write_text("io\n")
        confinement = confined.Confinement(0.25, self.mounts(f"{top} cgroup2 rw,nsdelegate"))
        groups = [pathlib.Path(confinement.wrap(["program"])[3]).parent for _ in range(2)]
        self.assertEqual((top / "cgroup.subtree_control").read_text(), "+cpu")
        self.assertEqual((confinement.folder / "cgroup.subtree_control").read_text(), "+cpu")
        self.assertEqual([(group / "cpu.max").read_text() for group in groups], ["25000 100000"] * 2)
        self.assertNotEqual(*groups)

    def test_without_a_controller_that_is_said(self):
        with self.assertRaisesRegex(confined.Unavailable, "no cgroup hierarchy with a cpu controller"):
            confined.Confinement(0.5, self.mounts(f"{self.folder} cgroup2 rw", f"{self.folder} cgroup rw,memory"))

    def test_where_no_group_can_be_made_that_is_said(self):
        with self.assertRaisesRegex(confined.Unavailable, f"no cgroup can be made below {self.folder}/gone"):
            confined.Confinement(0.5, self.mounts(f"{self.folder}/gone cgroup rw,cpu"))


class Shares(unittest.TestCase):
    def test_are_numbers_within_reason(self):
        self.assertEqual(lane.parser("x").parse_args(["--cpus", "0.5"]).cpus, 0.5)
        for text in ("0", "-1", "nan", "inf", "half", "1000"):
            with self.assertRaises(ValueError, msg=text):
                confined.share(text)

    def test_figures_of_confined_processes_do_not_replace_the_others(self):
        free, half = (argparse.Namespace(out=None, cpus=cpus) for cpus in (None, 0.5))
        self.assertEqual(lane.file_of("core", True, free), lane.RESULTS / "core.json")
        self.assertEqual(lane.file_of("core", True, half), lane.RESULTS / "core-0.5-cpus.json")
        self.assertEqual(lane.file_of("core", False, half), lane.SCRATCH / "core-last.json")


class Processes(unittest.TestCase):
    """With the cgroups of this machine."""

    def setUp(self):
        try:
            self.confinement = confined.Confinement(0.5)
        except confined.Unavailable as why:
            self.skipTest(str(why))
        self.confinement.remove()

    def test_run_each_in_a_group_of_its_own_that_is_gone_afterwards(self):
        with confined.confined(0.5):
            processes = [Process(["cat", "/proc/self/cgroup"]) for _ in range(2)]
            codes = [process.wait() for process in processes]
            self.assertEqual(codes, [0, 0], processes[0].output())
            groups = {line for process in processes for line in process.lines if self.confinement.folder.name in line}
            self.assertEqual(len(groups), 2, groups)
            self.assertTrue(self.confinement.folder.exists())
        self.assertFalse(self.confinement.folder.exists())
        outside = Process(["cat", "/proc/self/cgroup"])
        self.assertEqual(outside.wait(), 0)
        self.assertNotIn(self.confinement.folder.name, outside.output())

    def test_keep_their_id_and_arguments(self):
        with confined.confined(0.5):
            process = Process(["sh", "-c", 'echo "$$ $1"', "x", "two words"])
            self.assertEqual(process.wait(), 0)
            self.assertEqual(process.lines, [f"{process.pid} two words"])


if __name__ == "__main__":
    unittest.main()

"""--cpus of every lane: each process that a bench starts gets a cgroup of its own with that share of a processor, as on a slow machine.

A share of each, not of all together: runtime, function, driver, broker and peer each have as much as the others, so none of them lives on
what another does not use, and a process of many threads has no more than one with a single thread. What reads the cgroup (a JVM, Restate) sees
a small machine, as it would in a container.

cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us). A process is in its group before it executes its program: nothing of it runs outside.
"""
import contextlib
import os
import pathlib

from running import Process

PERIOD_US = 100_000
LEAST, MOST = 0.05, 64.0
# sh itself goes into the group, and then becomes the program: the same process id.
INTO = 'echo $$ >"$0" && exec "$@"'


class Unavailable(Exception):
    pass


def controller(mounts="/proc/self/mounts"):
    """(1 or 2, folder) of the hierarchy that has the cpu controller."""
    unified = None
    for line in pathlib.Path(mounts).read_text().splitlines():
        _device, folder, kind, options, *_ = line.split()
        if kind == "cgroup" and "cpu" in options.split(","):
            return 1, pathlib.Path(folder)
        if kind == "cgroup2" and "cpu" in _words(pathlib.Path(folder) / "cgroup.controllers"):
            unified = 2, pathlib.Path(folder)
    if unified is None:
        raise Unavailable("no cgroup hierarchy with a cpu controller is mounted")
    return unified


def _words(path):
    try:
        return path.read_text().split()
    except OSError:
        return []


class Confinement:
    """A group for each command that goes through wrap(), below one of this process; remove() when all of them have ended."""

    def __init__(self, cpus, mounts="/proc/self/mounts"):
        self._version, top = controller(mounts)
        self._quota_us = round(cpus * PERIOD_US)
        self.folder = top / f"holdfast-bench-{os.getpid()}"
        self._count = 0
        try:
            if self._version == 2:
                self._delegate(top)
            self.folder.mkdir(exist_ok=True)
            if self._version == 2:
                self._delegate(self.folder)
            # Whether limits can be set is known now, and not when the first process starts.
            self._group()
        except OSError as error:
            self.remove()
            raise Unavailable(f"no cgroup can be made below {top}: {error}") from None

    @staticmethod
    def _delegate(folder):
        control = folder / "cgroup.subtree_control"
        if "cpu" not in _words(control):
            control.write_text("+cpu")

    def _group(self):
        folder = self.folder / str(self._count)
        folder.mkdir()
        self._count += 1
        if self._version == 2:
            (folder / "cpu.max").write_text(f"{self._quota_us} {PERIOD_US}")
        else:
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (folder / "cpu.cfs_quota_us").write_text(str(self._quota_us))
        return folder

    def wrap(self, command):
        return ["/bin/sh", "-c", INTO, str(self._group() / "cgroup.procs"), *command]

    def remove(self):
        for number in range(self._count):
            with contextlib.suppress(FileNotFoundError):
                (self.folder / str(number)).rmdir()
        with contextlib.suppress(FileNotFoundError):
            self.folder.rmdir()


def share(text):
    """What --cpus takes."""
    cpus = float(text)
    if not LEAST <= cpus <= MOST:
        raise ValueError(text)
    return cpus


@contextlib.contextmanager
def confined(cpus):
    """Every Process that is started in the block has `cpus` of a processor; None: as much as there is."""
    if cpus is None:
        yield
        return
    confinement = Confinement(cpus)
    free, Process.wrap = Process.wrap, staticmethod(confinement.wrap)
    try:
        yield
    finally:
        Process.wrap = free
        confinement.remove()

"""How a lane of the bench begins: the options that all have, where it writes, and the machine it says it ran on."""
import argparse
import contextlib
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import confined  # noqa: E402

SCRATCH = ROOT / "build" / "bench-data"
RESULTS = ROOT / "bench" / "results"
QUICK = os.environ.get("QUICK", "0") not in ("", "0")


def parser(description):
    parser = argparse.ArgumentParser(description=f"{description}; see docs/performance.md")
    parser.add_argument("--cpus", type=confined.share, metavar="SHARE",
                        help="confine each process, of functions, driver, broker and peer, too, to so much of a processor, e.g. 0.5 (cgroups; root)")
    parser.add_argument("--out", type=pathlib.Path, help="where the JSON goes")
    return parser


@contextlib.contextmanager
def started(parser, options):
    """The block in which a lane measures."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(confined.confined(options.cpus))
        except confined.Unavailable as error:
            parser.error(f"--cpus: {error}")
        yield


def file_of(name, whole, options):
    """Only whole runs go where figures are kept; those of confined processes beside the others."""
    suffix = "" if options.cpus is None else f"-{options.cpus:g}-cpus"
    return options.out or (RESULTS / f"{name}{suffix}.json" if whole else SCRATCH / f"{name}-last.json")


def say_machine(machine, versions, options):
    confined_to = "" if options.cpus is None else f"\neach process confined to {options.cpus:g} of a processor"
    print(f"{machine['processor']}, {machine['cpus']} CPUs, {machine['memory_gib']} GiB, {machine['file_system']}; "
          f"load before {machine['load_before']:.2f}; " + ", ".join(f"{name} {version}" for name, version in versions.items() if version) +
          confined_to + "\n")

#!/usr/bin/env python3
"""Builds the real daprd from the Go module proxy into build/peers/daprd/daprd: the peer that tests/e2e/dapr and the benchmarks are held to.

    python3 tools/daprd.py                  # `make daprd`: as the release is built: all components, no cgo, stripped, paths trimmed
    python3 tools/daprd.py --jobs 1         # how many compilers at once

Takes a quarter of an hour on two cores, 4 GB below GOCACHE and GOMODCACHE. Nothing is downloaded but Go modules, by whichever `go` there is:
the source, which is copied since `go install module@version` refuses modules that replace others, and the toolchain that its go.mod names
(Debian's own is too old to fetch one by itself).
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
VERSION = "1.14.0"
MODULE = f"github.com/dapr/dapr@v{VERSION}"
TOOLCHAIN = "golang.org/toolchain@v0.0.1-go1.22.6.linux-amd64"
TARGET = ROOT / "build" / "peers" / "daprd" / "daprd"


def module(name):
    """The folder of a module, in the cache of modules."""
    found = subprocess.run(["go", "mod", "download", "-json", name], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
                           cwd=tempfile.gettempdir(), env={**os.environ, "GOFLAGS": ""}, check=True)
    return pathlib.Path(json.loads(found.stdout)["Dir"])


def go():
    toolchain = module(TOOLCHAIN)
    # Modules keep no modes.
    for program in [*(toolchain / "bin").iterdir(), *(toolchain / "pkg" / "tool" / "linux_amd64").iterdir()]:
        if not os.access(program, os.X_OK):
            program.chmod(0o755)
    return toolchain / "bin" / "go"


def build(target, jobs, tags="allcomponents"):
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOROOT": "", "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -buildvcs=false"}
    source = module(MODULE)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="daprd-source-") as folder:
        copy = pathlib.Path(folder) / "dapr"
        shutil.copytree(source, copy)
        for path in [copy, *copy.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)
        flags = f"-X github.com/dapr/dapr/pkg/buildinfo.version={VERSION} -X github.com/dapr/kit/logger.DaprVersion={VERSION} -s -w"
        new = target.with_suffix(".new")
        subprocess.run([go(), "build", "-p", str(jobs), f"-tags={tags}", f"-ldflags={flags}", "-o", str(new), "./cmd/daprd"],
                       cwd=copy, env=environment, stdin=subprocess.DEVNULL, check=True)
        new.rename(target)


def main():
    parser = argparse.ArgumentParser(description="builds the real daprd", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--target", type=pathlib.Path, default=TARGET)
    options = parser.parse_args()
    began = time.monotonic()
    try:
        build(options.target.resolve(), options.jobs)
    except (subprocess.CalledProcessError, OSError) as error:
        raise SystemExit(f"daprd.py: {MODULE} was not built: {error}") from None
    said = subprocess.run([options.target, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if said != VERSION:
        raise SystemExit(f"daprd.py: {options.target} says it is {said}, not {VERSION}")
    print(f"{options.target}: {said}, {options.target.stat().st_size >> 20} MiB, built in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""profile.py FILE.perf…: where the CPU of a recorded Holdfast went, in one table: our modules, libraries, and what the kernel did for whom.

Own time only (what a function spent itself, not those it called), sorted by guess from the names of symbols.
"""
import collections
import re
import subprocess
import sys

KERNEL = (("kernel: scheduling", r"task_switch|schedule|futex|wake|ttwu|pick_(next|task|eevdf)|queue_task|update_(rq|curr|load)|cpuidle|_entity"),
          ("kernel: disk", r"ext4|jbd2|blk|bio|virt|vring|iowrite|ioread|mq_|folio|writeback|filemap|fsync|xas_|nvme|submit"),
          ("kernel: epoll", r"ep_|epoll|poll"),
          ("kernel: network", r"tcp|\bip_|ip6|inet|\b_*sk_|sock|skb|net|nf_|loopback|qdisc|dev_|napi|sendmsg|recvmsg|recvfrom|sendto|csum|_iter"))
LINE = re.compile(r"^\s*([\d.]+)%\s+(\S+)\s+(\S+)\s+\[(.)\]\s+(.*)$")


def part_of(thread, library, kind, symbol):
    if kind == "k":
        name = next((name for name, pattern in KERNEL if re.search(pattern, symbol)), "kernel: entry, locks, rest")
        return f"{name} ({thread})" if thread == "commit" else name
    if library == "holdfast":
        module = re.search(r"holdfast::(\w+)::", symbol)
        return f"{module[1]}" if module else "base, std"
    if library.startswith("libc") and re.search(r"malloc|free|calloc|realloc|chunk|consolidate|tcache", symbol):
        return "malloc"
    return library


def main():
    for path in sys.argv[1:]:
        report = subprocess.run(["perf", "report", "--no-children", "-g", "none", "--sort", "comm,dso,sym", "--percent-limit", "0",
                                 "-w", "16,32,500", "-i", path], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        parts = collections.Counter()
        for line in report.stdout.splitlines():
            if match := LINE.match(line):
                parts[part_of(*match.groups()[1:])] += float(match[1])
        if not parts:
            sys.exit(f"profile.py: nothing in {path}\n{report.stderr}")
        print(path)
        for part, share in parts.most_common():
            if share >= 0.5:
                print(f"{share:6.1f}%  {part}")


if __name__ == "__main__":
    main()

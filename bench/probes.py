"""What the system knows of processes, and what the machine is. Linux, standard library."""
import os
import pathlib
import platform
import subprocess

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process, all its threads, those that ended included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def disk_written_bytes(path):
    """What the disk below a path was given to write since boot, by everybody, the file system's own journal included. None
    where the file system is on no single disk. (Not write_bytes of /proc/PID/io: it counts whole folios of the page cache, 64 KiB and
    more, where a block of 4 KiB is written.)"""
    device = os.stat(path).st_dev
    for line in pathlib.Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if (int(fields[0]), int(fields[1])) == (os.major(device), os.minor(device)):
            return int(fields[9]) * 512
    return None


def memory_bytes(pid, field):
    """VmRSS: now. VmHWM: the most it ever was."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"no {field}")


def machine_busy_seconds():
    """CPU time spent by everybody since boot, hypervisor neighbours (steal) included."""
    numbers = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = numbers
    return (user + nice + system + irq + softirq + steal) / TICKS


def first_line(command):
    try:
        output = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10).stdout
    except OSError:
        return ""
    return (output.splitlines() or [""])[0].strip()


def file_system_of(path):
    lines = subprocess.run(["df", "--output=fstype", str(path)], capture_output=True, text=True).stdout.split()
    return lines[-1] if lines else ""


def machine(data_folder):
    processor = next((line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), platform.machine())
    memory = next(int(line.split()[1]) for line in pathlib.Path("/proc/meminfo").read_text().splitlines()
                  if line.startswith("MemTotal:"))
    return {"processor": processor, "cpus": os.cpu_count(), "memory_gib": round(memory / 1048576, 1),
            "kernel": platform.release(), "file_system": file_system_of(data_folder), "load_before": os.getloadavg()[0]}

"""Containment of a submission's kernel: bubblewrap, resource limits, a watchdog.

The kernel alone is contained; nbgrader, the gradebook and the checks stay outside and get plain
messages from it. Without bubblewrap only the limits hold, and every run says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from jupyter_client.manager import AsyncKernelManager

import k2course
from k2course import data

LOUD = (
    "NO BUBBLEWRAP: submissions can read this account's files and use the network. "
    "Install the package `bubblewrap` (Linux), or grade on a machine that holds nothing of value."
)
_SHIM = """
import json, os, sys
told = json.loads(sys.argv[1])
try:
    import resource
    for name, value in told["limits"].items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):
            pass
except ImportError:
    pass
if told["user"]:
    os.setgroups([]); os.setgid(told["user"]); os.setuid(told["user"])
os.execve(sys.argv[2], sys.argv[2:], told["env"])
"""


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    cell: int = 30  # s, one cell
    notebook: int = 120  # s, the whole notebook
    memory: int = 3 << 30  # bytes, address space of a process and resident memory of all
    processes: int = 64  # processes and threads
    output: int = 10 << 20  # bytes of messages from the kernel
    disk: int = 64 << 20  # bytes in the folder of the run, and in /tmp; a file may have half of it


def bubblewrap() -> str | None:
    """Return the path of a bubblewrap that works here, else None."""
    path = shutil.which("bwrap")
    if not path or os.environ.get("K2_NO_BWRAP"):
        return None
    probe = [path, *_spaces(), "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    return path if subprocess.run(probe, capture_output=True, check=False).returncode == 0 else None


def _spaces() -> list[str]:
    """Return the namespaces: all; root needs no user namespace and drops its identity instead."""
    common = ["--die-with-parent", "--new-session", "--unshare-net", "--unshare-pid"]
    common += ["--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.getuid() == 0:
        return [*common, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*common, "--unshare-user", "--uid", "1000", "--gid", "1000"]


@dataclass
class Box:
    """One run: its folders, its limits, and why it was stopped, if it was."""

    folder: Path
    limits: Limits
    bwrap: str | None
    reason: str = ""
    process: psutil.Process | None = None
    seen: set[psutil.Process] = field(default_factory=set)  # psutil tells a reused number apart
    done: threading.Event = field(default_factory=threading.Event)
    end: float = float("inf")  # when the time is over; the start of the kernel doesn't count

    def __post_init__(self) -> None:
        self.work, self.run = self.folder / "work", self.folder / "run"
        self.user = 0
        if hasattr(os, "getuid") and os.getuid() == 0:
            # An id of its own: the limit on processes counts by user and spares root.
            self.user = 700_000_000 + os.getpid() % 1_000_000

    def environment(self) -> dict[str, str]:
        """Return the only variables that the kernel sees."""
        keep = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.work), "LANG": "C.UTF-8"}
        keep |= {f"{n}_NUM_THREADS": "1" for n in ("OMP", "OPENBLAS", "MKL")}
        keep |= {"MPLBACKEND": "agg", "MPLCONFIGDIR": str(self.run), "PYTHONDONTWRITEBYTECODE": "1"}
        keep |= {"IPYTHONDIR": str(self.run), "JUPYTER_RUNTIME_DIR": str(self.run)}
        keep["PYTHONPATH"] = str(Path(k2course.__file__).resolve().parent.parent)
        if os.name == "nt":
            keep["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", "")
        return keep

    def command(self, kernel: list[str]) -> list[str]:
        """Return the command that starts a kernel inside."""
        if os.name == "nt":
            return kernel
        if self.user:
            self.folder.chmod(0o711)
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, self.user, self.user)
        limit = self.limits
        told = {
            "limits": {
                "RLIMIT_AS": limit.memory,
                "RLIMIT_NPROC": limit.processes,
                "RLIMIT_FSIZE": limit.disk // 2,
                "RLIMIT_CPU": limit.notebook + 5,
                "RLIMIT_CORE": 0,
            },
            "user": self.user if self.bwrap else 0,
            "env": self.environment(),
        }
        if not self.bwrap:
            del told["limits"]["RLIMIT_NPROC"]  # would count the teacher's own processes
        inner = [sys.executable, "-I", "-S", "-c", _SHIM, json.dumps(told), *kernel]
        return [*self._wrap(), *inner] if self.bwrap else inner

    def _wrap(self) -> list[str]:
        libraries = {sys.prefix, sys.base_prefix, sysconfig.get_path("purelib")}
        libraries |= {str(Path(k2course.__file__).resolve().parent), str(data._folder())}
        system = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin", "/etc/ld.so.cache")
        system += ("/etc/alternatives", "/etc/fonts", "/etc/localtime")
        made, mounts = {Path("/tmp")}, []
        for path in [*system, *sorted(libraries), str(self.folder)]:
            if not os.path.exists(path) or path.startswith("/usr/"):
                continue
            for parent in reversed(Path(path).parents[:-1]):
                if parent not in made:
                    mounts += ["--perms", "0755", "--dir", str(parent)]
                    made.add(parent)
            bind = "--bind" if path == str(self.folder) else "--ro-bind"
            mounts += [bind, path, path]
        return [
            str(self.bwrap),
            *_spaces(),
            *("--proc", "/proc", "--dev", "/dev"),
            *("--perms", "1777", "--size", str(self.limits.disk), "--tmpfs", "/tmp"),
            *mounts,
            # Files elsewhere would be memory that no limit counts.
            *("--perms", "1777", "--size", str(8 << 20), "--tmpfs", "/dev/shm"),
            *("--remount-ro", "/dev", "--remount-ro", "/"),
            *("--chdir", str(self.work), "--"),
        ]

    def begin(self) -> None:
        """Start the clock, once."""
        self.end = min(self.end, time.monotonic() + self.limits.notebook)

    def stop(self, reason: str) -> None:
        """Kill everything that runs in the box; the first reason stays."""
        self.reason = self.reason or reason
        for process in {*self.seen, *self.tree()}:
            with suppress(psutil.Error):
                process.kill()

    def tree(self) -> list[psutil.Process]:
        """Return the processes that run in the box, the kernel's first."""
        try:
            return [self.process, *self.process.children(recursive=True)]
        except (psutil.Error, AttributeError):
            return []

    def watch(self) -> None:
        """Stop the run when it is over a limit that the system doesn't enforce (a thread)."""
        while not self.done.wait(0.25):
            if time.monotonic() > self.end:
                self.stop(f"stopped after {self.limits.notebook} s: the notebook took too long")
            with suppress(OSError):
                size = sum(f.lstat().st_size for f in self.folder.rglob("*"))
                if size > self.limits.disk:
                    self.stop(f"stopped: it wrote more than {self.limits.disk >> 20} MB of files")
            with suppress(psutil.Error):
                tree = self.tree()
                self.seen.update(tree)
                if sum(p.memory_info().rss for p in tree) > self.limits.memory:
                    self.stop(f"stopped: it used more than {self.limits.memory >> 30} GB of memory")


@contextmanager
def box(limits: Limits) -> Iterator[Box]:
    """Make the folders of a run and watch over it; nothing of it is left afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="k2-"))
    made = Box(folder.resolve(), limits, bubblewrap() if os.name != "nt" else None)
    for path in (made.work, made.run):
        path.mkdir()
    watchdog = threading.Thread(target=made.watch, daemon=True)
    watchdog.start()
    try:
        yield made
    finally:
        made.done.set()
        watchdog.join()
        made.stop("")
        shutil.rmtree(folder, ignore_errors=True)


class ContainedKernelManager(AsyncKernelManager):
    """Starts the kernel inside a box; talks to it over socket files, not the network."""

    box: Box

    def place(self, box: Box) -> None:
        """Say where the kernel will run."""
        self.box = box
        self.connection_file = str(box.run / "kernel.json")
        self.kernel_spec.interrupt_mode = "message"  # a signal would end bubblewrap, not the cell
        if os.name != "nt":
            self.transport = "ipc"
            self.ip = str(box.run / "k")

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        """Return the contained command."""
        kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", self.connection_file]
        return self.box.command([*kernel, *(extra_arguments or [])])

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: object) -> None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        kw |= {"env": self.box.environment(), **quiet}
        await super()._async_launch_kernel(kernel_cmd, **kw)
        self.box.process = psutil.Process(self.provisioner.process.pid)
        self.box.seen.add(self.box.process)

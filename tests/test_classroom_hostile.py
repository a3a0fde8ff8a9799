"""Hostile and broken submissions: each is stopped, gets a reason, and the others are graded."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from classroom_kit import (
    QUIET,
    add_mini,
    answer,
    enroll,
    hand_in,
    make_course,
    notebook,
    outputs,
    record,
    run,
    scores,
)
from conftest import _missing

from classroom import sandbox

pytestmark = QUIET
MARK = "98761"  # seconds that a forgotten process would sleep

FORK = """
import os, time
forked = 0
try:
    for _ in range(300):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        forked += 1
except OSError:
    pass
b = 2 if 5 < forked <= {most} else forked
"""
OUTSIDE = """
import glob, os
from pathlib import Path
seen = []
for place in {places!r}:
    try:
        seen += [place] if Path(place).read_bytes() or True else []
    except OSError:
        pass
for place in {folders!r}:
    try:
        (Path(place) / "written.txt").write_text("x")
        seen.append(place)
    except OSError:
        pass
seen += [v for v in os.environ if "K2" in v or "SECRET" in v]
seen += glob.glob("/home/*") + glob.glob("/etc/passwd") + glob.glob("/etc/shadow")
try:
    seen += [p for p in map(str, Path("/proc").glob("[0-9]*/environ"))
             if b"K2_CLASS_SECRET" in Path(p).read_bytes()]
except OSError:
    pass
print("seen", seen)
b = 2
"""
NETWORK = """
import os
import socket
import subprocess
import sys
for address in [("127.0.0.1", {port}), ("192.0.2.1", 80)]:
    try:
        socket.create_connection(address, timeout=2)
        print("reached", address)
    except OSError as error:
        print("unreachable", error)
b = 2
"""
DAEMON = f"""
import subprocess, os
subprocess.Popen(["sleep", "{MARK}"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "{MARK}"])
    os._exit(0)
b = 2
"""
STUBBORN = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
FORGED = """
import gc
__truth__, __marks__ = {}, None
get_ipython().user_ns["_k2_collect"] = lambda *a: '{"b": 2}'
leak = [c for c in gc.get_objects() if isinstance(c, str) and "points=1" in c and "number(" in c]
print("leak", len(leak) - sum("gc.get_objects" in c for c in leak))
b = 77
"""


@pytest.fixture(scope="module")
def server():
    """A server on this machine that notes who reaches it."""
    reached = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        stop = threading.Event()

        def accept():
            while not stop.is_set():
                try:
                    reached.append(listening.accept())
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield listening.getsockname()[1], reached
        stop.set()
        thread.join()


@pytest.fixture(scope="module", params=["short", pytest.param("all", marks=pytest.mark.long)])
def graded(request, tmp_path_factory, server):
    if not sandbox.bubblewrap():
        _missing("NO BUBBLEWRAP: install bubblewrap to test the containment of submissions")
    course = make_course(
        tmp_path_factory.mktemp("hostile"), limits={"cell": 4, "notebook": 12, "output": 5 << 20}
    )
    add_mini(course)
    places = [str(course / "secret"), str(course / "gradebook.db"), str(course / "roster.csv")]
    places.append(str(course / "submitted/quiet/mini/mini.ipynb"))
    places.append(str(course / "source/mini/mini.ipynb"))
    hostile = {
        "loop": "import time\nwhile True:\n    time.sleep(0.01)",
        "stubborn": STUBBORN,
        "memory": "x = bytearray(10 << 30)\nb = 2",
        "exit": "exit()",
        "osexit": "import os\nos._exit(0)",
        "outside": OUTSIDE.format(places=places, folders=[str(course), str(course.parent), "/"]),
        "network": NETWORK.format(port=server[0]),
        "fork": FORK.format(most=sandbox.Limits.processes),
        "output": 'for _ in range(20):\n    print("x" * 10_000_000, flush=True)\nb = 2',
        "trickle": 'while True:\n    print("x" * 10_000)',
        "disk": 'open("big", "wb").write(bytes(200_000_000))\nb = 2',
        "daemon": DAEMON,
        "forged": FORGED,
    }
    if request.param == "short":
        hostile = {k: v for k, v in hostile.items() if k not in LONG}
    enroll(course, "quiet", *hostile, "nojson", "empty", "nocells", "link", "huge")
    released = run(course, "release")
    assert released.returncode == 0, released.stderr
    source = notebook(course, "mini")
    hand_in(course, "quiet", "mini", source)
    for student, code in hostile.items():
        hand_in(course, student, "mini", answer(source, b=code))
    hand_in(course, "nojson", "mini", "PK\x03\x04 this is a zip file")
    hand_in(course, "empty", "mini", "")
    hand_in(course, "nocells", "mini", '{"cells": 7}')
    hand_in(course, "huge", "mini", b" " * (21 << 20) + b"{}")
    path = hand_in(course, "link", "mini", source)
    path.with_name("notes.txt").symlink_to(course / "secret")
    result = run(
        course, "grade", "--workers", "2", K2_CLASS_SECRET="a secret that only this test knows"
    )
    assert result.returncode == 0, result.stderr
    return course, result, scores(course, "mini")


POINTS = {
    "quiet": (1, 1, 1),
    "loop": (1, 0, 1),
    "stubborn": (1, 0, 0),
    "memory": (1, 0, 1),
    "exit": (1, 0, 0),
    "osexit": (1, 0, 0),
    "outside": (1, 1, 1),
    "network": (1, 1, 1),
    "fork": (1, 1, 1),
    "output": (1, 0, 0),
    "trickle": (1, 0, 0),
    "disk": (1, 0, 1),
    "daemon": (1, 1, 1),
    "forged": (1, 0, 1),
    "nojson": (0, 0, 0),
    "empty": (0, 0, 0),
    "nocells": (0, 0, 0),
    "link": (0, 0, 0),
    "huge": (0, 0, 0),
}


LONG = {"stubborn", "trickle", "disk", "osexit"}
REASONS = {
    "stubborn": "took too long",
    "exit": "kernel ended",
    "osexit": "kernel ended",
    "output": "of output",
    "trickle": "of output",
    "nojson": "not a notebook",
    "empty": "not a notebook",
    "nocells": "not a notebook",
    "link": "a link",
    "huge": "larger than",
}


def test_points_of_what_ran(graded):
    course, _, found = graded
    assert set(found) >= set(POINTS) - LONG
    got = {s: tuple(grades[f"{q}-test"] for q in "abc") for s, grades in found.items()}
    assert got == {s: POINTS[s] for s in found}, {
        s: outputs(course, s, "mini")[-800:] for s in found if got[s] != POINTS[s]
    }


def test_reasons(graded):
    course, result, found = graded
    for student in found:
        reason = record(course, student, "mini")["reason"]
        word = REASONS.get(student, "")
        assert word in reason if word else reason == "", student
        if word:
            assert f"{student}, mini: {reason}" in result.stdout
            shown = (course / "autograded" / student / "mini" / "mini.ipynb").read_text("utf-8")
            assert word in shown


def test_nothing_outside_is_read_or_written(graded):
    course = graded[0]
    assert "seen []" in outputs(course, "outside", "mini")
    assert not list(course.rglob("written.txt"))
    assert not list(course.parent.glob("written.txt"))


def test_network_is_out_of_reach(graded, server):
    said = outputs(graded[0], "network", "mini")
    assert said.count("unreachable [") == 2
    assert "reached (" not in said
    assert server[1] == []


def test_fork_bomb_is_bounded(graded):
    """The submission's answer is right if it got some processes and no more than are allowed."""
    assert graded[2]["fork"]["b-test"] == 1, outputs(graded[0], "fork", "mini")


def test_no_process_and_no_folder_is_left(graded):
    left = [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", MARK]]
    assert left == []


def test_forged_answers_earn_what_they_say_and_see_no_test(graded):
    assert "leak 0" in outputs(graded[0], "forged", "mini")
    assert graded[2]["forged"] == {"a-test": 1, "b-test": 0, "c-test": 1}


def test_second_run_grades_nothing_again(graded):
    course = graded[0]
    before = {p: p.stat().st_mtime_ns for p in course.glob("autograded/*/mini/mini.ipynb")}
    again = run(course, "grade")
    assert "0 submissions graded" in again.stdout
    assert before == {p: p.stat().st_mtime_ns for p in course.glob("autograded/*/mini/mini.ipynb")}


def test_without_bubblewrap_it_is_said_loudly(tmp_path, monkeypatch):
    monkeypatch.setenv("K2_NO_BWRAP", "1")
    assert "NO BUBBLEWRAP" in run(make_course(tmp_path), "grade").stderr


@pytest.mark.long
def test_without_bubblewrap_it_still_grades(tmp_path):
    course = make_course(tmp_path / "c")
    add_mini(course)
    enroll(course, "one")
    assert run(course, "release").returncode == 0
    hand_in(course, "one", "mini", notebook(course, "mini"))
    result = run(course, "grade", K2_NO_BWRAP="1")
    assert "NO BUBBLEWRAP" in result.stderr
    assert sum(scores(course, "mini")["one"].values()) == 3


PROBE = """
import os, socket
try:
    socket.create_connection(("127.0.0.1", {port}), 1)
    print("reached")
except OSError:
    pass
for place in {places!r}:
    if os.path.exists(place):
        print("seen", place)
open("mine", "w").write("x")
for place in {shut!r}:  # what lies there is memory that no limit counts
    written = 0
    try:
        for k in range(4):
            with open(place + "/big%d" % k, "wb", 0) as file:
                for _ in range(30):
                    written += file.write(bytes(1 << 20))
    except OSError:
        pass
    if written > (64 << 20 if place.startswith("/tmp") else 8 << 20):
        print("wrote", place, written)
try:
    bytearray(10 << 30)
except MemoryError:
    print("bounded")
"""


@pytest.mark.parametrize("account", ["this", "ordinary"])
def test_an_ordinary_account_gets_the_same_walls(tmp_path, monkeypatch, server, account):
    """Without root the walls stand in a user namespace."""
    if account == "ordinary":
        monkeypatch.setattr(os, "getuid", lambda: 1000)
    if not sandbox.bubblewrap():
        _missing("NO BUBBLEWRAP for ordinary accounts: user namespaces are switched off")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "box").mkdir()
    box = sandbox.Box(tmp_path / "box", sandbox.Limits(), sandbox.bubblewrap())
    box.work.mkdir()
    box.run.mkdir()
    places = [str(tmp_path / "secret"), "/etc/passwd", "/home"]
    shut = ["/dev/shm", "/dev", "/", "/etc", str(Path(sys.prefix).parent), "/tmp"]
    code = PROBE.format(port=server[0], places=places, shut=shut)
    command = box.command([sys.executable, "-I", "-c", code])
    done = subprocess.run(command, capture_output=True, text=True, env=box.environment())
    assert done.stdout.split() == ["bounded"], done.stderr
    assert (box.work / "mine").read_text() == "x"
    assert ("--unshare-user" in command) == (os.getuid() != 0)

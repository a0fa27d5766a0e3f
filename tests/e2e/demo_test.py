#!/usr/bin/env python3
"""The demo itself: ONCE=1 ends with 0; without it the demo serves, the curl line it
prints works when pasted, and Ctrl-C ends it with nothing left behind."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import tap
from appliance import BUILD, TREE
from machine import HUGEPAGES

DEMO = TREE / "tests/demo/run.py"
START_SECONDS = 120


def state():
    """What the demo takes from the machine: pages, namespaces, files."""
    spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True)
    left = [path.name for path in (BUILD / "e2e").glob("demo-*")]
    return int(HUGEPAGES.read_text()), spaces.stdout, left


def alone():
    """Does no other test or demo run on this machine, that would take pages as well?"""
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if int(path.parent.name) != os.getpid() and re.search(rb"tests/e2e/|demo/run\.py", words):
            return False
    return True


def as_before(before, when):
    """Fewer pages are another program's that has ended meanwhile."""
    (pages, *rest), others = state(), not alone()
    tap.same(rest, list(before[1:]), f"namespaces and files {when}")
    tap.check(others or pages <= before[0], f"{pages} hugepages {when}, {before[0]} before")


def demo(once, payments=200):
    environment = dict(os.environ, ONCE=once, PAYMENTS=str(payments))
    return subprocess.Popen([DEMO], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=environment, start_new_session=True)


def test_once():
    """ONCE=1 shows the tables, exits 0 and leaves nothing behind"""
    before = state()
    child = demo("1", payments=1000)
    text, _ = child.communicate(timeout=START_SECONDS)
    tap.same(child.returncode, 0, f"exit status, after: {text[-1500:]}")
    for word in ("approve", "decline", "round trip", "intact", "as it should be", "new_payee_high_amount",
                 "card_count_1h", "the same", "every byte is the same"):
        tap.check(word in text, f"it does not say '{word}': {text}")
    as_before(before, "afterwards")


def test_serving():
    """it serves until Ctrl-C: the printed curl works, and nothing is left behind"""
    before = state()
    child = demo("0")
    text, end = "", time.monotonic() + START_SECONDS
    while "Ctrl-C ends it" not in text and time.monotonic() < end:
        line = child.stdout.readline()
        tap.check(line, f"it ended: {text}")
        text += line
    command = re.search(r"^\s+sudo (nsenter .*)$", text, re.M)[1]
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60,
                          check=False)
    os.killpg(child.pid, signal.SIGINT)
    rest, _ = child.communicate(timeout=60)
    tap.same(done.returncode, 0, f"exit status of curl ({done.stderr})")
    tap.check("decision" in json.loads(done.stdout), f"curl printed {done.stdout}")
    tap.same(child.returncode, 0, f"exit status, after: {rest}")
    as_before(before, "afterwards")


def test_interrupted():
    """Ctrl-C before it is ready, or while it sends, ends it as well; nothing is left behind"""
    before = state()
    for pause in (0, .3, 1):  # far more payments than a second is enough for
        child = demo("0", payments=20000)
        tap.check(child.stdout.readline(), "it said nothing")
        time.sleep(pause)
        os.killpg(child.pid, signal.SIGINT)
        text, _ = child.communicate(timeout=60)
        tap.same(child.returncode, 130, f"exit status after {pause} s: {text}")
        tap.check("Serving at" not in text, f"it was done within {pause} s: {text}")
        as_before(before, f"after {pause} s")


def test_not_root():
    """without root it says what to do"""
    if os.geteuid() != 0:
        tap.skip("needs root to become somebody else")
    done = subprocess.run([DEMO], capture_output=True, text=True, check=False, user=65534,
                          group=65534)
    tap.same(done.returncode, 1, f"exit status ({done.stderr})")
    tap.check("sudo make run" in done.stderr, f"it says: {done.stderr}")


if __name__ == "__main__":
    tap.main([test_once, test_serving, test_interrupted, test_not_root])

#!/usr/bin/env python3
"""tests/run counts right and cannot be fooled: small trees of scripts with known
ends, and the closing line each must give.  Prints TAP."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

RUNNER = pathlib.Path(__file__).resolve().parent.parent / "run"

# What it shows, the script's lines, the environment, the closing line, the exit status.
CASES = [
    ("results are counted", "echo 1..2; echo 'ok 1 - a'; echo 'ok 2 - b'", {},
     "2 passed, 0 failed, 0 skipped", 0),
    ("not ok is a failure", "echo 'ok 1 - a'; echo 'not ok 2 - b'; exit 1", {},
     "1 passed, 1 failed, 0 skipped", 1),
    ("not ok with exit 0 is a failure", "echo 'not ok 1 - a'", {},
     "0 passed, 1 failed, 0 skipped", 1),
    ("a crash without not ok is a failure", "echo 'ok 1 - a'; kill -SEGV $$", {},
     "1 passed, 1 failed, 0 skipped", 1),
    ("an unfinished plan is a failure", "echo 1..3; echo 'ok 1 - a'", {},
     "1 passed, 1 failed, 0 skipped", 1),
    ("no result is a failure", "true", {}, "0 passed, 1 failed, 0 skipped", 1),
    ("a skip is told apart", "echo 'ok 1 - a'; echo 'ok 2 - b # SKIP no card'", {},
     "1 passed, 0 failed, 1 skipped", 0),
    ("cmocka's skip is a skip", "echo 'ok 1 - a'; echo 'not ok 2 # SKIP b'", {},
     "1 passed, 0 failed, 1 skipped", 0),
    ("STRICT turns a skip into a failure", "echo 'ok 1 - a'; echo 'ok 2 - b # SKIP no card'",
     {"STRICT": "1"}, "1 passed, 1 failed, 0 skipped", 1),
    ("only skips means no test ran", "echo 'ok 1 - b # SKIP no card'", {},
     "0 passed, 0 failed, 1 skipped", 1),
    ("a filter that meets nothing is a failure", "echo 'ok 1 - a'", {"TESTS": "nothing"},
     "0 passed, 0 failed, 0 skipped", 1),
    ("a time limit is a failure", "echo 'ok 1 - a'; sleep 60", {"SECONDS_MAX": "1"},
     "1 passed, 1 failed, 0 skipped", 1),
]


def closing_of(script, env):
    """Run tests/run over a tree with one check; its last line and its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        check = pathlib.Path(folder, "tests/check/one.sh")
        check.parent.mkdir(parents=True)
        check.write_text(f"#!/bin/sh\n{script}\n")
        check.chmod(0o755)
        shutil.copy(RUNNER, check.parent.parent)
        clean = {k: v for k, v in os.environ.items() if k not in ("STRICT", "TESTS", "B")}
        run = subprocess.run([check.parent.parent / "run"], env=clean | env, text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return run.stdout.splitlines()[-1], run.returncode


def main():
    failed = False
    print(f"1..{len(CASES)}")
    for number, (name, script, env, closing, status) in enumerate(CASES, 1):
        got = closing_of(script, env)
        right = got == (closing, status)
        failed |= not right
        print(f"{'ok' if right else 'not ok'} {number} - {name}")
        if not right:
            print(f"# wanted {closing!r}, exit {status}; got {got[0]!r}, exit {got[1]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Our C is laid out as .clang-format says; `make format` does it.  Prints TAP."""

import collections
import pathlib
import subprocess
import sys

TOPS = ("runtime", "drivers", "config", "firmware", "image", "tests")


def faults(arguments, **kwargs):
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", *arguments],
                         capture_output=True, text=True, check=False, **kwargs)
    lines = [line for line in run.stderr.splitlines() if "error:" in line]
    if run.returncode != 0 and not lines:
        lines = [f"clang-format: ended with {run.returncode}: {run.stderr[-400:]}"]
    return lines


def main():
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    files = sorted(str(p.relative_to(root)) for top in TOPS for p in (root / top).rglob("*.[ch]"))
    wrong = faults(files, cwd=root) if files else []
    caught = faults(["--assume-filename=x.c"], cwd=root, input="int f( void ){return 1 ;}\n")
    print("1..2")
    print(f"{'not ok' if wrong else 'ok'} 1 - {len(files)} files are laid out (else: make format)")
    places = collections.Counter(line.split(":")[0] for line in wrong)
    for name, count in sorted(places.items()):
        print(f"# {name}: {count} places")
    print(f"{'ok' if caught else 'not ok'} 2 - control: a badly laid out file is found")
    return 1 if wrong or not caught else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""shellcheck finds nothing in the tree's shell scripts.  Prints TAP."""

import pathlib
import subprocess
import sys

TOPS = ("image", "tests", ".ci")


def is_script(path):
    with path.open("rb") as file:
        return file.readline().startswith((b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash"))


def faults(arguments, **kwargs):
    run = subprocess.run(["shellcheck", "--format=gcc", *arguments], capture_output=True,
                         text=True, check=False, **kwargs)
    return (run.stdout + run.stderr).splitlines() if run.returncode else []


def main():
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    scripts = sorted(str(p.relative_to(root)) for top in TOPS for p in (root / top).rglob("*")
                     if p.is_file() and is_script(p))
    wrong = faults(scripts, cwd=root) if scripts else []
    caught = faults(["-"], input="#!/bin/sh\ncd $1\n")
    print("1..2")
    print(f"{'not ok' if wrong else 'ok'} 1 - shellcheck passes {len(scripts)} scripts")
    for line in wrong:
        print(f"# {line}")
    print(f"{'ok' if caught else 'not ok'} 2 - control: an unquoted variable is found")
    return 1 if wrong or not caught else 0


if __name__ == "__main__":
    sys.exit(main())

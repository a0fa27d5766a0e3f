#!/usr/bin/env python3
"""Rules about the tree itself: what lies at the top, that nothing of others is
committed, that every package says why it is there, and how long functions are
(for information).  Prints TAP."""

import pathlib
import re
import subprocess
import sys

TOP = {
    "Makefile", "README.md", "LICENSE", ".clang-format", ".clang-tidy", ".gitignore", ".ci",
    "firmware", "drivers", "runtime", "config", "image", "tests", "docs",
}

# Words by which somebody else's source betrays itself in ours.
FOREIGN = re.compile(
    r"Swedish Institute of Computer Science|The Mbed TLS Contributors|"
    r"BSD LICENSE.*Intel Corporation|Copyright \(c\).*(DPDK|Intel Corporation)|yyjson.*YaoYuan")
OBJECT_FILES = re.compile(r"\.(o|a|so|pyc|deb|dsc|exe)$|\.tar(\.\w+)?$")
FILE_BYTES_MAX = 2 << 20 # a larger file is data made by a tool, which belongs elsewhere
FUNCTION_LINES_MAX = 70


def tree_files(root):
    """Tracked and new files; without git (an exported tree), every file."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=root, capture_output=True, check=False)
    if listed.returncode == 0:
        names = [n for n in listed.stdout.decode().split("\0") if n]
        return [pathlib.Path(n) for n in names if (root / n).is_file()]
    return [p.relative_to(root) for p in root.rglob("*") if p.is_file()
            and p.relative_to(root).parts[0] not in (".git", "build")
            and "__pycache__" not in p.parts]


def check_top(_, files):
    return sorted({f"{p.parts[0]} is not a top-level entry of this tree" for p in files
                   if p.parts[0] not in TOP})


def check_foreign(root, files):
    found = []
    for path in files:
        if OBJECT_FILES.search(path.name):
            found.append(f"{path} is a built or packed file")
        elif (root / path).stat().st_size > FILE_BYTES_MAX:
            found.append(f"{path} is larger than {FILE_BYTES_MAX >> 20} MiB")
        elif path.suffix in (".c", ".h") and FOREIGN.search((root / path).read_text(errors="replace")):
            found.append(f"{path} carries somebody else's copyright")
    return found


def package_faults(lines):
    found, seen = [], set()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, why = line.partition("#")
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name.strip()):
            found.append(f"image/root/packages:{number}: one package a line, then # and why")
        if len(why.strip()) < 8:
            found.append(f"image/root/packages:{number}: {name.strip()} does not say why")
        if name.strip() in seen:
            found.append(f"image/root/packages:{number}: {name.strip()} is listed twice")
        seen.add(name.strip())
    return found


def check_packages(root, _):
    return package_faults((root / "image/root/packages").read_text().splitlines())


def check_control(_, __):
    """The checks above, each on something wrong."""
    root = pathlib.Path(__file__).resolve().parent
    wrong = {
        "a stray top-level entry": check_top(root, [pathlib.Path("notes/x.txt")]),
        "a committed archive": check_foreign(root, [pathlib.Path("x.tar.gz")]),
        "a package without a reason": package_faults(["gcc"]),
        "a package listed twice": package_faults(["gcc # compiles C", "gcc # compiles C"]),
        "a function of 71 lines": long_functions("x.c", ["int f(void)", "{"] + ["\ta();"] * 69 + ["}"]),
    }
    return [f"{name} is not found" for name, faults in wrong.items() if not faults]


def long_functions(path, lines):
    """A function's body starts with `{` and ends with `}`, each alone in column one."""
    found, start = [], None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            if number - start > FUNCTION_LINES_MAX - 1:
                found.append(f"{path}:{start}: {number - start + 2} lines")
            start = None
    return found


def main():
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    files = tree_files(root)
    checks = (("top level holds only what belongs there", check_top),
              ("nothing built, packed or foreign is committed", check_foreign),
              ("every package of the build root says why", check_packages),
              ("control: each check finds a fault", check_control))
    failed = False
    print(f"1..{len(checks)}")
    for number, (name, check) in enumerate(checks, 1):
        faults = check(root, files)
        failed |= bool(faults)
        print(f"{'not ok' if faults else 'ok'} {number} - {name}")
        for fault in faults:
            print(f"# {fault}")
    for path in files:
        if path.suffix == ".c" and path.parts[0] != "tests":
            for line in long_functions(path, (root / path).read_text(errors="replace").splitlines()):
                print(f"# long function, for information: {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

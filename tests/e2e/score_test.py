#!/usr/bin/env python3
"""assayctl score on the demo model: what it prints, and how it refuses.  TAP."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys

ASSAYCTL = pathlib.Path(os.environ.get("B") or "build") / "assayctl"
DEMO = pathlib.Path(__file__).resolve().parent.parent.parent / "config/demo"
NAMES = json.loads((DEMO / "features.json").read_text())
MODEL = DEMO / "model.ubj"
HEAD = ",".join(NAMES) + "\n"
ROW = ",".join(["1.5"] * len(NAMES)) + "\n"


def score(table, *arguments):
    return subprocess.run([ASSAYCTL, "score", *map(str, arguments or (MODEL,))], input=table,
                          capture_output=True, text=True, check=False)


# name, table, arguments, text that must be in its error
REFUSALS = [
    ("a cell that is no number", HEAD + ROW + ROW.replace("1.5", "x", 1), (), "stdin:3: column 1"),
    ("an infinity", HEAD + ROW.replace("1.5", "inf", 1), (), "stdin:2: column 1"),
    ("a hexadecimal number", HEAD + ROW.replace("1.5", "0x10", 1), (), "stdin:2: column 1"),
    ("too few cells", HEAD + "1,2\n", (), "stdin:2: column 3: fewer cells"),
    ("too many cells", HEAD + ROW.strip() + ",1\n", (), f"stdin:2: column {len(NAMES) + 1}: more cells"),
    ("a feature that is not there", "amount\n1\n", (), f'no column "{NAMES[0]}"'),
    ("a column named twice", HEAD.strip() + ",amount\n", (), f"stdin:1: column {len(NAMES) + 1}"),
    ("no table", "", (), "the first line must name the columns"),
    ("a model that is not there", HEAD, ("/nonexistent",), "/nonexistent: No such file"),
    ("a file that is no model", HEAD, (DEMO / "README.md",), "byte 0: neither"),
    ("a JSON file that is no model", HEAD, (DEMO / "features.json",), "neither"),
    ("an unknown option", HEAD, ("--fast", MODEL), "'--fast'"),
]


def rows_keep_their_answers():
    """the same answer whatever the order of columns, as CSV and as JSON"""
    order = list(reversed(NAMES)) + ["not_a_feature"]
    values = {name: str(index / 2) for index, name in enumerate(NAMES)}
    values["not_a_feature"] = "words"
    straight = score(HEAD + ",".join(values[n] for n in NAMES) + "\n")
    turned = score(",".join(order) + "\n" + ",".join(values[n] for n in order) + "\n", "--json", MODEL)
    head, line = straight.stdout.splitlines()
    assert head == "margin,probability", head
    answer = json.loads(turned.stdout)
    assert [float(cell) for cell in line.split(",")] == [answer["margin"], answer["probability"]]


def missing_is_empty_or_nan():
    """an empty cell and NaN are the same, and differ from zero"""
    empty, nan, zero = (score(HEAD + ",".join([cell] * len(NAMES)) + "\n").stdout
                        for cell in ("", "NaN", "0"))
    assert empty == nan and empty != zero, (empty, nan, zero)


def blank_lines_are_passed_over():
    """blank lines are passed over, and an error behind them has its own line's number"""
    plain, spaced = score(HEAD + ROW), score(HEAD + "\n" + ROW + " \r\n")
    assert plain.stdout == spaced.stdout and spaced.returncode == 0, spaced
    done = score(HEAD + "\n\n" + ROW.replace("1.5", "x", 1))
    assert "stdin:4: column 1" in done.stderr, done.stderr


def info_names_the_file():
    """--info prints the digest of the file and the features of features.json"""
    text = score("", "--info", MODEL).stdout
    assert hashlib.sha256(MODEL.read_bytes()).hexdigest() in text, text
    assert [line.strip() for line in text.splitlines() if line.startswith("  ")] == NAMES, text


def readme_names_the_file():
    """config/demo/README.md gives the digest of model.ubj"""
    assert hashlib.sha256(MODEL.read_bytes()).hexdigest() in (DEMO / "README.md").read_text()


def help_has_an_example():
    """--help explains itself"""
    done = score("", "--help")
    assert done.returncode == 0 and "examples:" in done.stdout


def refused(table, arguments, words):
    done = score(table, *arguments)
    assert done.returncode == 2 and words in done.stderr, (done.returncode, done.stderr)


def main():
    tests = [(test.__doc__, test) for test in (rows_keep_their_answers, missing_is_empty_or_nan,
                                               blank_lines_are_passed_over,
                                               info_names_the_file, readme_names_the_file,
                                               help_has_an_example)]
    tests += [(f"refused: {name}", lambda t=table, a=arguments, w=words: refused(t, a, w))
              for name, table, arguments, words in REFUSALS]
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {name}")
        except (AssertionError, ValueError) as error:
            failed += 1
            print(f"# {error}\nnot ok {number} - {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

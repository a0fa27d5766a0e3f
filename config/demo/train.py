#!/usr/bin/env python3
"""Makes the demo's model: a simulated bank's payments and labels go through Assay, its
audit log goes to config/recipe/train.py, and another simulated bank's payments (another
seed, other customers, other shops) are decided with the model and the default rules.

Writes model.ubj, its card model.json and features.json beside this file.  The same
xgboost gives the same bytes: one thread, fixed seeds.

example:
  make build && image/root/enter python3 config/demo/train.py
"""

import argparse
import collections
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent
TRAIN = {"count": 120000, "seed": 101}
TEST = {"count": 40000, "seed": 202}
TREES = 100
VERDICTS = ("approve", "review", "decline")


def run(command, cwd, stdin=None, stdout=None):
    """One program from file to file; ends this one when it fails."""
    with open(cwd / stdin if stdin else "/dev/null", encoding="utf-8") as source, \
            open(cwd / stdout if stdout else "/dev/null", "w", encoding="utf-8") as sink:
        done = subprocess.run([str(word) for word in command], cwd=cwd, stdin=source,
                              stdout=sink if stdout else None, check=False)
    if done.returncode:
        sys.exit(f"train.py: {command[0]} {command[1]} ended with status {done.returncode}")


def simulate(folder, count, seed):
    run([HERE / "simulate.py", "--count", count, "--seed", seed, "--feedback", "--labels", "truth.jsonl"],
        folder, stdout="payments.jsonl")


def write_config(folder, model):
    """engine.cfg with another model, or none."""
    text = (HERE / "engine.cfg").read_text().replace('"../rules/', f'"{TREE}/config/rules/')
    line = f'model: {{ file = "{model}"; }};' if model else ""
    (folder / "engine.cfg").write_text(re.sub(r"^model:.*$", line, text, flags=re.M))


def train(assayctl, folder, out):
    simulate(folder, **TRAIN)
    write_config(folder, None)
    (folder / "audit").mkdir()
    run([assayctl, "decide", "--config", "engine.cfg", "--audit", "audit"], folder, "payments.jsonl",
        "answers.jsonl")
    run([assayctl, "audit", "cat", "--config", "engine.cfg", "audit"], folder, stdout="export.jsonl")
    run([TREE / "config/recipe/train.py", "--audit", "export.jsonl", "--trees", TREES,
         "--out", out / "model.ubj"], folder)
    names = json.loads((out / "model.json").read_text())["features"]
    (out / "features.json").write_text(json.dumps(names, indent=1) + "\n")


def decide(assayctl, folder, out):
    """How another bank's payments are decided, by scenario."""
    simulate(folder, **TEST)
    write_config(folder, out / "model.ubj")
    run([assayctl, "decide", "--config", "engine.cfg"], folder, "payments.jsonl", "answers.jsonl")
    verdict = {}
    for line in (folder / "answers.jsonl").read_text().splitlines():
        answer = json.loads(line)
        verdict[answer["id"]] = answer["decision"]
    counts = collections.Counter()
    for line in (folder / "truth.jsonl").read_text().splitlines():
        truth = json.loads(line)
        counts[truth["scenario"] or "honest", verdict[truth["id"]]] += 1
    print("\nanother bank, decided by this model and config/rules/default.rules:")
    print(f"  {'':12}" + "".join(f"{word:>9}" for word in VERDICTS))
    for name in sorted({scenario for scenario, _ in counts}, key=lambda n: (n != "honest", n)):
        print(f"  {name:12}" + "".join(f"{counts[name, word]:9}" for word in VERDICTS))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="folder to write to")
    parser.add_argument("--assayctl", type=pathlib.Path, default=TREE / "build/assayctl")
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        train(args.assayctl.resolve(), folder, args.out.resolve())
        decide(args.assayctl.resolve(), folder, args.out.resolve())
    finally:
        shutil.rmtree(folder)
    model = args.out / "model.ubj"
    print(f"sha256 {hashlib.sha256(model.read_bytes()).hexdigest()}  {model.name}")


if __name__ == "__main__":
    main()

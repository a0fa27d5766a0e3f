#!/usr/bin/env python3
"""The recipe of sequence models: its windows are the engine's, the same input gives the same file,
and the engine deciding with that file scores as onnxruntime does over those windows."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TREE / "tests/lib"))
sys.path.insert(0, str(TREE / "config/recipe"))

# pylint: disable=wrong-import-position
import numpy as np
import tap
import train as recipe
import train_sequence as sequence
from cards import ASSAYCTL, digest, run

ENGINE = (TREE / "config/demo/engine.cfg").read_text()
COUNT = tap.times("ROWS", 6000)
STEPS = 4
PARITY_BOUND = 1e-5
TRAIN = ["--late", "6h", "--epochs", "1", "--hidden", "16"]


class Study:
    """Simulated payments, their labels, and the engine's tables of them."""

    def __enter__(self):
        self.place = tempfile.TemporaryDirectory(dir="/var/tmp")
        self.folder = pathlib.Path(self.place.name)
        done = subprocess.run([TREE / "config/demo/simulate.py", "--count", str(COUNT), "--seed", "5",
                               "--labels", self.folder / "truth.jsonl"], capture_output=True, text=True,
                              check=True)
        self.payments = self.folder / "payments.jsonl"
        self.payments.write_text(done.stdout)
        self.config = self.write_config()
        (self.folder / "plain.csv").write_text(self.tool("features", "--keys"))
        (self.folder / "windows.csv").write_text(self.tool("features", "--keys", "--history"))
        self.made = self.train("made.onnx", "windows.csv")
        return self

    def __exit__(self, *error):
        self.place.cleanup()

    def write_config(self, model="", places=None):
        path = self.folder / "engine.cfg"
        text = ENGINE.replace('"../rules/', f'"{TREE}/config/rules/')
        if places:
            text = text.replace("state: {", f'state: {{ snapshot_directory = "{places[1]}";')
            text += f'audit: {{ directory = "{places[0]}"; }};\n'
        path.write_text(text.replace('model: { file = "model.ubj"; };',
                                     f'model: {{ file = "{model}"; }};' if model else "") +
                        f'history: {{ steps = {STEPS}; missing_step = "nan"; memory_mib = 32; }};\n')
        return path

    def tool(self, *words):
        with open(self.payments, encoding="utf-8") as file:
            return run(*words, "--config", self.config, stdin=file)

    def train(self, out, table, *words):
        """The bytes of the model that the recipe makes of a table."""
        done = subprocess.run(
            [TREE / "config/recipe/train_sequence.py", "--features", self.folder / table, "--labels",
             self.folder / "truth.jsonl", "--out", self.folder / out, *TRAIN, *words],
            capture_output=True, text=True, check=False)
        tap.same(done.returncode, 0, f"the recipe ({done.stderr[-500:]})")
        self.told = done.stdout
        return (self.folder / out).read_bytes()

    def table(self, name):
        with open(self.folder / name, encoding="utf-8") as file:
            return recipe.read_features(file, name)


def test_windows(study):
    """windows made by the recipe are those of the engine, bit for bit"""
    plain, made = study.table("plain.csv"), study.table("windows.csv")
    ours = sequence.make_windows(plain, STEPS)
    engines = sequence.make_windows(made, 99)
    every = np.arange(COUNT)
    tap.check(np.array_equal(ours.of(every), engines.of(every), equal_nan=True), "windows differ")
    tap.same(made.names, plain.names, "names")
    tap.check(np.array_equal(made.rows, plain.rows, equal_nan=True), "the newest rows differ")
    absent = np.isnan(ours.of(every)).all(2).sum()
    tap.note(f"{COUNT} windows of {STEPS} rows, {absent} rows absent")
    tap.check(0 < absent < COUNT * STEPS / 2, "few accounts have a past")


def test_same_bytes(study):
    """either table, and any time, gives the same file; another seed does not"""
    tap.check(study.train("again.onnx", "windows.csv") == study.made, "trained twice, the files differ")
    tap.check(study.train("plain.onnx", "plain.csv", "--steps", str(STEPS)) == study.made,
              "another file from the table without windows")
    tap.check(study.train("other.onnx", "windows.csv", "--seed", "8") != study.made, "another seed, the same file")


def test_card(study):
    """the card says what it is; the features' names are in the file, and the shape"""
    import onnx
    model = onnx.load(study.folder / "made.onnx")
    card = json.loads((study.folder / "made.json").read_text())
    props = {entry.key: entry.value for entry in model.metadata_props}
    tap.same(json.loads(props["feature_names"]), card["features"], "names")
    shape = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim]
    tap.same(shape, [1, STEPS, len(card["features"])], "shape of the input")
    tap.same(card["training"]["steps"], STEPS, "steps in the card")
    tap.note(study.told)
    tap.note(" ".join(sorted({node.op_type for node in model.graph.node})))


def stock_scores(path, windows):
    import onnxruntime
    session = onnxruntime.InferenceSession(str(path))
    return np.array([session.run(None, {"window": windows.of([payment])})[0][0, 0]
                     for payment in range(COUNT)])


def engine_scores(study, name):
    model = study.folder / name
    info = subprocess.run([ASSAYCTL, "score", "--info", model], capture_output=True, text=True, check=False)
    if info.returncode:
        tap.skip(f"the engine does not read the file: {info.stderr.strip()[:200]}")
    study.write_config(model)
    answers = [json.loads(line) for line in study.tool("decide").splitlines()]
    study.write_config()
    return np.array([answer["score"] for answer in answers if "score" in answer])


def check_parity(study, name):
    windows = sequence.make_windows(study.table("plain.csv"), STEPS)
    stock = stock_scores(study.folder / name, windows)
    tap.check(stock.std() > 1e-3 and np.isfinite(stock).all(), f"scores are all alike: {stock[:5]}")
    got = engine_scores(study, name)
    worst = float(np.abs(got - stock).max())
    tap.note(f"{len(got)} scores of the engine and of onnxruntime differ by at most {worst:.2g}")
    tap.check(len(got) == COUNT and worst < PARITY_BOUND, f"scores differ by {worst}")


def test_gru(study):
    """the engine deciding with the GRU scores as onnxruntime over the same windows"""
    check_parity(study, "made.onnx")


def test_lstm(study):
    """likewise with an LSTM"""
    study.train("lstm.onnx", "windows.csv", "--cell", "lstm")
    check_parity(study, "lstm.onnx")


def decide(study, log, *words, given=None):
    """The decision digest of deciding into a log with the GRU."""
    (study.folder / log).mkdir(exist_ok=True)
    with open(given or study.payments, encoding="utf-8") as file:
        done = subprocess.run([ASSAYCTL, "decide", "--config", study.config, "--audit", study.folder / log,
                               *map(str, words)], stdin=file, capture_output=True, text=True, check=False)
    tap.same(done.returncode, 0, f"decide ({done.stderr[-500:]})")
    study.told = done.stderr
    return digest(study.folder / log)


def test_digests(study):
    """with the GRU: one digest on 1 to 4 cores, over a restart from a snapshot, and by replay"""
    engine_scores(study, "made.onnx")  # or skips
    study.write_config(study.folder / "made.onnx", (study.folder / "halves", study.folder / "snaps"))
    one = decide(study, "log")
    for cores in (2, 3, 4):
        tap.same(decide(study, f"log{cores}", "--cores", cores), one, f"digest on {cores} cores")
    lines = study.payments.read_text().splitlines(keepends=True)
    for name, part in (("first", lines[:COUNT // 2]), ("second", lines[COUNT // 2:])):
        (study.folder / name).write_text("".join(part))
    decide(study, "halves", "--cores", 2, given=study.folder / "first")
    run("snapshot", "--config", study.config, "--to", COUNT * 3 // 8)
    tap.same(decide(study, "halves", "--cores", 3, given=study.folder / "second"), one, "digest of two halves")
    begun = re.search(r"continued: snapshot of record (\d+), then (\d+) records", study.told)
    tap.check(begun and int(begun[1]) > COUNT // 4, f"no snapshot: {study.told}")
    for log, cores in (("log", 1), ("log", 4), ("halves", 2)):
        found = json.loads(run("replay", study.folder / log, "--cores", cores, "--json"))
        tap.same((found["different"], found["decision_digest"]), (0, one), f"replay of {log} on {cores} cores")
    study.write_config()


def test_refusals(study):
    """a table that is neither form is refused in words"""
    text = (study.folder / "windows.csv").read_text()
    (study.folder / "bad.csv").write_text(text.replace("amount@-1", "amount@-2", 1))
    done = subprocess.run([TREE / "config/recipe/train_sequence.py", "--features", study.folder / "bad.csv",
                           "--labels", study.folder / "truth.jsonl", "--out", study.folder / "bad.onnx"],
                          capture_output=True, text=True, check=False)
    tap.same(done.returncode, 1, "exit status")
    tap.check("not those that assayctl features --history prints" in done.stderr, done.stderr[-300:])


if __name__ == "__main__":
    tap.main([test_windows, test_same_bytes, test_card, test_gru, test_lstm, test_digests, test_refusals], Study)

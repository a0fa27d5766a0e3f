#!/usr/bin/env python3
"""A model that sees the last payments of an account, deciding: its windows against plain
Python over the same features, its scores against stock xgboost over those windows, one
decision digest on any number of cores, over a restart from a snapshot and by replay, and
on an appliance that is killed.  The model is a forest over a flat window (NAME@-1, ...)."""

import csv
import io
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import numpy as np
import tap
from bank import Bank
from cards import ASSAYCTL, TREE, digest, run
from load import Load

ENGINE = (TREE / "config/demo/engine.cfg").read_text()
COUNT = tap.times("ROWS", 20000)
KILLS = tap.times("KILLS", 2)
STEPS = 5
COLUMNS = ["amount", "hour", "card_count_1h", "account_since_last", "distance_km", "account_zscore_30d",
           "card_present"]  # supplied ones and missing values among them
SCORE_BOUND = 1e-6


def history(steps=STEPS, columns=tuple(COLUMNS), missing="nan", mib=16):
    names = ", ".join(f'"{name}"' for name in columns)
    return (f'history: {{ steps = {steps}; features = ( {names} ); missing_step = "{missing}"; '
            f"memory_mib = {mib}; }};\n")


def window_names(columns=tuple(COLUMNS), steps=STEPS):
    return [f"{name}@{step + 1 - steps}" for step in range(steps) for name in columns]


def windows_of(keys, rows, steps=STEPS, fill=np.nan):
    """[n][steps * columns]: each row behind those before it of the same key, oldest first."""
    out, last = np.empty((len(rows), steps, rows.shape[1]), np.float32), {}
    for at, key in enumerate(keys):
        mine = last[key] = last.get(key, [])[1 - steps or len(rows):] + [rows[at]]
        absent = steps - len(mine)
        out[at, :absent] = mine[0] if fill == "first" else fill
        out[at, absent:] = mine
    return out.reshape(len(rows), -1)


def train(windows, names, path):
    """Trees that need earlier steps: was a sum over the window large?"""
    import xgboost  # pylint: disable=import-outside-toplevel
    amounts = np.nan_to_num(windows[:, [at for at, name in enumerate(names) if name.startswith("amount@")]])
    truth = amounts.sum(1) > np.quantile(amounts.sum(1), .8)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 4, "eta": .3, "seed": 1,
                             "nthread": 1, "base_score": .5},
                            xgboost.DMatrix(windows, truth, feature_names=names), 40)
    used = {name.rpartition("@")[2] for name in booster.get_fscore()}
    tap.same(used, {str(step + 1 - STEPS) for step in range(STEPS)}, "steps the trees look at")
    booster.save_model(path)
    return booster


def scores_of(booster, windows, names):
    import xgboost  # pylint: disable=import-outside-toplevel
    return booster.predict(xgboost.DMatrix(windows, feature_names=names))


def table_of(text):
    """(header, rows as float32 from column 4 on, keys: the account, or the card)."""
    lines = list(csv.reader(io.StringIO(text)))
    values = np.array([[float(cell or "nan") for cell in line[4:]] for line in lines[1:]], np.float32)
    return lines[0], values, [("a", line[3]) if line[3] else ("c", line[2]) for line in lines[1:]]


class Study:
    """Simulated payments, a config with rows, and a sequence model trained on them."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir="/var/tmp"))
        self.payments = self.folder / "payments.jsonl"
        self.payments.write_text(subprocess.run(
            [TREE / "config/demo/simulate.py", "--count", str(COUNT), "--seed", "11", "--feedback"],
            capture_output=True, text=True, check=True).stdout)
        self.names = window_names()
        self.model = self.folder / "window.ubj"
        header, values, self.keys = table_of(self.tool("features", "--keys", config=self.config("bare.cfg")))
        at = [header.index(name) - 4 for name in COLUMNS]
        self.rows = np.ascontiguousarray(values[:, at])
        self.windows = windows_of(self.keys, self.rows)
        self.booster = train(self.windows, self.names, self.model)
        self.engine = self.config("engine.cfg", history(), self.model)
        self.digest = self.decide("log")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def config(self, name, more="", model=None, places=None):
        text = ENGINE.replace('"../rules/', f'"{TREE}/config/rules/')
        text = text.replace('model: { file = "model.ubj"; };',
                            f'model: {{ file = "{model}"; }};' if model else "")
        if places:
            text = text.replace("state: {", f'state: {{ snapshot_directory = "{places[1]}";')
            text += f'audit: {{ directory = "{places[0]}"; }};\n'
        path = self.folder / name
        path.write_text(text + more)
        return path

    def tool(self, *words, config=None, given=None):
        with open(given or self.payments, encoding="utf-8") as file:
            return run(*words, "--config", config or self.engine, stdin=file)

    def decide(self, log, *words, config=None, given=None):
        (self.folder / log).mkdir(exist_ok=True)
        with open(given or self.payments, encoding="utf-8") as file:
            done = subprocess.run([ASSAYCTL, "decide", "--config", config or self.engine, "--audit",
                                   self.folder / log, *map(str, words)], stdin=file, check=False,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        tap.same(done.returncode, 0, f"decide ({done.stderr[-500:]})")
        self.told = done.stderr
        return digest(self.folder / log)

    def replay(self, log, cores):
        found = json.loads(run("replay", self.folder / log, "--cores", cores, "--json"))
        tap.same(found["different"], 0, f"decisions of {log} that replay decides otherwise")
        return found["decision_digest"]


def test_windows(study):
    """the windows are plain Python's over the same features, for each way to fill them"""
    for missing, fill, steps in (("nan", np.nan, STEPS), ("zero", 0, 3), ("repeat_first", "first", 2),
                                 ("zero", 0, 1)):
        config = study.config("fill.cfg", history(steps=steps, missing=missing))
        for cores in (1, 3):
            header, got, keys = table_of(study.tool("features", "--keys", "--history", "--cores", cores,
                                                    config=config))
            tap.same(header[4:], window_names(steps=steps), "names of the columns")
            tap.same(keys, study.keys, "keys")
            expected = windows_of(study.keys, study.rows, steps, fill)
            tap.check(np.array_equal(got, expected, equal_nan=True),
                      f"{missing}, {steps} steps, {cores} cores: another window")
    both = sum(key[0] == "a" for key in study.keys)
    tap.note(f"{len(study.keys)} windows, {both} of accounts; {len(set(study.keys))} different keys")
    tap.check(0 < both < len(study.keys), "accounts and cards alone take part")


def test_all_features(study):
    """without a list of features a row has all of them, the supplied ones first"""
    config = study.config("all.cfg", "history: { steps = 2; };\n")
    header, got, _ = table_of(study.tool("features", "--keys", "--history", config=config))
    plain, values, _ = table_of(study.tool("features", "--keys", config=config))
    tap.same(header[4:], window_names(plain[4:], 2), "names")
    tap.check(np.array_equal(got[:, values.shape[1]:], values, equal_nan=True), "the last rows differ")


def test_scores(study):
    """scores are stock xgboost's over the windows; assayctl score of the table's as well"""
    answers = [json.loads(line) for line in study.tool("decide").splitlines()]
    got = np.array([answer["score"] for answer in answers if "score" in answer])
    expected = scores_of(study.booster, study.windows, study.names)
    tap.same(len(got), len(expected), "scores")
    worst = float(np.abs(got - expected).max())
    tap.check(worst < SCORE_BOUND, f"scores differ by {worst}")
    table = study.tool("features", "--history", config=study.engine)
    (study.folder / "table.csv").write_text(table)
    with open(study.folder / "table.csv", encoding="utf-8") as file:
        scored = list(csv.DictReader(io.StringIO(run("score", study.model, stdin=file))))
    flat = np.array([float(row["probability"]) for row in scored])
    tap.check(float(np.abs(flat - expected).max()) < SCORE_BOUND, "assayctl score differs")
    tap.note(f"{len(got)} scores differ by at most {worst:.2g}; {(expected > .5).mean():.3f} above a half")


def test_digests(study):
    """1 to 4 cores, and replay on 1 to 4, decide the same; another window does not"""
    for cores in (2, 3, 4):
        tap.same(study.decide(f"log{cores}", "--cores", cores), study.digest, f"digest on {cores} cores")
        shutil.rmtree(study.folder / f"log{cores}")
    for cores in (1, 2, 4):
        tap.same(study.replay("log", cores), study.digest, f"replay on {cores} cores")
    lines = study.payments.read_text().splitlines(keepends=True)
    (study.folder / "less.jsonl").write_text("".join(lines[1:]))
    config = study.config("short.cfg", history(missing="zero"), study.model)
    tap.check(study.decide("other", config=config) != study.digest, "zeros instead of NaN: the same digest")


def test_restart(study):
    """a restart from a snapshot in the middle, on other cores, goes on with the same rows"""
    lines = study.payments.read_text().splitlines(keepends=True)
    for name, part in (("first", lines[:COUNT // 2]), ("second", lines[COUNT // 2:])):
        (study.folder / name).write_text("".join(part))
    places = study.folder / "halves", study.folder / "snaps"
    config = study.config("halves.cfg", history(), study.model, places)
    study.decide("halves", "--cores", 2, config=config, given=study.folder / "first")
    run("snapshot", "--config", config, "--to", COUNT * 3 // 8)
    tap.same(study.decide("halves", "--cores", 3, config=config, given=study.folder / "second"),
             study.digest, "digest")
    begun = re.search(r"continued: snapshot of record (\d+), then (\d+) records", study.told)
    tap.check(begun and int(begun[1]) > COUNT // 4 and int(begun[2]) > 100, f"no snapshot: {study.told}")
    tap.same(study.replay("halves", 2), study.digest, "digest of the replay")


def test_evictions(study):
    """with room for few accounts the longest idle leave: the same on any cores, and replayed"""
    for mib in range(1, 64):  # the least that is taken is room for 64 accounts a shard, or a few more
        wide = study.config("wide.cfg", f"history: {{ steps = 32; memory_mib = {mib}; }};\n")
        if subprocess.run([ASSAYCTL, "features", "--history", "--config", wide], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False).returncode == 0:
            break
    found = {}
    for cores in (1, 4):
        with open(study.payments, encoding="utf-8") as file:
            done = subprocess.run([ASSAYCTL, "features", "--history", "--verbose", "--cores", str(cores),
                                   "--config", wide], stdin=file, capture_output=True, text=True, check=True)
        found[cores] = done.stdout, re.search(r"history: .*; (\d+) evicted", done.stderr)[0]
    tap.note(found[1][1])
    tap.check(not found[1][1].endswith(" 0 evicted"), "nobody was evicted")
    tap.same(found[1][1], found[4][1], "evictions")
    tap.check(found[1][0] == found[4][0], "windows differ between 1 and 4 cores")


def test_backtest(study):
    """a back-test with a sequence model over a log without one makes the windows"""
    plain = study.config("plain.cfg")
    study.decide("plain", config=plain)
    told = json.loads(run("backtest", "--config", study.engine, "--json", study.folder / "plain"))
    expected = scores_of(study.booster, study.windows, study.names)
    tap.same(told["scores"]["count"], len(expected), "scores")
    tap.check(abs(told["scores"]["mean_shift"] - float(expected.mean())) < 1e-6,
              f"mean shift {told['scores']['mean_shift']}, mean score {expected.mean()}")


def test_other_features(study):
    """after a restart under another order of the supplied features, rows are by name"""
    lines = study.payments.read_text().splitlines(keepends=True)
    for name, part in (("first", lines[:COUNT // 2]), ("second", lines[COUNT // 2:])):
        (study.folder / name).write_text("".join(part))
    study.decide("turned", given=study.folder / "first")
    config = study.config("turned.cfg", history(), study.model)
    text = config.read_text()
    was = 'features = ( "card_present", "distance_km", "country_differs" );'
    tap.check(was in text, "the demo has other features")
    config.write_text(text.replace(was, 'features = ( "country_differs", "more", "distance_km", "card_present" );'))
    study.decide("turned", "--cores", 2, config=config, given=study.folder / "second")
    scores = [record["score"] for record in map(json.loads, run("audit", "cat", study.folder / "turned")
              .splitlines()) if record["kind"] == "decision"]
    expected = scores_of(study.booster, study.windows, study.names)
    worst = float(np.abs(np.array(scores) - expected).max())
    tap.check(worst < SCORE_BOUND, f"scores differ by {worst}")
    study.replay("turned", 3)


REFUSALS = [
    ("fewer steps", history(steps=3), "looks at 5 rows of an account, with 35 numbers of them; the history "
     "has 3 rows of 7 numbers"),
    ("no rows", "", "looks at 5 rows of an account, with 35 numbers of them; the history has 0 rows"),
    ("a feature less", history(columns=COLUMNS[:-1]), 'the history\'s rows have 6 numbers, and none is called '
     '"card_present"'),
    ("a feature that is not there", history(columns=["amount", "amuont"]), 'history.features[1]: is "amuont", '
     "must be one of features"),
    ("a feature twice", history(columns=["amount", "amount"]), "history.features"),
    ("no room", history(steps=128, mib=1), "history.memory_mib: memory of 1048576 bytes is too small"),
    ("too many steps", history(steps=129), "must be a whole number from 0 to 128"),
]


def test_refusals(study):
    """what does not fit is refused at load, with both shapes in words"""
    for name, more, words in REFUSALS:
        config = study.config("refused.cfg", more, None if "no room" in name else study.model)
        done = subprocess.run([ASSAYCTL, "decide", "--config", config], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        tap.check(done.returncode != 0 and words in done.stderr, f"{name}: {done.stderr[-400:]}")
    config = study.config("refused.cfg")
    done = subprocess.run([ASSAYCTL, "features", "--history", "--config", config],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    tap.check(done.returncode == 2 and "history.steps is 0" in done.stderr, f"no windows: {done.stderr}")


LIVE = ["amount", "card_count", "card_sum"]


def live_model(path):
    """Trees over three rows of what a Bank computes."""
    chance = random.Random(3)
    rows = np.array([[chance.uniform(1, 500), chance.randint(1, 9), chance.uniform(1, 2000)]
                     for _ in range(3000)], np.float32)
    windows = windows_of([chance.randint(0, 40) for _ in rows], rows, 3)
    import xgboost  # pylint: disable=import-outside-toplevel
    names = window_names(LIVE, 3)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "eta": .5, "seed": 1,
                             "nthread": 1, "base_score": .5},
                            xgboost.DMatrix(windows, windows[:, 0] > windows[:, 3], feature_names=names), 20)
    booster.save_model(path)
    return booster, names


def test_killed(study):
    """an appliance killed again and again scores every payment by the rows before it"""
    booster, names = live_model(study.folder / "live.ubj")
    from bank import COMPUTED
    settings = {"model.file": str(study.folder / "live.ubj"), "audit.reply": "durable",
                "computed": [*COMPUTED, {"name": "amount", "kind": "amount"}],
                "history.steps": 3, "history.features": LIVE, "history.missing_step": "nan",
                "history.memory_mib": 8, "memory.hugepages_mib": 240}
    with Bank("sequence", settings, snapshots=True) as bank:
        for number in range(KILLS):
            load = Load(bank, threads=4, prefix=f"r{number}-").start().wait_answers(8)
            bank.wait_snapshot()
            time.sleep(.4)
            bank.kill()
            load.cut()
            bank.start()
        records = bank.decisions()
        rows = np.array([[record["values"][name] for name in LIVE] for record in records], np.float32)
        keys = [record["transaction"].get("account") or record["transaction"].get("card")
                for record in records]
        expected = scores_of(booster, windows_of(keys, rows, 3), names)
        worst = float(np.abs(np.array([record["score"] for record in records]) - expected).max())
        tap.note(f"{len(records)} decisions of {len(set(keys))} accounts over {KILLS} kills, scores differ by "
                 f"at most {worst:.2g}")
        tap.check(worst < SCORE_BOUND, f"scores differ by {worst}")
        for cores in (1, 3):
            tap.note(json.dumps(bank.replayed(cores)))
        told = bank.log.read_text()
        tap.check("history: " in told and " accounts of " in told, "the boot does not tell the plan of rows")
        tap.check(bank.metric("assay_history_rows") > 0, "no metric of the rows")


if __name__ == "__main__":
    tap.main([test_windows, test_all_features, test_scores, test_digests, test_restart, test_evictions,
              test_backtest, test_other_features, test_refusals, test_killed], Study)

#!/usr/bin/env python3
"""Trains a model for Assay from Assay's own records: no feature is computed here.

  features   as Assay computed them, by the code that will compute them again when the
             model decides: out of an audit log, or by `assayctl features`
  labels     out of the audit log, a column of the transactions, or a file.  A label
             counts only if it was known by the day of training (--until); payments of
             the last days before it (--late), whose labels were still to come, are
             left out
  model      stock python3-xgboost with the parameters below, the names of its features
             inside, so that assayd binds them by name
  card       MODEL.json beside it: data, dates, parameters, what it is worth, its digest

examples:
  assayctl audit cat DIR --config assay.cfg | config/recipe/train.py --audit - --out model.ubj
  config/recipe/train.py --transactions cards.csv --config cards.cfg \\
      --until 2018-06-01 --out model.ubj
  config/recipe/train.py --features features.csv --labels labels.csv --out model.ubj

README.md beside this file says more.
"""

import argparse
import csv
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import xgboost

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
TREES = 200
# Why each is not the library's default: README.md.
PARAMETERS = {"objective": "binary:logistic", "base_score": 0.5, "tree_method": "hist",
              "max_bin": 1024, "max_depth": 4, "eta": 0.1, "min_child_weight": 5, "seed": 7,
              "nthread": 1}
KEYS = ["id", "time", "card", "account"]  # what `assayctl features --keys` puts first
FRAUD_OF = {"fraud": 1, "genuine": 0, "none": -1, "1": 1, "0": 0, "true": 1, "false": 0}
NOTHING_LOST = "0 merged, 0 evicted, 0 late, 0 labels lost"
SECOND = 1_000_000_000
DAY = 86400 * SECOND


class Problem(Exception):
    """What is wrong with what was given, in words."""


class Table:
    """One row a payment, in the order Assay decided them."""

    def __init__(self, names, rows, ids, times, cards, accounts=None):
        self.names = list(names)  # of the features: supplied, then computed, as in the config
        self.rows = np.asarray(rows, np.float32).reshape(len(ids), len(self.names))
        self.ids, self.cards = ids, cards
        self.accounts = accounts or cards  # whose histories sequence models see
        self.times = np.asarray(times, np.int64)  # ns since 1970
        self.labels = []  # (row, when known, 1 fraud | 0 genuine | -1 taken back)
        self.lost_labels = 0
        self.histories = ""  # what Assay said of them

    def labels_at(self, moment):
        """What was known of each payment at that moment: 1, 0, or -1 where nothing was."""
        out = np.full(len(self.ids), -1, np.int8)
        for row, known, value in self.labels:
            if known <= moment:
                out[row] = value
        return out


# ---------------------------------------------------------------- reading

def time_of(text):
    """ns since 1970 of an RFC 3339 time in UTC, a date, or one without its Z."""
    try:
        return int(np.datetime64(text.strip().removesuffix("Z").replace(" ", "T"), "ns")
                   .astype(np.int64))
    except ValueError as error:
        raise Problem(f"'{text}' is not a time in UTC such as 2026-03-02T10:00:00Z") from error


def date_of(time_ns):
    return str(np.datetime64(int(time_ns), "ns").astype("datetime64[s]")) + "Z"


def duration_of(text):
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if not match:
        raise Problem(f"'{text}' is not a duration such as 36h or 7d")
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]] * SECOND


def open_text(path):
    if path == "-":
        return sys.stdin
    try:
        return open(path, encoding="utf-8")
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from error


def read_features(lines, path="the table"):
    """What `assayctl features --keys` prints."""
    head = next(iter(lines), "").rstrip("\n").split(",")
    if head[:len(KEYS)] != KEYS:
        raise Problem(f"{path}: its header begins with {','.join(head[:4]) or 'nothing'}; it has to "
                      f"be what assayctl features --keys prints: {','.join(KEYS)}, features")
    ids, times, cards, accounts, cells = [], [], [], [], []
    for line in lines:
        row = line.split(",", 4)
        if '"' in line:  # an id with a comma
            row = next(csv.reader([line]))
            row[4:] = [",".join(row[4:])]
        if len(row) < 5:
            raise Problem(f"{path}: line {len(ids) + 2} has no features")
        ids.append(row[0])
        times.append(row[1][:-1])
        cards.append(row[2] or row[3])
        accounts.append(row[3] or row[2])
        cells.append(row[4].rstrip("\n"))
    if not ids:
        raise Problem(f"{path}: no payment in it")
    text = re.sub(r"(?<![^,\n])(?=[,\n])", "nan", "\n".join(cells) + "\n")
    try:
        rows = np.loadtxt(io.StringIO(text), delimiter=",", dtype=np.float32, ndmin=2)
    except ValueError as error:
        raise Problem(f"{path}: a feature is no number: {error}") from error
    times = np.array(times, "datetime64[ns]").astype(np.int64)
    return Table(head[len(KEYS):], rows, ids, times, cards, accounts)


def numbers(values):
    return [np.nan if value is None else value for value in values]


def read_audit(lines, path="the export"):
    """What `assayctl audit cat DIR --config FILE` prints: features and labels as recorded."""
    names, rows, ids, times, cards, accounts, others = None, [], [], [], [], [], 0
    row_of, told = {}, []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            kind = record["kind"]
        except (ValueError, TypeError, KeyError) as error:
            raise Problem(f"{path}: line {number} is no record as assayctl audit cat prints "
                          f"them") from error
        if kind == "label":
            told.append((record["labelled_order"], time_of(record["now"]), record["label"]["kind"]))
        if kind != "decision":
            continue
        payment = record["transaction"]
        if not isinstance(record["values"], dict) or not isinstance(payment["features"], dict):
            others += 1  # of another configuration: its features have no names here
            continue
        names = names or [*payment["features"], *record["values"]]
        row_of[record["order"]] = len(ids)
        rows.append(numbers([*payment["features"].values(), *record["values"].values()]))
        ids.append(payment["id"])
        times.append(time_of(payment["time"]))
        cards.append(payment.get("card") or payment.get("account"))
        accounts.append(payment.get("account") or payment.get("card"))
    if not ids:
        raise Problem(f"{path}: no decision with named features in it" + (
            f"; {others} are of another configuration: give that one to assayctl audit cat "
            f"--config" if others else ""))
    if others:
        print(f"left out: {others} decisions of another configuration", file=sys.stderr)
    table = Table(names, rows, ids, times, cards, accounts)
    for order, known, kind in told:
        if order in row_of and kind in FRAUD_OF:  # released, rejected: say nothing of fraud
            table.labels.append((row_of[order], known, FRAUD_OF[kind]))
        table.lost_labels += order not in row_of
    return table


def columns_of(config_text):
    """field -> column of a CSV file, as the config's columns say."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*|#[^\n]*", "", config_text, flags=re.S)
    found = {}
    for group in re.findall(r"\{([^{}]*)\}", text):
        entry = dict(re.findall(r'(\w+)\s*[=:]\s*"([^"]*)"', group))
        if {"column", "field"} <= set(entry):
            found[entry["field"]] = entry["column"]
    return found


def read_labels(table, path, columns, late):
    """Adds the labels of a file: CSV with a header, or JSON lines with the same names.

    Columns: id, fraud (1, 0, fraud, genuine), and if there is one, known: since when.
    Without it, a label is known --late after its payment."""
    row_of = {payment: row for row, payment in enumerate(table.ids)}
    before = len(table.labels)
    with open_text(path) as file:
        lines = (json.loads(line) for line in file) if path.endswith((".jsonl", ".json")) \
            else csv.DictReader(file)
        try:
            for number, entry in enumerate(lines, 1):
                value = str(entry[columns["label"]]).strip().lower()
                row = row_of.get(str(entry[columns["id"]]))
                if value and value not in FRAUD_OF:
                    raise Problem(f"{path}: label {number} is '{value}'; allowed: 1, 0, fraud, "
                                  f"genuine, none")
                if row is None or not value:
                    table.lost_labels += row is None
                    continue
                known = entry.get("known")
                known = time_of(known) if known else int(table.times[row]) + late
                table.labels.append((row, known, FRAUD_OF[value]))
        except KeyError as error:
            raise Problem(f"{path}: no {error} in it; its columns have to be "
                          f"{columns['id']} and {columns['label']}") from error
        except ValueError as error:
            raise Problem(f"{path}: not JSON lines: {error}") from error
    if len(table.labels) == before:
        raise Problem(f"{path}: no label in it is of one of these {len(table.ids)} payments")


def compute_features(assayctl, config, transactions):
    """Runs `assayctl features` over a CSV file or JSON lines."""
    command = [str(assayctl), "features", "--keys", "--verbose", "--config", str(config)]
    if transactions.endswith(".csv"):
        command.append("--csv")
    with open_text(transactions) as file, tempfile.TemporaryFile("w+", encoding="utf-8") as told:
        try:
            child = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=told,
                                     text=True)
        except OSError as error:
            raise Problem(f"{assayctl}: {error.strerror}; --assayctl says where it is") from error
        with child:
            try:
                table = read_features(child.stdout, transactions)
            except Problem:
                if child.wait() == 0:
                    raise
                table = None
        told.seek(0)
        words = told.read().strip().splitlines() or [""]
    if child.returncode:
        raise Problem(f"assayctl features ended with status {child.returncode}: "
                      f"{' | '.join(words[-3:])}")
    table.histories = words[-1]
    if not table.histories.endswith(NOTHING_LOST):
        print(f"the histories were too small for this: {table.histories}", file=sys.stderr)
    return table


# ---------------------------------------------------------------- measuring

def auc(truth, scores):
    """The chance that a fraud scores above a genuine payment; equal scores count half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    frauds = int(truth.sum())
    genuine = len(truth) - frauds
    return float((ranks[truth == 1].sum() - frauds * (frauds + 1) / 2) / (frauds * genuine))


def average_precision(truth, scores):
    """Sum over thresholds of precision times the recall gained there."""
    order = np.argsort(-scores, kind="stable")
    scores, truth = scores[order], truth[order]
    last = np.r_[np.flatnonzero(np.diff(scores)), len(scores) - 1]  # of each score
    caught = np.cumsum(truth)[last]
    return float((np.diff(np.r_[0, caught]) * caught / (last + 1)).sum() / caught[-1])


def daily_top(truth, scores, cards, days, size=100):
    """Mean over days: of the day's `size` cards with the highest score, how many had a fraud."""
    shares = []
    for day in np.unique(days):
        best = {}
        for card, score, fraud in zip(cards[days == day], scores[days == day], truth[days == day]):
            top, any_fraud = best.get(card, (-1.0, 0))
            best[card] = (max(top, score), max(any_fraud, fraud))
        ranked = sorted(best.values(), key=lambda entry: -entry[0])[:size]
        shares.append(sum(fraud for _, fraud in ranked) / size)
    return float(np.mean(shares))


def measure(predict, table, rows, truth):
    """What the scores that predict(table, rows) gives are worth on these rows."""
    scores = predict(table, rows)
    frauds = int(truth.sum())
    facts = {"rows": int(rows.sum()), "frauds": frauds, "fraud_share": round(frauds / rows.sum(), 6)}
    if 0 < frauds < rows.sum():
        facts.update(auc=auc(truth, scores), average_precision=average_precision(truth, scores),
                     daily_top_100_cards=daily_top(truth, scores, np.array(table.cards)[rows],
                                                   table.times[rows] // DAY))
    return facts


def predict_of(booster):
    return lambda table, rows: booster.predict(
        xgboost.DMatrix(table.rows[rows], feature_names=table.names))


def test_of(predict, table, until, late):
    """What the model (a booster, or what takes its place) is worth on payments from `until` on, as far as their labels are here:
    to `late` before the newest of them."""
    newest = max(known for _, known, _ in table.labels)
    rows = (table.times >= until) & (table.times <= newest - late)
    if not rows.any():
        return {"rows": 0, "frauds": 0, "fraud_share": 0.0}
    truth = (table.labels_at(newest)[rows] == 1).astype(np.int8)
    predict = predict if callable(predict) else predict_of(predict)
    return {"from": date_of(until), "to": date_of(table.times[rows].max()),
            **measure(predict, table, rows, truth)}


# ---------------------------------------------------------------- training

def choose(table, names):
    """Keeps only the features that are named, in the order of the config."""
    unknown = set(names) - set(table.names)
    if unknown:
        raise Problem(f"no feature is called {', '.join(sorted(unknown))}; there are: "
                      f"{', '.join(table.names)}")
    at = [place for place, name in enumerate(table.names) if name in names]
    table.rows = np.ascontiguousarray(table.rows[:, at])
    table.names = [table.names[place] for place in at]


def choose_rows(table, start, until, late, skip_unlabelled=False):
    """(which rows to train on, their truth, facts).  Only what was known at `until` is used."""
    known = table.labels_at(until)
    rows = (table.times >= start) & (table.times < until - late)
    if skip_unlabelled:
        rows &= known >= 0
    truth = (known[rows] == 1).astype(np.float32)
    frauds = int(truth.sum())
    if not 0 < frauds < len(truth):
        raise Problem(f"{len(truth)} payments from {date_of(start)} to {date_of(until - late)}, of which "
                      f"{frauds} were known as fraud by {date_of(until)}: nothing can be learnt from that")
    return rows, truth, {"from": date_of(max(start, table.times.min())), "before": date_of(until - late),
                         "labels_known_by": date_of(until), "labels_late_days": late / DAY,
                         "rows": len(truth), "frauds": frauds,
                         "fraud_share": round(frauds / len(truth), 6),
                         "unlabelled": int((known[rows] < 0).sum())}


def train(table, start, until, late, parameters=None, trees=TREES, skip_unlabelled=False):
    """(booster, facts of the training)."""
    rows, truth, facts = choose_rows(table, start, until, late, skip_unlabelled)
    parameters = {**PARAMETERS, **(parameters or {})}
    data = xgboost.DMatrix(table.rows[rows], truth, feature_names=table.names)
    return xgboost.train(parameters, data, trees), {**facts, "parameters": parameters, "trees": trees}


MADE_BY = f"config/recipe/train.py, xgboost {xgboost.__version__}"


def save(model, table, training, test, out, source, made_by=MADE_BY):
    """Writes the model, by its save_model, and its card; the card."""
    out = pathlib.Path(out)
    try:
        model.save_model(out)
        data = out.read_bytes()
        card = {"model": out.name, "digest": hashlib.sha256(data).hexdigest(), "bytes": len(data),
                "made_by": made_by, "source": source, "features": table.names,
                "training": training, "test": test}
        out.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    except (OSError, xgboost.core.XGBoostError) as error:
        raise Problem(f"{out} can't be written: {str(error).splitlines()[0]}") from error
    return card


def show(card):
    training, test = card["training"], card["test"]
    print(f"{'':10}{'payments':>10}{'frauds':>8}{'share':>9}{'AUC':>8}{'AP':>8}{'top 100':>9}")
    for name, facts in (("training", training), ("test", test)):
        line = f"{name:10}{facts['rows']:10}{facts['frauds']:8}{100 * facts['fraud_share']:8.3f}%"
        if "auc" in facts:
            line += (f"{facts['auc']:8.4f}{facts['average_precision']:8.4f}"
                     f"{100 * facts['daily_top_100_cards']:8.1f}%")
        print(line)
    print(f"training {training['from']} to {training['before']}, labels known by "
          f"{training['labels_known_by']}; {training['unlabelled']} without a label counted as genuine")
    print(f"{card['model']}: {len(card['features'])} features, {card['bytes']} bytes, "
          f"sha256:{card['digest']}")


def value_of(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def parser_of(description, model):
    """What every recipe takes: where payments and labels come from, and the day of training."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--audit", metavar="FILE", help="JSON lines of assayctl audit cat --config; -: stdin")
    source.add_argument("--transactions", metavar="FILE", help="payments, .csv or .jsonl; needs --config")
    source.add_argument("--features", metavar="FILE", help="CSV of assayctl features --keys; -: stdin")
    parser.add_argument("--labels", metavar="FILE", help="labels, .csv or .jsonl: id, fraud, known")
    parser.add_argument("--config", metavar="FILE", help="the configuration; its columns name those of a CSV")
    parser.add_argument("--out", metavar="FILE", required=True, help=f"the model, {model}; its card lies beside")
    parser.add_argument("--from", metavar="TIME", dest="start", help="first payment trained on")
    parser.add_argument("--until", metavar="TIME",
                        help="the day of training; later payments are the test (the last fifth)")
    parser.add_argument("--late", metavar="TIME", default="7d", help="how late labels are (7d)")
    parser.add_argument("--only", metavar="NAMES", help="train on these features, by comma")
    parser.add_argument("--skip-unlabelled", action="store_true",
                        help="leave out what has no label, instead of counting it as genuine")
    parser.add_argument("--assayctl", default=TREE / "build/assayctl", help="(build/assayctl)")
    return parser


def arguments():
    parser = parser_of(__doc__, ".ubj")
    parser.add_argument("--trees", type=int, default=TREES, help=f"({TREES})")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[],
                        help="another parameter for xgboost; may be repeated")
    return parser.parse_args()


def load(args, late):
    if args.audit:
        with open_text(args.audit) as file:
            table = read_audit(file, args.audit)
    elif args.features:
        with open_text(args.features) as file:
            table = read_features(file, args.features)
    elif not args.config:
        raise Problem("--transactions needs --config: it says which features there are")
    else:
        table = compute_features(args.assayctl, args.config, args.transactions)
    columns = {"id": "id", "label": "fraud"}
    if args.config and (not args.labels or args.labels.endswith(".csv")):
        columns.update(columns_of(pathlib.Path(args.config).read_text(encoding="utf-8")))
    if args.labels:
        read_labels(table, args.labels, columns, late)
    elif args.transactions and args.transactions.endswith(".csv"):
        read_labels(table, args.transactions, columns, late)
    elif not table.labels:
        raise Problem("no label anywhere: --labels FILE tells which payments were fraud")
    return table


def begin(args):
    """(table, first payment, day of training, how late labels are), as the arguments say."""
    late = duration_of(args.late)
    table = load(args, late)
    if args.only:
        choose(table, args.only.split(","))
    start = time_of(args.start) if args.start else int(table.times.min())
    until = time_of(args.until) if args.until else int(np.quantile(table.times, 0.8))
    return table, start, until, late


def run(args):
    table, start, until, late = begin(args)
    extra = dict(entry.partition("=")[::2] for entry in args.set)
    booster, training = train(table, start, until, late, {k: value_of(v) for k, v in extra.items()},
                              args.trees, args.skip_unlabelled)
    test = test_of(booster, table, until, late)
    if table.lost_labels:
        print(f"left out: {table.lost_labels} labels of payments that are not here", file=sys.stderr)
    show(save(booster, table, training, test, args.out,
              args.audit or args.transactions or args.features))


def main():
    try:
        run(arguments())
    except (Problem, xgboost.core.XGBoostError, UnicodeDecodeError) as problem:
        print(f"train.py: {str(problem).splitlines()[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

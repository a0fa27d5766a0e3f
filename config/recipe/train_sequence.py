#!/usr/bin/env python3
"""Trains a model that sees the last payments of an account: a GRU or an LSTM, as an ONNX file.

  windows    the rows of `assayctl features --keys`, each behind those before it of the same
             account (or card, where there is none), oldest first, as the engine keeps them
             under `history: { steps = N; missing_step = "nan"; }`; or windows that the
             engine has made: the table of `assayctl features --keys --history`
  labels     as train.py takes them: only what was known by the day of training
  model      standardisation is inside the file, so that it takes raw features: the logarithm
             of each, shifted and scaled by the training rows; a missing one is 0 and, where
             training has missing ones, told by a number of its own.  A recurrent layer over
             the window, beside it the newest row, and two small layers
  file       ONNX, one input [1][steps][features], one output, the probability; the
             features' names in its metadata, so that assayd binds them by name
  card       MODEL.json beside it, as train.py writes it

examples:
  config/recipe/train_sequence.py --transactions cards.csv --config cards.cfg \\
      --until 2018-06-01 --out model.onnx
  assayctl features --keys --history --csv --config cards.cfg < cards.csv > windows.csv
  config/recipe/train_sequence.py --features windows.csv --labels labels.csv --out model.onnx

README.md beside this file says more.  It needs python3-torch and python3-onnx.
"""

import json
import sys
import warnings

import numpy as np
import onnx
import torch
from torch import nn

import train as recipe

STEPS = 7
HIDDEN = 48
EPOCHS = 8
BATCH_MAX = 1024
STEPS_AN_EPOCH = 256  # at least, by smaller batches where there are few payments
RATE = 4e-3
SEED = 7
CLIP = 8.0  # standard deviations: a rare amount must not drown the rest
OPSET = 17
MADE_BY = f"config/recipe/train_sequence.py, torch {torch.__version__}"


# ---------------------------------------------------------------- windows

class Windows:
    """[payments][steps] places in `rows`, whose last row is that of an absent step: NaN."""

    def __init__(self, rows, at):
        self.rows, self.at = rows, at

    def of(self, payments):
        return self.rows[self.at[payments]]


def windows_of(rows, accounts, steps):
    """Each payment's row behind those before it of the same account; rows are in the order
    Assay decided them."""
    _, number = np.unique(np.asarray(accounts), return_inverse=True)
    order = np.argsort(number, kind="stable")
    sorted_number = number[order]
    begins = np.flatnonzero(np.r_[True, np.diff(sorted_number) != 0])
    first = np.repeat(begins, np.diff(np.r_[begins, len(order)]))  # of the same account
    at = np.full((len(rows), steps), len(rows), np.int64)
    for step in range(steps):
        place = np.arange(len(order)) - (steps - 1 - step)
        there = place >= first
        at[order[there], step] = order[place[there]]
    absent = np.full((1, rows.shape[1]), np.nan, np.float32)
    return Windows(np.concatenate([rows, absent]), at)


def made_windows(table):
    """Of a table with columns NAME@-1: the windows that the engine made.  The table's names
    and rows are then those of the newest step."""
    newest = [name.removesuffix("@0") for name in table.names if name.endswith("@0")]
    steps = len(table.names) // max(len(newest), 1)
    expected = [f"{name}@{step + 1 - steps}" for step in range(steps) for name in newest]
    if not newest or expected != table.names:
        raise recipe.Problem("the columns are not those that assayctl features --history prints")
    flat = table.rows.reshape(len(table.ids) * steps, len(newest))
    at = np.arange(len(flat)).reshape(len(table.ids), steps)
    table.names, table.rows = newest, np.ascontiguousarray(table.rows[:, -len(newest):])
    return Windows(flat, at)


def make_windows(table, steps):
    if any("@" in name for name in table.names):
        return made_windows(table)
    return windows_of(table.rows, table.accounts, steps)


# ---------------------------------------------------------------- the network

class Network(nn.Module):
    """Raw windows [n][steps][features], NaN where missing, to logits [n]."""

    def __init__(self, trained_on, hidden, cell):
        super().__init__()
        mean, scale, gaps = moments(trained_on)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.register_buffer("gaps", gaps)  # the columns that can be missing
        width = len(mean) + len(gaps) + 1
        self.into = nn.Linear(width, hidden)
        self.cell = {"gru": nn.GRU, "lstm": nn.LSTM}[cell](hidden, hidden, batch_first=True)
        self.newest = nn.Linear(width, 2 * hidden)
        self.between = nn.Linear(3 * hidden, hidden)
        self.out = nn.Linear(hidden, 1)

    def standard(self, windows):
        missing = torch.isnan(windows)
        values = torch.where(missing, torch.zeros_like(windows), windows)
        values = torch.sign(values) * torch.log(torch.abs(values) + 1)
        values = torch.clamp((values - self.mean) * self.scale, -CLIP, CLIP)
        gone = missing.float()
        absent = gone.mean(2, keepdim=True) >= 1  # no payment there
        return torch.cat([values * (1 - gone), gone[:, :, self.gaps], 1 - absent.float()], 2)

    def forward(self, windows):
        rows = self.standard(windows)
        states, _ = self.cell(torch.relu(self.into(rows)))
        both = torch.cat([states[:, -1], torch.relu(self.newest(rows[:, -1]))], 1)
        return self.out(torch.relu(self.between(both)))[:, 0]


class Served(nn.Module):
    """What the file holds: the probability, [n][1]."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, windows):
        return torch.sigmoid(self.network(windows)).unsqueeze(1)


def moments(rows):
    """Mean, one over the standard deviation, and which columns can be missing."""
    values = np.sign(rows) * np.log1p(np.abs(rows.astype(np.float64)))
    known = ~np.isnan(values)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, values, 0).sum(0) / count
    spread = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(0) / count)
    scale = 1 / np.where(spread > 1e-6, spread, 1)
    gaps = np.flatnonzero(~known.all(0))
    return (torch.tensor(mean, dtype=torch.float32), torch.tensor(scale, dtype=torch.float32),
            torch.tensor(gaps))


def probabilities(network, windows, payments):
    network.eval()
    with torch.no_grad():
        parts = [torch.sigmoid(network(torch.from_numpy(windows.of(some))))
                 for some in np.array_split(payments, len(payments) // 8192 + 1)]
    return torch.cat(parts).numpy()


def batch_of(payments):
    return min(BATCH_MAX, max(64, payments // STEPS_AN_EPOCH))


def fit(windows, payments, truth, args):
    """The network, trained: the same input gives the same numbers."""
    torch.manual_seed(args.seed)
    network = Network(windows.rows[windows.at[payments, -1]], args.hidden, args.cell)
    chance = torch.Generator().manual_seed(args.seed)
    batch = batch_of(len(payments))
    rounds = args.epochs * -(-len(payments) // batch)
    descent = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    rate = torch.optim.lr_scheduler.OneCycleLR(descent, max_lr=RATE, total_steps=rounds, pct_start=.15)
    measure = nn.BCEWithLogitsLoss()
    truth = torch.from_numpy(truth)
    for epoch in range(args.epochs):
        total = 0.0
        for some in torch.randperm(len(payments), generator=chance).split(batch):
            loss = measure(network(torch.from_numpy(windows.of(payments[some.numpy()]))), truth[some])
            descent.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            descent.step()
            rate.step()
            total += float(loss.detach()) * len(some)
        print(f"epoch {epoch + 1} of {args.epochs}: loss {total / len(payments):.5f}", file=sys.stderr)
    return network


class Exported:
    """Has save_model, as a booster does."""

    def __init__(self, network, names, steps):
        self.network, self.names, self.steps = network, names, steps

    def save_model(self, path):
        served = Served(self.network).eval()
        example = torch.zeros(1, self.steps, len(self.names))
        warnings.filterwarnings("ignore", "Exporting a model to ONNX with a batch_size")
        torch.onnx.export(served, (example,), str(path), opset_version=OPSET, dynamo=False,
                          input_names=["window"], output_names=["probability"])
        model = onnx.load(str(path))
        model.metadata_props.add(key="feature_names", value=json.dumps(self.names))
        onnx.checker.check_model(model)
        onnx.save(model, str(path))


def train(table, windows, start, until, late, args):
    """(network, facts of the training)."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rows, truth, facts = recipe.choose_rows(table, start, until, late, args.skip_unlabelled)
    network = fit(windows, np.flatnonzero(rows), truth, args)
    return network, {**facts, "steps": windows.at.shape[1], "missing_step": "nan",
                     "parameters": {"cell": args.cell, "hidden": args.hidden, "epochs": args.epochs,
                                    "batch": batch_of(len(truth)), "rate": RATE, "seed": args.seed}}


def parser_of():
    parser = recipe.parser_of(__doc__, ".onnx")
    parser.add_argument("--steps", type=int, default=STEPS,
                        help=f"rows of a window, where the table has none ({STEPS})")
    parser.add_argument("--cell", choices=("gru", "lstm"), default="gru", help="(gru)")
    parser.add_argument("--hidden", type=int, default=HIDDEN, help=f"({HIDDEN})")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"({EPOCHS})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"({SEED})")
    return parser


def run(args):
    table, start, until, late = recipe.begin(args)
    windows = make_windows(table, args.steps)
    network, training = train(table, windows, start, until, late, args)
    test = recipe.test_of(lambda _, rows: probabilities(network, windows, np.flatnonzero(rows)), table,
                          until, late)
    if table.lost_labels:
        print(f"left out: {table.lost_labels} labels of payments that are not here", file=sys.stderr)
    recipe.show(recipe.save(Exported(network, table.names, windows.at.shape[1]), table, training, test,
                            args.out, args.audit or args.transactions or args.features, MADE_BY))


def main():
    try:
        run(parser_of().parse_args())
    except (recipe.Problem, UnicodeDecodeError) as problem:
        print(f"train_sequence.py: {str(problem).splitlines()[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

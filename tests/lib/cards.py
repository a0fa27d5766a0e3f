"""The card data of $ASSAY_SHARED, and assayctl over it: features, decisions, replay.

The data is test input only: whatever is made from it stays in the build directory."""

import contextlib
import csv
import gzip
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import tap
from settings import TREE

BUILD = TREE / os.environ.get("B", "build")
ASSAYCTL = BUILD / "assayctl"
CONFIG = TREE / "tests/golden/cards.cfg"
RULES = TREE / "tests/golden/cards.rules"
ALL_ROWS, WEEK_ROWS = 872795, 66976
BATCH_MAX = 64  # decode.batch_max
NAMES = {"TX_DURING_WEEKEND": "weekend", "TX_DURING_NIGHT": "night"}
for days in (1, 7, 30):
    NAMES |= {f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW": f"customer_count_{days}d",
              f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW": f"customer_mean_{days}d",
              f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW": f"terminal_count_{days}d",
              f"TERMINAL_ID_RISK_{days}DAY_WINDOW": f"terminal_risk_{days}d"}


def shared(name):
    return pathlib.Path(os.environ.get("ASSAY_SHARED") or "/nowhere") / "data/cards" / name


RAW = shared("handbook_raw_2018-04_06.csv.gz")
REFERENCE = shared("handbook_features_2018-04-01_07.csv.gz")


def need():
    if not RAW.exists() or not REFERENCE.exists():
        tap.skip("$ASSAY_SHARED has no data/cards")


def need_all():
    """For a program that is nothing without the data."""
    if not RAW.exists() or not REFERENCE.exists():
        print("1..0 # SKIP $ASSAY_SHARED has no data/cards")
        sys.exit(0)


def reference():
    with gzip.open(REFERENCE, "rt") as file:
        yield from csv.DictReader(file)


def lines(count):
    """The header and the first `count` rows of the stream."""
    with gzip.open(RAW, "rt") as file:
        yield from itertools.islice(file, count + 1)


@contextlib.contextmanager
def week():
    """The first week as a file."""
    with tempfile.TemporaryFile("w+") as file:
        file.writelines(lines(WEEK_ROWS))
        file.seek(0)
        yield file


def run(*arguments, **options):
    """assayctl; its standard output.  Any other exit status than 0 is a failure."""
    done = subprocess.run([ASSAYCTL, *map(str, arguments)], capture_output=True, text=True,
                          check=False, **options)
    tap.same(done.returncode, 0, f"exit status of assayctl {arguments[0]} "
             f"({(done.stderr or done.stdout)[-500:]})")
    return done.stdout


def digest(directory):
    return json.loads(run("audit", "digest", "--json", directory))["decision_digest"]


class Study:
    """A directory with the first `count` rows, a config with model and rules, and room for
    audit logs; all of it goes at the end."""

    def __init__(self, name, count):
        self.count = count
        self.directory = BUILD / "e2e" / f"{name}-{os.getpid()}"
        self.csv = self.directory / "cards.csv"
        self.config = self.directory / "cards.cfg"

    def __enter__(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        with open(self.csv, "w", encoding="utf-8") as file:
            file.writelines(lines(self.count))
        self.train()
        self.write_config()
        return self

    def __exit__(self, *_):
        if os.environ.get("KEEP", "") in ("", "0"):
            shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return self.directory / name

    def write_config(self, name="cards.cfg", review=0.2, decline=0.6, rules=RULES, places=None):
        """The golden config with model, rules and thresholds; `places` of log and snapshots."""
        text = CONFIG.read_text()
        if places:
            text = text.replace('directory = "audit"', f'directory = "{places[0]}"')
            text = text.replace("state: {", f'state: {{ snapshot_directory = "{places[1]}";')
        path = self.path(name)
        path.write_text(text + (
            f'model: {{ file = "{self.path("model.ubj")}"; }};\n'
            f'rules: {{ file = "{rules}"; }};\n'
            f"decision: {{ review_threshold = {review}; decline_threshold = {decline}; }};\n"))
        return path

    def train(self):
        """50 trees on the engine's own features of the first week, always the same."""
        import numpy  # pylint: disable=import-outside-toplevel
        import xgboost  # pylint: disable=import-outside-toplevel

        with week() as given:
            table = run("features", "--csv", "--config", CONFIG, stdin=given)
        names = table[:table.index("\n")].split(",")[1:]
        values = numpy.genfromtxt(table.splitlines()[1:], delimiter=",", dtype=numpy.float32)[:, 1:]
        frauds = [int(line.split(",")[5]) for line in lines(WEEK_ROWS) if line[0] != "T"]
        data = xgboost.DMatrix(values, label=frauds, feature_names=names)
        options = {"objective": "binary:logistic", "max_depth": 4, "eta": 0.3, "seed": 1,
                   "nthread": 1, "tree_method": "exact"}
        xgboost.train(options, data, 50).save_model(self.path("model.ubj"))

    def decide(self, log, given, *options, config=None, command=(ASSAYCTL,), environment=None):
        """Decides the JSON lines of a file into an audit log; its decision digest.  `command`
        and `environment` are those of another build or machine."""
        directory = self.path(log)
        directory.mkdir(exist_ok=True)
        with open(given, "rb") as file:
            done = subprocess.run(
                [*command, "decide", "--config", config or self.config, "--audit", directory,
                 *map(str, options)], env={**os.environ, **(environment or {})}, stdin=file,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        tap.same(done.returncode, 0, f"exit status of decide ({done.stderr[-500:]})")
        self.told = done.stderr.decode()
        return digest(directory)

    def replay(self, log, cores):
        """What assayctl replay says of a log; nothing differs."""
        found = json.loads(run("replay", self.path(log), "--cores", cores, "--json"))
        tap.same(found["different"], 0, f"decisions of {log} that replay decides otherwise")
        return found

    def drop(self, log):
        shutil.rmtree(self.path(log))

    def stream(self, name, sizes=itertools.repeat(1)):
        """The rows as JSON lines, `sizes` payments each; a day's labels come when it is over,
        and now and then a list is edited.  Cuts no day: the order of things is one."""
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as out:
            for number, day in enumerate(self.days()):
                day = iter(day)
                told = []
                while some := list(itertools.islice(day, next(sizes))):
                    told += some
                    out.write(request([payment(row) for row in some]))
                for at in range(0, len(told), BATCH_MAX):
                    labels = ",".join(label(row) for row in told[at:at + BATCH_MAX])
                    out.write(f'{{"labels":[{labels}]}}\n')
                out.write(edits(number, told))
        return path

    def days(self):
        """The rows, day by day."""
        with open(self.csv, encoding="utf-8") as file:
            rows = csv.reader(file)
            next(rows)
            for _, day in itertools.groupby(rows, lambda row: row[1][:10]):
                yield list(day)


def payment(row):
    return (f'{{"id":"{row[0]}","time":"{row[1].replace(" ", "T")}Z","card":"{row[2]}",'
            f'"terminal":"{row[3]}","channel":"card_present",'
            f'"amount":{{"value":"{cents(row[4])}","currency":"EUR"}}}}')


def label(row):
    return f'{{"id":"{row[0]}","label":"{"fraud" if row[5] == "1" else "genuine"}"}}'


def request(payments):
    """One payment alone, several in a batch."""
    text = ",".join(payments)
    return f"{text}\n" if len(payments) == 1 else f'{{"transactions":[{text}]}}\n'


def edits(number, rows):
    """Of every second day: a terminal that had a fraud is blocked, an earlier one let go."""
    frauds = [row[3] for row in rows if row[5] == "1"]
    if number % 2 or not frauds:
        return ""
    return (f'{{"edits":[{{"list":"blocked_terminals","value":"{frauds[0]}"}},'
            f'{{"list":"blocked_terminals","value":"{rows[0][3]}","remove":true}},'
            f'{{"list":"no_such_list","value":"{rows[0][3]}"}}]}}\n')


def cents(text):
    """A float's spelling has many decimals; those of the currency are two."""
    return f"{float(text):.2f}" if len(text.partition(".")[2]) > 11 else text

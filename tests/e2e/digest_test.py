#!/usr/bin/env python3
"""One decision digest for the card data: any number of cores, batches of any size, a
restart from a snapshot in the middle, and replay.  ROWS=872795 decides all of it every
time; by default only the four core counts do, and the rest the first 200,000."""

import itertools
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import cards
import forge
import tap

ALL = tap.times("ROWS", cards.ALL_ROWS)
SOME = min(ALL, tap.times("ROWS", 200000))
SEED = tap.times("SEED", 20261125)


class Digests:
    """The study of all rows and that of some, with their digests as one core decides."""

    def __init__(self):
        self.all = cards.Study("digest-all", ALL)
        self.some = cards.Study("digest-some", SOME)

    def __enter__(self):
        self.all.__enter__()
        self.some.__enter__()
        self.stream = self.some.stream("payments.jsonl")
        self.digest = self.some.decide("log", self.stream)
        return self

    def __exit__(self, *error):
        self.all.__exit__(*error)
        self.some.__exit__(*error)


def test_cores(digests):
    """every transaction of three months: 1, 2, 3 and 4 cores decide the same"""
    stream = digests.all.stream("payments.jsonl")
    found = {}
    for cores in (1, 2, 3, 4):
        log = f"log{cores}"
        found[cores] = digests.all.decide(log, stream, "--cores", cores)
        digests.all.drop(log)
        tap.note(f"{ALL} transactions, {cores} cores: {found[cores]}")
    tap.same(len(set(found.values())), 1, f"different digests {found}")


def test_answers(digests):
    """the decisions are not all alike, and rules, lists and model all take part"""
    kinds, rules = {}, {}
    with subprocess.Popen([cards.ASSAYCTL, "audit", "cat", "--from", str(SOME),
                           digests.some.path("log")], stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            record = json.loads(line)
            if record["kind"] == "decision":
                kinds[record["decision"]] = kinds.get(record["decision"], 0) + 1
                for rule in record["rules"]:
                    rules[rule["id"]] = rules.get(rule["id"], 0) + 1
    tap.note(f"{kinds}; {rules}")
    tap.check(min(kinds.get(kind, 0) for kind in ("approve", "review", "decline")) > 100,
              f"decisions: {kinds}")
    tap.check(len(rules) >= 6, f"rules that hit: {rules}")


def test_batches(digests):
    """batches of 1 to 64, on 1 and on 3 cores, decide the same"""
    tap.note(f"seed {SEED}")
    chance = random.Random(SEED)
    sizes = (chance.randint(1, cards.BATCH_MAX) for _ in itertools.count())
    stream = digests.some.stream("batches.jsonl", sizes)
    for cores in (1, 3):
        tap.same(digests.some.decide("batches", stream, "--cores", cores), digests.digest,
                 f"digest with {cores} cores")
        digests.some.drop("batches")


def test_restart(digests):
    """a restart in the middle, from a snapshot and on other cores, decides the same"""
    some = digests.some
    days = list(some.days())
    text = digests.stream.read_text().splitlines(keepends=True)
    middle = next(number for number, line in enumerate(text)
                  if f'"id":"{days[len(days) // 2][0][0]}"' in line)
    for name, part in (("first", text[:middle]), ("second", text[middle:])):
        some.path(f"{name}.jsonl").write_text("".join(part))
    snaps, log = some.path("snaps"), some.path("halves")
    config = some.write_config("halves.cfg", places=(log, snaps))
    some.decide("halves", some.path("first.jsonl"), "--cores", 2, config=config)
    told = cards.run("snapshot", "--config", config, "--to", middle * 3 // 4)
    tap.check("made in" in told, f"it says: {told}")
    tap.same(len(list(snaps.glob("*"))), 1, "snapshots")
    tap.same(some.decide("halves", some.path("second.jsonl"), "--cores", 3, config=config),
             digests.digest, "digest")
    begun = re.search(r"continued: snapshot of record (\d+), then (\d+) records", some.told)
    tap.check(begun and int(begun[1]) > middle // 2, f"no snapshot in the middle: {some.told}")
    some.replay("halves", 2)
    some.drop("halves")


def test_replay(digests):
    """replay on 1 and on 4 cores finds the same bytes"""
    for cores in (1, 4):
        found = digests.some.replay("log", cores)
        tap.same((found["decision_digest"], found["decisions"]), (digests.digest, SOME),
                 f"digest and decisions with {cores} cores")
    tap.note(f"{SOME} transactions: {digests.digest}, {found['labels']} labels, "
             f"{found['edits']} list edits")


def test_changed(digests):
    """control: one transaction of a cent more gives another digest"""
    lines = digests.stream.read_text().splitlines(keepends=True)
    at = len(lines) // 3
    while '"value":"' not in lines[at]:
        at += 1
    head, _, tail = lines[at].partition('"value":"')
    value, _, rest = tail.partition('"')
    lines[at] = f'{head}"value":"{float(value) + .01:.2f}"{rest}'
    stream = digests.some.path("changed.jsonl")
    stream.write_text("".join(lines))
    other = digests.some.decide("changed", stream)
    digests.some.drop("changed")
    tap.check(other != digests.digest, "the digest is the same")


def test_tampered(digests):
    """control: a log with one changed bit is refused, by digest and by replay"""
    shutil.copytree(digests.some.path("log"), digests.some.path("tampered"))
    segment = sorted(path for path in digests.some.path("tampered").iterdir() if path.is_file())[0]
    with open(segment, "r+b") as file:
        file.seek(segment.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 4]))
    for words in (("audit", "digest"), ("audit", "verify"), ("replay",)):
        done = subprocess.run([cards.ASSAYCTL, *words, segment.parent], capture_output=True,
                              text=True, check=False)
        tap.check(done.returncode != 0, f"{' '.join(words)} took it: {done.stdout[-300:]}")
    tap.note((done.stderr or done.stdout).strip()[-300:])
    digests.some.drop("tampered")


def test_exchanged(digests):
    """control: a log forged to name another config verifies, and replay explains how it differs"""
    some = digests.some
    stream = some.path("short.jsonl")
    with open(digests.stream, encoding="utf-8") as file:
        stream.write_text("".join(itertools.islice(file, 20000)))
    strict = some.write_config("strict.cfg", review=0.02, decline=0.1)
    one = some.path("one.jsonl")
    one.write_text(stream.read_text().partition("\n")[0] + "\n")
    some.decide("strict", one, config=strict)
    some.decide("forged", stream)
    artefacts = some.path("forged/artefacts")
    mine = next(artefacts.glob("config-*.cfg"))
    other = next(some.path("strict/artefacts").glob("config-*.cfg"))
    shutil.copy(other, artefacts)
    forge.exchange(some.path("forged"), hex_of(mine), hex_of(other))
    cards.run("audit", "verify", some.path("forged"))
    done = subprocess.run([cards.ASSAYCTL, "replay", some.path("forged")], capture_output=True,
                          text=True, check=False)
    tap.same(done.returncode, 1, f"exit status ({done.stderr[-300:]})")
    tap.note(done.stdout)
    for words in ("transaction 0, differs:", "reasons[0]", "score_below", "NOT the same"):
        tap.check(words in done.stdout, f"it does not say '{words}'")
    shutil.copy(mine, artefacts / other.name)
    done = subprocess.run([cards.ASSAYCTL, "replay", some.path("forged")], capture_output=True,
                          text=True, check=False)
    tap.same(done.returncode, 2, "exit status with a config that is not what its name says")
    tap.check("not the one its name says" in done.stderr, f"it says: {done.stderr}")


def hex_of(artefact):
    return bytes.fromhex(artefact.stem.partition("-")[2])


if __name__ == "__main__":
    cards.need_all()
    tap.main([test_cores, test_answers, test_batches, test_restart, test_replay, test_changed,
              test_tampered, test_exchanged], Digests)

#!/usr/bin/env python3
"""Histories at their bounds: far more cards and accounts than a tiny memory holds, an
entity that keeps verdicts, labels among the payments.  Who is forgotten is part of the
truth: the same on 1, 2 and 4 cores, after a restart and in a replay; and a log whose
entities changed between two starts decides again to the same bytes."""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import tap
from appliance import ASSAYCTL

SEED = tap.times("SEED", 20261125)
COUNT = tap.times("COUNT", 20000)
CONFIG = """
nic: {{ device = "net_null0"; }};
net: {{ addresses = ( "10.77.0.2/24" ); }};
tls: {{ certificate = "server.pem"; key = "server.key"; issuers = "ca.pem"; }};
callers = ( {{ identity = "urn:test:cards"; may = ( "decide" ); }} );
audit: {{ directory = "audit"; }};
state: {{ memory_mib = 2; shards = {shards}; }};
entities = ( {{ name = "card"; key = ( "card" ); }},
             {{ name = "account"; key = ( "account" ); decisions = true; }} );
computed = ( {{ name = "card_count_1d"; kind = "count"; entity = "card"; window = "1d"; }},
             {{ name = "account_declines"; kind = "declines"; entity = "account"; window = "30d"; }},
             {{ name = "account_frauds"; kind = "frauds"; entity = "account"; window = "30d"; }} );
rules: {{ file = "bank.rules"; }};
"""
RULES = """
rule many { when card_count_1d > 3; then decline; severity low; reason "{card_count_1d} today"; }
rule declined { when account_declines > 1; then review; severity low; reason "{account_declines}"; }
rule fraud { when account_frauds > 0; then decline; severity high; reason "{account_frauds}"; }
"""


def lines():
    chance = random.Random(SEED)
    for number in range(COUNT):
        yield json.dumps({
            "id": f"p-{number}", "time": f"2026-07-{1 + number * 20 // COUNT:02}T00:00:00Z",
            "amount": {"value": f"{chance.randrange(1, 500)}.00", "currency": "EUR"},
            "card": f"c{chance.randrange(6000)}", "account": f"a{chance.randrange(5000)}",
            "channel": "instant"})
        if chance.random() < .2:
            yield json.dumps({"labels": [{"id": f"p-{max(0, number - chance.randrange(30))}",
                                          "label": "fraud"}]})


class Folder:
    """A directory with the configs in it; `log(name)` is a new audit directory."""

    def __init__(self):
        self.keeper = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.keeper.name)
        (self.path / "bank.rules").write_text(RULES)
        for shards in (4, 8):
            (self.path / f"{shards}.cfg").write_text(CONFIG.format(shards=shards))
        self.lines = list(lines())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.keeper.cleanup()

    def log(self, name):
        (self.path / name).mkdir()
        return self.path / name

    def ctl(self, *arguments, text=None):
        done = subprocess.run([ASSAYCTL, *arguments], input=text, capture_output=True, text=True,
                              check=False)
        tap.same(done.returncode, 0, f"status of {arguments}: {done.stderr[-500:]}")
        return done

    def decide(self, log, part, cores="1", shards=4):
        return self.ctl("decide", "--config", self.path / f"{shards}.cfg", "--cores", cores,
                        "--audit", log, "--verbose", text="\n".join(part) + "\n").stderr

    def digest(self, log):
        return self.ctl("audit", "digest", log).stdout.split()[0]

    def replays(self, log):
        for cores in ("1", "4"):
            result = json.loads(self.ctl("replay", log, "--cores", cores, "--json").stdout)
            tap.same((result["different"], result["decision_digest"]), (0, self.digest(log)),
                     f"replay on {cores}")


def test_cores(folder):
    """1, 2 and 4 cores forget the same entities and decide alike"""
    digests = {}
    for cores in ("1", "2", "4"):
        log = folder.log(f"cores-{cores}")
        said = folder.decide(log, folder.lines, cores)
        tap.note(said.strip().splitlines()[-1])
        tap.check(" 0 evicted" not in said, "nothing was evicted: this proves nothing")
        digests[cores] = folder.digest(log)
    tap.same(len(set(digests.values())), 1, f"digests {digests}")
    folder.replays(folder.path / "cores-4")


def test_restart(folder):
    """so does a run that is broken off and continued from its log"""
    log = folder.log("restart")
    middle = len(folder.lines) // 2
    folder.decide(log, folder.lines[:middle], "2")
    folder.decide(log, folder.lines[middle:], "4")
    tap.same(folder.digest(log), folder.digest(folder.path / "cores-1"), "digest")


def test_changed_plan(folder):
    """a log whose bounds changed between two starts is replayed across the change"""
    log = folder.log("plan")
    middle = len(folder.lines) // 2
    folder.decide(log, folder.lines[:middle])
    folder.decide(log, folder.lines[middle:], shards=8)
    tap.check(folder.digest(log) != folder.digest(folder.path / "cores-1"),
              "the change made no difference: this proves nothing")
    folder.replays(log)


if __name__ == "__main__":
    tap.main([test_cores, test_restart, test_changed_plan], Folder)

#!/usr/bin/env python3
"""The offline twin, assayctl decide, answers as the appliance does, byte for byte but
for the time ledger and the audit fields."""

import json
import pathlib
import re
import resource
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import ASSAYCTL, TREE, Appliance

COUNT = 500
LOG_BYTES_MAX = 200_000  # more than the model in its artefacts, less than the log
CIRCUMSTANCE = re.compile(rb',"audit":\{[^}]*\},"ledger_ns":\{[^}]*\}')


def simulated():
    done = subprocess.run([sys.executable, TREE / "config/demo/simulate.py", "--count", str(COUNT),
                           "--seed", "4"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def odd():
    """Requests that are refused, or answered for many at once."""
    return [payments.body(1, currency="EUR"), payments.body(2, id=None), "{}", "[]",
            json.dumps(payments.batch(range(3, 13))), payments.body(3, channel="pigeon"),
            payments.body(4, amount={"value": "1.234", "currency": "JPY"}),
            payments.body(5, merchant={"id": "ü" * 20, "category": "5411", "country": "DE"})]


def test_twin(appliance):
    """the twin and the live appliance give the same bytes"""
    lines = simulated() + odd()
    caller = appliance.caller()
    live = []
    for line in lines:
        _, _, answer = caller.request("POST", "/v1/decisions", line)
        live.append(CIRCUMSTANCE.sub(b"", answer).removesuffix(b"\n"))
    caller.close()
    done = appliance.ctl("decide", "--config", appliance.config_file, input="\n".join(lines) + "\n",
                         check=False)
    offline = done.stdout.encode().removesuffix(b"\n").split(b"\n")
    tap.same(len(offline), len(live), f"answers ({done.stderr[-300:]})")
    for number, (mine, theirs) in enumerate(zip(offline, live)):
        tap.same(mine, theirs, f"answer {number} to {lines[number][:200]}")
    decisions = {json.loads(answer).get("decision") for answer in live}
    tap.check(len(decisions & {"approve", "review", "decline"}) >= 2, f"all alike: {decisions}")


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LOG_BYTES_MAX, LOG_BYTES_MAX))


def test_full(appliance):
    """a log that cannot be written is told, once, and ends with status 2; what is in it verifies"""
    log = appliance.directory / "cut"
    log.mkdir()
    lines = "\n".join(payments.body(number) for number in range(COUNT)) + "\n"
    # SIGXFSZ stays ignored, as Python has it: the write fails instead.
    done = subprocess.run([ASSAYCTL, "decide", "--config", appliance.config_file, "--audit", log],
                          input=lines, text=True, capture_output=True, check=False,
                          restore_signals=False, preexec_fn=small_files)
    tap.same(done.returncode, 2, f"exit status ({done.stderr[-500:]})")
    tap.same(done.stderr.count("File too large"), 1, f"it says: {done.stderr}")
    appliance.ctl("audit", "verify", log)


def test_refusals(appliance):
    """where nothing can be decided, the same problem objects, also of batches and repeats"""
    appliance.write_config(model__file="", decision__on_model_missing="refuse")
    appliance.reload()
    lines = [payments.body(901), payments.body(901), json.dumps(payments.batch(range(902, 905))), "{}"]
    caller = appliance.caller()
    live = [caller.request("POST", "/v1/decisions", line)[2].decode() for line in lines]
    caller.close()
    done = appliance.ctl("decide", "--config", appliance.config_file, input="\n".join(lines) + "\n",
                         check=False)
    tap.same(done.stdout.splitlines(True), live, f"answers ({done.stderr[-300:]})")
    tap.check(all('"urn:assay:problem:not_ready"' in answer for answer in live[:3]), f"answers {live}")
    tap.same(done.returncode, 1, "exit status")


def test_strange_snapshots(appliance):
    """a log of its own leaves the appliance's snapshots alone; a lock is told by its holder"""
    kept = appliance.directory / "kept-snapshots"
    other = appliance.directory / "other"
    other.mkdir()
    appliance.write_config(state__snapshot_directory=str(kept))
    lines = payments.body(1001) + "\n"
    appliance.ctl("decide", "--config", appliance.config_file, "--audit", other, input=lines)
    tap.check(not kept.exists(), f"another log opened {kept}")
    done = appliance.ctl("decide", "--config", appliance.config_file, "--audit", appliance.audit,
                         input=lines, check=False)
    tap.same(done.returncode, 2, "exit status while the appliance writes there")
    tap.check("works there" in done.stderr, f"it says: {done.stderr}")


if __name__ == "__main__":
    tap.main([test_twin, test_full, test_strange_snapshots, test_refusals], lambda: Appliance("twin"))

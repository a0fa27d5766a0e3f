#!/usr/bin/env python3
"""Reload: live keys apply without a failed request, boot keys are named, a bad config
leaves the old one in force, and the chain remembers."""

import hashlib
import pathlib
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import Appliance
from load import Load

RELOADS = tap.times("RELOADS", 20)
HOSTILE = (b"", b"this is { not a config", b'@include "."\n', b'@include "/dev/zero"\n',
           b"a: " + b"{ a: " * 50000, b"( " * 100000, bytes(range(256)) * 64,
           b"name = \"" + b"x" * (4 << 20) + b"\";\n")


numbers = iter(range(10**6))


def decided(caller):
    """The answer to a payment that was not asked before: a repeat would get its first answer."""
    status, answer = caller.post("/v1/decisions", payments.payment(1, id=f"r-{next(numbers)}"))
    tap.same(status, 200, "status")
    return answer


def verdict(appliance):
    caller = appliance.caller()
    answer = decided(caller)
    caller.close()
    return answer["decision"]


def thresholds(appliance, review, decline):
    appliance.write_config(decision__review_threshold=review, decision__decline_threshold=decline)


def test_threshold(appliance):
    """a changed threshold decides otherwise"""
    thresholds(appliance, 1.0, 1.0)
    appliance.reload()
    tap.same(verdict(appliance), "approve", "decision below every threshold")
    thresholds(appliance, 0.0, 0.0)
    appliance.reload()
    tap.same(verdict(appliance), "decline", "decision above every threshold")


def test_load(appliance):
    """reloads under load fail no request"""
    thresholds(appliance, 0.5, 0.9)
    load = Load(appliance, threads=4).start()
    for number in range(RELOADS):
        thresholds(appliance, 0.3 + 0.01 * number, 0.9)
        appliance.reload()
        time.sleep(0.1)
    load.stop()
    tap.note(f"{len(load.answers)} answers during {RELOADS} reloads")
    tap.same(load.errors[:3], [], "errors of the clients")
    tap.check(len(load.answers) > 10 * RELOADS, "hardly any load")
    configs = {answer["config"] for *_, answer in load.answers}
    tap.check(len(configs) > 1, "no answer was decided by a reloaded config")


def test_bad(appliance):
    """a bad config is refused by file, line and key; the old one stays in force"""
    thresholds(appliance, 0.0, 0.0)
    appliance.reload()
    good = dict(appliance.settings)
    thresholds(appliance, 0.0, 1.5)
    done = appliance.reload(check=False)
    tap.check(done.returncode != 0, "a threshold of 1.5 was accepted")
    text = done.stdout + done.stderr
    tap.check(re.search(r"assay\.cfg:\d+: .*decline_threshold", text), f"it says: {text}")
    tap.same(verdict(appliance), "decline", "decision by the old config")
    appliance.settings = good


def test_hostile(appliance):
    """a hostile config can't end the firmware, nor change it"""
    thresholds(appliance, 0.0, 0.0)
    appliance.reload()
    for text in HOSTILE:
        appliance.config_file.write_bytes(text)
        tap.check(appliance.reload(check=False).returncode != 0, f"{text[:40]!r} was accepted")
        tap.same(verdict(appliance), "decline", f"decision after {text[:40]!r}")


def test_boot_keys(appliance):
    """boot keys that changed are named, and the rest applies"""
    thresholds(appliance, 1.0, 1.0)
    before = appliance.settings["tcp.port"]
    appliance.write_config(http__idle_seconds=61)
    done = appliance.reload(check=False)
    tap.check("http.idle_seconds" in done.stdout + done.stderr,
              f"it says: {done.stdout}{done.stderr}")
    tap.same(verdict(appliance), "approve", "decision by the new thresholds")
    tap.same(appliance.settings["tcp.port"], before, "port")
    del appliance.settings["http.idle_seconds"]
    appliance.write_config()


def test_model(appliance):
    """another model file is used after the reload, and a broken one refused"""
    caller = appliance.caller()
    before = decided(caller)["model"]
    mine = appliance.directory / "model.ubj"
    source = appliance.settings["model.file"]
    appliance.write_config(model__file="")
    appliance.reload()
    without = decided(caller)
    tap.same((without["model"], without["score"]), (None, None), "model and score without one")
    shutil.copy(source, mine)
    appliance.write_config(model__file=str(mine))
    appliance.reload()
    tap.same(decided(caller)["model"], before, "model digest")
    mine.write_bytes(mine.read_bytes()[:1000])
    tap.check(appliance.reload(check=False).returncode != 0, "half a model was accepted")
    tap.same(decided(caller)["model"], before, "model digest")
    appliance.write_config(model__file=source)
    caller.close()


def test_signal(appliance):
    """SIGHUP reloads as well"""
    thresholds(appliance, 0.0, 0.0)
    appliance.child.send_signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while verdict(appliance) != "decline":
        tap.check(time.monotonic() < end, "nothing changed within 10 s of SIGHUP")
        time.sleep(0.1)


def test_recorded(appliance):
    """every reload is in the audit chain, and the chain verifies"""
    kinds = [record["kind"] for record in appliance.audit_records()]
    tap.check(kinds.count("config") >= RELOADS, f"{kinds.count('config')} config records")
    appliance.ctl("audit", "verify", appliance.audit)


def test_artefacts(appliance):
    """whatever config and model the log names is kept beside it"""
    records = appliance.audit_records()
    kept = {path.name for path in (appliance.audit / "artefacts").iterdir()}
    named = {f"config-{record['config']}.cfg" for record in records if "config" in record}
    models = {record["model"] for record in records if "model" in record} - {"0" * 64}
    named |= {f"model-{digest}.bin" for digest in models}
    tap.check(len(named) > 2, f"only {len(named)} artefacts are named")
    tap.same(named - kept, set(), "artefacts that are missing")
    for digest in models:
        content = (appliance.audit / "artefacts" / f"model-{digest}.bin").read_bytes()
        tap.same(hashlib.sha256(content).hexdigest(), digest, "SHA-256 of the model kept")


if __name__ == "__main__":
    tap.main([test_threshold, test_load, test_bad, test_hostile, test_boot_keys, test_model, test_signal,
              test_recorded, test_artefacts], lambda: Appliance("reload"))

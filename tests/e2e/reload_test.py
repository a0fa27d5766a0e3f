#!/usr/bin/env python3
"""Reload: live keys apply without a failed request, boot keys are named, a bad config
leaves the old one in force, and the chain remembers."""

import hashlib
import pathlib
import re
import shutil
import signal
import ssl
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import Appliance, Caller
from load import Load

RELOADS = tap.times("RELOADS", 20)
IDLE_RELOADS = 70
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


def test_lock_out(appliance):
    """a config in which nobody may reload is refused"""
    good = dict(appliance.settings)
    for callers in ([], [{**row, "may": ["decide"]} for row in good["callers"]]):
        appliance.write_config(callers=callers)
        done = appliance.reload(check=False)
        tap.check(done.returncode != 0, "it was applied")
        tap.check(re.search(r"assay\.cfg: callers: nobody may reload", done.stdout + done.stderr),
                  f"it says: {done.stdout}{done.stderr}")
    appliance.settings = good
    appliance.write_config()
    appliance.reload()


def test_wrong_files(appliance):
    """errors of files name key and file"""
    good = dict(appliance.settings)
    pki = appliance.pki
    for key, path, words in (("tls.certificate", "/nope", "No such file"),
                             ("tls.key", pki / "client.key", "does not belong to the key"),
                             ("tls.revocation_list", pki / "ca.pem", "cannot be read"),
                             ("model.file", "/nope", "No such file")):
        appliance.settings = {**good, key: str(path)}
        appliance.write_config()
        text = appliance.reload(check=False).stdout
        named = "tls.certificate" if key == "tls.key" else key
        tap.check(named in text and words in text, f"{key}: it says {text}")
        tap.check(named != key or str(path) in text, f"{key}: it does not name {path}: {text}")
    appliance.settings = good
    appliance.write_config()
    appliance.reload()


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


def speaks(appliance, version):
    """The TLS version of one request offered with this one alone, or None."""
    context = appliance.context()
    context.minimum_version = context.maximum_version = version
    caller = Caller(context, port=appliance.settings["tcp.port"])
    try:
        tap.same(caller.get("/v1/health/live")[0], 200, "status")
        return caller.sock.version()
    except OSError:
        return None
    finally:
        caller.close()


def test_boot_kept(appliance):
    """boot keys that changed keep their old values until a restart"""
    before = appliance.caller().get("/v1/version")[1]
    good = dict(appliance.settings)
    appliance.write_config(tls__minimum_version="1.2", name="other")
    done = appliance.reload()
    for key in ("name", "tls.minimum_version"):
        tap.check(key in done.stdout, f"{key} is not named: {done.stdout}")
    tap.same(speaks(appliance, ssl.TLSVersion.TLSv1_2), None, "TLS 1.2 after the reload")
    tap.same(speaks(appliance, ssl.TLSVersion.TLSv1_3), "TLSv1.3", "TLS 1.3 after the reload")
    caller = appliance.caller()
    after = caller.get("/v1/version")[1]
    tap.same(after["name"], before["name"], "name")
    tap.same(after["config"], before["config"], "digest of the config")
    appliance.settings = dict(good)
    appliance.write_config(state__lateness_seconds=301)
    done = appliance.reload(check=False)
    tap.check(done.returncode == 1 and "decisions depend" in done.stdout
              and "state.lateness_seconds" in done.stdout,
              f"a config that decides otherwise after a restart: {done.stdout}")
    tap.same(caller.get("/v1/version")[1]["config"], before["config"], "digest of the config")
    appliance.settings = good
    appliance.write_config()
    tap.check("[]" in appliance.reload().stdout, "keys are said to need a restart")


def test_many(appliance):
    """70 reloads, each with one more idle client: all apply, the oldest clients are let go"""
    clients = []
    for number in range(IDLE_RELOADS):
        clients.append(appliance.caller())
        tap.same(clients[-1].get("/v1/health/live")[0], 200, "status")
        thresholds(appliance, 0.3 + 0.001 * number, 0.9)
        appliance.reload()
    tap.same(clients[0].sock.recv(1), b"", "what the oldest idle client reads")
    tap.same(clients[-1].get("/v1/health/live")[0], 200, "status of the newest")
    for client in clients:
        client.close()


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
    tap.main([test_threshold, test_load, test_bad, test_lock_out,
              test_wrong_files, test_hostile, test_boot_keys, test_boot_kept, test_many, test_model, test_signal,
              test_recorded, test_artefacts], lambda: Appliance("reload"))

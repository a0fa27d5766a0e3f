#!/usr/bin/env python3
"""A shadow configuration decides beside the live one: it is in the records, never in an
answer, and leaves every other byte as it was."""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import Appliance

COUNT = 200
RULES = 'rule any_card { when card != ""; then decline; severity low; reason "a card"; }\n'
CIRCUMSTANCE = re.compile(r',"audit":\{[^}]*\},"ledger_ns":\{[^}]*\}')


class Shadowed(Appliance):
    def write_config(self, **changed):
        (self.directory / "shadow.rules").write_text(RULES)
        super().write_config(**changed)


def shadow(appliance, enabled):
    appliance.write_config(shadow__enabled=enabled, shadow__rules_file="shadow.rules",
                           shadow__review_threshold=0.1, shadow__decline_threshold=0.2)
    appliance.reload()


def decide(appliance, first):
    caller = appliance.caller()
    answers = []
    for number in range(first, first + COUNT):
        status, _, answer = caller.request("POST", "/v1/decisions", payments.body(number))
        tap.same(status, 200, "status")
        answers.append(CIRCUMSTANCE.sub("", answer.decode()))
    caller.close()
    return answers


def test_shadow(appliance):
    """it is recorded beside each decision, by its digest, and never answers"""
    decide(appliance, 0)
    shadow(appliance, True)
    answers = decide(appliance, COUNT)
    records = [record for record in appliance.audit_records() if record["kind"] == "decision"]
    tap.check(not any(record.get("shadow") for record in records[:COUNT]), "a shadow before")
    shadows = [record["shadow"] for record in records[COUNT:]]
    tap.same({shadow["decision"] for shadow in shadows}, {"decline"}, "what the shadow decides")
    tap.check(all(shadow["rules_hit"] == 1 for shadow in shadows), "its rule did not hit")
    tap.check(any(json.loads(answer)["decision"] != "decline" for answer in answers),
              "the live one declines all, too: nothing is proved")
    tap.check(not any("any_card" in answer or "shadow" in answer for answer in answers),
              "the shadow is in an answer")
    kept = {path.name for path in (appliance.audit / "artefacts").iterdir()}
    tap.check(f"shadow-{shadows[0]['digest']}.bin" in kept, f"its artefact is not kept: {kept}")


def test_same_bytes(appliance):
    """with and without it the log has the same decisions"""
    digests = []
    lines = "\n".join(payments.body(number) for number in range(300)) + "\n"
    for enabled in (False, True):
        appliance.write_config(shadow__enabled=enabled)
        directory = appliance.directory / f"twin-{enabled}"
        directory.mkdir()
        appliance.ctl("decide", "--config", appliance.config_file, "--audit", directory, input=lines)
        digests.append(appliance.ctl("audit", "digest", directory).stdout)
        cat = appliance.ctl("audit", "cat", directory).stdout.splitlines()
        shadows = [bool(r.get("shadow")) for r in map(json.loads, cat) if r["kind"] == "decision"]
        tap.same((len(shadows), set(shadows)), (300, {enabled}), "decisions, and a shadow beside")
        done = appliance.ctl("replay", directory)
        tap.check("every byte is the same" in done.stdout, done.stdout)
    tap.same(digests[0], digests[1], "decision digest")


def test_bad_shadow(appliance):
    """a shadow that cannot be loaded is refused by its rules' line, and the old one stays"""
    (appliance.directory / "shadow.rules").write_text("rule broken { when 1 + ; then review; }\n")
    Appliance.write_config(appliance, shadow__enabled=True)
    done = appliance.reload(check=False)
    tap.check(done.returncode == 1 and re.search(r"shadow\.rules:1:\d+", done.stdout),
              f"it says: {done.stdout}")
    decide(appliance, 0)
    records = [record for record in appliance.audit_records() if record["kind"] == "decision"]
    digests = [record["shadow"]["digest"] for record in records if record.get("shadow")]
    tap.same((len(set(digests)), bool(records[-1].get("shadow"))), (1, True),
             "shadows, and one beside the last decision")


if __name__ == "__main__":
    tap.main([test_shadow, test_same_bytes, test_bad_shadow], lambda: Shadowed("shadow", {
        "decision.review_threshold": 0.9999, "decision.decline_threshold": 1.0}))

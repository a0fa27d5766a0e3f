"""An appliance that remembers: two kinds of entities, a few features, rules with lists.
What it decided is told by its records: `values` names the features of each decision."""

import json
import re
import time

import payments
import tap
from appliance import Appliance

ENTITIES = [{"name": "card", "key": ["card", "currency"], "history": 1024},
            {"name": "merchant", "key": ["merchant"], "history": 1024}]
COMPUTED = [{"name": "card_count", "kind": "count", "entity": "card", "window": "90d"},
            {"name": "card_sum", "kind": "sum", "entity": "card", "window": "90d"},
            {"name": "merchant_frauds", "kind": "frauds", "entity": "merchant", "window": "30d",
             "delay": "1d"}]
RULES = """\
list blocked of merchant room 64 { "m-from-file"; }
list trusted of card room 64;
rule blocked { when merchant in blocked; then decline; reason "{merchant} is blocked"; always; }
rule trusted { when card in trusted; then allow; reason "trusted"; }
rule busy { when card_count > 3; then review; reason "payment {card_count} of the card"; }
rule told { when merchant_frauds > 0; then review; reason "{merchant_frauds} frauds at {merchant}"; }
"""


class Bank(Appliance):
    """Without a model unless told; decisions then follow from the rules alone."""

    def __init__(self, name, settings=None, rules=RULES, snapshots=False, **options):
        self.rules_text, self.with_snapshots = rules, snapshots
        options.setdefault("model", False)
        super().__init__(name, {"entities": ENTITIES, "computed": COMPUTED,
                                "decision.on_model_missing": "approve",
                                "decision.accept_silent_approval": True, **(settings or {})},
                         **options)

    @property
    def rules_file(self):
        return self.directory / "bank.rules"

    @property
    def snapshots(self):
        return self.directory / "snapshots"

    def write_config(self, **changed):
        if not self.rules_file.exists():
            self.rules_file.write_text(self.rules_text)
        self.settings.setdefault("rules.file", str(self.rules_file))
        if self.with_snapshots:
            self.settings.setdefault("state.snapshot_directory", str(self.snapshots))
            self.settings.setdefault("state.snapshot_interval_seconds", 1)
        super().write_config(**changed)

    def wait_snapshot(self, seconds=20):
        """Until the role has made one of everything that is recorded by now."""
        last = self.audit_records()[-1]["sequence"]
        end = time.monotonic() + seconds
        while not any(sequence_of(path) >= last for path in self.snapshots.glob("*.snap")):
            tap.check(time.monotonic() < end, f"no snapshot of record {last} within {seconds} s: "
                      f"{[path.name for path in self.snapshots.iterdir()]}")
            time.sleep(0.1)

    def decisions(self):
        """The decision records, each with its features by name."""
        names = [spec["name"] for spec in self.settings["computed"]]
        records = [record for record in self.audit_records() if record["kind"] == "decision"]
        for record in records:
            record["values"] = dict(zip(names, record["values"]))
        return records


def sequence_of(snapshot):
    """The last record in a snapshot, by the name of its file."""
    return int(re.search(r"\d+", snapshot.name)[0])


def ask(caller, body):
    """(status, bytes) of POST /v1/decisions."""
    status, _, answer = caller.request("POST", "/v1/decisions",
                                       body if isinstance(body, (str, bytes)) else json.dumps(body))
    return status, answer


def pay(caller, number, **changed):
    """The answer to one payment, which has to be a decision."""
    status, answer = ask(caller, payments.payment(number, **changed))
    tap.same(status, 200, f"status ({answer[:300]})")
    return json.loads(answer)


def merchant(name):
    return {"id": name, "category": "5411", "country": "DE"}

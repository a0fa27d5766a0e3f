#!/usr/bin/env python3
"""POST /v1/lists: lists that rules use are edited while payments are decided, by the
net core and by a decider beside it; edits expire, are recorded, and survive what may happen."""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import tap
from bank import RULES, Bank, merchant, pay

numbers = iter(range(10**6))


def edit(appliance, body, name="client"):
    caller = appliance.caller(name)
    status, answer = caller.post("/v1/lists", body)
    caller.close()
    return status, answer


def outcomes(appliance, *edits):
    status, answer = edit(appliance, {"edits": list(edits)})
    tap.same(status, 200, f"status ({answer})")
    return [row["outcome"] for row in answer["edits"]]


def add(value, name="blocked", **more):
    return {"list": name, "value": value, **more}


def remove(value, name="blocked"):
    return {"list": name, "value": value, "remove": True}


def verdict(appliance, shop, card=None):
    """What becomes of a payment there; each with a card of its own, unless one is named."""
    number = next(numbers)
    caller = appliance.caller()
    answer = pay(caller, number, id=f"v-{number}", merchant=merchant(shop),
                 card=card or f"tok_v{number}")
    caller.close()
    return answer["decision"]


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def test_edit(appliance):
    """an edit counts for the next payment: added, removed, also an entry of the file"""
    tap.same(verdict(appliance, "m-1"), "approve", "before")
    tap.same(verdict(appliance, "m-from-file"), "decline", "an entry of the file")
    tap.same(outcomes(appliance, add("m-1"), add("m-1"), remove("m-from-file"), add("x", "no_such"),
                      remove("never there")),
             ["applied", "applied", "applied", "list_unknown", "applied"], "outcomes")
    for _ in range(3):
        tap.same(verdict(appliance, "m-1"), "decline", "an added entry")
        tap.same(verdict(appliance, "m-from-file"), "approve", "a removed entry of the file")
    tap.same(outcomes(appliance, remove("m-1"), add("tok_friend", "trusted")), ["applied"] * 2,
             "outcomes")
    tap.same(verdict(appliance, "m-1"), "approve", "a removed entry")
    for _ in range(6):
        tap.same(verdict(appliance, "m-2", "tok_friend"), "approve", "a card that is trusted")
    tap.same([verdict(appliance, "m-2", "tok_busy") for _ in range(5)],
             ["approve"] * 3 + ["review"] * 2, "a card that is not")


def test_expiry(appliance):
    """an entry with an expiry is gone when it is over"""
    status, answer = edit(appliance, add("m-3", expires=stamp(2)))
    tap.same((status, answer["edits"][0]["outcome"]), (200, "applied"), "outcome")
    tap.same(verdict(appliance, "m-3"), "decline", "within")
    time.sleep(3)
    tap.same(verdict(appliance, "m-3"), "approve", "after")


def test_snooze(appliance):
    """a rule is put to sleep, and woken, by the built-in list"""
    outcomes(appliance, add("m-4"), add("blocked", "snooze"))
    tap.same(verdict(appliance, "m-4"), "approve", "asleep")
    status, answer = edit(appliance, add("no_such", "snooze"))
    tap.same((status, answer["edits"][0]["outcome"], answer["edits"][0]["text"]),
             (200, "rule_unknown", "no rule or typology has this id"), "an id that no rule has")
    outcomes(appliance, remove("blocked", "snooze"))
    tap.same(verdict(appliance, "m-4"), "decline", "awake")


def test_refused(appliance):
    """who may not is refused, and a body with a fault is refused whole"""
    before = len(appliance.audit_records())
    status, answer = edit(appliance, add("m-5"), "client2")
    tap.same((status, answer["type"]), (403, "urn:assay:problem:http_forbidden"), "status, type")
    for body in ({"edits": [add("m-5"), add("m-6", expires="soon")]}, {"list": "blocked"}, {"edits": []},
                 add("4111111111111111", "trusted"), {**remove("m-5"), "expires": stamp(60)}):
        status, answer = edit(appliance, body)
        tap.same(status, 422, f"status of {body}")
        tap.check(answer["place"], f"no place: {answer}")
    tap.same(len(appliance.audit_records()), before, "records")


def test_full(appliance):
    """a full list refuses, by name; what is in it stays"""
    told = outcomes(appliance, *(add(f"f-{number}", "trusted") for number in range(64)))
    tap.check(told.count("list_full") >= 1 and told[0] == "applied", f"outcomes {told}")
    tap.same(outcomes(appliance, *(remove(f"f-{number}", "trusted") for number in range(64))).count(
        "list_full"), 0, "removals that are refused")
    tap.same(verdict(appliance, "m-2", "tok_friend"), "approve", "a card that is trusted")


def held(appliance, when):
    tap.same((verdict(appliance, "m-4"), verdict(appliance, "m-1"), verdict(appliance, "m-from-file"),
              verdict(appliance, "m-2", "tok_friend"), verdict(appliance, "m-2", "tok_busy")),
             ("decline", "approve", "approve", "approve", "review"), f"decisions {when}")


def test_survives(appliance):
    """edits survive kill -9, a snapshot, a reload and changed rules"""
    held(appliance, "before")
    appliance.kill()
    appliance.start()
    held(appliance, "after kill -9")
    appliance.stop()
    appliance.ctl("snapshot", "--config", appliance.config_file)
    appliance.start()
    held(appliance, "from a snapshot")
    appliance.write_config(decision__review_threshold=0.4)
    appliance.reload()
    held(appliance, "after a reload")
    appliance.rules_file.write_text(RULES + 'rule more { when amount > 1e9; then note; reason "m"; }\n'
                                    .replace("1e9", "1_000_000_000"))
    appliance.reload()
    held(appliance, "after changed rules")
    appliance.kill()
    appliance.start()
    held(appliance, "after changed rules and kill -9")
    appliance.replayed(1)
    appliance.replayed(2)


def test_other_file(appliance):
    """a list that came with a reload to another rules file is in the next snapshot, too"""
    other = appliance.directory / "other.rules"
    other.write_text(RULES + 'list extra of merchant room 8;\n'
                     'rule extra { when merchant in extra; then decline; reason "extra"; }\n')
    appliance.write_config(rules__file=str(other))
    appliance.reload()
    tap.same(outcomes(appliance, add("m-7", "extra")), ["applied"], "outcome")
    tap.same(verdict(appliance, "m-7"), "decline", "before")
    appliance.wait_snapshot()
    appliance.kill()
    appliance.start()
    tap.same(verdict(appliance, "m-7"), "decline", "after kill -9")
    held(appliance, "after kill -9")
    appliance.write_config(rules__file=str(appliance.rules_file))
    appliance.reload()


def test_there_and_back(appliance):
    """edits made under other rules are not those of rules that come back: live, after kill -9
    and in replay alike"""
    first = dict(appliance.settings)
    lean = appliance.directory / "lean.rules"
    lean.write_text('list trusted of card room 8;\n'
                    'rule trusted { when card in trusted; then allow; reason "t"; }\n')
    for number, between in enumerate((str(lean), "")):
        value = f"m-8-{number}"
        outcomes(appliance, add(value))
        tap.same(verdict(appliance, value), "decline", "before")
        appliance.write_config(rules__file=between)
        appliance.reload()
        tap.same(outcomes(appliance, remove(value)), ["list_unknown"], "outcome")
        tap.same(verdict(appliance, value), "approve", "without the list")
        appliance.settings = dict(first)
        appliance.write_config()
        appliance.reload()
        tap.same(verdict(appliance, value), "approve", "when they are back")
        appliance.kill()
        appliance.start()
        tap.same(verdict(appliance, value), "approve", "after kill -9")
    appliance.replayed(1)
    appliance.replayed(3)


def lists_with_room(room):
    """A file that lists one merchant more and has that room for them."""
    return RULES.replace('room 64 { "m-from-file"; }', f'room {room} {{ "m-from-file"; "m-new"; }}')


def test_no_room(appliance):
    """a file whose list has no room for the edits is refused, by a reload and at a start; the
    rules in force stay, and no edit is lost"""
    fresh = dict(appliance.settings)
    small = appliance.directory / "small.rules"
    small.write_text(lists_with_room(3))
    outcomes(appliance, add("m-9"))
    for decide in (None, [0]):
        appliance.write_config(rules__file=str(small))
        told = appliance.reload(check=False)
        tap.check(told.returncode != 0 and "list blocked has room for 3, but 2 entries of the file and"
                  in told.stdout + told.stderr, f"{told.stdout}{told.stderr}")
        tap.same(verdict(appliance, "m-9"), "decline", "the edit")
        tap.same(verdict(appliance, "m-new"), "approve", "what only the refused file lists")
        held(appliance, "after a refused reload")
        appliance.kill()
        appliance.start(wait=False)
        tap.check(appliance.child.wait(60) != 0, "it started")
        tap.check("list blocked has room for 3" in appliance.log.read_text(), "nothing told why")
        small.write_text(lists_with_room(64))
        appliance.start()
        tap.same((verdict(appliance, "m-9"), verdict(appliance, "m-new")), ("decline",) * 2, "with room")
        held(appliance, "with room")
        small.write_text(lists_with_room(3))
        if decide:
            break
        appliance.stop()
        appliance.settings = dict(fresh)
        appliance.write_config(cores__decide=[0])
        appliance.start()
    appliance.replayed(1)
    appliance.replayed(2)
    appliance.stop()
    appliance.settings = fresh
    appliance.write_config()
    appliance.start()


def test_recorded(appliance):
    """edits are in the log with who made them, and the chain verifies"""
    edits = [r for r in appliance.audit_records() if r["kind"] == "list"]
    tap.check(len(edits) > 100, f"{len(edits)} edits")
    tap.same({r["identity"] for r in edits}, {"urn:assay:demo:client"}, "identities")
    tap.same({r["outcome"] for r in edits}, {"done", "list_unknown", "list_full", "rule_unknown"}, "outcomes")
    expiring = [r for r in edits if r["edit"].get("expires") and r["edit"]["value"] == "m-3"]
    tap.same(len(expiring), 1, "edits with an expiry")
    appliance.ctl("audit", "verify", appliance.audit)
    tap.note(json.dumps(appliance.replayed(4)))


def test_deciders(appliance):
    """a decider beside the net core, with lists of its own, sees every edit, also over a reload"""
    appliance.stop()
    appliance.write_config(cores__decide=[0])
    appliance.start()
    held(appliance, "with a decider")
    for number in range(2):
        tap.same(outcomes(appliance, add(f"own-{number}")), ["applied"], "outcome")
        for _ in range(3):
            tap.same(verdict(appliance, f"own-{number}"), "decline", "an added entry")
        appliance.write_config(decision__review_threshold=0.3 + number / 100)
        appliance.reload()
        for _ in range(3):
            tap.same(verdict(appliance, f"own-{number}"), "decline", "after a reload")
        tap.same(outcomes(appliance, remove(f"own-{number}")), ["applied"], "outcome")
        for _ in range(3):
            tap.same(verdict(appliance, f"own-{number}"), "approve", "a removed entry")
    appliance.kill()
    appliance.start()
    held(appliance, "with a decider and kill -9")
    appliance.replayed(1)
    appliance.stop()
    del appliance.settings["cores.decide"]
    appliance.write_config()
    appliance.start()


TESTS = [test_edit, test_expiry, test_snooze, test_refused, test_full, test_survives, test_deciders,
         test_no_room, test_other_file, test_there_and_back, test_recorded]

if __name__ == "__main__":
    tap.main(TESTS, lambda: Bank("lists", snapshots=True))

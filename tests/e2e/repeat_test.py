#!/usr/bin/env python3
"""Idempotency: whoever asks again with the same payment gets the first answer, byte for
byte, whatever happened between; another payment under a used id is refused.  RETRIES=1000
KILLS=50 is the long form."""

import http.client
import json
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from bank import Bank, ask

KILLS = tap.times("KILLS", 8)
RETRIES = tap.times("RETRIES", 200)
SEED = tap.times("SEED", 20261125)
THREADS = 4


def first_answer(appliance, number, **changed):
    """A new payment's answer, in bytes."""
    caller = appliance.caller()
    status, answer = ask(caller, payments.payment(number, **changed))
    caller.close()
    tap.same(status, 200, f"status ({answer[:200]})")
    return answer


def again(appliance, number, first, when, **changed):
    caller = appliance.caller()
    status, answer = ask(caller, payments.payment(number, **changed))
    caller.close()
    tap.same((status, answer), (200, first), f"answer {when}")


def counts(appliance, name):
    """(decisions, repeats) in the log of one id, and whether repeats point at the decision."""
    records = appliance.audit_records()
    own = [r for r in records if r["kind"] == "decision" and r["transaction"]["id"] == name]
    repeats = [r for r in records if r["kind"] == "repeat" and r["id"] == name]
    points = all(r["first_sequence"] == own[0]["sequence"] for r in repeats)
    return len(own), len(repeats), points


def test_same(appliance):
    """the same again, on the same and on other connections, gives the same bytes"""
    first = first_answer(appliance, 1)
    caller = appliance.caller()
    for _ in range(3):
        tap.same(ask(caller, payments.payment(1)), (200, first), "answer on one connection")
    caller.close()
    again(appliance, 1, first, "on another connection")
    shuffled = dict(reversed(payments.payment(1).items()))
    caller = appliance.caller()
    tap.same(ask(caller, json.dumps(shuffled, indent=2)), (200, first), "answer to another layout")
    tap.same(ask(caller, payments.payment(1, deadline_us=10**7)), (200, first),
             "answer with a deadline")
    caller.close()
    tap.same(counts(appliance, "p-1"), (1, 6, True), "decisions and repeats of it in the log")


def test_batch(appliance):
    """inside a batch, twice in it, and of an earlier request"""
    first = first_answer(appliance, 10)
    caller = appliance.caller()
    status, answer = ask(caller, payments.batch((11, 10, 12, 11)))
    tap.same(status, 200, "status")
    tap.check(answer.count(first) == 1, "the batch does not have the first answer's bytes")
    new, old, _, repeated = json.loads(answer)["decisions"]
    tap.same(old, json.loads(first), "second of the batch")
    tap.same(repeated, new, "fourth of the batch")
    tap.same(ask(caller, payments.batch((11, 10, 12, 11))), (200, answer), "the same batch again")
    status, alone = ask(caller, payments.payment(11))
    caller.close()
    tap.check(alone in answer, "alone it has other bytes than in the batch")
    tap.same(counts(appliance, "p-11"), (1, 4, True), "decisions and repeats of it in the log")


def test_conflict(appliance):
    """another payment under a used id is 409 with its place; nothing of it is done"""
    first_answer(appliance, 20)
    caller = appliance.caller()
    before = len(appliance.decisions())
    other = payments.payment(20, amount={"value": "1.00", "currency": "EUR"})
    for body, place in ((other, "/id"),
                        ({"transactions": [payments.payment(21), other]}, "/transactions/1/id"),
                        ({"transactions": [payments.payment(22), payments.payment(23),
                                           payments.payment(22, card="tok_x")]},
                         "/transactions/2/id")):
        status, answer = ask(caller, body)
        problem = json.loads(answer)
        tap.same((status, problem["type"], problem["place"]),
                 (409, "urn:assay:problem:repeat_conflict", place), "status, type, place")
    caller.close()
    tap.same(len(appliance.decisions()), before, "decisions")


def test_caller(appliance):
    """an id belongs to its caller: another's is another payment"""
    first = json.loads(first_answer(appliance, 30))
    caller = appliance.caller("client2")
    status, answer = ask(caller, payments.payment(30, card="tok_of_another"))
    caller.close()
    tap.same(status, 200, "status")
    tap.check(json.loads(answer)["audit"] != first["audit"], "it got the first caller's answer")


def pipelined(caller, body, times):
    """The bodies of `times` answers to as many requests in one write."""
    request = (f"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\n"
               f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    caller.open()
    caller.sock.sendall((request * times).encode())
    file, bodies = caller.sock.makefile("rb"), []
    for _ in range(times):
        size, line = 0, file.readline()
        tap.check(b" 200 " in line, f"status {line}")
        while line not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
            line = file.readline()
        bodies.append(file.read(size))
    caller.close()
    return bodies


def test_flight(appliance):
    """a repeat while the first is in flight joins it"""
    bodies = pipelined(appliance.caller(), payments.body(40), 8)
    tap.same(len(set(bodies)), 1, "different answers")
    body, found = payments.body(41), []
    callers = [appliance.caller().open() for _ in range(8)]
    start = threading.Barrier(len(callers))

    def send(caller):
        start.wait()
        found.append(ask(caller, body))
        caller.close()

    threads = [threading.Thread(target=send, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tap.same((len(found), len(set(found))), (8, 1), "answers, different ones")
    for name in ("p-40", "p-41"):
        tap.same(counts(appliance, name), (1, 7, True), f"decisions and repeats of {name}")


def test_restart(appliance):
    """after a restart, a kill -9 and a reload of another config the bytes are the first ones"""
    plain, busy = first_answer(appliance, 50), None
    for number in range(51, 56):
        busy = first_answer(appliance, number, card="tok_busy")
    tap.check(b'"busy"' in busy, f"no rule hit: {busy}")
    for when, act in (("a restart", appliance.stop), ("kill -9", appliance.kill)):
        act()
        appliance.start()
        again(appliance, 50, plain, f"after {when}")
        again(appliance, 55, busy, f"after {when}", card="tok_busy")
    appliance.write_config(decision__review_threshold=0.0, decision__decline_threshold=0.0)
    appliance.reload()
    again(appliance, 50, plain, "after a reload")
    appliance.kill()
    appliance.start()
    again(appliance, 55, busy, "after a reload and kill -9", card="tok_busy")
    tap.same(counts(appliance, "p-50"), (1, 3, True), "decisions and repeats of it in the log")
    appliance.replayed()


class Clients:
    """Threads that send payments, each until it is answered, and now and then an old one."""

    def __init__(self, appliance, chance):
        self.appliance, self.chance = appliance, chance
        self.lock = threading.Lock()
        self.next, self.sent, self.first, self.retries = 1000, set(), {}, 0
        self.wrong = []

    def pick(self):
        """An open one first, then an old or a new one."""
        with self.lock:
            open_ones = sorted(self.sent - set(self.first))
            draw = self.chance.random()
            if open_ones and draw < 0.5:
                number = self.chance.choice(open_ones)
            elif self.first and draw < 0.7:
                number = self.chance.choice(sorted(self.first))
            else:
                self.next += 1
                number = self.next
            self.retries += number in self.sent
            self.sent.add(number)
            return number

    def work(self, caller, ending):
        try:
            while not ending.is_set():
                number = self.pick()
                status, answer = ask(caller, payments.payment(number, id=f"r-{number}"))
                with self.lock:
                    if status != 200 or self.first.setdefault(number, answer) != answer:
                        self.wrong.append((number, status, answer[:300]))
        except (OSError, http.client.HTTPException):
            pass  # killed: the payment stays open
        finally:
            caller.close()

    def round(self, seconds):
        """Load for a while, then kill -9 in its midst."""
        ending = threading.Event()
        callers = [self.appliance.caller(timeout=5).open() for _ in range(THREADS)]
        threads = [threading.Thread(target=self.work, args=(caller, ending)) for caller in callers]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.appliance.kill()
        ending.set()
        for caller in callers:
            if caller.connection:
                caller.sock.close()
        for thread in threads:
            thread.join()
        self.appliance.start()


def test_kills(appliance):
    """client retries across kill -9, with snapshots and two deciders: the same bytes, and
    nothing is counted twice"""
    tap.note(f"seed {SEED}, {KILLS} kills, at least {RETRIES} retries")
    clients = Clients(appliance, random.Random(SEED))
    kills = 0
    while kills < KILLS or clients.retries < RETRIES:
        clients.round(clients.chance.uniform(0.05, 0.5))
        kills += 1
    caller = appliance.caller()
    for number in sorted(clients.sent):
        status, answer = ask(caller, payments.payment(number, id=f"r-{number}"))
        clients.retries += 1
        if status != 200 or clients.first.setdefault(number, answer) != answer:
            clients.wrong.append((number, status, answer[:300]))
    caller.close()
    tap.same(clients.wrong[:3], [], "answers that are not the first")
    seen = {}
    for record in appliance.decisions():
        card = record["transaction"].get("card")
        seen[card] = seen.get(card, 0) + 1
        tap.same(record["values"]["card_count"], seen[card], f"count of {card} in {record['sequence']}")
    ids = [r["transaction"]["id"] for r in appliance.decisions()]
    mine = [name for name in ids if name.startswith("r-")]
    tap.same(len(set(mine)), len(mine), "ids decided once")
    tap.same(len(mine), len(clients.sent), "decisions")
    found = appliance.replayed(2)
    tap.note(f"{len(clients.sent)} payments, {clients.retries} retries, {kills} kills, "
             f"{found['repeats']} repeats in the log, digest {found['decision_digest']}")
    starts = [line for line in appliance.log.read_text().splitlines() if '"recovered: ' in line]
    snapshots = sum("snapshot of record 0," not in line for line in starts)
    tap.note(f"{len(starts)} starts, {snapshots} from a snapshot")
    tap.check(snapshots > 0, "no start had a snapshot")


if __name__ == "__main__":
    tap.main([test_same, test_batch, test_conflict, test_caller, test_flight, test_restart,
              test_kills], 
             lambda: Bank("repeat", {"cores.decide": [0, 0]}, snapshots=True))

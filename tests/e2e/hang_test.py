#!/usr/bin/env python3
"""A disk that hangs: the audit thread alone is held still, as a sync that does not return
holds it."""

import contextlib
import ctypes
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import Appliance

PATIENCE_MS = 500
MORE_THAN_JOBS = 200
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long] + [ctypes.c_void_p] * 3
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")


@contextlib.contextmanager
def held(appliance):
    """Inside, the audit thread stands still."""
    tasks = pathlib.Path(f"/proc/{appliance.child.pid}/task")
    thread = next(int(task.name) for task in tasks.iterdir()
                  if (task / "comm").read_text().strip() == "audit")
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, thread)


def wait_ready(appliance, wanted, seconds=10):
    end = time.monotonic() + seconds
    while True:
        caller = appliance.caller()
        status = caller.get("/v1/health/ready")[0]
        caller.close()
        if status == wanted:
            return
        tap.check(time.monotonic() < end, f"readiness still says {status}, not {wanted}")
        time.sleep(0.05)


def test_hang(appliance):
    """whoever waits gets 503 within the patience, and the first answer once it goes on"""
    caller = appliance.caller(timeout=10)
    tap.same(caller.post("/v1/decisions", payments.payment(1))[0], 200, "status before")
    with held(appliance):
        start = time.monotonic()
        status, problem = caller.post("/v1/decisions", payments.payment(2))
        took = time.monotonic() - start
        tap.same((status, problem["type"]), (503, "urn:assay:problem:audit_unwritable"),
                 "answer of the one that waited")
        tap.check(PATIENCE_MS / 1000 * 0.9 < took < 3, f"it waited {took:.2f} s")
        tap.same(appliance.caller().get("/v1/health/ready")[0], 503, "readiness")
        start = time.monotonic()
        tap.same(caller.post("/v1/decisions", payments.payment(3))[0], 503, "status of a new one")
        tap.check(time.monotonic() - start < 0.4, "the new one waited, too")
        tap.same(appliance.management("client", "/v1/health/ready")[1], "503", "management's")
    wait_ready(appliance, 200)
    status, answer = caller.post("/v1/decisions", payments.payment(2))
    tap.same((status, answer["id"]), (200, payments.payment(2)["id"]), "asked again")
    tap.same(caller.post("/v1/decisions", payments.payment(3))[0], 200, "the new one, asked again")
    kinds = [(record["kind"], record["transaction"]["id"]) for record in appliance.audit_records()
             if record["kind"] == "decision"]
    tap.same([kind for _, kind in kinds], [payments.payment(n)["id"] for n in (1, 2, 3)],
             "decisions in the log")
    tap.check("the disk hangs" in appliance.log.read_text(), "the log says nothing of it")


def test_waits_for_a_job(appliance):
    """who finds no job free is told so after http.header_seconds, and not cut off"""
    appliance.stop()
    appliance.write_config(audit__patience_ms=60000, http__header_seconds=2, http__idle_seconds=30)
    appliance.start()
    with held(appliance):
        waiting = [appliance.caller().open() for _ in range(MORE_THAN_JOBS)]
        for number, caller in enumerate(waiting):
            caller.connection.request("POST", "/v1/decisions", payments.body(100 + number),
                                      {"Content-Type": "application/json"})
            time.sleep(0.002)
        start = time.monotonic()
        answer = waiting[-1].connection.getresponse()
        took = time.monotonic() - start
        problem = json.loads(answer.read())
        tap.same((answer.status, problem["type"]), (503, "urn:assay:problem:engine_backlog"),
                 "answer of the last one")
        tap.check(1.5 < took < 4, f"it waited {took:.2f} s")
    statuses = [waiting[0].connection.getresponse().status]
    tap.same(statuses, [200], "the first one's, once the disk goes on")
    for caller in waiting:
        caller.close()
    wait_ready(appliance, 200)


if __name__ == "__main__":
    tap.main([test_hang, test_waits_for_a_job],
             lambda: Appliance("hang", settings={"audit.patience_ms": PATIENCE_MS}))

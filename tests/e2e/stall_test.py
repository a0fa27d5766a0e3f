#!/usr/bin/env python3
"""Callers that stop in the middle of a request, and what the others notice of it."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import Appliance

TRIES = 3     # a busy machine may be late, but not each time
STALLED = 90  # more than there are jobs in 128 MiB of hugepages


def wait_of_a_good_one(appliance):
    """How long a good caller waits behind stalled ones, in seconds."""
    good = appliance.caller()
    tap.same(good.post("/v1/decisions", payments.payment(1))[0], 200, "status before")
    held = [appliance.caller().open() for _ in range(STALLED)]
    for caller in held:
        caller.sock.sendall(b"P")
    start = time.monotonic()
    tap.same(good.post("/v1/decisions", payments.payment(2))[0], 200, "status")
    took = time.monotonic() - start
    tap.check(held[0].sock.recv(65536).startswith(b"HTTP/1.1 408 "), "the first stalled one's answer")
    for caller in (*held, good):
        caller.close()
    return took


def test_stalled(appliance):
    """more stalled callers than jobs delay a good one by at most 1.5 s"""
    for _ in range(TRIES):
        took = wait_of_a_good_one(appliance)
        tap.note(f"{STALLED} stalled callers; the good one waited {took:.2f} s")
        if took < 1.6:
            return
    raise tap.Failed(f"the good caller waited {took:.2f} s")


def test_alone(appliance):
    """a slow request is left alone when nobody waits"""
    body = payments.body(3)
    caller = appliance.caller().open()
    head = (f"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    caller.sock.sendall(head.encode())
    time.sleep(1.5)
    caller.sock.sendall(body.encode())
    tap.check(caller.sock.recv(65536).startswith(b"HTTP/1.1 200 "), "the slow one's answer")


if __name__ == "__main__":
    tap.main([test_stalled, test_alone], lambda: Appliance("stall"))

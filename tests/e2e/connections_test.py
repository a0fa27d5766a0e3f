#!/usr/bin/env python3
"""1,000 open TLS connections at a time (CONNECTIONS): all held, all answered, and what each costs."""

import pathlib
import re
import resource
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import Appliance, Caller

CONNECTIONS = tap.times("CONNECTIONS", 1000)
ROUNDS = 3


def resident_kib(appliance):
    text = pathlib.Path(f"/proc/{appliance.child.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1])


def planned_kib(appliance):
    """What boot took from hugepages for connections alone, per connection allowed."""
    rows = dict(re.findall(r"memory: ([\w ]+) (\d+) KiB", appliance.log.read_text()))
    tap.check("tcp" in rows and "connections" in rows, f"the boot table has only {list(rows)}")
    most = appliance.settings["tcp.connections_max"]
    return {name: int(rows[name]) / most for name in ("tcp", "connections")}


def test_held(appliance):
    """every connection is opened, held, and answered three times"""
    context = appliance.context()
    port = appliance.settings["tcp.port"]
    before, start = resident_kib(appliance), time.monotonic()
    appliance.held = [Caller(context, port=port, timeout=60).open() for _ in range(CONNECTIONS)]
    opened = time.monotonic() - start
    for turn in range(ROUNDS):
        for number, caller in enumerate(appliance.held):
            status, answer = caller.post("/v1/decisions",
                                         payments.payment(number, id=f"c{turn}-{number}"))
            tap.same((status, answer.get("id")), (200, f"c{turn}-{number}"), "status and id")
    grown = resident_kib(appliance) - before
    boot = planned_kib(appliance)
    tap.note(f"{CONNECTIONS} handshakes, one after the other, took {opened:.1f} s")
    tap.note(f"memory per open connection: {grown / CONNECTIONS:.1f} KiB of TLS session, "
             + ", ".join(f"{kib:.1f} KiB of {name}" for name, kib in boot.items())
             + " taken at boot")


def test_simultaneous(appliance):
    """one request on all of them at once, before the first answer is read"""
    data = payments.body(0)
    request = (f"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
               f"\r\nContent-Length: {len(data)}\r\n\r\n{data}").encode()
    for caller in appliance.held:
        caller.sock.sendall(request)
    for number, caller in enumerate(appliance.held):
        text = caller.sock.recv(65536)
        tap.check(text.startswith(b"HTTP/1.1 200"), f"connection {number}: {text[:100]}")


def test_closed(appliance):
    """all are closed, and new ones are served"""
    for caller in appliance.held:
        caller.close()
    status, _ = appliance.caller().post("/v1/decisions", payments.payment(1))
    tap.same(status, 200, "status")
    done = appliance.manage("status")
    tap.note(done.stdout)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    tap.main([test_held, test_simultaneous, test_closed],
             lambda: Appliance("connections", settings={"http.idle_seconds": 600,
                                                       "tcp.connections_max": 2 * CONNECTIONS,
                                                       "log.level": "debug"}))

#!/usr/bin/env python3
"""Limits of connections: silence, handshakes under way."""

import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import Appliance
from machine import SERVER4

IDLE_SECONDS = 2
HANDSHAKES = 4
SETTINGS = {"tcp.idle_seconds": IDLE_SECONDS, "tls.handshakes_max": HANDSHAKES,
            "tcp.connections_max": 256}


def counted(appliance, reason):
    return appliance.metric(f'assay_failures_total{{reason="{reason}"}}')


def test_still(appliance):
    """tcp.idle_seconds: a connection on which no byte moves is closed, long before http.idle_seconds"""
    before = counted(appliance, "idle_timeout")
    caller = appliance.caller()
    tap.same(caller.post("/v1/decisions", payments.payment(1))[0], 200, "status")
    start = time.monotonic()
    tap.same(caller.sock.recv(1), b"", "what an idle caller reads")
    took = time.monotonic() - start
    tap.check(IDLE_SECONDS - 0.5 < took < IDLE_SECONDS + 2, f"closed after {took:.1f} s")
    tap.same(counted(appliance, "idle_timeout"), before + 1, "idle_timeout")


def test_handshakes(appliance):
    """tls.handshakes_max: one handshake more is refused at once, and counted"""
    address = SERVER4, appliance.settings["tcp.port"]
    held = [socket.create_connection(address, 5) for _ in range(HANDSHAKES)]
    try:
        got = socket.create_connection(address, 5).recv(1)
    except ConnectionResetError:
        got = None
    tap.same(got, None, "what one handshake too many reads")
    tap.same(counted(appliance, "handshakes_full"), 1, "handshakes_full")
    for connection in held:
        connection.close()
    end = time.monotonic() + 5
    while appliance.metric("assay_handshakes") > 0:
        tap.check(time.monotonic() < end, "handshakes of closed connections go on")
        time.sleep(0.05)
    tap.same(appliance.caller().post("/v1/decisions", payments.payment(2))[0], 200, "status")


if __name__ == "__main__":
    tap.main([test_still, test_handshakes], lambda: Appliance("limits", settings=SETTINGS))

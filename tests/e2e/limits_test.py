#!/usr/bin/env python3
"""Limits of connections: silence, handshakes under way, slow and stalled requests, and
what becomes of connections at the end."""

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

IDLE_SECONDS = 4
HANDSHAKES = 4
HEADER_SECONDS, BODY_SECONDS = 2, 6
SETTINGS = {"tcp.idle_seconds": IDLE_SECONDS, "tls.handshakes_max": HANDSHAKES,
            "tcp.connections_max": 256, "http.header_seconds": HEADER_SECONDS,
            "http.body_seconds": BODY_SECONDS}


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
    tap.check(IDLE_SECONDS - 0.5 < took < 50, f"closed after {took:.1f} s")
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


HEAD = b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def first_line(connection):
    return connection.recv(65536).split(b"\r\n")[0]


def test_slow_chunks(appliance):
    """http.body_seconds, not header_seconds, bounds a chunked body"""
    body = payments.body(3).encode()
    sock = appliance.caller().open().sock
    sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for at in range(0, 50, 10):  # 5 pieces in 3 s
        time.sleep(0.6)
        sock.sendall(b"a\r\n" + body[at:at + 10] + b"\r\n")
    sock.sendall(b"%x\r\n" % len(body[50:]) + body[50:] + b"\r\n0\r\n\r\n")
    tap.same(first_line(sock), b"HTTP/1.1 200 OK", "the answer to a slow body")
    sock = appliance.caller().open().sock
    sock.sendall(HEAD + b"Content-Length: 100\r\n\r\n")
    start = time.monotonic()
    for _ in range(20):
        time.sleep(0.5)
        try:
            sock.sendall(b" ")
        except OSError:
            break
        if time.monotonic() - start > BODY_SECONDS:
            break  # what is left to come is the answer
    tap.same(first_line(sock), b"HTTP/1.1 408 Request Timeout", "the answer to an endless body")
    took = time.monotonic() - start
    tap.check(took > BODY_SECONDS - 0.5, f"it took {took:.1f} s")


def test_slow_head(appliance):
    """http.header_seconds bounds a head"""
    sock = appliance.caller().open().sock
    sock.sendall(HEAD)
    start = time.monotonic()
    tap.same(first_line(sock), b"HTTP/1.1 408 Request Timeout", "the answer to half a head")
    took = time.monotonic() - start
    tap.check(took > HEADER_SECONDS - 0.5, f"it took {took:.1f} s")


if __name__ == "__main__":
    tap.main([test_still, test_handshakes, test_slow_chunks, test_slow_head],
             lambda: Appliance("limits", settings=SETTINGS))

#!/usr/bin/env python3
"""Many TLS handshakes at once, and what an open connection notices of them.

The appliance stands still while the first bytes of many strangers, and behind them a request
of a caller who is in, gather before it.  Then it goes on, and the kernel's stamps of what
arrives say in which order it answered, however busy the machine is."""

import pathlib
import select
import signal
import socket
import ssl
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import NAME, Appliance
from machine import SERVER4

STRANGERS = 96  # three bursts of frames
BOUND = 16      # the turns in which all frames are taken in, and some
SO_TIMESTAMPNS = 35
SECONDS = 20


class Wire:
    """A TLS connection whose bytes are sent when the test says so."""

    def __init__(self, appliance):
        context = appliance.context(resume=False)
        context.set_ecdh_curve("prime256v1")  # no HelloRetryRequest, which is cheap
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.into, self.out, server_hostname=NAME)
        self.raw = socket.create_connection((SERVER4, appliance.settings["tcp.port"]), SECONDS)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.shake()
        self.hello = self.out.read()

    def shake(self):
        try:
            self.tls.do_handshake()
            return True
        except ssl.SSLWantReadError:
            return False

    def finish(self):
        while not self.shake():
            self.send()
            data = self.raw.recv(65536)
            tap.check(data, "a stranger was cut off")
            self.into.write(data)
        self.send()

    def send(self):
        data = self.out.read()
        if data:
            self.raw.sendall(data)

    def arrived_ns(self):
        """When the kernel took in the first bytes that wait to be read."""
        tap.check(select.select([self.raw], [], [], SECONDS)[0], "nothing arrives")
        _, extra, _, _ = self.raw.recvmsg(1, 1024, socket.MSG_PEEK)
        stamps = [struct.unpack("ll", data[:16]) for level, kind, data in extra
                  if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)]
        tap.check(stamps, "the kernel stamps nothing")
        return stamps[0][0] * 10**9 + stamps[0][1]


def test_newcomers(appliance):
    """an open connection is served before the handshakes that came before its request"""
    caller = Wire(appliance)
    caller.raw.sendall(caller.hello)
    caller.finish()
    strangers = [Wire(appliance) for _ in range(STRANGERS)]
    time.sleep(0.2)  # the tickets of the first have come
    caller.into.write(caller.raw.recv(65536))
    body = payments.body(1)
    appliance.child.send_signal(signal.SIGSTOP)
    try:
        for stranger in strangers:
            stranger.raw.sendall(stranger.hello)
        caller.tls.write((f"POST /v1/decisions HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: "
                          f"application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
        caller.send()
        time.sleep(0.1)
    finally:
        appliance.child.send_signal(signal.SIGCONT)
    answer_ns = caller.arrived_ns()
    firsts = [stranger.arrived_ns() for stranger in strangers]
    before = sum(first < answer_ns for first in firsts)
    tap.note(f"{before} of {STRANGERS} strangers were answered before; the last "
             f"{(max(firsts) - answer_ns) / 1e6:.1f} ms later")
    caller.into.write(caller.raw.recv(65536))
    tap.check(caller.tls.read(65536).startswith(b"HTTP/1.1 200 "), "the caller's answer")
    tap.check(before < BOUND, f"{before} of {STRANGERS} handshakes went first")
    for stranger in strangers:
        stranger.finish()
        stranger.raw.close()
    caller.raw.close()


if __name__ == "__main__":
    tap.main([test_newcomers], lambda: Appliance("handshakes", settings={"audit.reply": "queued"}))

#!/usr/bin/env python3
"""SIGTERM: nobody is cut off."""

import pathlib
import ssl
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import Appliance

THREADS, IDLE = 8, 20


class Busy(threading.Thread):
    """Asks until it is told Connection: close; any other end is an error."""

    def __init__(self, appliance):
        super().__init__()
        self.caller = appliance.caller()
        self.caller.open()
        self.answers, self.error, self.told = [], None, False

    def run(self):
        try:
            while not self.told:
                status, headers, _ = self.caller.request("POST", "/v1/decisions", payments.body(1))
                self.answers.append(status)
                self.told = headers.get("Connection") == "close"
        except Exception as error:  # pylint: disable=broad-except
            self.error = f"{type(error).__name__}: {error}"


def test_stop(appliance):
    """idle connections get close_notify, busy ones their answer and Connection: close"""
    idle = [appliance.caller() for _ in range(IDLE)]
    for caller in idle:
        tap.same(caller.get("/v1/health/live")[0], 200, "status")
    half = appliance.caller().open()
    busy = [Busy(appliance) for _ in range(THREADS)]
    for thread in busy:
        thread.start()
    time.sleep(0.5)
    # The rest of this one's request comes after SIGTERM.
    body = payments.body(2)
    half.sock.sendall((f"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                       f"application/json\r\nContent-Length: {len(body)}\r\n\r\n{body[:50]}").encode())
    time.sleep(0.1)
    finish = threading.Timer(0.5, lambda: half.sock.sendall(body[50:].encode()))
    finish.start()
    start = time.monotonic()
    tap.same(appliance.stop(), 0, "exit status")
    took = time.monotonic() - start
    for thread in (*busy, finish):
        thread.join()
    tap.note(f"stopped in {took:.2f} s")
    tap.same([thread.error for thread in busy], [None] * THREADS, "errors of busy callers")
    tap.check(all(thread.told for thread in busy), "a busy caller was not told to close")
    answer = half.sock.recv(65536)
    tap.check(answer.startswith(b"HTTP/1.1 200 ") and b"Connection: close" in answer,
              f"the half request's answer: {answer[:200]}")
    for caller in idle:
        # Python raises on an end without close_notify only when asked to.
        caller.sock.suppress_ragged_eofs = False
        try:
            tap.same(caller.sock.recv(1), b"", "what an idle caller reads")
        except ssl.SSLError as error:
            raise tap.Failed(f"an idle caller got no close_notify: {error}") from error
    tap.check(took < 10, f"it took {took:.1f} s")
    # The busy ones ask for the same payment again and again: repeats after the first.
    recorded = sum(record["kind"] in ("decision", "repeat") for record in appliance.audit_records())
    tap.same(recorded, sum(len(thread.answers) for thread in busy) + 1, "decisions and repeats")


if __name__ == "__main__":
    tap.main([test_stop], lambda: Appliance("stop"))

"""Load by stock clients: threads with one kept-alive connection each.  Every answer
that arrived whole is kept as (payment id, audit sequence, audit hash)."""

import contextlib
import http.client
import socket
import threading
import time

import payments


class Load:
    def __init__(self, appliance, threads=4, count=None, name="client", prefix="t"):
        self.appliance, self.name = appliance, name
        self.prefix = prefix  # of the ids
        self.count = count  # requests of each thread; None: until stopped
        self.answers, self.errors = [], []
        self.ending = threading.Event()
        self.callers = []
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(threads)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def work(self, thread):
        caller = self.appliance.caller(self.name, timeout=60)
        self.callers.append(caller)
        number = 0
        try:
            while not self.ending.is_set() and (self.count is None or number < self.count):
                name = f"{self.prefix}{thread}-{number}"
                status, answer = caller.post("/v1/decisions", payments.payment(number, id=name))
                if status != 200:
                    self.errors.append(f"{name}: {status} {answer}")
                    return
                self.answers.append((answer["id"], answer["audit"]["sequence"],
                                     answer["audit"]["hash"], answer))
                number += 1
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.errors.append(f"{self.prefix}{thread}-{number}: {type(error).__name__}: {error}")
        finally:
            caller.close()

    def stop(self):
        self.ending.set()
        return self.join()

    def wait_answers(self, least, seconds=30):
        end = time.monotonic() + seconds
        while len(self.answers) < least and time.monotonic() < end:
            time.sleep(0.01)
        return self

    def cut(self):
        """Ends connections to a dead peer, whose clients would wait for its answer."""
        self.ending.set()
        for caller in self.callers:
            with contextlib.suppress(OSError, AttributeError):
                caller.sock.shutdown(socket.SHUT_RDWR)
        return self.join()

    def join(self):
        for thread in self.threads:
            thread.join()
        return self

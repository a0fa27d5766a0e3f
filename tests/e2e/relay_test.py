#!/usr/bin/env python3
"""The relay itself, between two kernels: what it loses and doubles is what it says,
and the same seed gives the same fate."""

import pathlib
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import tap
from appliance import BUILD
from machine import SERVER4, Wires, need_root
from relay import Relay

FRAMES = 2000
PORT = 9999
PACE_S = 0.0005  # slower than the relay, so that nothing else is lost


class Cable:
    """A datagram socket on each side of the relay, with addresses for both kernels."""

    def __init__(self, **fate):
        self.fate = fate

    def __enter__(self):
        need_root()
        self.wires = Wires(relay=True)
        self.wires.client.silence("client0")  # no multicast reports of IPv6 among the frames
        self.wires.server.ip("address", "add", f"{SERVER4}/24", "dev", "assay0")
        self.wires.server.enter()
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.receiver.bind((SERVER4, PORT))
        self.wires.client.enter()
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.warm_up()
        self.relay = Relay(self.wires, BUILD / "tests/e2e/relay", **self.fate)
        return self

    def warm_up(self):
        """Through a faithful relay first, so that no ARP is among the counted frames."""
        relay = Relay(self.wires, BUILD / "tests/e2e/relay")
        self.receiver.settimeout(5)
        self.sender.sendto(b"hello", (SERVER4, PORT))
        self.receiver.recv(100)
        found = self.wires.client.run(["ip", "neigh", "show", SERVER4], capture_output=True,
                                      text=True)
        self.wires.client.ip("neigh", "replace", SERVER4, "lladdr", found.stdout.split()[4], "dev",
                             "client0", "nud", "permanent")
        relay.close()

    def __exit__(self, *_):
        self.relay.close()
        self.sender.close()
        self.receiver.close()
        self.wires.close()

    def send(self):
        """What arrived, in order of arrival, and what the relay says it did."""
        for number in range(FRAMES):
            self.sender.sendto(b"%d" % number, (SERVER4, PORT))
            time.sleep(PACE_S)
        self.receiver.settimeout(0.5)
        arrived = []
        try:
            while True:
                arrived.append(int(self.receiver.recv(100)))
        except TimeoutError:
            pass
        return arrived, self.relay.close()[0]


def test_counts():
    """it loses, doubles and reorders what it says"""
    with Cable(seed=3, loss=50, duplicate=50, reorder=50) as cable:
        arrived, counts = cable.send()
    tap.note(counts)
    tap.same(len(set(arrived)), FRAMES - counts["lost"], "different datagrams")
    tap.same(len(arrived), FRAMES - counts["lost"] + counts["duplicated"], "datagrams")
    tap.check(FRAMES / 40 < counts["lost"] < FRAMES / 10, "it did not lose about 5 %")
    tap.check(arrived != sorted(arrived), "nothing was overtaken")


def test_seed():
    """the same seed loses the same frames, another seed others"""
    lost = []
    for seed in (5, 5, 6):
        with Cable(seed=seed, loss=20) as cable:
            lost.append(set(range(FRAMES)) - set(cable.send()[0]))
    tap.same(lost[0], lost[1], "frames lost under seed 5")
    tap.check(lost[0] != lost[2], "seeds 5 and 6 lost the same frames")


def test_faithful():
    """without a fate it carries everything in order"""
    with Cable() as cable:
        arrived, counts = cable.send()
    tap.same(arrived, list(range(FRAMES)), "datagrams")
    tap.same(counts["carried"], FRAMES, "carried")


if __name__ == "__main__":
    tap.main([test_counts, test_seed, test_faithful])

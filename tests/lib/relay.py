"""Runs tests/e2e/relay.c in the middle of Wires(relay=True) and reports what it did."""

import json
import subprocess

from machine import Problem


class Relay:
    def __init__(self, wires, program, **fate):
        words = [str(word) for pair in fate.items() for word in pair]
        self.fate = fate
        self.child = wires.middle.popen([program, "relay0", "relay1", *words], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.child.stdout.readline() != "ready\n":
            raise Problem(f"{program} did not start")

    def close(self):
        """Ends it; returns its counts: towards the appliance, and back."""
        if self.child is None:
            return None
        text, _ = self.child.communicate("", timeout=10)
        self.child = None
        counts = json.loads(text)
        return counts["relay0"], counts["relay1"]

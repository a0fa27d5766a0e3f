#!/usr/bin/env python3
"""A ring of answers that is too small for what is asked: old answers are forgotten and
their repeats decided anew, but no request fails and none gets another's answer."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import Appliance

BATCH = 64
BATCHES = 60


def decide(caller, numbers):
    status, answer = caller.post("/v1/decisions", payments.batch(numbers))
    tap.same(status, 200, f"status of {str(answer)[:300]}")
    tap.same([item["id"] for item in answer["decisions"]], [f"p-{n}" for n in numbers], "ids")
    return answer["decisions"]


def test_edge_of_memory(appliance):
    """repeats of what is just being forgotten, in batches that make room for themselves"""
    caller = appliance.caller()
    first = {}
    for batch in range(BATCHES):
        for item in decide(caller, range(batch * BATCH, (batch + 1) * BATCH)):
            first[item["id"]] = item
    new, same, anew = BATCHES * BATCH, 0, 0
    for old in range(0, BATCHES * BATCH - 8, 8):
        numbers = list(range(old, old + 8)) + list(range(new, new + BATCH - 8))
        new += BATCH - 8
        for item in decide(caller, numbers)[:8]:
            same += item == first[item["id"]]
            anew += item["audit"]["sequence"] > first[item["id"]]["audit"]["sequence"]
    caller.close()
    tap.note(f"{same} first answers, {anew} decided anew")
    tap.same(same + anew, (BATCHES * BATCH - 8 + 7) // 8 * 8, "answers of either kind")
    tap.check(anew > 0, "nothing was forgotten: the ring is too large for this test")


def test_after(appliance):
    """it still serves, and its log decides again to the same bytes"""
    tap.same(appliance.caller().get("/v1/health/ready")[0], 200, "status")
    tap.same(appliance.stop(), 0, "exit status")
    result = json.loads(appliance.ctl("replay", appliance.audit, "--json").stdout)
    tap.same(result["different"], 0, "decisions that differ")


if __name__ == "__main__":
    tap.main([test_edge_of_memory, test_after],
             lambda: Appliance("small_ring", settings={"idempotency.memory_mib": 1}))

#!/usr/bin/env python3
"""Metrics and status of a running appliance, on its management port."""

import json
import pathlib
import re
import ssl
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import TREE, Appliance

REQUESTS = 50


def page(appliance):
    code, status, body = appliance.management("client", "/metrics")
    tap.same((code, status), (0, "200"), "curl's status and HTTP's")
    return body


def value(text, pattern):
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if re.match(pattern, line))


def test_promtool(appliance):
    """promtool accepts the metrics"""
    text = page(appliance)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          text=True, check=False)
    tap.same(done.returncode, 0, f"promtool's status ({done.stdout}{done.stderr})")
    tap.same(done.stderr.strip(), "", "promtool's remarks")


def test_rows(appliance):
    """one counter per row of the failure table"""
    text = page(appliance)
    table = (TREE / "runtime/base/reason_table.h").read_text()
    rows = re.findall(r"^REASON\((\w+),", table, re.M)
    missing = [row for row in rows if f'"{row}"' not in text]
    tap.same(missing, [], "rows without a counter")


def test_counts(appliance):
    """requests are counted, and a refused one in its row"""
    before = page(appliance)
    caller = appliance.caller()
    for number in range(REQUESTS):
        tap.same(caller.post("/v1/decisions", payments.payment(number))[0], 200, "status")
    tap.same(caller.post("/v1/decisions", payments.payment(1, currency="?"))[0], 422, "status")
    after = page(appliance)
    caller.close()
    for pattern, least in ((r"assay_requests_total", REQUESTS + 1),
                           (r"assay_transactions_total", REQUESTS),
                           (r'assay_\w+_total\{.*"field_unknown"', 1)):
        grown = value(after, pattern) - value(before, pattern)
        tap.check(grown >= least, f"{pattern} grew by {grown}, expected {least}")


def test_status(appliance):
    """assayctl status tells what it is doing"""
    done = appliance.manage("status")
    tap.note(done.stdout)
    tap.check(len(done.stdout.splitlines()) > 5, "hardly a status")


def test_rights(appliance):
    """a caller without the right gets 403, one without a certificate nothing"""
    tap.same(appliance.management("client2", "/metrics")[1], "403", "status without the right")
    code, status, _ = appliance.management(None, "/metrics")
    tap.check(code != 0 and status == "000", f"served without a certificate: {code} {status}")
    code, status, _ = appliance.management("revoked", "/metrics")
    tap.check(code != 0 and status == "000", f"served a revoked one: {code} {status}")


def test_log(appliance):
    """every line of the log is a JSON object with a level"""
    try:
        appliance.caller(None).get("/v1/version")
        raise tap.Failed("served without a certificate")
    except (ssl.SSLError, OSError):
        pass
    lines = [line for line in appliance.log.read_text().splitlines() if line.strip()]
    wrong = [line for line in lines if not line.startswith(("EAL:", "TELEMETRY:"))
             and "level" not in json.loads(line)]
    tap.same(wrong, [], "lines without a level")
    tap.check(len(lines) > 0, "the log is empty")


if __name__ == "__main__":
    tap.main([test_promtool, test_rows, test_counts, test_status, test_rights, test_log],
             lambda: Appliance("metrics"))

#!/usr/bin/env python3
"""Metrics and status of a running appliance, on its management port."""

import json
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import TREE, Appliance
from machine import SERVER4

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


def test_losses(appliance):
    """a loss has a counter, the card its link, a certificate its end"""
    rows = appliance.metrics()
    for name in ("nic_rx_missed", "nic_rx_no_buffer", "nic_tx_full", "nic_tx_errors",
                 "tcp_backlog_full", "tcp_refused_full", "tcp_held_full", "tcp_transmit_dropped",
                 "tcp_memory_failures", "audit_failures", "audit_sync_failures"):
        tap.same(rows.get(f"assay_{name}_total"), 0, name)
    end = time.monotonic() + 10  # the kernel tells of a new link up to a second late
    while appliance.metrics()["assay_nic_link_up"] != 1:
        tap.check(time.monotonic() < end, "no link")
        time.sleep(0.1)
    for name, file in (("certificate", "server.pem"), ("issuer", "ca.pem")):
        done = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in",
                               appliance.pki / file], capture_output=True, text=True, check=True)
        ends = ssl.cert_time_to_seconds(done.stdout.strip().partition("=")[2])
        for listener in ("service", "management"):
            tap.same(rows[f'assay_{name}_expires_seconds{{listener="{listener}"}}'], ends,
                     f"{file} of {listener}")


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


def raw_request(appliance, data):
    """The first line of the answer to these bytes."""
    sock = appliance.caller().open().sock
    sock.sendall(data)
    return sock.recv(4096).split(b"\r\n")[0].decode()


def send_frame(data):
    """A frame on the client's end of the cable."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as end:
        end.bind(("client0", 0))
        end.send(data)


def no_certificate(appliance):
    try:
        appliance.caller(None).get("/v1/version")
        raise tap.Failed("served without a certificate")
    except (ssl.SSLError, OSError):
        pass


def unlisted_path(appliance):
    tap.check(" 404 " in raw_request(appliance, b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"), "404")


def forbidden(appliance):
    good = appliance.settings["callers"]
    appliance.write_config(callers=[*good[:1], {**good[1], "may": ["health"]}, *good[2:]])
    appliance.reload()
    tap.same(appliance.caller("client2").get("/v1/version")[0], 403, "status")
    appliance.write_config(callers=good)
    appliance.reload()


def post_is(appliance, status, body):
    tap.same(appliance.caller().post("/v1/decisions", body)[0], status, f"status of {body!r:.60}")


def without_model(appliance):
    model = appliance.settings["model.file"]
    appliance.write_config(model__file="")
    appliance.reload()
    post_is(appliance, 200, payments.payment(1002))
    appliance.write_config(model__file=model)
    appliance.reload()


PROVOKE = {
    # an IPv4 packet that says it is longer than its frame
    "frame_malformed": lambda _: send_frame(b"\xff" * 6 + b"\x02" + bytes(5) + b"\x08\x00"
                                            + b"\x45\x00\x7f\xff" + bytes(42)),
    "tls_client_refused": no_certificate,
    "tls_handshake_failed": lambda appliance: socket.create_connection(
        (SERVER4, appliance.settings["tcp.port"])).sendall(b"GET / HTTP/1.1\r\n\r\n"),
    "http_path": unlisted_path,
    "http_forbidden": forbidden,
    "http_host": lambda appliance: raw_request(appliance, b"GET / HTTP/1.1\r\n\r\n"),
    "json_malformed": lambda appliance: post_is(appliance, 400, "{"),
    "batch_empty": lambda appliance: post_is(appliance, 422, {"transactions": []}),
    "field_missing": lambda appliance: post_is(appliance, 422, {"id": "x"}),
    "feature_missing": lambda appliance: post_is(appliance, 200, payments.payment(1001)),
    "model_missing": without_model,
    "repeat_conflict": lambda appliance: post_is(
        appliance, 409, payments.payment(1001, card="tok-other")),
}


def test_reasons(appliance):
    """a row counts when what it says happens"""
    for reason, provoke in PROVOKE.items():
        name = f'assay_failures_total{{reason="{reason}"}}'
        before, end = appliance.metric(name), time.monotonic() + 3
        provoke(appliance)
        while appliance.metric(name) <= before:
            tap.check(time.monotonic() < end, f"{reason} does not count")
            time.sleep(0.05)


def test_stages(appliance):
    """every stage that a decision goes through is measured"""
    before = appliance.metrics()
    for number in range(5):
        post_is(appliance, 200, payments.payment(2000 + number))
    after = appliance.metrics()
    for stage in ("tls", "http", "decode", "features", "model", "decide", "audit", "commit", "reply"):
        name = f'assay_stage_seconds_count{{stage="{stage}"}}'
        tap.check(after[name] >= before[name] + 5, f"{name} went from {before[name]} to {after[name]}")


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
    no_certificate(appliance)
    end = time.monotonic() + 3
    while "the client sent no certificate" not in appliance.log.read_text():
        tap.check(time.monotonic() < end, "the log does not say why a handshake was refused")
        time.sleep(0.05)
    lines = [line for line in appliance.log.read_text().splitlines() if line.strip()]
    wrong = [line for line in lines if not line.startswith(("EAL:", "TELEMETRY:"))
             and "level" not in json.loads(line)]
    tap.same(wrong, [], "lines without a level")
    tap.check(len(lines) > 0, "the log is empty")


if __name__ == "__main__":
    tap.main([test_promtool, test_rows, test_losses, test_counts, test_reasons, test_stages,
              test_status, test_rights, test_log],
             lambda: Appliance("metrics"))

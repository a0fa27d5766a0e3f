#!/usr/bin/env python3
"""Stock clients against the DPDK port from another network namespace."""

import json
import pathlib
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import NAME, Appliance
from machine import SERVER4, SERVER6

AB_CONNECTIONS = 200
AB_SECONDS = 60


def curl(appliance, *arguments):
    argv = ["curl", "-sS", "--max-time", "30", *appliance.curl_arguments(), *arguments]
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60,
                          check=False)
    tap.same(done.returncode, 0, f"curl's exit status ({done.stderr.strip()[-300:]})")
    return done


def post(appliance, data, *more):
    return curl(appliance, "-H", "Content-Type: application/json", "--data-binary", data, *more,
                appliance.url("/v1/decisions"))


def decided(text, number):
    answer = json.loads(text)
    tap.check(answer.get("decision") in ("approve", "review", "decline"), f"no decision: {text}")
    tap.same(answer["id"], f"p-{number}", "the answer's id")


def test_curl(appliance):
    """curl gets a decision"""
    decided(post(appliance, payments.body(1)).stdout, 1)


def test_curl_keep_alive(appliance):
    """curl reuses one connection for three requests"""
    urls = [appliance.url("/v1/decisions")] * 3
    done = curl(appliance, "-v", "-H", "Content-Type: application/json", "-d", payments.body(2),
                *urls)
    answers = re.findall(r'\{"id".*?\}(?=\{"id"|\s*$)', done.stdout, re.S)
    tap.same(len(answers), 3, "answers")
    tap.same(done.stderr.count("Connected to "), 1, "connections")


def test_curl_continue(appliance):
    """curl sends a body just below the limit after 100 Continue"""
    limit = appliance.settings["http.body_bytes_max"]
    done = post(appliance, payments.large(3, limit - 100), "-v", "-H", "Expect: 100-continue")
    tap.check("HTTP/1.1 100" in done.stderr, "no 100 Continue came")
    decided(done.stdout, 3)


def test_curl_too_long(appliance):
    """a body beyond the limit is refused with 413, before it is sent"""
    limit = appliance.settings["http.body_bytes_max"]
    done = post(appliance, payments.large(4, limit + 1), "-w", "\n%{http_code}", "-H",
                "Expect: 100-continue")
    problem, status = done.stdout.rsplit("\n", 1)
    tap.same(status, "413", "status")
    tap.same(json.loads(problem)["status"], 413, "status in the problem document")


def test_curl_chunked(appliance):
    """curl sends a chunked body"""
    decided(post(appliance, payments.body(5), "-H", "Transfer-Encoding: chunked").stdout, 5)


def test_curl_ipv6(appliance):
    """curl over IPv6"""
    port = appliance.settings["tcp.port"]
    arguments = appliance.curl_arguments()[:-1] + [f"{NAME}:{port}:[{SERVER6}]:{port}"]
    argv = ["curl", "-sS", *map(str, arguments), "-d", payments.body(6), "-H",
            "Content-Type: application/json", appliance.url("/v1/decisions")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    tap.same(done.returncode, 0, f"curl's exit status ({done.stderr.strip()})")
    decided(done.stdout, 6)


def test_openssl(appliance):
    """openssl s_client speaks TLS 1.3 and gets a decision"""
    data = payments.body(7)
    request = (f"POST /v1/decisions HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n{data}")
    pki = appliance.pki
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{SERVER4}:{appliance.settings['tcp.port']}",
         "-servername", NAME, "-CAfile", pki / "ca.pem", "-verify_return_error", "-cert",
         pki / "client.pem", "-key", pki / "client.key", "-ign_eof"],
        input=request, capture_output=True, text=True, timeout=60, check=False)
    tap.check("Verification: OK" in done.stdout, f"not verified: {done.stdout} {done.stderr}")
    tap.check("TLSv1.3" in done.stdout, "not TLS 1.3")
    tap.check("HTTP/1.1 200" in done.stdout, f"no answer: {done.stdout[-600:]}{done.stderr[-300:]}")


def test_python(appliance):
    """Python's ssl sends 500 requests over one connection"""
    caller = appliance.caller()
    for number in range(500):
        status, answer = caller.post("/v1/decisions", payments.payment(number))
        tap.same(status, 200, f"status of request {number}")
        tap.same(answer["id"], f"p-{number}", "the answer's id")
    tap.same(caller.sock.version(), "TLSv1.3", "version")
    caller.close()


def test_pipelining(appliance):
    """20 pipelined requests are answered in order"""
    caller = appliance.caller().open()
    text = "".join(
        f"POST /v1/decisions HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(payments.body(n))}\r\n"
        + ("Connection: close\r\n" if n == 19 else "") + f"\r\n{payments.body(n)}"
        for n in range(20))
    caller.sock.sendall(text.encode())
    received = b""
    while chunk := caller.sock.recv(65536):
        received += chunk
    caller.close()
    tap.same(re.findall(rb'"id":"p-(\d+)"', received), [b"%d" % n for n in range(20)], "ids")


def test_long_answers(appliance):
    """answers longer than the send buffer reach a slow reader whole"""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect((SERVER4, appliance.settings["tcp.port"]))
    sock = appliance.context().wrap_socket(raw, server_hostname=NAME)
    sock.settimeout(20)
    reader = sock.makefile("rb")
    # Of many lengths, so that the buffer fills up at every place of the last record.
    for count in range(38, 65):
        data = json.dumps(payments.batch(range(100 * count, 101 * count)))
        sock.sendall((f"POST /v1/decisions HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: "
                      f"application/json\r\nContent-Length: {len(data)}\r\n\r\n{data}").encode())
        time.sleep(0.05)  # everything between is full by now
        length = None
        while (line := reader.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        tap.same(len(json.loads(reader.read(length))["decisions"]), count, "decisions")
    tap.check(length > appliance.settings["tcp.send_buffer_bytes"],
              f"an answer of {length} bytes proves nothing")
    sock.close()


def test_ping(appliance):
    """ping and ping -6 are answered"""
    for address in (SERVER4, SERVER6):
        done = subprocess.run(["ping", "-c", "5", "-i", "0.2", "-W", "2", address], text=True,
                              capture_output=True, check=False)
        tap.check(" 0% packet loss" in done.stdout, done.stdout + done.stderr)
    del appliance


def test_ab(appliance):
    """ab -k with a client certificate and 200 connections meets no error"""
    pki, wanted = appliance.pki, tap.seconds(AB_SECONDS)
    body, pair = appliance.directory / "body.json", appliance.directory / "client-pair.pem"
    body.write_text(payments.body(8))
    pair.write_text((pki / "client.pem").read_text() + (pki / "client.key").read_text())
    done = subprocess.run(
        [str(word) for word in (
            "ab", "-k", "-l", "-c", AB_CONNECTIONS, "-t", wanted, "-n", 10_000_000, "-E", pair,
            "-p", body, "-T", "application/json",
            f"https://{SERVER4}:{appliance.settings['tcp.port']}/v1/decisions")],
        capture_output=True, text=True, timeout=wanted + 120, check=False)
    found = dict(re.findall(r"^([A-Z][\w /-]+):\s+([\d.]+)", done.stdout, re.M))
    tap.note(done.stdout[done.stdout.find("Concurrency Level"):][:1500])
    tap.same(done.returncode, 0, f"ab's exit status ({done.stderr[-400:]})")
    tap.same(found.get("Failed requests"), "0", "failed requests")
    tap.check("Non-2xx" not in done.stdout, "ab saw an answer other than 2xx")
    tap.check("SSL handshake failed" not in done.stderr, done.stderr[-400:])
    tap.check(int(found["Complete requests"]) > 10 * wanted, "hardly any request was completed")
    tap.check(int(found["Keep-Alive requests"]) >= int(found["Complete requests"]) - AB_CONNECTIONS,
              "connections were not kept alive")


def test_stop(appliance):
    """SIGTERM ends it in peace, and the audit log verifies"""
    tap.same(appliance.stop(), 0, "exit status")
    appliance.ctl("audit", "verify", appliance.audit)


if __name__ == "__main__":
    tap.main([test_curl, test_curl_keep_alive, test_curl_continue, test_curl_too_long,
              test_curl_chunked, test_curl_ipv6, test_openssl, test_python, test_pipelining,
              test_long_answers, test_ping, test_ab, test_stop],
             lambda: Appliance("clients", settings={"http.body_bytes_max": 65536,
                                                   "tcp.send_buffer_bytes": 16384}))

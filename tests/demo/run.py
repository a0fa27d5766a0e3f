#!/usr/bin/env python3
"""The demo of `make run`: an appliance on a wire of its own, 1,000 simulated
payments sent to it by stock clients, what became of them, and then a machine that
serves until Ctrl-C.  ONCE=1 ends after the tables; the exit status is 0 only when
everything was as it should be."""

import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
from appliance import NAME, TREE, Appliance
from machine import CLIENT4, SERVER4, SERVER6, Problem

PAYMENTS = int(os.environ.get("PAYMENTS") or 1000)
SEED = 20261124
VERDICTS = ("approve", "review", "decline")


def say(text=""):
    print(text, flush=True)


def simulated_payments():
    """The lines of config/demo/simulate.py: one request body each."""
    done = subprocess.run([sys.executable, TREE / "config/demo/simulate.py", "--count",
                           str(PAYMENTS), "--seed", str(SEED)],
                          capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or len(lines) != PAYMENTS:
        raise Problem(f"config/demo/simulate.py gave {len(lines)} payments of {PAYMENTS}: "
                      f"{done.stderr.strip()[-400:]}")
    return lines


def send_all(appliance, payments):
    """One kept-alive connection of Python's ssl; answers and round trips in ns."""
    caller = appliance.caller()
    answers, round_trips = [], []
    for number, body in enumerate(payments, 1):
        start = time.perf_counter_ns()
        status, _, answer = caller.request("POST", "/v1/decisions", body)
        round_trips.append(time.perf_counter_ns() - start)
        if status != 200:
            raise Problem(f"payment {number} was answered {status}: {answer.decode()[:400]}")
        answers.append(json.loads(answer))
    version = caller.sock.version()
    suite = caller.sock.cipher()[0]
    caller.close()
    return answers, round_trips, f"{version} {suite}"


def curl_command(appliance):
    """curl in the client's namespace and the build root, from anywhere on this host."""
    pki = appliance.pki
    port = appliance.settings["tcp.port"]
    return ["nsenter", "-t", str(os.getpid()), "-m", "-n", "curl", "-sS",
            "--cacert", str(pki / "ca.pem"), "--cert", str(pki / "client.pem"),
            "--key", str(pki / "client.key"),
            "--connect-to", f"{NAME}:{port}:{SERVER4}:{port}",
            "-H", "Content-Type: application/json", "-d",
            f"@{appliance.directory / 'payment.json'}", f"https://{NAME}:{port}/v1/decisions"]


def show_curl(appliance, payment):
    """Run the very command that is printed, and show what it prints."""
    (appliance.directory / "payment.json").write_text(payment)
    command = curl_command(appliance)
    say("\nOne of them by curl; paste it in another terminal of this machine while this runs:\n")
    say(f"  sudo {shlex.join(command)}\n")
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise Problem(f"curl ended with status {done.returncode}: {done.stderr.strip()}")
    answer = json.loads(done.stdout)
    if "decision" not in answer:
        raise Problem(f"curl got no decision: {done.stdout[:400]}")
    for line in json.dumps(answer, indent=2).splitlines():
        say(f"    {line}")


def reason_words(answer):
    reasons = answer.get("reasons") or ["none"]
    first = reasons[0]
    return first if isinstance(first, str) else first.get("text") or first.get("code", "")


def show_decisions(answers):
    say(f"\n  {'decision':10}{'payments':>9}{'share':>9}{'mean score':>12}   a reason")
    for verdict in VERDICTS:
        mine = [a for a in answers if a["decision"] == verdict]
        if not mine:
            say(f"  {verdict:10}{0:9}{0:8.1f}%")
            continue
        mean = sum(float(a["score"]) for a in mine) / len(mine)
        say(f"  {verdict:10}{len(mine):9}{100 * len(mine) / len(answers):8.1f}%{mean:12.4f}   "
            f"{reason_words(mine[0])}")
    strange = {a["decision"] for a in answers} - set(VERDICTS)
    if strange:
        raise Problem(f"answers held decisions nobody knows: {strange}")


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def show_latency(answers, round_trips):
    """Round trips as the client saw them, and the appliance's own time ledger."""
    stages = list(answers[0].get("ledger_ns", {}))
    rows = [("round trip of the client", sorted(round_trips))]
    rows += [(f"  {stage}", sorted(a["ledger_ns"].get(stage, 0) for a in answers))
             for stage in stages]
    say(f"\n  {'microseconds':28}{'p50':>10}{'p90':>10}{'p99':>10}{'max':>10}")
    for name, values in rows:
        cells = "".join(f"{percentile(values, share) / 1000:10.1f}" for share in (.5, .9, .99, 1))
        say(f"  {name:28}{cells}")


def show_audit(appliance, answers):
    verdict = appliance.ctl("audit", "verify", appliance.audit, check=False)
    say("\nThe audit log, by `assayctl audit verify`:\n")
    for line in (verdict.stdout + verdict.stderr).strip().splitlines():
        say(f"  {line}")
    if verdict.returncode:
        raise Problem("the audit log does not verify")
    recorded = sum(record.get("kind") == "decision" for record in appliance.audit_records())
    if recorded != len(answers) + 1:
        raise Problem(f"{len(answers) + 1} payments were answered, {recorded} are in the audit log")


def serve_until_interrupted(appliance):
    say(f"\nServing at {SERVER4} and {SERVER6}, port {appliance.settings['tcp.port']}, for the "
        f"namespace of {CLIENT4}. Ctrl-C ends it.")
    say(f"Its log: {appliance.log.relative_to(TREE)}")
    while True:
        try:
            status = appliance.child.wait(3600)
        except subprocess.TimeoutExpired:
            continue
        except KeyboardInterrupt:
            say("\nStopping.")
            return
        raise Problem(f"assayd ended with status {status}:\n{appliance.log_tail()}")


def demo():
    payments = simulated_payments()
    start = time.monotonic()
    say("Assay demo: hugepages, two network namespaces, a veth pair, throw-away certificates.")
    with Appliance("demo") as appliance:
        say(f"assayd owns its end of the wire and was ready after "
            f"{time.monotonic() - start:.1f} s.")
        answers, round_trips, tls = send_all(appliance, payments)
        say(f"{len(answers)} simulated payments by Python's ssl, one connection, {tls}:")
        show_decisions(answers)
        show_latency(answers, round_trips)
        show_curl(appliance, payments[0])
        show_audit(appliance, answers)
        if os.environ.get("ONCE", "") in ("", "0"):
            serve_until_interrupted(appliance)
        status = appliance.stop()
        if status:
            raise Problem(f"assayd ended with status {status}:\n{appliance.log_tail()}")
    say("\nEverything was as it should be; all of it is taken down again.")


def main():
    try:
        demo()
    except Problem as problem:
        print(f"demo: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("\nStopped before the end; all of it is taken down again.")
        return 130
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())

#!/usr/bin/env python3
"""The demo of `make run`: an appliance on a wire of its own that remembers eight days
of a simulated bank, 1,000 payments and some labels sent to it by stock clients, what
became of them and why, a replay that proves it, and then a machine that serves until
Ctrl-C.  ONCE=1 ends after the tables; the exit status is 0 only when
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
HISTORY = 12000  # payments decided before the appliance starts, to fill its windows
SEED = 20261124
RULES_SHOWN = 12
VERDICTS = ("approve", "review", "decline")


def say(text=""):
    print(text, flush=True)


def simulated():
    """(history, live): lines of config/demo/simulate.py, payments and labels in order."""
    done = subprocess.run([sys.executable, TREE / "config/demo/simulate.py", "--feedback", "--count",
                           str(HISTORY + PAYMENTS), "--seed", str(SEED)],
                          capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    at = [number for number, line in enumerate(lines) if not is_label(line)]
    if done.returncode or len(at) != HISTORY + PAYMENTS:
        raise Problem(f"config/demo/simulate.py gave {len(at)} payments of {HISTORY + PAYMENTS}: "
                      f"{done.stderr.strip()[-400:]}")
    return lines[:at[HISTORY]], lines[at[HISTORY]:]


def is_label(line):
    return line.startswith('{"labels"')


def remember(appliance, history):
    """What happened before the appliance came: decided offline, into its audit log."""
    start = time.monotonic()
    appliance.ctl("decide", "--config", appliance.config_file, "--audit", appliance.audit,
                  input="\n".join(history) + "\n")
    labels = sum(map(is_label, history))
    say(f"{len(history) - labels} payments of the last days and {labels} labels were decided offline "
        f"in {time.monotonic() - start:.1f} s, with histories in "
        f"{appliance.settings['state.memory_mib']} MiB.")


def post(caller, path, body, status=200):
    got, _, answer = caller.request("POST", path, body)
    if got != status:
        raise Problem(f"{path} was answered {got}, not {status}: {answer.decode()[:400]}")
    return answer


def send_all(appliance, lines):
    """One kept-alive connection of Python's ssl; answers, round trips in ns, labels sent."""
    caller = appliance.caller()
    answers, round_trips, labels = [], [], 0
    for body in lines:
        if is_label(body):
            post(caller, "/v1/labels", body)
            labels += 1
            continue
        start = time.perf_counter_ns()
        answer = post(caller, "/v1/decisions", body)
        round_trips.append(time.perf_counter_ns() - start)
        answers.append(json.loads(answer))
    version = caller.sock.version()
    suite = caller.sock.cipher()[0]
    caller.close()
    return answers, round_trips, labels, f"{version} {suite}"


def show_rules(answers):
    """How often each rule hit, and what it said with the values filled in."""
    hits = {}
    for answer in answers:
        for rule in answer.get("rules", []):
            hits.setdefault(rule["id"], []).append(rule)
    say(f"\n  {'rule':26}{'hits':>5}   what it said once")
    for name, rules in sorted(hits.items(), key=lambda entry: -len(entry[1]))[:RULES_SHOWN]:
        say(f"  {name:26}{len(rules):5}   {rules[-1].get('text', '')}")
    if not hits:
        raise Problem("no rule hit any payment")


def show_windows(appliance, answers):
    """The worst payment's windows, as they were recorded when it was decided."""
    worst = max(answers, key=lambda a: (len(a["rules"]), float(a["score"] or 0)))
    exported = appliance.ctl("audit", "cat", "--config", appliance.config_file, appliance.audit)
    for line in exported.stdout.splitlines():
        if f'"id":"{worst["id"]}"' not in line or '"kind":"decision"' not in line:
            continue
        record = json.loads(line)
        values = {name: value for name, value in record["values"].items() if value is not None}
        say(f"\nWindows of {worst['id']} ({record['transaction']['channel']}, "
            f"{record['transaction']['amount']} {record['transaction']['currency']}: "
            f"{worst['decision']}), from its audit record:\n")
        cells = [f"{name} {value:.6g}" for name, value in values.items()]
        for row in range(0, len(cells), 3):
            say("  " + "".join(f"{cell:38}" for cell in cells[row:row + 3]).rstrip())
        return
    raise Problem(f"{worst['id']} is not in the audit log")


def show_retry(appliance, payment):
    """A client that lost an answer asks again; one that reuses an id is told."""
    caller = appliance.caller()
    fresh = json.dumps({**json.loads(payment), "id": "demo-retry"})
    first = post(caller, "/v1/decisions", fresh)
    again = post(caller, "/v1/decisions", fresh)
    if first != again:
        raise Problem(f"a retry was answered differently: {first!r}, then {again!r}")
    other = json.loads(fresh)
    other["amount"]["value"] = "1.00"
    post(caller, "/v1/decisions", json.dumps(other), 409)
    caller.close()
    say(f"\nOne of them sent again: the same {len(again)} bytes, and nothing counted twice; its id with "
        f"another amount: 409.")


def show_replay(appliance):
    start = time.monotonic()
    verdict = appliance.ctl("replay", appliance.audit, check=False)
    say("\nThe proof, by `assayctl replay`, which decides all of the log again:\n")
    for line in (verdict.stdout.strip() or verdict.stderr.strip()).splitlines():
        say(f"  {line}")
    if verdict.returncode:
        raise Problem("the audit log does not replay")
    say(f"  ({time.monotonic() - start:.1f} s)")


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
    (appliance.directory / "payment.json").write_text(
        json.dumps({**json.loads(payment), "id": "demo-curl"}))
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
    """What made the decision: a rule where one asked for it, else the score."""
    for rule in answer.get("rules", []):
        if rule.get("verdict") == answer["decision"]:
            return rule["text"]
    return (answer.get("reasons") or [{}])[0].get("text", "none")


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
    expected = HISTORY + len(answers) + 2  # one by curl, one with a retry
    if recorded != expected:
        raise Problem(f"{expected} payments were decided, {recorded} are in the audit log")


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
    history, live = simulated()
    say("Assay demo: hugepages, two network namespaces, a veth pair, throw-away certificates.")
    rules = {"rules.file": str(TREE / "config/rules/default.rules")}
    with Appliance("demo", settings=rules, start=False) as appliance:
        remember(appliance, history)
        start = time.monotonic()
        appliance.start()
        say(f"assayd owns its end of the wire, read that log and was ready after "
            f"{time.monotonic() - start:.1f} s.")
        answers, round_trips, labels, tls = send_all(appliance, live)
        say(f"{len(answers)} simulated payments and {labels} labels by Python's ssl, one connection, "
            f"{tls}:")
        payment = next(line for line in reversed(live) if not is_label(line))
        show_decisions(answers)
        show_rules(answers)
        show_windows(appliance, answers)
        show_latency(answers, round_trips)
        show_retry(appliance, payment)
        show_curl(appliance, payment)
        show_audit(appliance, answers)
        show_replay(appliance)
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

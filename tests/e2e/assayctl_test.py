#!/usr/bin/env python3
"""assayctl as people meet it: what it says when something is missing or wrong."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import ASSAYCTL, Appliance


def test_server_certificate(appliance):
    """without an operator's certificate, status and reload say what to give"""
    for what in ("status", "reload"):
        done = appliance.ctl(what, "--config", appliance.config_file, check=False)
        tap.same(done.returncode, 2, "exit status")
        for words in ("clientAuth", "--certificate FILE --key FILE", "server.pem"):
            tap.check(words in done.stderr, f"{what} says: {done.stderr}")


def test_help(appliance):
    """--help shows the flags"""
    for what in ("status", "reload"):
        text = appliance.ctl(what, "--help").stdout
        for flag in ("--certificate", "--key", "--issuers", "--json"):
            tap.check(flag in text, f"no {flag} in {what} --help")


def test_issuers(appliance):
    """--issuers verifies the server, and another's issuer refuses it"""
    arguments = ("status", "--config", appliance.config_file, "--certificate",
                 appliance.pki / "client.pem", "--key", appliance.pki / "client.key", "--issuers")
    appliance.ctl(*arguments, appliance.pki / "ca.pem")
    other = appliance.directory / "other"
    appliance.ctl("pki", "demo", other)
    done = appliance.ctl(*arguments, other / "ca.pem", check=False)
    tap.same(done.returncode, 2, "exit status with another's issuer")


def test_full(appliance):
    """output that cannot be written is an error"""
    for arguments in (("--help",), ("--version",), ("audit", "cat", appliance.audit),
                      ("audit", "verify", appliance.audit), ("config", "default"),
                      ("decide", "--config", appliance.config_file)):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([ASSAYCTL, *arguments], input=payments.body(1).encode(),
                                  stdout=full, stderr=subprocess.PIPE, check=False)
        tap.same(done.returncode, 2, f"exit status of {arguments[:2]} ({done.stderr.decode()})")
        tap.check(b"cannot" in done.stderr, f"{arguments[:2]} says {done.stderr}")


def test_wrong(appliance):
    """a sequence is digits; of many errors in a config it says how many more there are"""
    for arguments in (("replay", appliance.audit), ("snapshot", "--config", appliance.config_file)):
        for word in ("abc", "12x", "-1", "", "99999999999999999999999"):
            done = appliance.ctl(*arguments, "--to", word, check=False)
            tap.same(done.returncode, 2, f"exit status of {arguments[0]} --to {word!r}")
            tap.check("--to SEQUENCE" in done.stderr, f"it says: {done.stderr}")
    wrong = appliance.directory / "wrong.cfg"
    wrong.write_text("".join(f"nonsense{n} = 1;\n" for n in range(300)))
    for arguments in (("decide", "--config", wrong), ("status", "--config", wrong)):
        done = appliance.ctl(*arguments, check=False, stdin=subprocess.DEVNULL)
        tap.same(done.returncode, 2, f"exit status of {arguments[0]}")
        lines = done.stderr.splitlines()
        tap.check(lines[-1].startswith(f"{wrong}: and ") and lines[-1].endswith(" more"),
                  f"{arguments[0]} ends with {lines[-1]}")


if __name__ == "__main__":
    tap.main([test_server_certificate, test_help, test_issuers, test_full, test_wrong],
             lambda: Appliance("assayctl"))

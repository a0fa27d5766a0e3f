#!/usr/bin/env python3
"""The management port: operators with issuers and lists of their own, who is judged
anew at each request, and whom silent strangers cannot keep out."""

import contextlib
import datetime
import http.client
import pathlib
import re
import socket
import ssl
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import tap
from appliance import Appliance, Caller
from authority import Authority, now

RIGHTS = ["metrics", "status", "reload"]
AGE_SECONDS = 4
CONNECTIONS = 16  # MANAGE_CONNECTIONS_MAX


class Bank(Appliance):
    """An appliance whose operators have an authority of their own, without a list."""

    def make_pki(self):
        self.ca = Authority(self.pki)
        self.ca.issue_server()
        self.ca.issue_caller("client", "urn:assay:demo:client")
        self.ca.list()
        self.ops = Authority(self.pki / "ops")
        self.serials = {name: self.ops.issue_caller(name) for name in ("op", "op_leaves", "op_goes")}
        self.settings["callers"] += [{"identity": f"urn:test:{name}", "may": RIGHTS}
                                     for name in self.serials]
        self.settings["management.issuers"] = str(self.pki / "ops/ca.pem")

    def operator(self, name, timeout=20):
        context = ssl.create_default_context(cafile=self.pki / "ca.pem")
        context.load_cert_chain(self.pki / f"ops/{name}.pem", self.pki / f"ops/{name}.key")
        return Caller(context, "127.0.0.1", self.settings["management.port"], timeout)

    @contextlib.contextmanager
    def at_the_box(self):
        """The calling thread where the management port is."""
        self.wires.server.enter()
        try:
            yield
        finally:
            self.wires.client.enter()

    def reload(self, check=True):
        return self.ctl("reload", "--config", self.config_file, "--certificate",
                        self.pki / "ops/op.pem", "--key", self.pki / "ops/op.key", check=check)


def answer(caller, path="/v1/status"):
    """Its status, or None when the connection ends instead."""
    try:
        return caller.request("GET", path)[0]
    except (OSError, http.client.HTTPException):
        return None


def test_own_issuers(bank):
    """management.issuers without a list: operators are let in, callers are not"""
    with bank.at_the_box():
        tap.same(answer(bank.operator("op")), 200, "the operator's status")
    tap.same(bank.management("client", "/v1/status")[1], "000", "a caller's status")


def test_leaves_the_table(bank):
    """taken off the table while connected: the next request ends the connection"""
    with bank.at_the_box():
        caller = bank.operator("op_leaves")
        tap.same(answer(caller), 200, "status before")
    bank.write_config(callers=[row for row in bank.settings["callers"]
                               if row["identity"] != "urn:test:op_leaves"])
    bank.reload()
    tap.same(answer(caller), None, "status after")


def test_own_list(bank):
    """management.revocation_list: revoked while connected, and not let in again"""
    with bank.at_the_box():
        caller = bank.operator("op_goes")
        tap.same(answer(caller), 200, "status before")
    bank.ops.revoke(bank.serials["op_goes"])
    bank.write_config(management__revocation_list=str(bank.pki / "ops/crl.pem"))
    bank.reload()
    tap.same(answer(caller), None, "status on the old connection")
    with bank.at_the_box():
        tap.same(answer(bank.operator("op_goes")), None, "status on a new one")
        tap.same(answer(bank.operator("op")), 200, "another operator's status")


def test_old_list(bank):
    """a list of the callers that has grown too old: not ready, on the pages of operators"""
    bank.ca.list(now() - datetime.timedelta(hours=1) + datetime.timedelta(seconds=AGE_SECONDS))
    bank.write_config(tls__revocation_max_age_hours=1)
    bank.reload()
    with bank.at_the_box():
        operator, end = bank.operator("op"), time.monotonic() + AGE_SECONDS + 10
        tap.same(operator.get("/v1/health/ready")[0], 200, "ready while the list is young")
        while operator.get("/v1/health/ready")[0] != 503:
            tap.check(time.monotonic() < end, "it stays ready")
            time.sleep(0.2)
        tap.check("revocation_max_age_hours" in operator.get("/v1/health/ready")[1]["text"], "why not")
        page = operator.request("GET", "/metrics")[2].decode()
    tap.check("\nassay_ready 0\n" in page, "assay_ready is not 0")
    tap.check(re.search(r"^assay_revocation_list_good_until_seconds [1-9]", page, re.M), "no gauge")
    bank.ca.list()
    bank.reload()
    with bank.at_the_box():
        tap.same(bank.operator("op").get("/v1/health/ready")[0], 200, "ready with a new list")


def test_strangers(bank):
    """silent connections on all places do not keep an operator out"""
    with bank.at_the_box():
        address = "127.0.0.1", bank.settings["management.port"]
        held = [socket.create_connection(address) for _ in range(2 * CONNECTIONS)]
        start = time.monotonic()
        tap.same(answer(bank.operator("op")), 200, "the operator's status")
        took = time.monotonic() - start
    for connection in held:
        connection.close()
    tap.check(took < 5, f"the operator waited {took:.1f} s")


if __name__ == "__main__":
    tap.main([test_own_issuers, test_leaves_the_table, test_own_list, test_old_list,
              test_strangers],
             lambda: Bank("management"))

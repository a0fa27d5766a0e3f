#!/usr/bin/env python3
"""Who is not served, and the TLS alert it gets: certificates made by openssl's own
command line, seen through openssl s_client and Python's ssl.

Alerts: RFC 8446 section 6.2.  What must not happen is counted in the audit log."""

import datetime
import http.client
import pathlib
import re
import signal
import ssl
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import NAME, Appliance
from authority import DAY, Authority, now
from machine import SERVER4

LISTED = ("good", "expired", "early", "revoked", "foreign", "by_leaf", "by_leaf_0", "by_leaf_5", "by_leaf_ca",
          "server_only", "no_usage", "two_names", "later_revoked", "later_unlisted", "short",
          "open_revoked")
ALL = ["decide", "health", "version"]
SHORT_SECONDS = 12
AGE_SECONDS = 6

CERTIFICATE_REQUIRED, EXPIRED, REVOKED, UNKNOWN_CA = 116, 45, 44, 48
UNSUPPORTED, ACCESS_DENIED, BAD, CERTIFICATE_UNKNOWN = 43, 49, 42, 46


class Bank(Appliance):
    """An appliance whose certificates come from openssl."""

    def make_pki(self):
        self.ca = ca = Authority(self.pki)
        ca.issue_server()
        ca.issue_caller("client", "urn:assay:demo:client")
        ca.issue_caller("good")
        ca.issue_caller("expired", start=now() - 9 * DAY, end=now() - DAY)
        ca.issue_caller("early", start=now() + DAY, end=now() + 9 * DAY)
        ca.revoke(ca.issue_caller("revoked"))
        ca.issue_caller("by_leaf", issuer="good")
        for length in (0, 5):
            ca.issue(f"leaf_{length}", san=f"URI:urn:test:leaf_{length}",
                     constraints=f"critical,CA:FALSE,pathlen:{length}",
                     usage="digitalSignature,keyCertSign")
            ca.issue_caller(f"by_leaf_{length}", issuer=f"leaf_{length}")
        ca.issue("leaf_ca", san="URI:urn:test:leaf_ca", constraints=None,
                 usage="digitalSignature,keyCertSign")
        ca.issue_caller("by_leaf_ca", issuer="leaf_ca")
        ca.issue_caller("server_only", extended="serverAuth")
        ca.issue_caller("unlisted")
        ca.issue_caller("health_only")
        ca.issue("two_names", san="URI:urn:test:two_names,URI:urn:test:good")
        self.serials = {name: ca.issue_caller(name) for name in
                        ("later_revoked", "later_unlisted", "open_revoked")}
        foreign = Authority(self.pki / "foreign")
        foreign.issue_caller("foreign")
        self.settings["callers"] = (
            [{"identity": "urn:test:health_only", "may": ["health"]}]
            + [{"identity": f"urn:test:{name}", "may": ALL} for name in LISTED]
            + self.settings["callers"])

    def decided(self):
        return sum(record["kind"] == "decision" for record in self.audit_records())


def s_client(bank, name, chain=None, folder=None, arguments=()):
    """One request by openssl s_client: what it printed and the alert it got."""
    folder = folder or bank.pki
    data = payments.body(1)
    request = (f"POST /v1/decisions HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\n"
               f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n{data}")
    mine = ["-cert", folder / f"{name}.pem", "-key", folder / f"{name}.key"] if name else []
    mine += ["-cert_chain", folder / f"{chain}.pem"] if chain else []
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{SERVER4}:{bank.settings['tcp.port']}", "-servername",
         NAME, "-CAfile", bank.pki / "ca.pem", "-ign_eof", *mine, *arguments],
        input=request.encode(), capture_output=True, timeout=60, check=False)
    text = (done.stdout + done.stderr).decode(errors="replace")
    alert = re.search(r"SSL alert number (\d+)", text)
    return text, int(alert[1]) if alert else None


def refused(bank, name, expected, **how):
    before = bank.decided()
    text, alert = s_client(bank, name, **how)
    tap.check("HTTP/1.1 200" not in text, "it was served")
    tap.same(alert, expected, "TLS alert")
    tap.same(bank.decided(), before, "decisions in the audit log")


def test_good(bank):
    """a good certificate is served"""
    text, alert = s_client(bank, "good")
    tap.check("HTTP/1.1 200" in text, text[-800:])
    tap.same(alert, None, "TLS alert")


def test_none(bank):
    """no certificate: certificate_required"""
    refused(bank, None, CERTIFICATE_REQUIRED)


def test_expired(bank):
    """an expired certificate: certificate_expired"""
    refused(bank, "expired", EXPIRED)


def test_early(bank):
    """a certificate that is not yet valid: certificate_expired"""
    refused(bank, "early", EXPIRED)


def test_revoked(bank):
    """a revoked certificate: certificate_revoked"""
    refused(bank, "revoked", REVOKED)


def test_foreign(bank):
    """a certificate of another authority: unknown_ca"""
    refused(bank, "foreign", UNKNOWN_CA, folder=bank.pki / "foreign")


def test_foreign_chain(bank):
    """a foreign certificate that brings its authority along: unknown_ca"""
    refused(bank, "foreign", UNKNOWN_CA, folder=bank.pki / "foreign", chain="ca")


def test_by_leaf(bank):
    """issued by an ordinary leaf: unknown_ca"""
    refused(bank, "by_leaf", UNKNOWN_CA, chain="good")


def test_by_leaf_path(bank):
    """issued by a leaf that claims CA:FALSE and a path length: bad_certificate"""
    # RFC 5280 section 4.2.1.9 forbids that pair, so the leaf itself is what is wrong.
    refused(bank, "by_leaf_5", BAD, chain="leaf_5")
    refused(bank, "by_leaf_0", BAD, chain="leaf_0")


def test_by_leaf_alone(bank):
    """the same without the leaf in the chain: unknown_ca"""
    refused(bank, "by_leaf", UNKNOWN_CA)
    refused(bank, "by_leaf_5", UNKNOWN_CA)


def test_by_leaf_bare(bank):
    """issued by a leaf without basic constraints: unknown_ca"""
    refused(bank, "by_leaf_ca", UNKNOWN_CA, chain="leaf_ca")


def test_server_only(bank):
    """a certificate for servers only: unsupported_certificate"""
    refused(bank, "server_only", UNSUPPORTED)


def test_two_names(bank):
    """a certificate with two URIs names nobody: it is refused"""
    before = bank.decided()
    text, alert = s_client(bank, "two_names")
    tap.check("HTTP/1.1 200" not in text, "it was served")
    tap.check(alert in (BAD, UNSUPPORTED, ACCESS_DENIED), f"TLS alert {alert}")
    tap.same(bank.decided(), before, "decisions in the audit log")


def test_unlisted(bank):
    """an identity that the table does not list: access_denied"""
    refused(bank, "unlisted", ACCESS_DENIED)


def test_rights(bank):
    """a listed caller without the right to decide: 403, and nothing is decided"""
    before = bank.decided()
    caller = bank.caller("health_only")
    tap.same(caller.get("/v1/health/ready")[0], 200, "status of what it may")
    tap.same(caller.post("/v1/decisions", payments.payment(2))[0], 403, "status")
    caller.close()
    tap.same(bank.decided(), before, "decisions in the audit log")


def test_old_version(bank):
    """TLS 1.2 is refused while the config says 1.3: protocol_version"""
    refused(bank, "good", 70, arguments=("-tls1_2",))


# ---- tickets


def with_ticket(bank, name):
    """A served caller, its connection closed, and its session with a ticket in it."""
    caller = bank.caller(name)
    status, _ = caller.post("/v1/decisions", payments.payment(100))
    tap.same(status, 200, f"{name} before anything changed")
    session = caller.sock.session
    tap.check(session is not None and session.has_ticket, "no ticket came")
    caller.close()
    return caller, session


def resume(caller, session, number):
    """(resumed, status) with the old session, or (None, error) when it is cut off."""
    try:
        caller.open(session)
        status, _ = caller.post("/v1/decisions", payments.payment(number))
        return caller.sock.session_reused, status
    except (ssl.SSLError, OSError, http.client.HTTPException) as error:
        return None, str(error)
    finally:
        caller.close()


def test_resumed(bank):
    """a resumed caller is served, and its record has its identity"""
    caller, session = with_ticket(bank, "good")
    tap.same(resume(caller, session, 101), (True, 200), "(resumed, status)")
    record = bank.audit_records()[-1]
    tap.same(record["transaction"]["id"], "p-101", "the last record")
    tap.same(record["circumstance"]["identity"], "urn:test:good", "identity")
    tap.same(record["circumstance"]["resumed"], True, "resumed")


def cut_off(bank, caller, session, alert):
    before = bank.decided()
    resumed, problem = resume(caller, session, 102)
    tap.check(resumed is None, f"it was served: {problem}")
    tap.check(alert in problem.replace("_", " ").lower(), f"got {problem!r}, not alert {alert}")
    tap.same(bank.decided(), before, "decisions in the audit log")


def test_ticket_revoked(bank):
    """revoked after its ticket was issued: not served"""
    caller, session = with_ticket(bank, "later_revoked")
    bank.ca.revoke(bank.serials["later_revoked"])
    bank.reload()
    cut_off(bank, caller, session, "certificate revoked")


def test_ticket_unlisted(bank):
    """taken off the table after its ticket was issued: not served"""
    caller, session = with_ticket(bank, "later_unlisted")
    bank.write_config(callers=[row for row in bank.settings["callers"]
                               if row["identity"] != "urn:test:later_unlisted"])
    bank.reload()
    cut_off(bank, caller, session, "access denied")


def test_ticket_expired(bank):
    """expired after its ticket was issued: not served"""
    bank.ca.issue_caller("short", end=now() + datetime.timedelta(seconds=SHORT_SECONDS))
    caller, session = with_ticket(bank, "short")
    time.sleep(SHORT_SECONDS + 1)
    cut_off(bank, caller, session, "certificate expired")


def test_open_revoked(bank):
    """revoked while its connection is open: the next request is not served"""
    caller = bank.caller("open_revoked")
    tap.same(caller.post("/v1/decisions", payments.payment(103))[0], 200, "status before")
    bank.ca.revoke(bank.serials["open_revoked"])
    bank.reload()
    before = bank.decided()
    try:
        status, _ = caller.post("/v1/decisions", payments.payment(104))
    except (OSError, http.client.HTTPException):
        status = None
    tap.check(status in (None, 403), f"status {status}")
    tap.same(bank.decided(), before, "decisions in the audit log")
    caller.close()


def wait_log(bank, words, count, seconds=10):
    """Until the log has that many lines with the words in it."""
    end = time.monotonic() + seconds
    while bank.log.read_text().count(words) < count:
        tap.check(time.monotonic() < end, f"'{words}' not {count} times in the log after {seconds} s")
        time.sleep(0.05)


def reload_by_signal(bank):
    """For when no operator of this issuer is let in."""
    before = bank.log.read_text().count('"message":"reload: ')
    bank.child.send_signal(signal.SIGHUP)
    wait_log(bank, '"message":"reload: ', before + 1)


def test_list_age(bank):
    """tls.revocation_max_age_hours: too old a list lets none of its issuer in, and is logged once"""
    bank.ca.list(now() - datetime.timedelta(hours=1) + datetime.timedelta(seconds=AGE_SECONDS))
    bank.write_config(tls__revocation_max_age_hours=1)
    bank.reload()
    caller = bank.caller("good")
    tap.same(caller.post("/v1/decisions", payments.payment(106))[0], 200, "status while young")
    wait_log(bank, "tls.revocation_max_age_hours", 1, AGE_SECONDS + 10)
    refused(bank, "good", CERTIFICATE_UNKNOWN)
    before = bank.decided()
    try:
        status, _ = caller.post("/v1/decisions", payments.payment(107))
    except (OSError, http.client.HTTPException):
        status = None
    tap.same((status, bank.decided()), (None, before), "status on the old connection, decisions")
    time.sleep(0.3)
    tap.same(bank.log.read_text().count("tls.revocation_max_age_hours"), 1, "log lines")
    reload_by_signal(bank)
    tap.check("older than its allowed age" in bank.log_tail(), "the old list was loaded again")
    bank.ca.list()
    reload_by_signal(bank)
    tap.same(bank.caller("good").post("/v1/decisions", payments.payment(108))[0], 200, "status")


def test_good_after(bank):
    """the good caller is served to the end, and the audit log verifies"""
    tap.same(bank.caller("good").post("/v1/decisions", payments.payment(105))[0], 200, "status")
    bank.ctl("audit", "verify", bank.audit)


if __name__ == "__main__":
    tap.main([test_good, test_none, test_expired, test_early, test_revoked, test_foreign,
              test_foreign_chain, test_by_leaf, test_by_leaf_path, test_by_leaf_alone,
              test_by_leaf_bare,
              test_server_only, test_two_names, test_unlisted, test_rights, test_old_version, test_resumed,
              test_ticket_revoked, test_ticket_unlisted, test_ticket_expired, test_open_revoked,
              test_list_age, test_good_after], lambda: Bank("certificates"))

"""The configuration of a test appliance: a flat dict of schema keys, written as
libconfig text.  {"tcp.port": 8443} becomes tcp: { port = 8443; };  The value of TEXT is
libconfig text already."""

import os
import pathlib

from machine import SERVER4, SERVER6

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
TEXT = "text"
CALLERS = {
    "urn:assay:demo:client": ["decide", "health", "version", "metrics", "status", "reload",
                              "labels", "lists"],
    "urn:assay:demo:client2": ["decide", "health", "version"],
    "urn:assay:demo:revoked": ["decide", "health", "version"],
}


def net_core():
    """The last CPU polls; everything else shares the others."""
    return max(os.sched_getaffinity(0))


def defaults(directory, core):
    """A small appliance at 10.77.0.2:8443 on the veth end called assay0."""
    pki = directory / "pki"
    return {
        "name": "assay-demo",
        "nic.device": "net_af_packet0,iface=assay0,blocksz=65536,framesz=2048,framecnt=2048",
        "nic.rx_descriptors": 512,
        "nic.tx_descriptors": 512,
        "nic.mbufs": 8192,
        "memory.hugepages_mib": 192,
        "state.memory_mib": 16,
        "idempotency.memory_mib": 16,
        "labels.transactions_max": 20000,
        "cores.net": core,
        "cores.audit": 0,
        "cores.control": 0,
        "net.addresses": [f"{SERVER4}/24", f"{SERVER6}/64"],
        "tcp.port": 8443,
        "tls.certificate": str(pki / "server.pem"),
        "tls.key": str(pki / "server.key"),
        "tls.issuers": str(pki / "ca.pem"),
        "tls.revocation_list": str(pki / "crl.pem"),
        "callers": [{"identity": who, "may": may} for who, may in CALLERS.items()],
        "management.address": "127.0.0.1",
        "management.port": 9443,
        "audit.directory": str(directory / "audit"),
        "audit.segment_mib": 64,
    }


def value_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + " ".join(f"{k} = {value_text(v)};" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "( " + ", ".join(value_text(v) for v in value) + " )"
    if isinstance(value, (int, float)):
        return repr(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def text(settings):
    """libconfig text of a flat dict, one group after the other."""
    groups = {}
    for key, value in settings.items():
        if key == TEXT:
            continue
        group, _, name = key.rpartition(".")
        groups.setdefault(group, []).append(f"{name} = {value_text(value)};")
    lines = groups.pop("", [])
    for group, rows in groups.items():
        lines += [f"{group}:", "{", *(f"\t{row}" for row in rows), "};"]
    return "\n".join(lines) + "\n" + settings.get(TEXT, "")

#!/usr/bin/env python3
"""What the tree ships boots: config/appliance.cfg and README's least config, with only
the machine's own names put in."""

import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import TREE, Appliance
from machine import CLIENT4, SERVER4

DEVICE = "net_af_packet0,iface=assay0"
CLIENT = "urn:assay:demo:client"
CORES = "cores.net", "cores.audit", "cores.control"


def put(text, pattern, value):
    """Replaces what the pattern's one group holds, once."""
    found = re.search(pattern, text, re.M)
    tap.check(found, f"no {pattern} in the config")
    return text[:found.start(1)] + value + text[found.end(1):]


def boots(appliance, text):
    """Boots from the text and decides one payment."""
    appliance.config_file.write_text(text)
    check = appliance.wires.server.run([appliance.daemon, "--check", appliance.config_file],
                                       capture_output=True, text=True)
    tap.same((check.returncode, check.stdout.strip()), (0, "configuration OK"),
             f"what --check says ({check.stderr.strip()})")
    appliance.start()
    caller = appliance.caller()
    tap.same(caller.post("/v1/decisions", payments.payment(1))[0], 200, "status")
    caller.close()
    tap.same(appliance.stop(), 0, "exit status")


def test_shipped(appliance):
    """config/appliance.cfg boots and decides"""
    text = (TREE / "config/appliance.cfg").read_text()
    text = put(text, r'^\tdevice = "(.*)";', DEVICE)
    text = put(text, r'^\taddresses = \( "(.*)" \);', f"{SERVER4}/24")
    text = put(text, r'^\tnet = (\d+);', str(appliance.settings["cores.net"]))
    text = put(text, r'^\tcertificate = "(.*)";', "pki/server.pem")
    text = put(text, r'^\tissuers = "(.*)";', "pki/ca.pem")
    text = put(text, r'^callers = (\( \));',
               f'( {{ identity = "{CLIENT}"; may = ( "decide", "health", "reload" ); }} )')
    boots(appliance, text)


def test_readme(appliance):
    """README's least config boots and decides"""
    block = re.search(r"At least:\n\n +```\n(.*?)```", (TREE / "README.md").read_text(), re.S)
    tap.check(block, "README has no least config")
    for name in ("server.pem", "server.key", "ca.pem"):
        shutil.copy(appliance.pki / name, appliance.directory)
    text = put(block[1], r'device = "(.*?)";', DEVICE)
    text = put(text, r'addresses = \( "(.*?)" \);', f"{SERVER4}/24")
    text = put(text, r'gateway4 = "(.*?)";', CLIENT4)
    text = put(text, r"cores: (\{.*\});", "{ "
               + " ".join(f"{key[6:]} = {appliance.settings[key]};" for key in CORES) + " }")
    text = put(text, r'identity = "(.*?)";', CLIENT)
    boots(appliance, text)


# changed keys -> words of the sentence boot stops with
REFUSALS = (
    ({"cores.net": 999}, ("boot stopped at cores", "cores.net", "CPU 999")),
    ({"cores.audit": 999}, ("boot stopped at cores", "cores.audit", "CPU 999")),
    ({"cores.control": 999}, ("boot stopped at cores", "cores.control", "CPU 999")),
    ({"decode.batch_max": 256, "http.body_bytes_max": 8388608},
     ("boot stopped at core", "memory.hugepages_mib", "http.body_bytes_max (8388608)",
      "decode.batch_max (256)")),
    ({"tcp.connections_max": 16384, "tcp.send_buffer_bytes": 1048576, "memory.hugepages_mib": 32},
     ("memory.hugepages_mib", "tcp.connections_max")),
    ({"audit.ring_kib": 1048576}, ("memory.hugepages_mib", "audit.ring_kib (1048576)")),
    ({"tls.certificate": "/nonexistent"}, ("tls.certificate: /nonexistent",)),
    ({"tls.key": "pki/client.key"}, ("tls.certificate: ", "does not belong to the key")),
    ({"management.issuers": "pki/client.pem"}, ("management.issuers: ", "is not an authority")),
)


def test_refusals(appliance):
    """what cannot be booted stops boot with a sentence that names the keys"""
    good = dict(appliance.settings)
    for changed, words in REFUSALS:
        appliance.settings = {**good, "memory.hugepages_mib": 192, **changed}
        appliance.write_config()
        done = appliance.wires.server.run([appliance.daemon, "--check", appliance.config_file],
                                          capture_output=True, text=True)
        tap.same(done.returncode, 0, f"--check of {changed} ({done.stderr.strip()})")
        done = appliance.wires.server.run([appliance.daemon, "--config", appliance.config_file],
                                          capture_output=True, text=True, timeout=30)
        tap.same(done.returncode, 1, f"exit status with {changed} ({done.stderr[-600:]})")
        tap.note(done.stderr.strip().splitlines()[-1])
        for word in words:
            tap.check(word in done.stderr, f"{changed}: no '{word}' in: {done.stderr[-900:]}")
    appliance.settings = good


if __name__ == "__main__":
    tap.main([test_shipped, test_readme, test_refusals],
             lambda: Appliance("boot", settings={"memory.hugepages_mib": 512}, start=False))

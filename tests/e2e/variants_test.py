#!/usr/bin/env python3
"""The same decisions from other builds and on other machines: -O1 and -O3, without AVX2 and
with it, the C library told of no AVX2 and FMA, and an emulated Nehalem.  FULL=1 builds
every pair of optimisation and machine and decides all rows."""

import itertools
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import cards
import tap
from settings import TREE

FULL = os.environ.get("FULL", "") not in ("", "0")
ROWS = tap.times("ROWS", cards.ALL_ROWS if FULL else 100000)
SHORT_LINES = 100000 if FULL else 5000
SCALAR, AVX2 = "x86-64-v2", "x86-64-v3"
BUILDS = [("-O1", SCALAR), ("-O3", AVX2)] + ([("-O1", AVX2), ("-O3", SCALAR)] if FULL else [])
TUNABLES = "glibc.cpu.hwcaps=-AVX2,-FMA"
# qemu's emulation of Linux knows no system call filter, which the parser's sandbox wants.
NO_FILTER = """\
#include <sys/syscall.h>
#include <unistd.h>

int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return option == 22 /* PR_SET_SECCOMP */ ? 0 : (int)syscall(SYS_prctl, option, a, b, c, d);
}
"""


def build(level, machine):
    """assayctl of another build, made when it is not there yet."""
    place = cards.BUILD / "variants" / f"{level}-{machine}".strip("-")
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name and
                   name not in ("MFLAGS", "SAN", "B")}
    done = subprocess.run(["make", "--no-print-directory", f"B={place.relative_to(TREE)}",
                           f"OPT={level}", f"MARCH={machine}", f"{place.relative_to(TREE)}/assayctl"],
                          cwd=TREE, env=environment, capture_output=True, text=True, check=False)
    tap.same(done.returncode, 0, f"exit status of make ({done.stderr[-800:]})")
    return place / "assayctl"


class Variants(cards.Study):
    """Streams, and what the build under test decides of them."""

    def __init__(self):
        super().__init__("variants", ROWS)

    def __enter__(self):
        super().__enter__()
        self.payments = self.stream("payments.jsonl")
        self.short = self.path("short.jsonl")
        with open(self.payments, encoding="utf-8") as file:
            self.short.write_text("".join(itertools.islice(file, SHORT_LINES)))
        self.digest, self.short_digest = self.decided(self.payments), self.decided(self.short)
        tap.note(f"{ROWS} transactions: {self.digest}")
        tap.note(f"the first {SHORT_LINES} lines: {self.short_digest}")
        return self

    def decided(self, stream, *command, **environment):
        found = self.decide("log", stream, "--cores", 1 if command[:-1] else 2,
                            command=command or (cards.ASSAYCTL,), environment=environment)
        self.drop("log")
        return found


def test_builds(variants):
    """-O1 for a machine without AVX2 and -O3 for one with it decide the same"""
    for level, machine in BUILDS:
        found = variants.decided(variants.payments, build(level, machine))
        tap.note(f"{level} {machine}: {found}")
        tap.same(found, variants.digest, f"digest of {level} {machine}")


def test_library(variants):
    """a C library that is told of no AVX2 and no FMA makes no difference"""
    plain = variants.decided(variants.payments, cards.ASSAYCTL, GLIBC_TUNABLES=TUNABLES)
    tap.same(plain, variants.digest, f"digest under {TUNABLES}")
    done = subprocess.run(["/lib64/ld-linux-x86-64.so.2", "--list-tunables"], capture_output=True,
                          text=True, check=True, env={"GLIBC_TUNABLES": TUNABLES})
    tap.check("-AVX2,-FMA" in done.stdout, f"the C library does not know it: {done.stdout[:300]}")


def test_nehalem(variants):
    """an emulated Nehalem, which has neither, decides the same; control: it runs no AVX2"""
    source, filter_off = variants.path("no_filter.c"), variants.path("no_filter.so")
    source.write_text(NO_FILTER)
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", filter_off], check=True)
    qemu = ("qemu-x86_64", "-cpu", "Nehalem", "-E", f"LD_PRELOAD={filter_off}")
    tap.same(variants.decided(variants.short, *qemu, build("-O1", SCALAR)), variants.short_digest,
             "digest on a Nehalem")
    with open(variants.short, "rb") as given:
        done = subprocess.run([*qemu, build("-O3", AVX2), "decide", "--config", variants.config],
                              stdin=given, capture_output=True, check=False)
    tap.check(done.returncode in (-4, 132), f"a build for AVX2 ended with {done.returncode} there")


if __name__ == "__main__":
    cards.need_all()
    tap.main([test_builds, test_library, test_nehalem], Variants)

#!/usr/bin/env python3
"""Who may include whom.  Every rule is checked on the tree, then proved able to
fail on a small tree made to break it.  Prints TAP."""

import pathlib
import re
import sys
import tempfile

OURS = ("runtime", "drivers", "config", "firmware", "tests", "image")

# One outside library, one owner.  Prefix of the header -> directories.
OWNERS = (
    ("rte_", ("drivers/nic", "drivers/mem")),
    ("lwip/", ("drivers/tcp",)),
    ("netif/", ("drivers/tcp",)),
    ("mbedtls/", ("drivers/tls",)),
    ("psa/", ("drivers/tls",)),
    ("intel-ipsec-mb.h", ("drivers/tls",)),
    ("liburing.h", ("drivers/disk",)),
    ("llhttp.h", ("drivers/http",)),
    ("libconfig.h", ("config",)),
    ("yyjson.h", ("runtime/decode", "runtime/reply", "runtime/model")),
    ("cblas.h", ("runtime/model",)),
    ("protobuf-c", ("runtime/model",)),
    ("onnx.pb-c.h", ("runtime/model",)),
    ("nettle/", ("runtime/base",)),
    ("seccomp.h", ("firmware",)),
)

# Headers of our own layers: a file in LAYER may include these modules.  "self" is
# the file's own module (runtime/decode, drivers/tcp, config, firmware).
LAYERS = {
    "runtime": ("self", "runtime/base"),
    "drivers": ("self", "runtime/base"),
    "config": ("self", "runtime/base"),
    "firmware": ("runtime", "drivers", "config", "firmware"),
}

# The decision is a pure function: no clock, no system call, no thread.
IMPURE = re.compile(r"^(time|unistd|fcntl|pthread|threads|signal|sched|poll|dirent)\.h$|^sys/|^linux/")

# What libc and the compiler bring.  Any other outside header needs a row in OWNERS.
LIBC = re.compile(
    r"^(assert|ctype|errno|float|inttypes|limits|locale|math|setjmp|signal|stdalign|stdarg|"
    r"stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|time|uchar|wchar|"
    r"byteswap|cpuid|dirent|dlfcn|elf|endian|err|fcntl|features|fnmatch|getopt|glob|grp|"
    r"ifaddrs|immintrin|libgen|link|malloc|mntent|netdb|poll|pthread|pwd|sched|search|"
    r"semaphore|spawn|syslog|syscall|sysexits|termios|threads|ucontext|unistd|x86intrin|"
    r"x86gprintrin|nmmintrin|wmmintrin|emmintrin|execinfo)\.h$|"
    r"^(sys|linux|asm|asm-generic|net|netinet|netpacket|arpa|bits)/")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def module(path):
    parts = path.parts
    return "/".join(parts[:2]) if parts[0] in ("runtime", "drivers") else parts[0]


def includes(root):
    """(file, line number, header, is it one of ours) of every #include."""
    for top in LAYERS:
        for path in sorted((root / top).rglob("*.[ch]")):
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                header = found[1] or found[2]
                local = bool(found[1]) and (path.parent / header).is_file()
                if local and header.split("/")[0] not in OURS:
                    inside = (path.parent / header).resolve().relative_to(root.resolve())
                    yield path.relative_to(root), number, str(inside), True
                else:
                    yield path.relative_to(root), number, header, header.split("/")[0] in OURS


def broken_rule(path, header, ours):
    """The name of the rule this include breaks, or None."""
    mine, layer = module(path), path.parts[0]
    if ours:
        target = module(pathlib.PurePath(header))
        if target.split("/")[0] in ("tests", "image"):
            return "nothing includes tests or image"
        for allowed in LAYERS[layer]:
            allowed = mine if allowed == "self" else allowed
            if target == allowed or target.startswith(allowed + "/"):
                return None
        if layer == target.split("/")[0]:
            return f"siblings of {layer} do not include each other"
        return f"{layer} stays in its layer"
    for prefix, owners in OWNERS:
        if header.startswith(prefix):
            return None if mine in owners else f"{prefix} has one owner"
    if layer == "runtime" and IMPURE.match(header):
        return "runtime includes no clock, system call or thread"
    # lwIP's and mbedTLS's ports are included by name, from their own directories.
    if LIBC.match(header) or header in ("arch/cc.h", "lwipopts.h") and mine == "drivers/tcp":
        return None
    return "an outside library has a row in the table"


def violations(root):
    found = {}
    for path, number, header, ours in includes(root):
        rule = broken_rule(path, header, ours)
        if rule:
            found.setdefault(rule, []).append(f"{path}:{number} includes {header}")
    return found


# Each rule with one file that breaks it.
CONTROLS = [
    ("siblings of runtime do not include each other", "runtime/decode/a.c", '"runtime/state/b.h"'),
    ("siblings of drivers do not include each other", "drivers/tcp/a.c", '"drivers/nic/b.h"'),
    ("runtime stays in its layer", "runtime/base/a.h", '"drivers/nic/b.h"'),
    ("siblings of runtime do not include each other", "runtime/model/read/a.c",
     '"runtime/rules/b.h"'),
    ("runtime stays in its layer", "runtime/decode/a.c", '"config/config.h"'),
    ("runtime stays in its layer", "runtime/rules/a.c", '"firmware/edge.h"'),
    ("drivers stays in its layer", "drivers/nic/a.c", '"runtime/decode/b.h"'),
    ("drivers stays in its layer", "drivers/nic/a.c", '"config/config.h"'),
    ("config stays in its layer", "config/a.c", '"runtime/state/b.h"'),
    ("nothing includes tests or image", "firmware/a.c", '"tests/lib/b.h"'),
    ("runtime includes no clock, system call or thread", "runtime/feature/a.c", "<time.h>"),
    ("runtime includes no clock, system call or thread", "runtime/feature/a.c", "<sys/mman.h>"),
    ("an outside library has a row in the table", "firmware/a.c", "<openssl/ssl.h>"),
] + [(f"{prefix} has one owner", "firmware/ctl/a.c" if prefix != "seccomp.h" else "config/a.c",
      f"<{prefix}{'' if prefix.endswith('.h') else 'x.h'}>") for prefix, _ in OWNERS]

CLEAN = [
    ("runtime/decode/a.c", '"runtime/base/b.h"'), ("runtime/decode/a.c", '"runtime/decode/a.h"'),
    ("runtime/decode/c.c", "<yyjson.h>"), ("drivers/nic/a.c", "<rte_ring.h>"),
    ("drivers/nic/a.c", '"runtime/base/b.h"'), ("config/a.c", "<libconfig.h>"),
    ("firmware/a.c", '"runtime/decode/a.h"'), ("firmware/ctl/a.c", '"firmware/edge.h"'),
    ("runtime/model/read/a.c", "<yyjson.h>"), ("runtime/model/read/a.c", '"runtime/model/a.h"'),
    ("firmware/b.c", "<time.h>"), ("runtime/base/b.h", "<stdint.h>"),
]


def violations_of(rows):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, header in rows:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as out:
                out.write(f"#include {header}\n")
        return violations(root)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    found = violations(root)
    rules = sorted({rule for rule, _, _ in CONTROLS})
    results = [(rule, found.get(rule, [])) for rule in rules]
    results += [(rule, lines) for rule, lines in sorted(found.items()) if rule not in rules]
    for rule, name, header in CONTROLS:
        caught = list(violations_of([(name, header)])) == [rule]
        results.append((f"control: {name} with {header} is found", [] if caught else ["not found"]))
    excess = violations_of(CLEAN)
    results.append(("control: allowed includes pass", [str(v) for v in excess.values()]))

    print(f"1..{len(results)}")
    for number, (name, lines) in enumerate(results, 1):
        print(f"{'not ok' if lines else 'ok'} {number} - {name.replace('#', '')}")
        for line in lines:
            print(f"# {line}")
    return 1 if any(lines for _, lines in results) else 0


if __name__ == "__main__":
    sys.exit(main())

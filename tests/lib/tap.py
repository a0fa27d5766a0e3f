"""TAP from Python: one function a test, run in order, each told apart.

    def test_ping(appliance): ...          # its docstring is the test's name
    if __name__ == "__main__":
        tap.main([test_ping], Appliance)

A test fails by an exception; tap.check raises with a sentence; tap.skip skips.
A failed set-up fails every test.
"""

import contextlib
import os
import signal
import sys
import traceback


class Skip(Exception):
    pass


class Failed(Exception):
    pass


def skip(reason):
    raise Skip(reason)


def check(condition, sentence):
    if not condition:
        raise Failed(sentence)


def same(got, expected, what):
    check(got == expected, f"{what}: got {got!r}, expected {expected!r}")


def note(text):
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def seconds(default):
    """How long a load runs; SECONDS in the environment shortens or lengthens it."""
    return int(os.environ.get("SECONDS") or default)


def times(name, default):
    return int(os.environ.get(name) or default)


def one(number, test, arguments):
    name = (test.__doc__ or test.__name__).strip().splitlines()[0].rstrip(".")
    try:
        test(*arguments)
    except Skip as reason:
        print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        return True
    except Exception as error:  # pylint: disable=broad-except
        if isinstance(error, Failed):
            note(error)
        else:
            note(traceback.format_exc())
        print(f"not ok {number} - {name}", flush=True)
        return False
    print(f"ok {number} - {name}", flush=True)
    return True


def main(tests, setup=contextlib.nullcontext):
    """Runs every test with what `setup()` gives (a context manager), then exits."""

    def interrupted(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    print(f"1..{len(tests)}", flush=True)
    good = True
    try:
        with setup() as thing:
            arguments = () if thing is None else (thing,)
            for number, test in enumerate(tests, 1):
                if one(number, test, arguments):
                    continue
                good = False
                if hasattr(thing, "failed"):
                    note(thing.failed())
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:  # pylint: disable=broad-except
        note(traceback.format_exc())
        sys.exit(1)
    sys.exit(0 if good else 1)

"""What a test takes from the machine and gives back: hugepages, network
namespaces, a processor.

The caller's thread (and every thread and process it starts afterwards) lives in
the client's namespace from Wires.__init__ until Wires.close; only assayd and the
relay are started elsewhere.  Interface names can be fixed because namespaces are
not shared; namespace names carry the process id.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import signal
import subprocess

HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
# A frame on a veth carries no checksum and up to 64 KiB when these are on, which
# net_af_packet would hand on as they are.
OFFLOADS = ("rx", "tx", "sg", "tso", "gso", "gro")

CLIENT4, SERVER4 = "10.77.0.1", "10.77.0.2"
CLIENT6, SERVER6 = "fd77::1", "fd77::2"

libc = ctypes.CDLL(None, use_errno=True)


class Problem(Exception):
    """Something the person at the keyboard can mend; the text says how."""


@contextlib.contextmanager
def uninterrupted():
    """Ctrl-C and SIGTERM wait until the block is done: what is taken is also known to
    whoever gives it back, and giving back is not left half-way."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def need_root():
    if os.geteuid() != 0:
        raise Problem("this needs root, for hugepages and network namespaces: try sudo make run")


def run(*argv):
    """Run a command of ours that has to succeed; its output is kept for the error."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"'{' '.join(argv)}' failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def meminfo(name):
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


@contextlib.contextmanager
def one_at_a_time():
    """The number of hugepages is the machine's: one program at a time changes it."""
    directory = os.open("/var/tmp", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


class Hugepages:
    """At least `mib` of free hugepages while this object lives.  They are taken on top
    of what others have reserved, and as many are given back, so that two runs on one
    machine leave each other's alone."""

    def __init__(self, mib):
        self.taken = 0
        page_kib = meminfo("Hugepagesize")
        if page_kib == 0:
            raise Problem("this kernel has no hugepages (CONFIG_HUGETLBFS); DPDK needs them")
        pages = -(-mib * 1024 // page_kib)
        with one_at_a_time():
            before = int(HUGEPAGES.read_text())
            refused = ""
            try:
                HUGEPAGES.write_text(str(before + pages))
            except OSError as error:
                refused = f" ({error.strerror})"
            self.taken = int(HUGEPAGES.read_text()) - before
            free = meminfo("HugePages_Free")
        if free >= pages:
            return
        self.close()
        raise Problem(f"the kernel has {free} of {pages} hugepages of {page_kib} KiB{refused}: "
                      f"memory is short or fragmented; free some, or reserve them at boot with "
                      f"hugepages={before + pages} on the kernel's command line, or as root on "
                      f"the host: echo {before + pages} > {HUGEPAGES}")

    def close(self):
        if self.taken:
            with one_at_a_time():
                HUGEPAGES.write_text(str(max(0, int(HUGEPAGES.read_text()) - self.taken)))
            self.taken = 0


def die_with_parent():
    """In a child before exec: a killed parent leaves nothing running."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Space:
    """One network namespace."""

    def __init__(self, role):
        self.name = f"assay-{os.getpid()}-{role}"
        run("ip", "netns", "add", self.name)
        self.file = open(f"/run/netns/{self.name}", "rb")
        run("ip", "-n", self.name, "link", "set", "lo", "up")

    def enter(self):
        """Move the calling thread in; its later threads and children follow."""
        os.setns(self.file.fileno(), CLONE_NEWNET)

    def popen(self, argv, **options):
        """Start a process in here that dies with this one, and not by its Ctrl-C."""

        def before_exec():
            die_with_parent()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
            self.enter()
            os.sched_setaffinity(0, range(os.cpu_count() or 1))

        return subprocess.Popen(argv, preexec_fn=before_exec, process_group=0, **options)

    def run(self, argv, **options):
        return subprocess.run(argv, preexec_fn=self.enter, check=False, **options)

    def ip(self, *argv):
        run("ip", "-n", self.name, *argv)

    def link_up(self, device):
        pairs = [word for name in OFFLOADS for word in (name, "off")]
        run("ip", "netns", "exec", self.name, "ethtool", "-K", device, *pairs)
        self.ip("link", "set", device, "up")

    def silence(self, device):
        """No address of any kind, so that this kernel never answers for assayd."""
        run("ip", "netns", "exec", self.name, "sh", "-c",
            f"echo 1 >/proc/sys/net/ipv6/conf/{device}/disable_ipv6")

    def close(self):
        self.file.close()
        run("ip", "netns", "del", self.name)


class Wires:
    """The client's namespace, the appliance's, and a cable between them:

        client0 (10.77.0.1, fd77::1) ---- assay0 (no address; assayd owns it)

    With `relay` the cable is cut and a third namespace holds both ends:

        client0 ---- relay0  [relay]  relay1 ---- assay0
    """

    def __init__(self, relay=False):
        self.home = open("/proc/self/ns/net", "rb")
        self.spaces = []
        try:
            self.lay(relay)
        except BaseException:
            self.close()
            raise

    def lay(self, relay):
        self.client = self.space("client")
        self.server = self.space("server")
        self.middle = self.space("relay") if relay else None
        if relay:
            self.cable(self.client, "client0", self.middle, "relay0")
            self.cable(self.middle, "relay1", self.server, "assay0")
            for end in ("relay0", "relay1"):
                self.middle.silence(end)
        else:
            self.cable(self.client, "client0", self.server, "assay0")
        self.server.silence("assay0")
        self.client.ip("address", "add", f"{CLIENT4}/24", "dev", "client0")
        self.client.ip("address", "add", f"{CLIENT6}/64", "dev", "client0", "nodad")
        self.client.enter()

    def space(self, role):
        space = Space(role)
        self.spaces.append(space)
        return space

    @staticmethod
    def cable(one, one_end, other, other_end):
        run("ip", "link", "add", one_end, "netns", one.name, "type", "veth",
            "peer", "name", other_end, "netns", other.name)
        one.link_up(one_end)
        other.link_up(other_end)

    def close(self):
        os.setns(self.home.fileno(), CLONE_NEWNET)
        self.home.close()
        for space in self.spaces:
            space.close()
        self.spaces = []


def leave_net_core(net_core):
    """Keep this process and its later children off the core that polls."""
    others = set(range(os.cpu_count() or 1)) - {net_core}
    if others:
        os.sched_setaffinity(0, others)

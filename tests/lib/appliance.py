"""An appliance under test: hugepages, wires, certificates, config, assayd.

    with Appliance(settings={"audit.reply": "queued"}) as appliance:
        status, answer = appliance.caller().post("/v1/decisions", payment)

Inside the block the calling thread lives in the client's network namespace.
Everything is taken apart at its end, also after an exception, SIGTERM or Ctrl-C.
Its files (config, certificates, audit log, assayd.log) are removed when nothing
failed; KEEP=1 keeps them.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

import settings as config
import tap
from machine import (SERVER4, SERVER6, Hugepages, Problem, Wires, leave_net_core, need_root,
                     uninterrupted)

TREE = config.TREE
BUILD = TREE / os.environ.get("B", "build")
ASSAYD, ASSAYCTL = BUILD / "assayd", BUILD / "assayctl"
READY_SECONDS = 60
STOP_SECONDS = 20
NAME = "localhost"  # in the demo server's certificate
HUGEPAGES_SPARE_MIB = 64  # DPDK's own tables


def interrupted(*_):
    raise KeyboardInterrupt


class Caller:
    """A stock client: Python's ssl and http.client over one kept-alive connection."""

    def __init__(self, context, address=SERVER4, port=8443, timeout=30):
        self.context, self.address, self.port, self.timeout = context, address, port, timeout
        self.session = None
        self.connection = None

    def open(self, session=None):
        raw = socket.create_connection((self.address, self.port), self.timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(NAME, self.port)
        connection.sock = self.context.wrap_socket(raw, server_hostname=NAME, session=session)
        connection.auto_open = 0
        self.connection = connection
        return self

    @property
    def sock(self):
        return self.connection.sock

    def request(self, method, path, body=None, headers=None):
        """(status, headers, bytes); the connection opens with the first request."""
        if self.connection is None:
            self.open()
        head = {"Content-Type": "application/json"} if body is not None else {}
        self.connection.request(method, path, body, {**head, **(headers or {})})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def get(self, path):
        status, _, body = self.request("GET", path)
        return status, json.loads(body)

    def post(self, path, value):
        body = value if isinstance(value, (str, bytes)) else json.dumps(value)
        status, _, answer = self.request("POST", path, body)
        return status, json.loads(answer)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Appliance:
    def __init__(self, name="appliance", settings=None, relay=False, model=True, start=True):
        self.directory = BUILD / "e2e" / f"{name}-{os.getpid()}"
        self.extra = dict(settings or {})
        self.with_relay, self.with_model, self.start_now = relay, model, start
        self.open_things = []  # closed in reverse order
        self.child = None
        self.wires = None
        self.keep = os.environ.get("KEEP", "") not in ("", "0")

    daemon = ASSAYD

    # ---- from nothing to ready, and back

    def __enter__(self):
        need_root()
        for program in (ASSAYD, ASSAYCTL):
            if not program.exists():
                raise Problem(f"{program} is missing: run make build")
        signal.signal(signal.SIGTERM, interrupted)
        try:
            self.prepare()
            if self.start_now:
                self.start()
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, kind, *_):
        with uninterrupted():
            self.close()
            if not self.keep and kind in (None, KeyboardInterrupt):
                shutil.rmtree(self.directory, ignore_errors=True)

    def prepare(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        core = config.net_core()
        self.settings = config.defaults(self.directory, core)
        if self.with_model:
            self.settings.update(demo_model())
        self.settings.update(self.extra)
        mib = self.settings["memory.hugepages_mib"] + HUGEPAGES_SPARE_MIB
        with uninterrupted():
            self.open_things.append(Hugepages(mib))
        with uninterrupted():
            self.wires = Wires(self.with_relay)
            self.open_things.append(self.wires)
        leave_net_core(core)
        self.make_pki()
        (self.directory / "audit").mkdir()
        self.write_config()

    def make_pki(self):
        addresses = (SERVER4, SERVER6, "127.0.0.1")
        self.ctl("pki", "demo", self.pki,
                 *(word for address in addresses for word in ("--address", address)))

    @property
    def pki(self):
        return self.directory / "pki"

    @property
    def config_file(self):
        return self.directory / "assay.cfg"

    @property
    def audit(self):
        return self.directory / "audit"

    @property
    def log(self):
        return self.directory / "assayd.log"

    def write_config(self, **changed):
        """Rewrites the whole file; a key's dot is written as two underscores."""
        for key, value in changed.items():
            self.settings[key.replace("__", ".")] = value
        temporary = self.config_file.with_suffix(".new")
        temporary.write_text(config.text(self.settings))
        temporary.rename(self.config_file)

    def start(self, wait=True):
        with uninterrupted(), open(self.log, "ab") as log:
            self.child = self.wires.server.popen([ASSAYD, "--config", self.config_file],
                                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=READY_SECONDS):
        """Until GET /v1/health/ready says 200; a machine that ends or stays deaf is told."""
        end, last = time.monotonic() + seconds, "nothing tried"
        while time.monotonic() < end:
            if self.child.poll() is not None:
                raise Problem(f"assayd ended with status {self.child.returncode} before it was "
                              f"ready:\n{self.log_tail()}")
            caller = self.caller(timeout=2)
            try:
                status, _, body = caller.request("GET", "/v1/health/ready")
                if status == 200:
                    return
                last = f"{status} {body[:200]}"
            except (OSError, http.client.HTTPException) as error:
                last = str(error)
            finally:
                caller.close()
            time.sleep(0.1)
        raise Problem(f"assayd was not ready after {seconds} s (last: {last}):\n{self.log_tail()}")

    def log_tail(self, lines=15):
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def failed(self):
        """A test failed: what is to be looked at stays; says where, and the last of the log."""
        self.keep = True
        return f"{self.directory} is kept; the last of its log:\n{self.log_tail(5)}"

    def stop(self):
        """SIGTERM; its exit status, or SIGKILL and a Problem when it does not end."""
        child, self.child = self.child, None
        if child is None:
            return 0
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            return child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            child.kill()
            child.wait()
            raise Problem(f"assayd did not stop within {STOP_SECONDS} s of SIGTERM:\n"
                          f"{self.log_tail()}") from error

    def kill(self):
        """SIGKILL, as a power cut of the process."""
        child, self.child = self.child, None
        child.kill()
        child.wait()

    def close(self):
        try:
            self.stop()
        except Problem as problem:
            print(f"# {problem}", file=sys.stderr)
        while self.open_things:
            self.open_things.pop().close()

    # ---- callers and tools

    def context(self, name="client", resume=True):
        """A TLS context with one of the demo certificates, or none for name None."""
        context = ssl.create_default_context(cafile=self.pki / "ca.pem")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if name:
            context.load_cert_chain(self.pki / f"{name}.pem", self.pki / f"{name}.key")
        if not resume:
            context.options |= ssl.OP_NO_TICKET
        return context

    def caller(self, name="client", address=SERVER4, timeout=30):
        return Caller(self.context(name), address, self.settings["tcp.port"], timeout)

    def curl_arguments(self, name="client"):
        port = self.settings["tcp.port"]
        return ["--cacert", self.pki / "ca.pem", "--cert", self.pki / f"{name}.pem",
                "--key", self.pki / f"{name}.key",
                "--connect-to", f"{NAME}:{port}:{SERVER4}:{port}"]

    def replayed(self, cores=1):
        """assayctl replay of the log as it is: nothing differs, and the digest is the log's."""
        done = self.ctl("replay", self.audit, "--cores", str(cores), "--json", check=False)
        tap.same(done.returncode, 0, f"exit status of replay ({done.stdout}{done.stderr})")
        found = json.loads(done.stdout)
        log = json.loads(self.ctl("audit", "digest", "--json", self.audit).stdout)
        tap.same(found["different"], 0, "decisions that replay decides otherwise")
        tap.same((found["decision_digest"], found["decisions"]),
                 (log["decision_digest"], log["decisions"]), "digest and decisions of replay")
        return found

    def url(self, path):
        return f"https://{NAME}:{self.settings['tcp.port']}{path}"

    def ctl(self, *arguments, check=True, **options):
        """assayctl in the appliance's own namespace, where its management port is."""
        done = self.wires.server.run([ASSAYCTL, *arguments], capture_output=True, text=True,
                                     **options)
        if check and done.returncode != 0:
            words = " ".join(str(word) for word in arguments)
            raise Problem(f"assayctl {words}: status {done.returncode}: "
                          f"{(done.stderr or done.stdout).strip()[-2000:]}")
        return done

    def manage(self, what, check=True, name="client"):
        """assayctl status or reload, as one of the demo's callers."""
        return self.ctl(what, "--config", self.config_file, "--certificate",
                        self.pki / f"{name}.pem", "--key", self.pki / f"{name}.key", check=check)

    def reload(self, check=True):
        return self.manage("reload", check)

    def management(self, name, path):
        """curl in the appliance's own namespace: (its exit status, HTTP's, the body)."""
        port = self.settings["management.port"]
        done = self.wires.server.run(
            ["curl", "-sS", "--max-time", "20", "-w", "\n%{http_code}", "--cacert",
             self.pki / "ca.pem",
             *(["--cert", self.pki / f"{name}.pem", "--key", self.pki / f"{name}.key"]
               if name else []),
             "--connect-to", f"localhost:{port}:127.0.0.1:{port}",
             f"https://localhost:{port}{path}"], capture_output=True, text=True)
        body, _, status = done.stdout.rpartition("\n")
        return done.returncode, status, body

    def metrics(self):
        """The page of metrics as {"name{labels}": value}."""
        code, status, body = self.management("client", "/metrics")
        if (code, status) != (0, "200"):
            raise Problem(f"no metrics: curl's status {code}, HTTP's {status}")
        rows = (line.rpartition(" ") for line in body.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in rows}

    def metric(self, name):
        return self.metrics()[name]

    def audit_records(self):
        text = self.ctl("audit", "cat", self.audit).stdout
        return [json.loads(line) for line in text.splitlines()]


def demo_model():
    """Settings of the model that the tree ships, with the histories and features it needs."""
    folder = TREE / "config/demo"
    return {"model.file": str(folder / "model.ubj"),
            config.TEXT: (folder / "engine.cfg").read_text().partition("the engine\n")[2]}

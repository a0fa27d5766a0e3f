"""Certificates as good or as bad as a test wants them, by the openssl command line:
an authority other than our own code, so that one mistake is not made twice."""

import datetime
import subprocess

from machine import SERVER4, SERVER6, Problem

DAY = datetime.timedelta(days=1)


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise Problem(f"openssl {arguments[0]} failed: {done.stderr.strip()[-800:]}")
    return done.stdout


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def stamp(time):
    return time.strftime("%Y%m%d%H%M%SZ")


class Authority:
    """One CA in a directory: NAME.pem and NAME.key beside everything it issues."""

    def __init__(self, directory, name="ca"):
        self.directory, self.name = directory, name
        self.serial = 4096
        self.revoked = []
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.issue(name, issuer=name, constraints="critical,CA:TRUE",
                   usage="keyCertSign,cRLSign", extended=None)

    def path(self, name, kind="pem"):
        return self.directory / f"{name}.{kind}"

    # pylint: disable=too-many-arguments
    def issue(self, name, *, san=None, issuer=None, constraints="critical,CA:FALSE",
              usage="digitalSignature", extended="clientAuth", start=None, end=None):
        """Makes NAME.key and NAME.pem; returns its serial number."""
        issuer = issuer or self.name
        self.serial += 1
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                self.path(name, "key"))
        openssl("req", "-new", "-key", self.path(name, "key"), "-subj", f"/CN={name}", "-out",
                self.path(name, "csr"))
        rows = {"basicConstraints": constraints, "keyUsage": usage and f"critical,{usage}",
                "extendedKeyUsage": extended, "subjectAltName": san}
        extensions = self.path(name, "ext")
        extensions.write_text("".join(f"{key}={value}\n" for key, value in rows.items() if value))
        signer = (["-signkey", self.path(name, "key")] if issuer == name else
                  ["-CA", self.path(issuer), "-CAkey", self.path(issuer, "key")])
        openssl("x509", "-req", "-in", self.path(name, "csr"), *signer, "-sha256", "-set_serial",
                self.serial, "-not_before", stamp(start or now() - DAY), "-not_after",
                stamp(end or now() + 30 * DAY), "-extfile", extensions, "-out", self.path(name))
        return self.serial

    def issue_server(self):
        addresses = "".join(f",IP:{address}" for address in (SERVER4, SERVER6, "127.0.0.1"))
        self.issue("server", san="DNS:localhost" + addresses, extended="serverAuth")

    def issue_caller(self, name, identity=None, **other):
        return self.issue(name, san=f"URI:{identity or 'urn:test:' + name}", **other)

    def revoke(self, serial):
        self.revoked.append(serial)
        self.list()

    def list(self, since=None):
        """Writes crl.pem with everything revoked so far; thisUpdate is `since`, or now."""
        index = self.path("index", "txt")
        index.write_text("".join(
            f"R\t{(now() + 30 * DAY).strftime('%y%m%d%H%M%SZ')}\t"
            f"{(now() - DAY).strftime('%y%m%d%H%M%SZ')}\t{serial:04X}\tunknown\t/CN=x\n"
            for serial in self.revoked))
        settings = self.path("list", "cnf")
        settings.write_text(f"[ca]\ndefault_ca=a\n[a]\ndatabase={index}\ndefault_md=sha256\n"
                            "default_crl_days=30\ncrl_extensions=e\n"
                            "[e]\nauthorityKeyIdentifier=keyid\n")
        since = ("-crl_lastupdate", stamp(since)) if since else ()
        openssl("ca", "-config", settings, "-gencrl", *since, "-keyfile", self.path(self.name, "key"),
                "-cert", self.path(self.name), "-out", self.path("crl"))

"""Certificates for tests, made on the spot by the `openssl` command, so that none expires in the repository.

The problem: tests of TLS need a private authority, certificates of both kinds of keys, and bad ones: expired, for
another name, of an authority nobody knows, with an intermediate. Each is a call here:

    authority = Authority(folder)
    site = authority.issue("site.example", names=["site.example", "127.0.0.1"])
    subprocess.run(["curl", "--cacert", authority.certificate, ...])

All files are PEM; keys have mode 0600. `chain` is the file to serve: the certificate and the intermediates above it.
"""

import base64
import dataclasses
import datetime
import hashlib
import ipaddress
import itertools
import pathlib
import subprocess

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A certificate with its key; `chain` is what a server sends, `authority` the root to trust. `intermediates` is the
    chain without the certificate itself; None when there are none."""

    name: str
    certificate: pathlib.Path
    key: pathlib.Path
    chain: pathlib.Path
    authority: pathlib.Path
    intermediates: pathlib.Path | None = None

    def spki_hash(self) -> str:
        """For Chromium's --ignore-certificate-errors-spki-list: SHA-256 of the public key's DER, in base64."""
        return spki_hash(self.certificate)


def spki_hash(certificate: pathlib.Path) -> str:
    pem = _openssl("x509", "-in", certificate, "-noout", "-pubkey")
    der = _openssl("pkey", "-pubin", "-outform", "DER", input=pem)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Authority:
    """A private certificate authority, a root of its own or, made by intermediate(), below another.

    `kind` of keys is "ecdsa" (P-256) or "rsa" (2048 bits, or `bits`)."""

    def __init__(self, folder: pathlib.Path, name: str = "Test Authority", kind: str = "ecdsa", parent=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self.kind = kind
        self.parent = parent
        number = next(_numbers)
        self.key = _make_key(folder / f"authority-{number}.key", kind)
        self.certificate = folder / f"authority-{number}.pem"
        extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
        signer = parent or self
        _sign(self.certificate, self.key, name, extensions, signer.certificate, signer.key, is_root=parent is None)

    def intermediate(self, name: str = "Test Intermediate", kind: str = "ecdsa") -> "Authority":
        return Authority(self.folder, name, kind, parent=self)

    @property
    def root(self) -> "Authority":
        return self if self.parent is None else self.parent.root

    def issue(self, name: str = "localhost", names=None, kind: str = "ecdsa", days: tuple = (-1, 90),
              client: bool = False, bits: int = 2048) -> Certificate:
        """A certificate for `names` (by default `name` and the loopback addresses), valid for a span of days from now:
        (-1, 90); expired would be (-9, -1), not yet valid (2, 9)."""
        stem = self.folder / f"{next(_numbers)}-{name.replace('*', 'any')}"
        key = _make_key(stem.with_name(stem.name + ".key"), kind, bits)
        certificate = stem.with_name(stem.name + ".pem")
        usage = "clientAuth" if client else "serverAuth"
        extensions = (
            f"basicConstraints=critical,CA:FALSE\nextendedKeyUsage={usage}\nkeyUsage=critical,digitalSignature"
            f"{',keyEncipherment' if kind == 'rsa' else ''}\n{_alternative_names(names or [name, *LOCAL_NAMES])}\n"
            "authorityKeyIdentifier=keyid\n"
        )
        _sign(certificate, key, name, extensions, self.certificate, self.key, days=days)
        above = self._chain_above()
        chain = stem.with_name(stem.name + "-chain.pem")
        chain.write_text(certificate.read_text() + above)
        intermediates = stem.with_name(stem.name + "-intermediates.pem") if above else None
        if intermediates:
            intermediates.write_text(above)
        return Certificate(name, certificate, key, chain, self.root.certificate, intermediates)

    def _chain_above(self) -> str:
        """The intermediates, this authority first; the root is not sent."""
        return "" if self.parent is None else self.certificate.read_text() + self.parent._chain_above()


def self_signed(folder: pathlib.Path, name: str = "localhost", names=None, kind: str = "ecdsa",
                days: tuple = (-1, 90)) -> Certificate:
    """A certificate that vouches for itself, and is no authority."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{next(_numbers)}-self-{name}"
    key = _make_key(stem.with_name(stem.name + ".key"), kind)
    certificate = stem.with_name(stem.name + ".pem")
    extensions = f"basicConstraints=critical,CA:FALSE\n{_alternative_names(names or [name, *LOCAL_NAMES])}\n"
    _sign(certificate, key, name, extensions, certificate, key, is_root=True, days=days)
    return Certificate(name, certificate, key, certificate, certificate)


def _openssl(*arguments, input: bytes = None) -> bytes:
    done = subprocess.run(["openssl", *map(str, arguments)], input=input, capture_output=True, timeout=60)
    assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr.decode()}"
    return done.stdout


def _make_key(path: pathlib.Path, kind: str, bits: int = 2048) -> pathlib.Path:
    options = {"ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
               "rsa": ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"]}[kind]
    path.touch(mode=0o600)
    _openssl("genpkey", *options, "-out", path)
    return path


def _alternative_names(names) -> str:
    return "subjectAltName=" + ",".join(("IP:" if _is_address(name) else "DNS:") + name for name in names)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        return False


def _date(days: float) -> str:
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")


def _sign(out, key, name, extensions, issuer, issuer_key, is_root=False, days=(-1, 3650)):
    """`openssl ca` is the one command of OpenSSL 3.0 that takes both dates; it wants a database of its own."""
    base = out.with_suffix(".ca")
    base.mkdir()
    (base / "index").touch()
    (base / "extensions").write_text("[v3]\n" + extensions)
    (base / "config").write_text(
        f"[ca]\ndefault_ca=one\n[one]\ndatabase={base}/index\nnew_certs_dir={base}\nrand_serial=yes\ndefault_md=sha256\n"
        "policy=any\nunique_subject=no\nstring_mask=utf8only\n[any]\ncommonName=supplied\n")
    request = base / "request"
    _openssl("req", "-new", "-utf8", "-key", key, "-subj", f"/CN={name}", "-out", request)
    signer = ["-selfsign", "-keyfile", key] if is_root else ["-cert", issuer, "-keyfile", issuer_key]
    _openssl("ca", "-batch", "-notext", "-utf8", "-config", base / "config", "-in", request, "-out", out, *signer,
             "-startdate", _date(days[0]), "-enddate", _date(days[1]), "-extfile", base / "extensions",
             "-extensions", "v3")

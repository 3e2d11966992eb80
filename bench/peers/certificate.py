"""A certificate for one run, made by the openssl command: nothing is kept that could expire.

ECDSA on P-256, self-signed, for localhost: one certificate to send and one signature a handshake,
the same for every server.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from errors import BenchError

SETTINGS = """[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = localhost
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
"""


@dataclass(frozen=True)
class Certificate:
    """Files in PEM. `both` is chain and key in one, as HAProxy wants them."""

    chain: Path
    key: Path
    both: Path


def make(folder: Path) -> Certificate:
    """Makes `folder` and the files in it; the keys can be read by their owner alone."""
    folder.mkdir()
    settings = folder / "openssl.conf"
    settings.write_text(SETTINGS, encoding="ascii")
    made = Certificate(folder / "chain.pem", folder / "key.pem", folder / "both.pem")
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(made.key))
    _openssl("req", "-x509", "-new", "-sha256", "-days", "2", "-config", str(settings),
             "-key", str(made.key), "-out", str(made.chain))
    made.both.touch(0o600)
    made.both.write_bytes(made.chain.read_bytes() + made.key.read_bytes())
    made.key.chmod(0o600)
    return made


def _openssl(*arguments: str) -> None:
    try:
        done = subprocess.run(("openssl",) + arguments, capture_output=True, text=True, check=False,
                              timeout=30)
    except FileNotFoundError as missing:
        raise BenchError("openssl is not installed: apt package openssl") from missing
    if done.returncode != 0:
        raise BenchError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")

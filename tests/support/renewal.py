"""Certificates that are renewed under a running server: the ways in which programs replace files, and what it says.

The problem: a test that replaces files must do it as certbot, Kubernetes, editors and scripts do, and then wait for the
server without sleeping: it says what it read, and new handshakes show it.
"""

import pathlib
import re
import shutil
import signal

from sluice_server import wait_until
from tls_clients import octets_of, shown_to

LOOK_OFTEN = '[limits]\ncertificate_check = "100ms"\n'
READ_AGAIN = "certificates were read again"
OLD_GOES_ON = "the certificates of before are served on"


class Live:
    """The files that a configuration names, and the ways in which programs replace them."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder / "live"
        self.folder.mkdir()
        self.chain, self.key = self.folder / "chain.pem", self.folder / "key.pem"
        self.number = 0

    def table(self) -> str:
        return f'[[certificate]]\nchain = "{self.chain}"\nkey = "{self.key}"\n'

    def in_place(self, certificate):
        self.chain.write_bytes(certificate.chain.read_bytes())
        self.key.touch(mode=0o600)
        self.key.write_bytes(certificate.key.read_bytes())

    def by_renaming(self, certificate):
        for source, target in ((certificate.chain, self.chain), (certificate.key, self.key)):
            shutil.copy2(source, self.folder / "next")
            (self.folder / "next").replace(target)

    def _archive(self, certificate) -> pathlib.Path:
        self.number += 1
        archive = self.folder / f"..archive-{self.number}"
        archive.mkdir()
        shutil.copy2(certificate.chain, archive / "chain.pem")
        shutil.copy2(certificate.key, archive / "key.pem")
        return archive

    def _link(self, link: pathlib.Path, target):
        (self.folder / "..next").symlink_to(target)
        (self.folder / "..next").replace(link)

    def as_certbot(self, certificate):
        """Each file is a link into an archive that is kept."""
        archive = self._archive(certificate)
        for path in (self.chain, self.key):
            self._link(path, f"{archive.name}/{path.name}")

    def as_kubernetes(self, certificate):
        """The files are links through a link to a folder, which alone is switched; the old folder goes."""
        old = self.folder / f"..archive-{self.number}"
        self._link(self.folder / "..data", self._archive(certificate).name)
        for path in (self.chain, self.key):
            if not path.is_symlink():
                path.symlink_to(f"..data/{path.name}")
        if old.exists():
            shutil.rmtree(old)


def await_certificate(server, certificate, name="localhost"):
    wait_until(lambda: shown_to(server.address, name) == octets_of(certificate), 20, "the new certificate")


def said(server, text) -> int:
    return server.stderr().count(text)


def await_said(server, text, count):
    """New certificates are shown a moment before the server says so."""
    wait_until(lambda: said(server, text) >= count, 20, f"{count} times {text!r}")
    assert said(server, text) == count, server.stderr()


def reload_by_signal(server) -> str:
    """Returns what was said."""
    before = len(server.stderr())
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: re.search("sluice: reloaded|nothing is changed", server.stderr()[before:]), 20, "the reload")
    return server.stderr()[before:]

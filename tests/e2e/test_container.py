"""The Dockerfile, built and run without a container engine.

The problem: no Docker engine is to be had where these tests run, and an image that nobody built is not known to work.
Debian's buildah can build it in a chroot, from a base that debootstrap makes and that bears the name of the Dockerfile's
base image; so the Dockerfile is taken as it is, and no registry is asked for anything.

It is started twice: by `buildah run`, which shares the host's network, with a mounted configuration; and as an engine
started with --read-only does it: process 1 of namespaces of its own, nothing mounted but /proc and /dev/shm, on the
image's own configuration and port.
"""

import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import urllib.request

import pytest
from clients import IS_ROOT, SANITIZED, run_sluice
from ports import free_port
from sluice_server import ROOT, wait_until

BASE = "docker.io/library/debian:12-slim"  # what the Dockerfile's `debian:12-slim` means
IMAGE = "localhost/sluice-under-test"
MOST_OCTETS = 14 * 1024 * 1024  # of them 6 MiB are OpenSSL's two libraries
READY_SECONDS = 60


# --- Every day --------------------------------------------------------------------------------------------------------

def test_the_image_is_built_with_the_packages_that_dev_builds_with():
    dev = re.search(r"^readonly BUILD=\((.*?)\)", (ROOT / "dev").read_text(), re.M | re.S).group(1).split()
    installs = re.findall(r"install -y --no-install-recommends \\\n(.*?)\\\n", (ROOT / "Dockerfile").read_text(), re.S)
    assert len(installs) == 1 and sorted(installs[0].split()) == sorted(dev)


def test_the_images_configuration_listens_on_8080_and_serves_srv():
    done = run_sluice("check", "-c", ROOT / "conf" / "container.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0.0.0.0:8080" in done.stdout and "/srv" in done.stdout


# --- The image --------------------------------------------------------------------------------------------------------

class Buildah:
    """buildah with storage, temporary files and (no) registries of its own, all below `folder`."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        (folder / "registries.conf").write_text("")
        (folder / "tmp").mkdir()
        self.options = ["buildah", "--root", str(folder / "storage"), "--runroot", str(folder / "run"),
                        "--storage-driver", "vfs", "--registries-conf", str(folder / "registries.conf")]
        self.environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "BUILDAH_ISOLATION": "chroot"}

    def __call__(self, *arguments, seconds=120) -> str:
        done = subprocess.run([*self.options, *map(str, arguments)], env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=seconds)
        assert done.returncode == 0, f"buildah {arguments}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout.strip()

    def close(self):
        self("rm", "--all")
        self("rmi", "--all", "--force")


@contextlib.contextmanager
def without_traces():
    """buildah notes what it has seen of blobs below the host's /var/lib/containers, wherever its storage is."""
    folder, was_there = pathlib.Path("/var/lib/containers"), pathlib.Path("/var/lib/containers").exists()
    try:
        yield
    finally:
        if not was_there:
            shutil.rmtree(folder, ignore_errors=True)


def host_lines(*command) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def bookworm_mirror() -> str:
    """Where this machine's apt gets Debian 12 from."""
    for line in host_lines("apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"):
        release, component, address = line.split(" ", 2)
        if (release, component) in (("stable", "main"), ("bookworm", "main"), ("oldstable", "main")):
            return address
    return "http://deb.debian.org/debian/"


def carry_apt_over(root: pathlib.Path):
    """The base gets this machine's Debian sources, and how it reaches them: mirrors, proxies, what it does not check."""
    (root / "etc/apt/sources.list").write_text("")
    own = pathlib.Path("/etc/apt")
    for path in [own / "sources.list", *own.glob("sources.list.d/*.list"), *own.glob("sources.list.d/*.sources")]:
        if path.is_file() and "debian" in path.read_text():
            shutil.copy(path, root / path.relative_to("/"))
    for folder in ("etc/apt/trusted.gpg.d", "usr/share/keyrings"):
        shutil.copytree(f"/{folder}", root / folder, dirs_exist_ok=True)
    settings = [line for line in host_lines("apt-config", "dump") if re.match(r"Acquire::(https?|Check|Retries)", line)]
    (root / "etc/apt/apt.conf.d/99-of-the-host").write_text("\n".join(settings) + "\n")


def make_base(buildah: Buildah):
    container = buildah("from", "scratch")
    root = pathlib.Path(buildah("mount", container))
    done = subprocess.run(["debootstrap", "--variant=minbase", "bookworm", str(root), bookworm_mirror()],
                          capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    carry_apt_over(root)
    buildah("commit", "--quiet", "--rm", container, BASE, seconds=300)


@pytest.fixture(scope="module")
def buildah():
    """A buildah that has built the image of the sources as they are."""
    missing = [name for name in ("buildah", "debootstrap", "unshare", "nsenter") if not shutil.which(name)]
    if missing or not IS_ROOT:
        pytest.skip(f"an image is built by root with buildah and debootstrap; missing: {missing or 'root'} "
                    "(./dev test --long installs them)")
    if SANITIZED:
        pytest.skip("the image is a release build, whatever preset the tests run with")
    # Not pytest's folder: an absolute path as short as this keeps below the length that buildah's sockets may have.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-image-"))
    one = Buildah(folder)
    try:
        with without_traces():
            make_base(one)
            one("build", "--pull-never", "--format", "docker", "--layers=false", "--tag", IMAGE, ROOT, seconds=1500)
            yield one
            one.close()
    finally:
        shutil.rmtree(folder)
        assert str(folder) not in pathlib.Path("/proc/self/mounts").read_text()


class Image:
    """What the image says about itself, and one container made of it."""

    def __init__(self, buildah: Buildah):
        self.config = json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]
        self.container = buildah("from", "--pull-never", IMAGE)
        self.root = pathlib.Path(buildah("mount", self.container))

    def command(self) -> list[str]:
        return self.config["Entrypoint"] + self.config["Cmd"]

    def health(self) -> list[str]:
        kind, *command = self.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return command

    def octets(self) -> int:
        return sum(path.lstat().st_size for path in self.root.rglob("*"))


# --- Running it -------------------------------------------------------------------------------------------------------

def server_below(pid: int) -> int | None:
    """The process below `pid` that is sluice, or None. A shell or buildah that names it in its arguments is not."""
    for listing in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in listing.read_text().split():
            with contextlib.suppress(FileNotFoundError):
                if os.readlink(f"/proc/{child}/exe").endswith("/usr/bin/sluice"):
                    return int(child)
                if found := server_below(int(child)):
                    return found
    return None


class Running:
    """A started container. `environment` is what an engine gives its processes; `words` is what it has said."""

    def __init__(self, command, environment, folder):
        self._words = open(pathlib.Path(folder) / "words", "w+b")
        self.environment = environment
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._words, stderr=self._words)
        try:
            wait_until(lambda: "sluice: ready" in self.words() or self.process.poll() is not None, READY_SECONDS, "ready")
            self.pid = server_below(self.process.pid)
            assert self.pid, self.words()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def words(self) -> str:
        return os.pread(self._words.fileno(), 1 << 20, 0).decode("utf-8", "replace")

    def status(self, name: str) -> list[str]:
        return re.search(rf"^{name}:\s*(.*)$", pathlib.Path(f"/proc/{self.pid}/status").read_text(), re.M)[1].split()

    def inside(self, *command, namespaces=()):
        """Runs a command as an engine's `exec` does: in the container's namespaces, with its user and environment."""
        user, group = self.status("Uid")[0], self.status("Gid")[0]
        enter = ["nsenter", "--target", str(self.pid), "--mount", "--root", "--wdns=/", *namespaces,
                 "--setuid", user, "--setgid", group]
        return subprocess.run([*enter, "--", *command], env=self.environment, capture_output=True, text=True, timeout=30)

    def stop(self, number) -> int:
        """Sends the signal to the server and returns what the command that started it ended with."""
        os.kill(self.pid, number)
        code = self.process.wait(60)
        self._words.close()
        return code


@contextlib.contextmanager
def stopped_at_last(running: Running):
    try:
        yield running
    finally:
        if running.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGKILL)
            running.process.wait(60)


def image_environment(image: Image, **more) -> dict:
    return dict(one.split("=", 1) for one in image.config["Env"]) | more


def check_health_and_stop(image: Image, running: Running):
    healthy = running.inside(*image.health())
    assert healthy.returncode == 0, healthy.stdout + healthy.stderr + running.words()
    assert running.stop(signal.Signals[image.config["StopSignal"]]) == 0, running.words()


def check_with_mounted_configuration(buildah: Buildah, image: Image, folder: pathlib.Path):
    port = free_port()
    mine = folder / "sluice.toml"
    mine.write_text(f'[[listener]]\naddress = "127.0.0.1:{port}"\n[[site]]\nname = "mine"\nroot = "/srv"\n'
                    'fields.set = { X-Mine = "yes" }\n')
    mine.chmod(0o644)
    # This isolation shows the host's /dev/shm, where a fixed name could be somebody else's.
    control = f"/dev/shm/sluice-test-{port}.sock"
    command = [*buildah.options, "run", "--isolation", "chroot", "--env", f"SLUICE_CONTROL={control}",
               "--volume", f"{mine}:/etc/sluice/sluice.toml:ro", image.container, "--", *image.command()]
    running = Running(command, image_environment(image, SLUICE_CONTROL=control), folder)
    with stopped_at_last(running):
        assert running.status("Uid") == ["65532"] * 4 and running.status("CapEff") == ["0" * 16]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as response:
            assert response.status == 200 and response.headers["X-Mine"] == "yes"
            assert response.read() == (ROOT / "server/welcome/index.html").read_bytes()
        check_health_and_stop(image, running)
    assert not pathlib.Path(control).exists()


# What an engine does for `docker run --read-only`, in the namespaces that unshare has just made. Process 1 is the server.
START_READ_ONLY = """set -e
mount --bind {root} {root}
mount -t proc proc {root}/proc
mount -t tmpfs -o mode=1777,size=64m shm {root}/dev/shm
mount -o remount,bind,ro {root}
exec env -i {environment} chroot --userspec={user} --groups= {root} {command}
"""


def check_read_only_on_its_own_configuration(image: Image, folder: pathlib.Path):
    for name in ("proc", "dev/shm"):
        (image.root / name).mkdir(parents=True, exist_ok=True)
    environment = image_environment(image)
    script = START_READ_ONLY.format(root=image.root, user=image.config["User"], command=shlex.join(image.command()),
                                    environment=shlex.join(f"{name}={value}" for name, value in environment.items()))
    running = Running(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", script],
                      environment, folder)
    with stopped_at_last(running):
        assert running.status("NSpid")[-1] == "1" and running.status("Uid") == ["65532"] * 4
        with pytest.raises(OSError, match="Read-only file system"):
            (pathlib.Path(f"/proc/{running.pid}/root") / "left-behind").touch()
        lines = subprocess.run(["nsenter", "--target", str(running.pid), "--net", "/usr/bin/python3", "-c", FETCH_INSIDE],
                               capture_output=True, text=True, timeout=60)
        assert lines.stdout.split()[:2] == ["200", str((ROOT / "server/welcome/index.html").stat().st_size)], lines
        check_health_and_stop(image, running)


# A new network namespace has a loopback that is down: SIOCSIFFLAGS brings it up; then the page is asked for.
FETCH_INSIDE = """
import fcntl, socket, struct, urllib.request
with socket.socket() as one:
    fcntl.ioctl(one, 0x8914, struct.pack('16sh14x', b'lo', 1))
with urllib.request.urlopen('http://127.0.0.1:8080/', timeout=20) as response:
    print(response.status, len(response.read()))
"""


# One test, because building takes minutes and a share of the long tests may hold only some of a file's.
@pytest.mark.long
@pytest.mark.timeout(2400)  # a compiler from nothing, on a machine that does other things too
def test_the_image_is_small_serves_as_nobody_and_stops_when_told(buildah, tmp_path, record_property):
    image = Image(buildah)
    assert re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", image.config["User"]), "not root, and by number"
    assert image.config["StopSignal"] == "SIGTERM" and "8080/tcp" in image.config["ExposedPorts"]
    assert not list(image.root.rglob("*sh")), "a shell"
    record_property("image_octets", image.octets())
    print(f"the image holds {image.octets():,} octets")
    assert image.octets() <= MOST_OCTETS
    check_with_mounted_configuration(buildah, image, tmp_path)
    check_read_only_on_its_own_configuration(image, tmp_path)

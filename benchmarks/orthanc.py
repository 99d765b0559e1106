"""A real Orthanc with DICOMweb, in a network of its own, for tests and benchmarks.

Orthanc 1.10 listens on all addresses whatever it is told, so this process first leaves the network
of the machine for an empty one with nothing but loopback. Needs Linux and root.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ORTHANC = "/usr/sbin/Orthanc"
PLUGINS = Path("/usr/lib/orthanc")
PORT = 18042
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
"""Source: linux/sched.h, linux/sockios.h, linux/if.h."""


def why_not() -> str:
    """Why no Orthanc can be had here, or empty."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs Linux and root, to make a network of its own"
    if not Path(ORTHANC).is_file() or not list(PLUGINS.glob("libOrthancDicomWeb.so*")):
        return "needs Orthanc with DICOMweb (Debian: orthanc, orthanc-dicomweb)"
    try:
        with own_network():
            return ""
    except OSError as error:
        return f"no network of its own can be made ({error.strerror})"


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """This thread, and the processes it starts, in a network of nothing but loopback."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                fcntl.ioctl(one, SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", IFF_UP, b""))
            yield
        finally:
            if libc.setns(before, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "cannot return to the network of the machine")
    finally:
        os.close(before)


class Orthanc:
    """A server with a folder of its own, that can be stopped and started again.

    folder : for its data base and configuration; password : of a user "reader", if it asks for one
    """

    def __init__(self, folder: Path, *, port: int = PORT, password: str | None = None) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/dicom-web"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        plugin = max(p for p in PLUGINS.glob("libOrthancDicomWeb.so*"))
        config = {
            "StorageDirectory": str(folder / "db"),
            "IndexDirectory": str(folder / "db"),
            "HttpPort": port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": password is not None,
            "RegisteredUsers": {"reader": password} if password else {},
            "Plugins": [str(plugin)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "orthanc.json").write_text(json.dumps(config, indent=2))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = (self._folder / "orthanc.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [ORTHANC, str(self._folder / "orthanc.json")], stdout=log, stderr=log
            )
        end = time.monotonic() + 60
        while not self._listens():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError((self._folder / "orthanc.log").read_text()[-2000:])
            time.sleep(0.05)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Stop it, and wait until it is gone, which takes 2 s."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def delete_study(self, uid: str) -> None:
        """As a person does in Orthanc's own pages."""
        base = f"http://127.0.0.1:{self.port}"
        body = json.dumps({"Level": "Study", "Query": {"StudyInstanceUID": uid}}).encode()
        with urllib.request.urlopen(f"{base}/tools/find", body, timeout=30) as answer:
            found = json.load(answer)
        for one in found:
            request = urllib.request.Request(f"{base}/studies/{one}", method="DELETE")
            urllib.request.urlopen(request, timeout=30).close()


@contextlib.contextmanager
def running(folder: Path, *, port: int = PORT, password: str | None = None) -> Iterator[Orthanc]:
    """An Orthanc while the block runs; its data is removed afterwards."""
    server = Orthanc(folder, port=port, password=password)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)

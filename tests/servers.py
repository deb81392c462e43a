"""
Real servers on loopback that answer as badly as a test wants them to.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Request(NamedTuple):
    """
    A request as it came: header names in lower case.
    """

    method: str
    target: str
    headers: dict[str, str]


@dataclass
class Call:
    """
    One connection with its request, in the hands of a script.
    """

    request: Request
    connection: socket.socket
    stopping: threading.Event

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, pieces: Iterator[bytes]) -> None:
        """
        Send one piece after the other, slowly, until the client is gone or the server stops.
        """
        for piece in pieces:
            if self.stopping.wait(0.02):
                return
            self.send(piece)

    def say_nothing(self) -> None:
        self.stopping.wait()

    def reset(self) -> None:
        """
        End the connection with RST, as a crashed server or a firewall does.
        """
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


Script = Callable[[Call], None]


class HttpServer:
    """
    Gives each connection the next of *answers* (bytes, or a script), and the last one for ever.

    There is one request to a connection. *requests* holds those that came. *greeting* is sent
    before anything was asked. A *listener* takes the place of a free port of *host*.
    """

    def __init__(
        self,
        *answers: bytes | Script,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        greeting: bytes = b"",
        listener: socket.socket | None = None,
    ) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self._tls = tls
        self._greeting = greeting
        self._stopping = threading.Event()
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = listener or socket.create_server((host, 0), family=family_of(host))
        host, self.port = self._listener.getsockname()[:2]
        self.url = self.named(host).rstrip("/")

    def __enter__(self) -> HttpServer:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        # Closing alone would leave accept() and recv() asleep.
        for sock in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def named(self, host: str) -> str:
        """
        Return the URL of this server under another name.
        """
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._stopping.is_set():
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                self._start(self._serve, connection)

    def _serve(self, plain: socket.socket) -> None:
        # A client that goes away is what many tests are about.
        with plain, contextlib.suppress(OSError):
            plain.sendall(self._greeting)
            connection = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            with connection:
                request = _read_request(connection)
                if request is not None:
                    self.requests.append(request)
                    self._answer(Call(request, connection, self._stopping))

    def _answer(self, call: Call) -> None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, bytes):
            call.send(answer)
        else:
            answer(call)


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _read_request(connection: socket.socket) -> Request | None:
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = connection.recv(65536)
        if not piece:
            return None
        raw += piece
    first, *lines = raw.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (i.partition(":") for i in lines)}
    return Request(method, target, headers)


def response(
    body: bytes = b"", status: int = 200, length: int | None = None, **headers: str
) -> bytes:
    """
    Return a whole response; ``content_type="text/csv"`` becomes a header of that name.
    """
    announced = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {announced}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: int = 302, **headers: str) -> bytes:
    return response(status=status, location=location, **headers)


class Certificate(NamedTuple):
    """
    A self-signed certificate, and what servers and clients do with it.
    """

    path: Path
    key: Path

    def for_server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key)
        return context

    def for_client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.path))


LOOPBACK = "IP:127.0.0.1,IP:::1,DNS:localhost"
# "openssl req" dates from now on only; "openssl ca" takes any dates, and wants a register.
_REGISTER = """\
[ca]
default_ca = here
[here]
database = {folder}/register
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = policy
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
subjectAltName = {names}
"""


def make_certificate(folder: Path, names: str = LOOPBACK) -> Certificate:
    certificate = Certificate(folder / "certificate.pem", folder / "key.pem")
    _openssl(
        *("req", "-x509", "-days", "2", "-addext", f"subjectAltName={names}"),
        *(*_new_key(certificate), "-out", certificate.path),
    )
    return certificate


def make_expired_certificate(folder: Path) -> Certificate:
    certificate = Certificate(folder / "certificate.pem", folder / "key.pem")
    request, settings = folder / "request.pem", folder / "settings"
    settings.write_text(_REGISTER.format(folder=folder, names=LOOPBACK), "utf-8")
    (folder / "register").touch()
    _openssl("req", "-new", *_new_key(certificate), "-out", request)
    _openssl(
        *("ca", "-batch", "-notext", "-selfsign", "-config", settings),
        *("-startdate", "20070203000000Z", "-enddate", "20070204000000Z"),
        *("-keyfile", certificate.key, "-in", request, "-out", certificate.path),
    )
    return certificate


def _new_key(certificate: Certificate) -> tuple[str | Path, ...]:
    # Each has another name: of two that are called the same, OpenSSL takes one for the other.
    subject = ("-subj", f"/CN={certificate.path.parent.name}")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    return (*subject, *curve, "-nodes", "-keyout", certificate.key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)

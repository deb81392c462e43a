"""
Servers of this process that listen inside a network namespace: a web site, a webhook, a mail box.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as email_policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from aiosmtpd.controller import BaseThreadedController
from aiosmtpd.smtp import SMTP, Envelope
from tests.kernel.namespaces import Namespace
from tests.servers import Call, HttpServer, Script, family_of, response

# Free in every new namespace, so that configurations and databases can be copied.
SITE_PORT, WEBHOOK_PORT, MAIL_PORT = 8080, 8081, 2525
PAGE = "/proxyinfo.html"


def listen_inside(namespace: Namespace, port: int, host: str = "127.0.0.1") -> socket.socket:
    listener = namespace.open_socket(family_of(host), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen()
    return listener


class Site(HttpServer):
    """
    The publisher: *pages* maps a path to a whole response, or to a script that answers.
    """

    def __init__(self, namespace: Namespace) -> None:
        super().__init__(self._route, listener=listen_inside(namespace, SITE_PORT))
        self.pages: dict[str, bytes | Script] = {}

    def __enter__(self) -> Site:
        super().__enter__()
        return self

    def _route(self, call: Call) -> None:
        path = call.request.target.partition("?")[0]
        page = self.pages.get(path, response(b"not here", 404))
        if isinstance(page, bytes):
            call.send(page)
        else:
            page(call)


def versioned(body: bytes, etag: str) -> Script:
    """
    Answer with *body*, or with 304 to whoever names its *etag*.
    """

    def answer(call: Call) -> None:
        if call.request.headers.get("if-none-match") == etag:
            call.send(response(status=304, etag=etag))
        else:
            call.send(response(body, etag=etag))

    return answer


class Message(NamedTuple):
    """
    One alert as it came in: *kind* is what Apprise calls its type, "" in a mail.
    """

    title: str
    body: str
    kind: str = ""


class Webhook(ThreadingHTTPServer):
    """
    Takes what Apprise sends to ``json://``; with a *refusal* it answers with that status instead.
    """

    daemon_threads = True

    def __init__(self, namespace: Namespace) -> None:
        super().__init__(("127.0.0.1", 0), _Hook, bind_and_activate=False)
        self.socket.close()
        self.socket = listen_inside(namespace, WEBHOOK_PORT)
        self.messages: list[Message] = []
        self.refusal = 0

    def take(self) -> list[Message]:
        """
        Return the messages since the last time.
        """
        taken, self.messages = self.messages, []
        return taken

    def __enter__(self) -> Webhook:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Hook(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.server.refusal:
            self.server.messages.append(Message(sent["title"], sent["message"], sent["type"]))
        self.send_response(self.server.refusal or 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Mailbox(BaseThreadedController):
    """
    An SMTP server that keeps what it is sent.
    """

    def __init__(self, namespace: Namespace) -> None:
        super().__init__(self)
        self._namespace = namespace
        self._listener = listen_inside(namespace, MAIL_PORT)
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"

    @property
    def messages(self) -> list[Message]:
        return [_read_mail(envelope) for envelope in self.envelopes]

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._listener)

    def _trigger_server(self) -> None:
        with self._namespace.open_socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
            caller.connect(("127.0.0.1", MAIL_PORT))
            caller.recv(100)

    def __enter__(self) -> Mailbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _read_mail(envelope: Envelope) -> Message:
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=email_policy)
    assert isinstance(mail, EmailMessage)
    text = mail.get_body(("plain",))
    return Message(str(mail["Subject"]), text.get_content() if text else "")

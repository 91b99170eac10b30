#!/usr/bin/env python3
"""The ways that letters take, against servers that share no code with ours (`aiosmtpd`, certificates by `trustme`).

usage: letter_ways.py AMBIT

Mail: TLS from the first byte and STARTTLS, with and without signing in. Where the certificate is not trusted, the
password is refused, or the server offers no STARTTLS, a clear message comes, nothing is sent, and neither the password
nor a letter crosses the line in clear. Webhook: taken, refused (4xx), put off (5xx), no answer in time, and a kill while
a letter is on its way: nobody gets two by themselves, and whoever may have one is told as uncertain.
"""

import base64
import json
import logging
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from shop import World, expect

PERSONS = 6
PASSWORD = "correct horse battery"


class Ways(World):
    """One case for each way: the same six letters."""

    def send(self, case: str, *way: str, codes: tuple[int, ...], env: dict[str, str] | None = None):
        asked = ["disclose", "send", case, "--addresses", "members.csv", *way, "--per-minute", "0", "--retry-after", "0"]
        return self.run(*asked, "--at-once", "2", "--timeout", "3", codes=codes, env=env)

    def states(self, case: str) -> dict[str, str]:
        return {subject: row["state"] for subject, row in self.account(case).items()}

    def tally(self, case: str) -> dict:
        told = json.loads(self.run("disclose", "status", case, "--json", codes=(0, 3, 4)).stdout)["letters"][0]
        expect(told["account"]["listed"] == PERSONS, f"status lists {told}")
        return told


class Mails:
    def __init__(self) -> None:
        self.received: list[str] = []

    async def handle_DATA(self, server, session, envelope):
        self.received.append(envelope.rcpt_tos[0])
        return "250 2.0.0 queued"


class Server(Controller):
    """A mail server; `tls` is None, "implicit" or "starttls"."""

    def __init__(self, certificate, tls, wants_password):
        self.mails, self.seen = Mails(), []
        context = None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
        self.options = {"tls_context": context if tls == "starttls" else None, "require_starttls": tls == "starttls"}
        if wants_password:
            self.options |= {"authenticator": self.knows, "auth_required": True, "auth_require_tls": tls == "starttls"}
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        super().__init__(
            self.mails, hostname="127.0.0.1", port=port, ssl_context=context if tls == "implicit" else None
        )

    def knows(self, server, session, envelope, mechanism, data):
        self.seen.append(data.login)
        return AuthResult(success=(data.login, data.password) == (b"privacy", PASSWORD.encode()), handled=False)

    def factory(self):
        return SMTP(self.mails, **self.options)

    # The controller asks whether the server answers, as a client that a server's certificate does not make.
    def _trigger_server(self):
        with socket.create_connection((self.hostname, self.port)):
            for _ in range(250):
                if self.smtpd is not None:
                    return
                time.sleep(0.02)


class Wire:
    """Stands before a server and keeps what the client says: the password must not be in it."""

    def __init__(self, port: int) -> None:
        self.said, self.target = bytearray(), port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self.pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, False), daemon=True).start()

    def pump(self, source, sink, keep) -> None:
        try:
            while data := source.recv(65536):
                if keep:
                    self.said += data
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def is_clear_of_secrets(self) -> bool:
        secrets = [PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), b"MAIL FROM", b"AUTH", b"Tonal"]
        secrets.append(base64.b64encode(f"\0privacy\0{PASSWORD}".encode()))
        return not any(secret in self.said for secret in secrets)


def mail(world: Ways) -> int:
    authority, stranger = trustme.CA(), trustme.CA()
    names = ("localhost", "127.0.0.1")
    roots = world.folder / "roots.pem"
    authority.cert_pem.write_to_path(str(roots))
    trusted = {"SSL_CERT_FILE": str(roots), "AMBIT_SMTP_PASSWORD": PASSWORD}
    ours, theirs = authority.issue_cert(*names), stranger.issue_cert(*names)
    # Name, certificate, TLS, wants a password; scheme, user, password; what is told where nothing goes.
    ways = [
        ("implicit", ours, "implicit", False, "smtps", "", PASSWORD, None),
        ("implicit-auth", ours, "implicit", True, "smtps", "privacy@", PASSWORD, None),
        ("starttls", ours, "starttls", False, "smtp", "", PASSWORD, None),
        ("starttls-auth", ours, "starttls", True, "smtp", "privacy@", PASSWORD, None),
        ("untrusted", theirs, "implicit", True, "smtps", "privacy@", PASSWORD, "is not trusted"),
        ("untrusted-starttls", theirs, "starttls", True, "smtp", "privacy@", PASSWORD, "is not trusted"),
        ("wrong-password", ours, "starttls", True, "smtp", "privacy@", "wrong", "does not know us: 535"),
        ("no-starttls", None, None, False, "smtp", "privacy@", PASSWORD, "offers no STARTTLS"),
    ]
    for name, certificate, tls, wants, scheme, user, password, told in ways:
        server = Server(certificate, tls, wants)
        server.start()
        wire = Wire(server.port)
        world.case(name)
        url = f"{scheme}://{user}localhost:{wire.port}"
        env = trusted | {"AMBIT_SMTP_PASSWORD": password}
        done = world.send(name, "--smtp", url, codes=(0,) if told is None else (1,), env=env)
        server.stop()
        states, tally = set(world.states(name).values()), world.tally(name)
        expect(wire.is_clear_of_secrets(), f"{name}: in clear went {bytes(wire.said)[:200]!r}")
        if told is None:
            expect(states == {"sent"} and len(server.mails.received) == PERSONS, f"{name}: {states} {done.stdout}")
            expect(tally["done"] and tally["account"]["sent"] == PERSONS, f"{name}: status tells {tally}")
            expect(not wants or set(server.seen) == {b"privacy"}, f"{name}: nobody signed in")
        else:
            expect(told in done.stderr, f"{name}: {done.stderr}")
            expect(password not in done.stdout + done.stderr, f"{name}: the password is told")
            expect(states == {"not_sent"} and not server.mails.received, f"{name}: {states} {server.mails.received}")
            expect(tally["left"] == PERSONS and not tally["done"], f"{name}: status tells {tally}")
    return len(ways)


class Hook(ThreadingHTTPServer):
    """A service that answers as it is told to, and keeps each letter with its key."""

    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.answers: dict[str, int | str] = {}
        self.tokens: set[str | None] = set()
        self.arrived = threading.Event()
        super().__init__(("127.0.0.1", 0), Answering)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/letters"

    def n(self, person: str) -> int:
        return sum(one == person for one, _ in self.got)


class Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        letter = json.loads(self.rfile.read(int(self.headers["content-length"])))
        hook, person = self.server, letter["subject"]
        hook.got.append((person, self.headers["idempotency-key"]))
        hook.tokens.add(self.headers["authorization"])
        expect(letter["message_id"] == self.headers["idempotency-key"], "the key is not the letter's id")
        answer = hook.answers.get(person, 202)
        if answer == "silent":
            hook.arrived.set()
            time.sleep(6)
            return
        self.send_response(answer)
        self.end_headers()

    def log_message(self, *args) -> None:
        pass


def webhook(world: Ways) -> None:
    hook, case = Hook(), "hook"
    world.case(case)
    env = {"AMBIT_WEBHOOK_TOKEN": "t0ken"}
    hook.answers = {"user:2": 422, "user:3": 503, "user:4": "silent"}
    world.send(case, "--webhook", hook.url(), codes=(0, 3), env=env)
    states = world.states(case)
    expected = {"user:1": "sent", "user:2": "bounced", "user:3": "deferred", "user:4": "uncertain"}
    expected |= {"user:5": "sent", "user:6": "sent"}
    expect(states == expected, f"after the first run: {states}")
    expect(hook.tokens == {"Bearer t0ken"}, f"tokens: {hook.tokens}")
    hook.answers = {}
    world.send(case, "--webhook", hook.url(), codes=(0, 3), env=env)
    world.send(case, "--webhook", hook.url(), codes=(0, 3), env=env)
    states, counts = world.states(case), {person: hook.n(person) for person in expected}
    expect(states == expected | {"user:3": "sent"}, f"after the second run: {states}")
    # Only the one that was put off was asked again, under the same key.
    expect(counts == {person: 2 if person == "user:3" else 1 for person in expected}, f"asked: {counts}")
    keys = {key for person, key in hook.got if person == "user:3"}
    expect(len(keys) == 1, f"keys of one letter: {keys}")
    tally = world.tally(case)
    expect((tally["account"]["uncertain"], tally["left"]) == (1, 0), f"status tells {tally}")


def killed(world: Ways) -> None:
    hook, case = Hook(), "killed"
    world.case(case)
    hook.answers = {"user:3": "silent"}
    asked = ["disclose", "send", case, "--addresses", "members.csv", "--webhook", hook.url(), "--per-minute", "0"]
    sender = subprocess.Popen(
        [world.ambit, *asked, "--at-once", "2", "--timeout", "30"], cwd=world.folder, env=world.env, stdout=subprocess.DEVNULL
    )
    expect(hook.arrived.wait(60), "the third letter never came")
    sender.send_signal(signal.SIGKILL)
    sender.wait()
    hook.answers = {}
    world.send(case, "--webhook", hook.url(), codes=(0, 3))
    states = world.states(case)
    # The kill left the letter on its way, and the one written down with it.
    uncertain = {person for person, state in states.items() if state == "uncertain"}
    expect({"user:3"} <= uncertain <= {"user:3", "user:4"}, f"uncertain: {uncertain}")
    expect(all(hook.n(person) <= 1 for person in states), f"somebody was asked twice: {hook.got}")
    expect(all(states[person] == "sent" for person in states if person not in uncertain), f"{states}")


def main() -> None:
    began = time.monotonic()
    # A client that hangs up is what is tried here.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        world = Ways(sys.argv[1], Path(folder), PERSONS)
        world.make()
        n = mail(world)
        webhook(world)
        killed(world)
        print(f"letter ways: {n} mail servers, a webhook, and a kill: {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""5,000 letters over a real mail server (package `aiosmtpd`), with a kill in the middle and a third bouncing.

usage: letters.py AMBIT

An intruder's session reads 5,000 profiles; a person decides, approves and sends. The server refuses a third of the
addresses and puts some off at first; the sender is killed with SIGKILL in the middle and started again. Then the account
of each person is compared with what the server received: nobody got two letters, everybody who is told as sent has one,
nobody who is told as bounced or not sent has one, and whoever was in flight is told as uncertain.
"""

import csv
import email
import email.policy
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

PERSONS = 5000
AT_ONCE = 10

MAP = """
[[subject]]
name = "user"
population = 6000
distinct = true
keys = "[0-9]+"

[[store]]
name = "users"
kind = "api"
subject = "user"
classes = ["contact", "identity"]

[[operation]]
name = "read a profile"
source = "app_jsonl"
match = "GET /v1/users/{user}/profile"
store = "users"
subjects = "path.user"
classes = ["contact", "identity"]
max_records = 1

[[channel]]
store = "users"
name = "api"
principal = "session"
attributing = "app_jsonl"
accounting = "app_jsonl"
"""

SAID = [
    "establishment=eu",
    "role=controller",
    "sectors=none_of_these",
    "organisation=Tonal Müsic AB",
    "contact=privacy@tonal.example",
    "nature=Somebody used the session of a member",
    "nature:de=Jemand hat die Sitzung eines Mitglieds benutzt",
    "consequences=Somebody may write in our name",
    "consequences:de=Jemand kann in unserem Namen schreiben",
    "measures=We ended the session",
    "measures:de=Wir haben die Sitzung beendet",
]


class Server:
    """Takes mails, refuses a third of the addresses, and puts every fiftieth off once."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.put_off: set[str] = set()
        self.halfway = threading.Event()

    async def handle_RCPT(self, server, session, envelope, address, options):
        n = int(address.split("@")[0].split("+")[1])
        if n % 3 == 0:
            return "550 5.1.1 no such user"
        if n % 50 == 1 and address not in self.put_off:
            self.put_off.add(address)
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        self.received.append((envelope.rcpt_tos[0], envelope.content))
        if len(self.received) == PERSONS // 4:
            self.halfway.set()
        return f"250 2.0.0 queued as {len(self.received)}"


class Patient(Controller):
    def factory(self):
        return SMTP(self.handler, command_call_limit={"*": 100000})


def expect(condition: bool, told: str) -> None:
    if not condition:
        sys.exit(f"letters: {told}")


class World:
    def __init__(self, ambit: str, folder: Path) -> None:
        self.ambit, self.folder = ambit, folder
        self.env = os.environ | {"AMBIT_WHO": "Ana Lind"}

    def run(self, *args: str, codes: tuple[int, ...] = (0, 3)) -> str:
        done = subprocess.run(
            [self.ambit, *args], cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )
        expect(done.returncode in codes, f"{' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def make(self) -> None:
        with open(self.folder / "shop.jsonl", "w", encoding="utf-8") as log:
            for n in range(1, PERSONS + 1):
                clock = f"{8 + n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}"
                event = {"ts": f"2026-05-21T{clock}.000Z", "user_id": "7", "session": "s-stolen", "ip": "203.0.113.9"}
                event |= {"method": "GET", "path": f"/v1/users/{n}/profile", "status": 200, "bytes": 512}
                log.write(json.dumps(event) + "\n")
        (self.folder / "map.toml").write_text(MAP)
        with open(self.folder / "members.csv", "w", encoding="utf-8", newline="") as table:
            rows = csv.writer(table)
            rows.writerow(["subject", "email", "name", "language", "residence"])
            for n in range(1, PERSONS + 1):
                rows.writerow([f"user:{n}", address(n), f"Änne {n}", "de" if n % 2 else "en", "eu"])
        self.run("ingest", "shop.jsonl", "--host", "shop1")
        self.run("scope", "--seed", "session=s-stolen", "--map", "map.toml", "--case", "may")
        self.run("disclose", "fact", "set", "may", *SAID)
        self.run("disclose", "decide", "may", "high", "--reason", "names and addresses are out")

    def sending(self, port: int) -> list[str]:
        way = ["--addresses", "members.csv", "--smtp", f"smtp-plain://127.0.0.1:{port}", "--per-minute", "0"]
        return ["disclose", "send", "may", *way, "--at-once", str(AT_ONCE), "--retry-after", "0", "--json"]

    def account(self) -> dict[str, dict[str, str]]:
        self.run("disclose", "letters", "may", "--save", "account.csv")
        with open(self.folder / "account.csv", encoding="utf-8", newline="") as table:
            return {row["subject"]: row for row in csv.DictReader(table)}


def address(n: int) -> str:
    return f"member+{n}@example.org"


def killed_in_the_middle(world: World, server: Server, port: int) -> None:
    sender = subprocess.Popen(
        [world.ambit, *world.sending(port)], cwd=world.folder, env=world.env, stdout=subprocess.DEVNULL
    )
    expect(server.halfway.wait(240), "the server never received a quarter of the letters")
    sender.send_signal(signal.SIGKILL)
    sender.wait()
    expect(sender.returncode == -signal.SIGKILL, "the sender ended before it was killed")


def compare(world: World, server: Server) -> Counter:
    account = world.account()
    expect(len(account) == PERSONS, f"{len(account)} persons are accounted for")
    got = Counter(to for to, _ in server.received)
    twice = [to for to, n in got.items() if n > 1]
    expect(not twice, f"got two letters: {twice[:5]}")
    states: Counter = Counter()
    for n in range(1, PERSONS + 1):
        state, has = account[f"user:{n}"]["state"], got[address(n)] == 1
        states[state] += 1
        fits = {"sent": has, "bounced": not has and n % 3 == 0, "uncertain": True}.get(state, False)
        expect(fits, f"user:{n} is told as {state}, and the server received {got[address(n)]}")
    ids = {row["message_id"] for row in account.values()}
    expect(len(ids) == PERSONS, "message ids are not of one person each")
    by_id = {row["message_id"]: subject for subject, row in account.items()}
    for to, content in server.received:
        mail = email.message_from_bytes(content, policy=email.policy.default)
        n = to.split("@")[0].split("+")[1]
        expect(by_id.get(mail["Message-ID"].strip("<>")) == f"user:{n}", f"{to} got the letter of another")
        words = "Wir schreiben Ihnen" if int(n) % 2 else "We write to you"
        expect(words in mail.get_content() and mail["To"].addresses[0].display_name == f"Änne {n}", f"{to}: {mail}")
    return states


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        world, server = World(sys.argv[1], Path(folder)), Server()
        world.make()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        controller = Patient(server, hostname="127.0.0.1", port=port)
        controller.start()
        world.run("disclose", "approve", "may", "--addresses", "members.csv", "--from", "Tonal <privacy@tonal.example>")
        killed_in_the_middle(world, server, port)
        n_before = len(server.received)
        world.run(*world.sending(port))
        # Those that were put off come with the next run.
        world.run(*world.sending(port))
        controller.stop()
        states = compare(world, server)
        expect(states["uncertain"] <= AT_ONCE, f"{states['uncertain']} are uncertain, of at most {AT_ONCE} in flight")
        expect(n_before < len(server.received), "nothing went after the kill")
        world.run("case", "verify", "may")
        told = ", ".join(f"{n:,} {state}" for state, n in sorted(states.items()))
        print(f"letters: {PERSONS:,} persons, killed after {n_before:,}: {told}; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""5,000 letters over a real mail server (package `aiosmtpd`), with a kill in the middle and a third bouncing.

usage: letters.py AMBIT

An intruder's session reads 5,000 profiles; a person decides, approves and sends. The server refuses a third of the
addresses and puts some off at first; the sender is killed with SIGKILL in the middle and started again. Then the account
of each person is compared with what the server received: nobody got two letters, everybody who is told as sent has one,
nobody who is told as bounced or not sent has one, and whoever was in flight is told as uncertain.
"""

import email
import email.policy
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
from shop import World, address, expect

PERSONS = 5000
AT_ONCE = 10


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


def sending(port: int) -> list[str]:
    way = ["--addresses", "members.csv", "--smtp", f"smtp-plain://127.0.0.1:{port}", "--per-minute", "0"]
    return ["disclose", "send", "may", *way, "--at-once", str(AT_ONCE), "--retry-after", "0", "--json"]


def killed_in_the_middle(world: World, server: Server, port: int) -> None:
    sender = subprocess.Popen(
        [world.ambit, *sending(port)], cwd=world.folder, env=world.env, stdout=subprocess.DEVNULL
    )
    expect(server.halfway.wait(240), "the server never received a quarter of the letters")
    sender.send_signal(signal.SIGKILL)
    sender.wait()
    expect(sender.returncode == -signal.SIGKILL, "the sender ended before it was killed")


def compare(world: World, server: Server) -> Counter:
    account = world.account("may")
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
        world, server = World(sys.argv[1], Path(folder), PERSONS), Server()
        world.make(language=lambda n: "de" if n % 2 else "en")
        world.case("may")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        controller = Patient(server, hostname="127.0.0.1", port=port)
        controller.start()
        killed_in_the_middle(world, server, port)
        n_before = len(server.received)
        world.run(*sending(port))
        # Those that were put off come with the next run.
        world.run(*sending(port))
        controller.stop()
        states = compare(world, server)
        expect(states["uncertain"] <= AT_ONCE, f"{states['uncertain']} are uncertain, of at most {AT_ONCE} in flight")
        expect(n_before < len(server.received), "nothing went after the kill")
        world.run("case", "verify", "may")
        told = ", ".join(f"{n:,} {state}" for state, n in sorted(states.items()))
        print(f"letters: {PERSONS:,} persons, killed after {n_before:,}: {told}; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

"""A small shop whose intruder read profiles, and what its people say of it: what the tests of letters and exports share."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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


def expect(condition: bool, told: str) -> None:
    if not condition:
        sys.exit(f"{Path(sys.argv[0]).stem}: {told}")


def address(n: int) -> str:
    return f"member+{n}@example.org"


class World:
    """A folder with the shop's log, its map and a table of addresses; as many cases as are asked for."""

    def __init__(self, ambit: str, folder: Path, persons: int) -> None:
        self.ambit, self.folder, self.persons = ambit, folder, persons
        self.env = os.environ | {"AMBIT_WHO": "Ana Lind"}

    def run(self, *args: str, codes: tuple[int, ...] = (0, 3), env: dict[str, str] | None = None):
        done = subprocess.run(
            [self.ambit, *args], cwd=self.folder, env=self.env | (env or {}), capture_output=True, text=True, check=False
        )
        expect(done.returncode in codes, f"{' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def make(self, data_map: str = MAP, language: Callable[[int], str] = lambda _: "en") -> None:
        with open(self.folder / "shop.jsonl", "w", encoding="utf-8") as log:
            for n in range(1, self.persons + 1):
                clock = f"{8 + n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}"
                event = {"ts": f"2026-05-21T{clock}.000Z", "user_id": "7", "session": "s-stolen", "ip": "203.0.113.9"}
                event |= {"method": "GET", "path": f"/v1/users/{n}/profile", "status": 200, "bytes": 512}
                log.write(json.dumps(event) + "\n")
        (self.folder / "map.toml").write_text(data_map)
        with open(self.folder / "members.csv", "w", encoding="utf-8", newline="") as table:
            rows = csv.writer(table)
            rows.writerow(["subject", "email", "name", "language", "residence"])
            for n in range(1, self.persons + 1):
                rows.writerow([f"user:{n}", address(n), f"Änne {n}", language(n), "eu"])
        self.run("ingest", "shop.jsonl", "--host", "shop1")

    def case(self, name: str) -> None:
        """A case that is decided and whose letters are approved."""
        self.run("scope", "--seed", "session=s-stolen", "--map", "map.toml", "--case", name)
        self.run("disclose", "fact", "set", name, *SAID)
        self.run("disclose", "decide", name, "high", "--reason", "names and addresses are out")
        self.run("disclose", "approve", name, "--addresses", "members.csv", "--from", "Tonal <privacy@tonal.example>")

    def account(self, case: str) -> dict[str, dict[str, str]]:
        self.run("disclose", "letters", case, "--save", "account.csv")
        with open(self.folder / "account.csv", encoding="utf-8", newline="") as table:
            return {row["subject"]: row for row in csv.DictReader(table)}

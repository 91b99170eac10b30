#!/usr/bin/env python3
"""What `ambit disclose export` writes, held against the schemas of those whose formats they are.

usage: exports.py AMBIT

STIX 2.1 with OASIS's own validator (`stix2-validator`) and read by `stix2`; the EDPB's draft template against its JSON
Schema (tests/exports, by its authors' licence); VERIS against the parts of its schema that a record of ours uses. Three
cases: a whole scope, one with a gap and nothing decided, and one without logs.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import stix2
import stix2validator
from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker
from letters import MAP, SAID, expect

HERE = Path(__file__).parent / "exports"
RESIDENCE = 'residence = { file = "users.csv", key = "id", column = "country", at = "2026-05-20T00:00:00Z" }\n'


def schema(name: str) -> dict:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


class World:
    def __init__(self, ambit: str, folder: Path) -> None:
        self.ambit, self.folder = ambit, folder

    def run(self, *args: str) -> str:
        done = subprocess.run(
            [self.ambit, *args], cwd=self.folder, env=os.environ | {"AMBIT_WHO": "Ana Lind"}, capture_output=True,
            text=True, check=False,
        )
        expect(done.returncode in (0, 3, 4), f"{' '.join(args)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def make(self) -> None:
        lines = []
        for n in range(1, 4):
            event = {"ts": f"2026-05-21T08:00:0{n}.000Z", "user_id": "7", "session": "s-stolen", "ip": "203.0.113.9"}
            event |= {"method": "GET", "path": f"/v1/users/{n}/profile", "status": 200, "bytes": 512}
            lines.append(json.dumps(event))
        (self.folder / "shop.jsonl").write_text("\n".join(lines) + "\n")
        (self.folder / "users.csv").write_text("id,country\n1,SE\n2,DE\n3,\n4,US\n")
        (self.folder / "map.toml").write_text(MAP.replace('keys = "[0-9]+"\n', 'keys = "[0-9]+"\n' + RESIDENCE))
        self.run("ingest", "shop.jsonl", "--host", "shop1")

    def whole(self) -> None:
        seed = 'session=s-stolen,exclusive,reason="its owner was on a flight"'
        self.run("scope", "--seed", seed, "--map", "map.toml", "--case", "whole")
        self.run("disclose", "fact", "set", "whole", *SAID, "external_intrusion=yes", "encryption=none", "harm=limited")
        knew = ["--knew", "head of security", "--evidence", "the gateway's log"]
        self.run("disclose", "fact", "set", "whole", "aware_at=2026-05-22T11:40:00Z", *knew)
        self.run("disclose", "decide", "whole", "high", "--reason", "names and addresses are out")

    def open(self) -> None:
        self.run("scope", "--seed", "session=s-stolen", "--case", "open")

    def without_logs(self) -> None:
        said = ["subjects=213", "records=213..", "classes=identity,contact", "effects=read,destroyed", "restored=never"]
        self.run("disclose", "fact", "set", "paper", "establishment=eu", "personal_data_breach=yes", *said)


def held(what: str, validator, record: dict) -> None:
    faults = [f"{'/'.join(map(str, fault.path))}: {fault.message}" for fault in validator.iter_errors(record)]
    expect(not faults, f"{what}:\n" + "\n".join(faults))


def edpb(world: World, case: str) -> dict:
    template = schema("edpb-draft-2026.schema.json")
    exported = json.loads(world.run("disclose", "export", "edpb", case))
    mandatory = set(template.pop("required"))
    held(f"EDPB {case}", Draft202012Validator(template, format_checker=FormatChecker()), exported["fields"])
    missing = {one["field"] for one in exported["to_be_filled_by_a_person"]}
    expect(missing == mandatory - set(exported["fields"]), f"EDPB {case}: not told as missing: {missing}")
    return exported["fields"]


def stix(world: World, case: str) -> None:
    text = world.run("disclose", "export", "stix", case)
    found = stix2validator.validate_string(text, stix2validator.ValidationOptions(version="2.1", strict=False))
    expect(found.is_valid, f"STIX {case}: {[str(error) for error in found.errors]}")
    bundle = stix2.parse(text, allow_custom=False, version="2.1")
    kinds = [one.type for one in bundle.objects]
    expect("incident" in kinds and "note" in kinds, f"STIX {case}: {kinds}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(sys.argv[1], Path(folder))
        world.make()
        world.whole()
        world.open()
        world.without_logs()
        for case in ("whole", "open", "paper"):
            held(f"VERIS {case}", Draft4Validator(schema("veris.schema.json")), json.loads(world.run("disclose", "export", "veris", case)))
            stix(world, case)
            fields = edpb(world, case)
            if case == "whole":
                # Two countries for certain, and a third person anywhere.
                expect(fields["field_113"] == "a", f"across borders: {fields['field_113']}")
                expect("DE: at least 1 and at most 2 persons" in fields["field_116"], fields["field_116"])
        print("exports: VERIS, STIX and the EDPB's draft template hold for 3 cases")


if __name__ == "__main__":
    main()

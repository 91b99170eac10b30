#!/usr/bin/env python3
"""What `ambit disclose export` writes, held against the schemas of those whose formats they are.

usage: exports.py AMBIT

STIX 2.1 with OASIS's own validator (`stix2-validator`) and read by `stix2`; the EDPB's draft template against its JSON
Schema (tests/exports, by its authors' licence); VERIS against the parts of its schema that a record of ours uses. Three
cases: a whole scope, one with a gap and nothing decided, and one without logs.
"""

import json
import sys
import tempfile
from pathlib import Path

import stix2
import stix2validator
from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker
from shop import MAP, SAID, World, expect

HERE = Path(__file__).parent / "exports"
RESIDENCE = 'residence = { file = "users.csv", key = "id", column = "country", at = "2026-05-20T00:00:00Z" }\n'


def schema(name: str) -> dict:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


class Exports(World):
    def shop(self) -> None:
        (self.folder / "users.csv").write_text("id,country\n1,SE\n2,DE\n3,\n4,US\n")
        self.make(MAP.replace('keys = "[0-9]+"\n', 'keys = "[0-9]+"\n' + RESIDENCE))

    def written(self, form: str, case: str) -> str:
        return self.run("disclose", "export", form, case).stdout

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
        self.run("case", "note", "paper", "a folder of letters was left in a train")
        said = ["subjects=213", "records=213..", "classes=identity,contact", "effects=read,destroyed", "restored=never"]
        self.run("disclose", "fact", "set", "paper", "establishment=eu", "personal_data_breach=yes", *said)


def held(what: str, validator, record: dict) -> None:
    faults = [f"{'/'.join(map(str, fault.path))}: {fault.message}" for fault in validator.iter_errors(record)]
    expect(not faults, f"{what}:\n" + "\n".join(faults))


def edpb(world: Exports, case: str) -> dict:
    template = schema("edpb-draft-2026.schema.json")
    exported = json.loads(world.written("edpb", case))
    mandatory = set(template.pop("required"))
    held(f"EDPB {case}", Draft202012Validator(template, format_checker=FormatChecker()), exported["fields"])
    missing = {one["field"] for one in exported["to_be_filled_by_a_person"]}
    expect(missing == mandatory - set(exported["fields"]), f"EDPB {case}: not told as missing: {missing}")
    return exported["fields"]


def stix(world: Exports, case: str) -> None:
    text = world.written("stix", case)
    found = stix2validator.validate_string(text, stix2validator.ValidationOptions(version="2.1", strict=False))
    expect(found.is_valid, f"STIX {case}: {[str(error) for error in found.errors]}")
    bundle = stix2.parse(text, allow_custom=False, version="2.1")
    kinds = [one.type for one in bundle.objects]
    expect("incident" in kinds and "note" in kinds, f"STIX {case}: {kinds}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = Exports(sys.argv[1], Path(folder), 3)
        world.shop()
        world.whole()
        world.open()
        world.without_logs()
        for case in ("whole", "open", "paper"):
            held(f"VERIS {case}", Draft4Validator(schema("veris.schema.json")), json.loads(world.written("veris", case)))
            stix(world, case)
            fields = edpb(world, case)
            if case == "whole":
                # Two countries for certain, and a third person anywhere.
                expect(fields["field_113"] == "a", f"across borders: {fields['field_113']}")
                expect("DE: at least 1 and at most 2 persons" in fields["field_116"], fields["field_116"])
        print("exports: VERIS, STIX and the EDPB's draft template hold for 3 cases")


if __name__ == "__main__":
    main()

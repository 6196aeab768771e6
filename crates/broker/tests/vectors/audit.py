"""Compares every field of the codec's tables with the fields that Vectors.java lists from Kafka's own classes.

Arguments: the list of fields, the folder with the tables. Says what differs, and how many fields do not.
"""

import re
import sys
from pathlib import Path

KINDS = {
    "BOOLEAN": "bool", "INT8": "i8", "INT16": "i16", "INT32": "i32", "INT64": "i64", "FLOAT64": "f64", "UUID": "Uuid",
    "STRING": "String", "COMPACT_STRING": "String", "NULLABLE_STRING": "String", "COMPACT_NULLABLE_STRING": "String",
    "BYTES": "Bytes", "COMPACT_BYTES": "Bytes", "NULLABLE_RECORDS": "Bytes", "COMPACT_NULLABLE_RECORDS": "Bytes",
}
PLAIN = {"bool": "false", "f64": "0.0", "String": "", "Uuid": "A" * 22, "Bytes": "[B@", "Vec": "[]"}
# Names that Rust or we have another one for.
NAMES = {"match": "match_name", "results_by_topic_v3_and_below": "results"} | {
    f"v3_and_below_{name}": name for name in ("transactional_id", "producer_id", "producer_epoch", "topics")
}
STRUCT = re.compile(r"^    (\w+) \{\n(.*?)^    \}", re.M | re.S)
FIELD = re.compile(r"(\w+): ([^=]+?) = (\d+)\.\.(?:=(\d+))?((?:, [^;]+)?);")


def tables(folder):
    """Rust struct -> list of (name, type, first, last, default, null range, tag)."""
    found = {}
    for path in sorted(Path(folder).glob("*.rs")):
        for name, body in STRUCT.findall(path.read_text()):
            assert name not in found, f"{name} is there twice"
            rows = []
            for field, kind, first, last, rest in FIELD.findall(body):
                default = re.search(r"default ([^,]+)", rest)
                null = re.search(r"null (\d+)\.\.(?:=(\d+))?", rest)
                tag = re.search(r"tag (\d+)", rest)
                rows.append((field, kind, int(first), int(last or 99), default and default[1],
                             null and (int(null[1]), int(null[2] or 99)), tag[1] if tag else "-"))
            assert len(rows) == body.count(";"), f"{name} has a line that is no field"
            found[name] = rows
    return found


def listed(path):
    """Kafka's struct -> version -> list of (name, tag, nullable, type, default, member)."""
    found = {}
    for line in Path(path).read_text().splitlines():
        struct, version, *field = line.split("\t")
        found.setdefault(struct, {}).setdefault(int(version), []).append(tuple(field))
    return found


class Audit:
    def __init__(self, ours, theirs):
        self.ours, self.theirs, self.same, self.differences, self.seen = ours, theirs, 0, [], {}

    def say(self, *words):
        self.differences.append(" ".join(map(str, words)))

    def struct(self, ours, theirs, versions):
        if self.seen.setdefault((ours, theirs), 1) > 1:
            return
        self.seen[ours, theirs] += 1
        for version in versions:
            rows = self.theirs.get(theirs, {}).get(version)
            if rows is None:
                continue
            fields = [f for f in self.ours[ours] if f[2] <= version <= f[3]]
            in_order = [f for f in fields if f[6] == "-"] + [f for f in fields if f[6] != "-"]
            if fields != in_order:
                self.say(ours, version, "has tagged fields before others")
            if [(f[0], f[6]) for f in fields] != [(NAMES.get(r[0], r[0]), r[1]) for r in rows]:
                self.say(ours, version, [f[0] for f in fields], [r[0] for r in rows])
                continue
            for field, row in zip(fields, rows):
                self.field(ours, theirs, version, field, row, versions)

    def field(self, ours, theirs, version, field, row, versions):
        name, kind, _, _, default, null, _ = field
        _, _, nullable, wire, plain, member = row
        optional = kind.startswith("Option<")
        inner = kind[7:-1] if optional else kind
        is_null = optional and (null is None or null[0] <= version <= null[1])
        if kind == "Records":
            inner, is_null = "Bytes", True
        where = f"{ours}.{name} {version}"
        if is_null != (nullable == "null"):
            self.say(where, "null:", is_null, nullable)
        array = re.fullmatch(r"Vec<(.+)>", inner)
        element = array[1] if array else inner
        if bool(array) != wire.startswith("["):
            self.say(where, kind, wire)
        primitive = wire.split(":")[1].rstrip("]")
        if primitive == "{}":
            java = re.sub(r".*<(.+)>$", r"\1", member).rsplit(".", 1)[1]
            nested = java.split("$")[1].removesuffix("Collection")
            self.struct(element, theirs.split(".")[0] + "." + nested, versions)
        elif KINDS[primitive] != element:
            self.say(where, kind, wire)
        self.default(where, kind, default, plain, array, element)
        self.same += 1

    def default(self, where, kind, default, plain, array, element):
        if default == "i32::MIN":
            default = str(-2**31)
        if default == "i32::MAX":
            default = str(2**31 - 1)
        if kind.startswith("Option<"):
            # None throughout, also where Kafka has an empty value.
            ours = plain if plain in ("", "[]") and default is None else "null"
        elif kind == "Records":
            ours = "null"
        elif array:
            ours = "[]"
        else:
            ours = default if default is not None else PLAIN.get(element, "0")
        if element in self.ours and not array and not kind.startswith("Option<"):
            return
        if not (plain == ours or ours == "[B@" and plain.startswith("[B@")):
            self.say(where, "default:", ours, "Kafka:", plain)


def main():
    ours, theirs = tables(sys.argv[2]), listed(sys.argv[1])
    audit = Audit(ours, theirs)
    for struct, versions in theirs.items():
        if "." not in struct:
            # A message without fields in a version still is listed in others; one without any is not listed.
            audit.struct(struct, struct, sorted(versions))
    used = {ours for ours, _ in audit.seen}
    for difference in audit.differences:
        print(difference)
    print(f"{audit.same} fields are the same, {len(audit.differences)} differ, {len(theirs)} structs of Kafka,"
          f" {len(used)} of {len(ours)} tables used; not compared: {sorted(set(ours) - used)},"
          f" {sorted(set(theirs) - {theirs for _, theirs in audit.seen})}")
    sys.exit(1 if audit.differences or used != set(ours) else 0)


main()

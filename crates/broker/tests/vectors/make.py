"""Writes tests/vectors.tsv of the crate around it, and compares the tables of its messages with Kafka's.

Needs Java 17, and Maven to get kafka-clients 4.3.0. Which versions are served stands in src/wire/api.rs.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CRATE = next(folder for folder in HERE.parents if (folder / "Cargo.toml").exists())
MAVEN = Path.home() / ".m2/repository"
JARS = {
    "org.apache.kafka:kafka-clients:4.3.0": MAVEN / "org/apache/kafka/kafka-clients/4.3.0/kafka-clients-4.3.0.jar",
    "org.slf4j:slf4j-api:1.7.36": MAVEN / "org/slf4j/slf4j-api/1.7.36/slf4j-api-1.7.36.jar",
}
# Key, lowest and highest version of a row in the table of requests.
ROW = re.compile(r"^    \w+ (\d+): (\d+)\.\.=(\d+),", re.M)


def main():
    for name, jar in JARS.items():
        if not jar.exists():
            subprocess.run(["mvn", "-q", "dependency:get", f"-Dartifact={name}", "-Dtransitive=false"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        path = ":".join(map(str, [folder, *JARS.values()]))
        subprocess.run(["javac", "-cp", path, "-d", folder, HERE / "Vectors.java"], check=True)
        served, fields = Path(folder) / "served.txt", Path(folder) / "fields.tsv"
        rows = ROW.findall((CRATE / "src/wire/api.rs").read_text())
        served.write_text("".join(f"{key} {lowest} {highest}\n" for key, lowest, highest in rows))
        vectors = CRATE / "tests/vectors.tsv"
        subprocess.run(["java", "-cp", path, "Vectors", served, vectors, fields], check=True)
        subprocess.run([sys.executable, HERE / "audit.py", fields, CRATE / "src/wire/messages"], check=True)


main()

#!/usr/bin/env python3
"""Writes a spec of N event pipelines, each the example with names of its own: generate.py N > snowssi.toml"""

import pathlib
import re
import sys

LABELS = ["kms_key.pipeline", "bucket.data", "iam_role.snowflake", "storage_integration.s3", "database.events", "schema.files",
          "warehouse.events", "stage.data", "stream.inbound", "task.copy"]


def pipeline(example: str, number: int) -> str:
    body = example[example.index("[kms_key.pipeline]"):example.index("[output.inbound]")]
    for label in LABELS:
        body = re.sub(rf"\b{re.escape(label)}\b", f"{label}{number}", body)
    body = body.replace("acme-events-", f"acme-events{number}-")
    body = body.replace('"alias/events"', f'"alias/events{number}"')
    body = body.replace('"snowflake-events"', f'"snowflake-events{number}"')
    return body.replace('"EVENTS"', f'"EVENTS{number}"')


def main() -> None:
    count = int(sys.argv[1])
    root = pathlib.Path(__file__).resolve().parent.parent
    example = (root / "examples/event-pipeline/snowssi.toml").read_text(encoding="utf-8")
    print('[stack]\nname = "bench"\n\n[aws]\nregion = "us-east-1"\n\n[snowflake]\nconnection = "default"\n')
    for number in range(count):
        print(pipeline(example, number))


main()

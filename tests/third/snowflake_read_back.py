"""What `examples/event-pipeline` makes, read back with Snowflake's own connector: all kinds, by SHOW and by DESC."""

import datetime as dt
import sys

import snowflake.connector as sf
from snowflake.connector import DictCursor

PORT = int(sys.argv[1])
CONNECTION = sf.connect(account="SANDBOX", user="SANDBOX", password="sandbox", host="127.0.0.1", port=PORT, protocol="http")


def rows(sql):
    return CONNECTION.cursor(DictCursor).execute(sql).fetchall()


def one(sql, **wanted):
    [row] = rows(sql)
    for column, value in wanted.items():
        assert row[column] == value, (sql, column, row[column], value)
    return row


def properties(sql):
    return {row["property"]: row["property_value"] for row in rows(sql)}


made = one("SHOW DATABASES LIKE 'EVENTS'", name="EVENTS", owner="ACCOUNTADMIN", kind="STANDARD", options="", retention_time="1")
assert isinstance(made["created_on"], dt.datetime) and "snowssi:events/database.events" in made["comment"]
assert {row["name"] for row in rows("DESC DATABASE EVENTS")} == {"FILES", "INFORMATION_SCHEMA", "PUBLIC"}

one("SHOW SCHEMAS LIKE 'FILES' IN DATABASE EVENTS", name="FILES", database_name="EVENTS", owner="ACCOUNTADMIN")
inside = {(row["name"], row["kind"]) for row in rows("DESC SCHEMA EVENTS.FILES")}
assert inside == {("INBOUND", "STAGE"), ("OUTBOUND", "STAGE"), ("INBOUND_FILES", "STREAM"), ("COPY_FILES", "TASK")}, inside

warehouse = one("SHOW WAREHOUSES LIKE 'EVENTS'", name="EVENTS", size="X-Small", type="STANDARD", auto_resume="true", state="SUSPENDED")
assert (warehouse["auto_suspend"], warehouse["max_cluster_count"]) == (60, 1), warehouse

one("SHOW INTEGRATIONS", name="EVENTS", type="EXTERNAL_STAGE", category="STORAGE", enabled="true")
one("SHOW STORAGE INTEGRATIONS LIKE 'events'", name="EVENTS")
integration = properties("DESC INTEGRATION EVENTS")
assert integration["STORAGE_ALLOWED_LOCATIONS"] == "s3://acme-events-inbound/,s3://acme-events-outbound/", integration
assert integration["STORAGE_AWS_ROLE_ARN"].endswith("/snowflake-events")
assert integration["STORAGE_AWS_IAM_USER_ARN"].startswith("arn:aws:iam::")
assert integration["STORAGE_AWS_EXTERNAL_ID"]

for name, bucket in (("INBOUND", "s3://acme-events-inbound/"), ("OUTBOUND", "s3://acme-events-outbound/")):
    stage = one(f"SHOW STAGES LIKE '{name}' IN ACCOUNT", url=bucket, type="EXTERNAL", cloud="AWS", storage_integration="EVENTS")
    assert (stage["region"], stage["directory_enabled"], stage["has_credentials"]) == ("us-east-1", "Y", "N"), stage
    assert stage["notification_channel"].startswith("arn:aws:sqs:us-east-1:")
    described = {(row["parent_property"], row["property"]): row["property_value"] for row in rows(f"DESC STAGE EVENTS.FILES.{name}")}
    assert described["STAGE_LOCATION", "URL"] == f'["{bucket}"]'
    assert described["STAGE_INTEGRATION", "STORAGE_INTEGRATION"] == "EVENTS"
    assert (described["DIRECTORY", "ENABLE"], described["DIRECTORY", "AUTO_REFRESH"]) == ("true", "true")

one("SHOW STREAMS IN ACCOUNT", name="INBOUND_FILES", source_type="Stage", table_name="EVENTS.FILES.INBOUND", type="DELTA", stale="false")
one("DESC STREAM EVENTS.FILES.INBOUND_FILES", mode="DEFAULT", base_tables="EVENTS.FILES.INBOUND")

for sql in ("SHOW TASKS IN SCHEMA EVENTS.FILES", "DESC TASK EVENTS.FILES.COPY_FILES"):
    task = one(sql, name="COPY_FILES", state="started", warehouse="EVENTS", schedule=None, predecessors="[]")
    assert task["condition"] == "SYSTEM$STREAM_HAS_DATA('\"EVENTS\".\"FILES\".\"INBOUND_FILES\"')", task["condition"]
    assert task["definition"].startswith("BEGIN") and "COPY FILES INTO" in task["definition"]

# The example has no format of files: one made here, as another program would.
rows("CREATE FILE FORMAT EVENTS.FILES.SEMICOLONS TYPE = CSV FIELD_DELIMITER = ';' SKIP_HEADER = 1")
one("SHOW FILE FORMATS IN SCHEMA EVENTS.FILES", name="SEMICOLONS", type="CSV", owner="ACCOUNTADMIN")
described = properties("DESC FILE FORMAT EVENTS.FILES.SEMICOLONS")
assert (described["FIELD_DELIMITER"], described["SKIP_HEADER"], described["TYPE"]) == (";", "1", "CSV"), described
print("read back")

"""snowcap's reading of an account, over a connection to the sandbox: sessions, lists, and every object as snowcap would compare it."""

import sys

import snowcap.data_provider as provider
import snowflake.connector
from snowcap.enums import ResourceType
from snowcap.identifiers import URN

PORT = int(sys.argv[1])
CONNECTION = snowflake.connector.connect(
    account="SANDBOX", user="SANDBOX", password="sandbox", host="127.0.0.1", port=PORT, protocol="http", role="ACCOUNTADMIN"
)

LOCATOR = provider.fetch_account_locator(CONNECTION)
assert LOCATOR, "the account has no locator"
assert provider.fetch_region(CONNECTION), "the account has no region"

session = provider.fetch_session(CONNECTION)
assert (session["role"], session["user"]) == ("ACCOUNTADMIN", "SANDBOX"), session

LISTS = {
    ResourceType.DATABASE: provider.list_databases,
    ResourceType.SCHEMA: provider.list_schemas,
    ResourceType.WAREHOUSE: provider.list_warehouses,
    ResourceType.ROLE: provider.list_roles,
    ResourceType.STAGE: provider.list_stages,
    ResourceType.STREAM: provider.list_streams,
    ResourceType.TASK: provider.list_tasks,
    ResourceType.STORAGE_INTEGRATION: provider.list_storage_integrations,
    ResourceType.TABLE: provider.list_tables,
}
WANTED = {
    ResourceType.DATABASE: {"EVENTS": {"owner": "ACCOUNTADMIN", "transient": False, "data_retention_time_in_days": 1}},
    ResourceType.SCHEMA: {"EVENTS.FILES": {"owner": "ACCOUNTADMIN", "managed_access": False}, "EVENTS.PUBLIC": {}},
    ResourceType.WAREHOUSE: {"EVENTS": {"warehouse_size": "XSMALL", "auto_suspend": 60, "auto_resume": True}},
    ResourceType.STAGE: {
        "EVENTS.FILES.INBOUND": {"url": "s3://acme-events-inbound/", "storage_integration": "EVENTS", "directory": {"enable": True}},
        "EVENTS.FILES.OUTBOUND": {"url": "s3://acme-events-outbound/", "type": "EXTERNAL"},
    },
    ResourceType.STREAM: {"EVENTS.FILES.INBOUND_FILES": {"on_stage": "EVENTS.FILES.INBOUND"}},
    ResourceType.TASK: {"EVENTS.FILES.COPY_FILES": {"warehouse": "EVENTS", "state": "STARTED", "schedule": None}},
    ResourceType.STORAGE_INTEGRATION: {
        "EVENTS": {
            "type": "EXTERNAL_STAGE",
            "enabled": True,
            "storage_provider": "S3",
            "storage_allowed_locations": ["s3://acme-events-inbound/", "s3://acme-events-outbound/"],
        }
    },
    ResourceType.TABLE: {},
}

for kind, listed in LISTS.items():
    names = {str(name): name for name in listed(CONNECTION)}
    if kind is ResourceType.ROLE:
        continue
    assert set(names) == set(WANTED[kind]), (kind, names)
    for name, fields in WANTED[kind].items():
        found = provider.fetch_resource(CONNECTION, URN(kind, names[name], account_locator=LOCATOR))
        assert found is not None, (kind, name)
        for field, value in fields.items():
            assert found[field] == value, (kind, name, field, found[field])
print("read")

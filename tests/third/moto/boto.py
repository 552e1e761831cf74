"""Runs pieces of Python with clients of boto3 at hand: a line of JSON in, a line of JSON out.

boto3 and its models are others' work, as moto is: what it reads is not read by any code of ours.
"""

import json
import sys

import boto3
from botocore.exceptions import ClientError

_endpoint, _proxy, _region = sys.argv[1:4]


def _client(service, endpoint=_endpoint):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=_region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


_names = {name: _client(name) for name in ("s3", "iam", "kms", "sts", "sqs")}
# Objects go the way that programs go, because there the emulator needs an excuse.
_names["data"] = _client("s3", _proxy)
_names["tagging"] = _client("resourcegroupstaggingapi")


def _or_none(call, **arguments):
    """What a call answers, without what is about the answer; the error's code if it is refused."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        return {"refused": error.response["Error"]["Code"]}
    answer.pop("ResponseMetadata", None)
    return answer


def _bucket(name):
    s3 = _names["s3"]
    reads = {
        "tags": s3.get_bucket_tagging,
        "versioning": s3.get_bucket_versioning,
        "encryption": s3.get_bucket_encryption,
        "public_access_block": s3.get_public_access_block,
        "ownership": s3.get_bucket_ownership_controls,
        "policy": s3.get_bucket_policy,
        "lifecycle": s3.get_bucket_lifecycle_configuration,
        "logging": s3.get_bucket_logging,
        "notification": s3.get_bucket_notification_configuration,
    }
    found = {what: _or_none(read, Bucket=name) for what, read in reads.items()}
    if "Policy" in found["policy"]:
        found["policy"] = json.loads(found["policy"]["Policy"])
    found["objects"] = [it["Key"] for it in s3.list_objects_v2(Bucket=name).get("Contents", [])]
    return found


def _role(name):
    iam = _names["iam"]
    found = iam.get_role(RoleName=name)["Role"]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    found["inline"] = {it: iam.get_role_policy(RoleName=name, PolicyName=it)["PolicyDocument"] for it in inline}
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    found["attached"] = [it["PolicyArn"] for it in attached]
    return found


def _key(id):
    kms = _names["kms"]
    found = kms.describe_key(KeyId=id)["KeyMetadata"]
    found["policy"] = json.loads(kms.get_key_policy(KeyId=found["KeyId"], PolicyName="default")["Policy"])
    found["rotation"] = _or_none(kms.get_key_rotation_status, KeyId=found["KeyId"])
    found["tags"] = kms.list_resource_tags(KeyId=found["KeyId"])["Tags"]
    return found


def everything():
    """All that is in the account: buckets, roles and aliases by name, and keys by ID. AWS's own keys and aliases are left out."""
    kms = _names["kms"]
    aliases = {it["AliasName"]: it.get("TargetKeyId") for it in kms.list_aliases()["Aliases"]}
    keys = [_key(it["KeyId"]) for it in kms.list_keys()["Keys"]]
    return {
        "buckets": {it["Name"]: _bucket(it["Name"]) for it in _names["s3"].list_buckets()["Buckets"]},
        "roles": {it["RoleName"]: _role(it["RoleName"]) for it in _names["iam"].list_roles()["Roles"]},
        "keys": {it["KeyId"]: it for it in keys if it.get("KeyManager") != "AWS"},
        "aliases": {name: key for name, key in aliases.items() if not name.startswith("alias/aws/")},
    }


_names["everything"] = everything
_names["json"] = json

print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    try:
        code = json.loads(line)
        *before, last = code.strip().splitlines()
        exec("\n".join(before), _names)
        answer = {"value": eval(last, _names)}
    except Exception as error:  # whatever it is, the test shall show it
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer, default=str), flush=True)

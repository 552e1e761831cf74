"""Reads back all that full.toml declares, with boto3."""

import json

from sandbox import client, same

s3, kms, iam, tagging = (client(name) for name in ("s3", "kms", "iam", "resourcegroupstaggingapi"))


def tags(pairs, key="Key", value="Value"):
    """The user's tags; the marks of the stack are looked at by themselves."""
    return {pair[key]: pair[value] for pair in pairs if not pair[key].startswith("snowssi:")}


def marks(pairs, key="Key"):
    return [pair[key] for pair in pairs if pair[key].startswith("snowssi:")]


# --- bucket
data, logs = {"Bucket": "full-data-example"}, {"Bucket": "full-logs-example"}
same(sorted(bucket["Name"] for bucket in s3.list_buckets()["Buckets"]), ["full-data-example", "full-logs-example"])
same(s3.head_bucket(**data)["BucketRegion"], "us-east-1")
same(s3.get_bucket_location(**data)["LocationConstraint"], None)
arn = kms.describe_key(KeyId="alias/full")["KeyMetadata"]["Arn"]
rule = s3.get_bucket_encryption(**data)["ServerSideEncryptionConfiguration"]["Rules"][0]
same(rule["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn})
same(rule["BucketKeyEnabled"], True)
rule = s3.get_bucket_encryption(**logs)["ServerSideEncryptionConfiguration"]["Rules"][0]
same(rule["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"})
same(s3.get_bucket_versioning(**data)["Status"], "Enabled")
same(
    s3.get_public_access_block(**data)["PublicAccessBlockConfiguration"],
    {name: True for name in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")},
)
ownership = lambda bucket: s3.get_bucket_ownership_controls(**bucket)["OwnershipControls"]["Rules"][0]["ObjectOwnership"]
same((ownership(data), ownership(logs)), ("BucketOwnerPreferred", "BucketOwnerEnforced"))
policy = json.loads(s3.get_bucket_policy(**data)["Policy"])
[tls] = policy["Statement"]
same((tls["Effect"], tls["Condition"]), ("Deny", {"Bool": {"aws:SecureTransport": "false"}}))
same(sorted(tls["Resource"]), ["arn:aws:s3:::full-data-example", "arn:aws:s3:::full-data-example/*"])
policy = json.loads(s3.get_bucket_policy(**logs)["Policy"])
[service] = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
same(service["Principal"], {"Service": "logging.s3.amazonaws.com"})
same((service["Action"], service["Resource"]), ("s3:PutObject", "arn:aws:s3:::full-logs-example/data/*"))
same(service["Condition"]["ArnLike"], {"aws:SourceArn": "arn:aws:s3:::full-data-example"})
same(service["Condition"]["StringEquals"], {"aws:SourceAccount": "123456789012"})
same(s3.get_bucket_policy_status(**logs)["PolicyStatus"]["IsPublic"], False)
same(tags(s3.get_bucket_tagging(**data)["TagSet"]), {"team": "data"})
assert marks(s3.get_bucket_tagging(**data)["TagSet"])
[queue] = s3.get_bucket_notification_configuration(**data)["QueueConfigurations"]
assert queue["QueueArn"].startswith("arn:aws:sqs:us-east-1:"), queue
assert all(event.startswith("s3:Object") for event in queue["Events"]), queue
rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(**data)["Rules"]}
old = rules.pop("old")
same(old["Filter"], {"Prefix": "tmp/"})
same((old["Status"], old["Expiration"]["Days"], old["NoncurrentVersionExpiration"]["NoncurrentDays"]), ("Enabled", 90, 10))
same(old["Transitions"], [{"Days": 30, "StorageClass": "STANDARD_IA"}])
[abort] = rules.values()
same(abort["AbortIncompleteMultipartUpload"], {"DaysAfterInitiation": 3})
logging = s3.get_bucket_logging(**data)["LoggingEnabled"]
same((logging["TargetBucket"], logging["TargetPrefix"]), ("full-logs-example", "data/"))

# --- KMS key
key = kms.describe_key(KeyId=arn)["KeyMetadata"]
same((key["Description"], key["KeyState"], key["KeySpec"]), ("everything", "Enabled", "SYMMETRIC_DEFAULT"))
rotation = kms.get_key_rotation_status(KeyId=key["KeyId"])
same((rotation["KeyRotationEnabled"], rotation["RotationPeriodInDays"]), (True, 180))
[alias] = [alias for alias in kms.list_aliases(KeyId=key["KeyId"])["Aliases"]]
same((alias["AliasName"], alias["TargetKeyId"]), ("alias/full", key["KeyId"]))
statements = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])["Statement"]
assert any(statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"} for statement in statements), statements
same(tags(kms.list_resource_tags(KeyId=key["KeyId"])["Tags"], "TagKey", "TagValue"), {"team": "data"})

# --- IAM roles
role = iam.get_role(RoleName="full-snowflake")["Role"]
same(role["Arn"], "arn:aws:iam::123456789012:role/snowssi/full/full-snowflake")
same((role["Description"], role["MaxSessionDuration"]), ("what Snowflake assumes", 7200))
same(tags(role["Tags"]), {"team": "data"})
[trust] = role["AssumeRolePolicyDocument"]["Statement"]
assert trust["Principal"]["AWS"].startswith("arn:aws:iam::") and ":user/" in trust["Principal"]["AWS"], trust
assert "_SFCRole=" in json.dumps(trust["Condition"]["StringEquals"]["sts:ExternalId"]), trust
[attached] = iam.list_attached_role_policies(RoleName="full-snowflake")["AttachedPolicies"]
same(attached["PolicyArn"], "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
[name] = iam.list_role_policies(RoleName="full-snowflake")["PolicyNames"]
document = iam.get_role_policy(RoleName="full-snowflake", PolicyName=name)["PolicyDocument"]
actions = {action for statement in document["Statement"] for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])}
assert {"s3:ListBucket", "s3:GetObject", "kms:Decrypt"} <= actions and "s3:PutObject" not in actions, actions
person = iam.get_role(RoleName="full-person")["Role"]
limited = iam.get_role(RoleName="full-limited")["Role"]
same(limited["PermissionsBoundary"]["PermissionsBoundaryArn"], "arn:aws:iam::aws:policy/PowerUserAccess")
[trust] = person["AssumeRolePolicyDocument"]["Statement"]
same(trust["Principal"], {"AWS": "arn:aws:iam::123456789012:root"})
listed = [role["RoleName"] for page in iam.get_paginator("list_roles").paginate(PathPrefix="/snowssi/full/") for role in page["Roles"]]
same(sorted(listed), ["full-limited", "full-person", "full-snowflake"])

# --- all that is tagged
found = tagging.get_resources(TagFilters=[{"Key": "team", "Values": ["data"]}])["ResourceTagMappingList"]
same(sorted(resource["ResourceARN"] for resource in found), sorted([arn, "arn:aws:s3:::full-data-example"]))
print("read back")

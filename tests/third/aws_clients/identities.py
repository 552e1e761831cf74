"""Who may do what: credentials that are wrong, and credentials of a role."""

import boto3
from sandbox import AWS, client, refusal, same

sts = client("sts")
same(sts.get_caller_identity()["Account"], AWS["account"])

# --- wrong credentials, in the words of each service
calls = {"s3": "list_buckets", "sts": "get_caller_identity", "iam": "list_roles", "kms": "list_keys"}
unknown = {"s3": ("InvalidAccessKeyId", 403), "kms": ("UnrecognizedClientException", 400)}
forged = {"kms": ("InvalidSignatureException", 400)}
for service, call in calls.items():
    found = refusal(getattr(client(service, aws_access_key_id="AKIAIOSFODNN7EXAMPLE"), call))
    same(found, unknown.get(service, ("InvalidClientTokenId", 403)))
    found = refusal(getattr(client(service, aws_secret_access_key="a guess"), call))
    same(found, forged.get(service, ("SignatureDoesNotMatch", 403)))
    found = refusal(getattr(client(service, aws_session_token="made up"), call))
    same(found[0] in ("InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException"), True)
from botocore import UNSIGNED
from botocore.config import Config

nobody = boto3.client("s3", endpoint_url=AWS["endpoint_url"], region_name="us-east-1", config=Config(signature_version=UNSIGNED))
same(refusal(nobody.list_buckets), ("AccessDenied", 403))

# --- a role: it may list the bucket of logs and nothing else, with its own secret and token
assumed = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/snowssi/full/full-person", RoleSessionName="me")["Credentials"]
session = {
    "aws_access_key_id": assumed["AccessKeyId"],
    "aws_secret_access_key": assumed["SecretAccessKey"],
    "aws_session_token": assumed["SessionToken"],
}
who = client("sts", **session).get_caller_identity()["Arn"]
same(who, "arn:aws:sts::123456789012:assumed-role/full-person/me")
client("s3", **session).list_objects_v2(Bucket="full-logs-example")
same(refusal(client("sts", **{**session, "aws_session_token": "made up"}).get_caller_identity), ("InvalidClientTokenId", 403))
same(refusal(client("sts", **{**session, "aws_secret_access_key": "a guess"}).get_caller_identity), ("SignatureDoesNotMatch", 403))
without = {name: value for name, value in session.items() if name != "aws_session_token"}
same(refusal(client("s3", **without).list_objects_v2, Bucket="full-logs-example"), ("InvalidToken", 400))
same(refusal(client("s3", **session).get_object, Bucket="full-data-example", Key="k"), ("AccessDenied", 403))
same(refusal(sts.assume_role, RoleArn="arn:aws:iam::123456789012:role/snowssi/full/full-snowflake", RoleSessionName="me"), ("AccessDenied", 403))
print("identities")

"""Writes until the disk is full; prints what was taken and what was refused."""

import json

from sandbox import client
from botocore.exceptions import ClientError

s3 = client("s3")
s3.create_bucket(Bucket="filling")
taken, refused = [], []
for number in range(2000):
    key = f"{'k' * 200}/{number:04}"
    try:
        s3.put_object(Bucket="filling", Key=key, Body=str(number).encode())
        taken.append(key)
    except ClientError as error:
        refused.append((key, error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]))
        if len(refused) == 3:
            break
# What was refused did not happen, and what was taken can be read while the disk is full.
listed = [item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="filling") for item in page.get("Contents", [])]
assert listed == taken, (len(listed), len(taken))
assert s3.get_object(Bucket="filling", Key=taken[-1])["Body"].read() == str(len(taken) - 1).encode()
print(json.dumps({"taken": len(taken), "refused": [code for _, code, _ in refused], "statuses": [status for *_, status in refused]}))

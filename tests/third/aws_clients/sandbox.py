"""The sandbox, as the settings that it printed describe it."""

import json
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

SETTINGS = json.loads(os.environ["SANDBOX"])
AWS = SETTINGS["aws"]


def client(service, **more):
    # No retries: a refusal must be seen as it comes.
    config = Config(retries={"total_max_attempts": 1}, **more.pop("config", {}))
    return boto3.client(service, config=config, **{**AWS["boto3"], **more})


def refusal(call, **arguments):
    """The code and the status of a call that must be refused."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError(f"not refused: {answer}")


def same(found, wanted):
    assert found == wanted, f"\nfound:  {found}\nwanted: {wanted}"

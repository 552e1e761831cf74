"""Objects, as boto3 writes and reads them."""

import hashlib
import io
import os
import urllib.error
import urllib.request

from boto3.s3.transfer import TransferConfig
from sandbox import AWS, client, refusal, same

s3 = client("s3")
BUCKET = {"Bucket": "full-logs-example"}
ODD = "a b/ü+%&=?#~'(1)*.txt"

# --- one object
put = s3.put_object(**BUCKET, Key=ODD, Body=b"hello", ContentType="text/plain", Metadata={"who": "me"})
same(put["ETag"], f'"{hashlib.md5(b"hello").hexdigest()}"')
same(put["ChecksumCRC32"], "NhCmhg==")
read = s3.get_object(**BUCKET, Key=ODD)
same((read["Body"].read(), read["ContentType"], read["Metadata"]), (b"hello", "text/plain", {"who": "me"}))
same(s3.get_object(**BUCKET, Key=ODD, Range="bytes=1-2")["Body"].read(), b"el")
head = s3.head_object(**BUCKET, Key=ODD)
same((head["ContentLength"], head["VersionId"]), (5, put["VersionId"]))
same(refusal(s3.head_object, **BUCKET, Key="none"), ("404", 404))
same(refusal(s3.get_object, **BUCKET, Key="none"), ("NoSuchKey", 404))
same(refusal(s3.get_object, **BUCKET, Key=ODD, Range="bytes=9-"), ("InvalidRange", 416))
same(refusal(s3.put_object, **BUCKET, Key="k", Body=b"hello", ChecksumCRC32="AAAAAA=="), ("BadDigest", 400))
same(refusal(s3.put_object, **BUCKET, Key="k", Body=b"hello", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA=="), ("BadDigest", 400))
for algorithm in ("CRC32", "SHA1", "SHA256"):
    s3.put_object(**BUCKET, Key=algorithm, Body=b"hello", ChecksumAlgorithm=algorithm)
    assert s3.get_object(**BUCKET, Key=algorithm, ChecksumMode="ENABLED")[f"Checksum{algorithm}"]

# --- streams, in parts and not
body = os.urandom(6 * 1024 * 1024 + 17)
small = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024)
for key, config in (("whole", TransferConfig(multipart_threshold=64 * 1024 * 1024)), ("parts", small)):
    s3.upload_fileobj(io.BytesIO(body), **BUCKET, Key=key, Config=config)
    back = io.BytesIO()
    s3.download_fileobj(**BUCKET, Key=key, Fileobj=back, Config=small)
    assert back.getvalue() == body, key
assert s3.head_object(**BUCKET, Key="parts")["ETag"].endswith('-2"')
# Every way of saying what is in the body.
for payload in (True, False):
    signed = client("s3", config={"s3": {"payload_signing_enabled": payload}})
    signed.put_object(**BUCKET, Key="payload", Body=io.BytesIO(body[:300_000]))
    assert signed.get_object(**BUCKET, Key="payload")["Body"].read() == body[:300_000]

# --- parts by hand
upload = s3.create_multipart_upload(**BUCKET, Key="hand")["UploadId"]
part = s3.upload_part(**BUCKET, Key="hand", UploadId=upload, PartNumber=1, Body=b"abc")["ETag"]
same([listed["Key"] for listed in s3.list_multipart_uploads(**BUCKET)["Uploads"]], ["hand"])
wrong = {"Parts": [{"PartNumber": 1, "ETag": '"0"'}]}
same(refusal(s3.complete_multipart_upload, **BUCKET, Key="hand", UploadId=upload, MultipartUpload=wrong), ("InvalidPart", 400))
s3.complete_multipart_upload(**BUCKET, Key="hand", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
same(s3.get_object(**BUCKET, Key="hand")["Body"].read(), b"abc")
upload = s3.create_multipart_upload(**BUCKET, Key="hand")["UploadId"]
s3.abort_multipart_upload(**BUCKET, Key="hand", UploadId=upload)
same(refusal(s3.upload_part, **BUCKET, Key="hand", UploadId=upload, PartNumber=1, Body=b""), ("NoSuchUpload", 404))

# --- lists
for number in range(7):
    s3.put_object(**BUCKET, Key=f"list/{number % 2}/{number}", Body=b"")
pages = s3.get_paginator("list_objects_v2").paginate(**BUCKET, Prefix="list/", PaginationConfig={"PageSize": 3})
same([item["Key"] for page in pages for item in page["Contents"]], sorted(f"list/{n % 2}/{n}" for n in range(7)))
listed = s3.list_objects_v2(**BUCKET, Prefix="list/", Delimiter="/")
same([prefix["Prefix"] for prefix in listed["CommonPrefixes"]], ["list/0/", "list/1/"])
assert ODD in [item["Key"] for item in s3.list_objects_v2(**BUCKET)["Contents"]]

# --- versions
first = s3.put_object(**BUCKET, Key="versions", Body=b"1")["VersionId"]
second = s3.put_object(**BUCKET, Key="versions", Body=b"2")["VersionId"]
same(s3.get_object(**BUCKET, Key="versions", VersionId=first)["Body"].read(), b"1")
marker = s3.delete_object(**BUCKET, Key="versions")
same(marker["DeleteMarker"], True)
same(refusal(s3.get_object, **BUCKET, Key="versions"), ("NoSuchKey", 404))
versions = s3.list_object_versions(**BUCKET, Prefix="versions")
same([version["VersionId"] for version in versions["Versions"]], [second, first])
same([version["IsLatest"] for version in versions["DeleteMarkers"]], [True])
s3.delete_object(**BUCKET, Key="versions", VersionId=marker["VersionId"])
same(s3.get_object(**BUCKET, Key="versions")["Body"].read(), b"2")
gone = s3.delete_objects(**BUCKET, Delete={"Objects": [{"Key": "versions", "VersionId": first}, {"Key": "none"}]})
same(sorted(item["Key"] for item in gone["Deleted"]), ["none", "versions"])
assert "Errors" not in gone, gone

# --- presigned URLs, used by a client that knows nothing of AWS
def fetch(url, method="GET", data=None):
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method)) as answer:
        return answer.read()


def status(url, **more):
    try:
        return f"not refused: {fetch(url, **more)}"
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode().split("<Code>")[1].split("</Code>")[0]


v4 = client("s3", config={"signature_version": "s3v4"})
url = v4.generate_presigned_url("get_object", Params={**BUCKET, "Key": ODD}, ExpiresIn=60)
same(fetch(url), b"hello")
same(status(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61")), (403, "SignatureDoesNotMatch"))
same(status(url.replace("hello", "").replace("full-logs-example", "full-data-example")), (403, "SignatureDoesNotMatch"))
same(status(url, method="PUT", data=b"x"), (403, "SignatureDoesNotMatch"))
same(status(url.split("?")[0]), (403, "AccessDenied"))
url = v4.generate_presigned_url("put_object", Params={**BUCKET, "Key": "presigned"}, ExpiresIn=60)
fetch(url, method="PUT", data=b"put by a URL")
same(s3.get_object(**BUCKET, Key="presigned")["Body"].read(), b"put by a URL")
# Another way of addressing: the bucket in the name of the host.
port = AWS["port"]
request = urllib.request.Request(f"http://127.0.0.1:{port}/presigned", headers={"Host": f"full-logs-example.localhost:{port}"})
try:
    urllib.request.urlopen(request)
    raise AssertionError("not refused")
except urllib.error.HTTPError as error:
    same(error.code, 403)
print("objects")

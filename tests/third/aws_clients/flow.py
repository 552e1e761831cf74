"""A file that arrives in one bucket is copied to the other, by nobody's hand."""

import time

from sandbox import client, same

s3 = client("s3")
s3.put_object(Bucket="acme-events-inbound", Key="orders/1.json", Body=b'{"order": 1}')
deadline = time.monotonic() + 120
while True:
    found = s3.list_objects_v2(Bucket="acme-events-outbound").get("Contents", [])
    if found or time.monotonic() > deadline:
        break
    time.sleep(0.2)
same([item["Key"] for item in found], ["orders/1.json"])
same(s3.get_object(Bucket="acme-events-outbound", Key="orders/1.json")["Body"].read(), b'{"order": 1}')
print("flow")

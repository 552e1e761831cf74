//! Checksums that come with a body: they must be the body's.

use aws_smithy_checksums::ChecksumAlgorithm;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};

use super::super::wire::{Asked, Refused, refused};

const ALGORITHMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];

/// Compares every checksum that came with the body, as a header or trailing it.
pub(in crate::sandbox::aws) fn verify(asked: &Asked) -> Result<(), Refused> {
    if asked.service != "s3" {
        return Ok(());
    }
    if let Some(given) = asked.header("content-md5") {
        let invalid = || refused(400, "InvalidDigest", "The Content-MD5 you specified is not valid.");
        let given = BASE64_STANDARD.decode(given).ok().filter(|bytes| bytes.len() == 16).ok_or_else(invalid)?;
        if given != Md5::digest(&asked.body).to_vec() {
            return Err(refused(400, "BadDigest", "The Content-MD5 you specified did not match what we received."));
        }
    }
    // The end of a multipart upload tells the checksum of the whole object, and not of its own body.
    if asked.query("uploadId").is_some() && asked.method == "POST" {
        return Ok(());
    }
    let mut any = false;
    for name in ALGORITHMS {
        let Some(given) = asked.header(&format!("x-amz-checksum-{name}")) else { continue };
        any = true;
        let computed = of(name, &asked.body).unwrap_or_default();
        match BASE64_STANDARD.decode(given) {
            Ok(given) if given == computed => {}
            Ok(given) if given.len() == computed.len() => {
                let message =
                    format!("The {} you specified did not match the calculated checksum.", name.to_uppercase());
                return Err(refused(400, "BadDigest", message));
            }
            _ => {
                let message = format!("Value for x-amz-checksum-{name} header is invalid.");
                return Err(refused(400, "InvalidRequest", message));
            }
        }
    }
    if asked.header("x-amz-sdk-checksum-algorithm").is_some() && !any && asked.method == "PUT" {
        let message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer \
                       headers were found.";
        return Err(refused(400, "InvalidRequest", message));
    }
    Ok(())
}

fn of(name: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut checksum = name.parse::<ChecksumAlgorithm>().ok()?.into_impl();
    checksum.update(body);
    Some(checksum.finalize().to_vec())
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksums_of_the_standard_text() {
        // The check values of the catalogues of these algorithms.
        for (name, hex) in [
            ("crc32", "cbf43926"),
            ("crc32c", "e3069283"),
            ("crc64nvme", "ae8b14860a799888"),
            ("sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            ("sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ] {
            let found = super::of(name, b"123456789").unwrap();
            assert_eq!(super::super::hex(&found), hex, "{name}");
        }
    }
}

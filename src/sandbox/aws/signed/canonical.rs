//! The text that is signed, made anew from the request as it arrived.

use bytes::Bytes;
use http::Request;
use percent_encoding::percent_decode_str;

use super::super::wire::{Refused, form, percent_encode, refused};
use super::claim::{Claim, Place};
use super::words;

/// Method, path, query, headers and the hash of the body, each on its line.
pub(super) fn request(request: &Request<Bytes>, claim: &Claim, payload: &str) -> Result<String, Refused> {
    let headers = headers(request, claim)?;
    Ok(format!(
        "{}\n{}\n{}\n{headers}\n{}\n{payload}",
        request.method(),
        path(request.uri().path(), &claim.service),
        query(request.uri().query().unwrap_or_default(), claim.place),
        claim.headers.join(";"),
    ))
}

/// S3 signs the path as its keys are; all others encode once more what is encoded already.
fn path(path: &str, service: &str) -> String {
    let encode = |segment: &str| match service {
        "s3" => percent_encode(&percent_decode_str(segment).decode_utf8_lossy()),
        _ => percent_encode(segment),
    };
    let path = path.split('/').map(encode).collect::<Vec<_>>().join("/");
    if path.is_empty() { "/".to_owned() } else { path }
}

fn query(text: &str, place: Place) -> String {
    let signature = |name: &str| name == "X-Amz-Signature" && place != Place::Header;
    let mut pairs: Vec<(String, String)> = form(text)
        .into_iter()
        .filter(|(name, _)| !signature(name))
        .map(|(name, value)| (percent_encode(&name), percent_encode(&value)))
        .collect();
    pairs.sort();
    pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The signed headers, each on its line. What decides about the request must be among them.
fn headers(request: &Request<Bytes>, claim: &Claim) -> Result<String, Refused> {
    let decides = |name: &str| name.starts_with("x-amz-") && !claim.headers.iter().any(|signed| signed == name);
    if let Some(name) = request.headers().keys().find(|name| decides(name.as_str())) {
        return Err(match claim.service.as_str() {
            "s3" => {
                let message = format!("There were headers present in the request which were not signed: {name}");
                refused(403, "AccessDenied", message)
            }
            service => words::mismatch(service),
        });
    }
    let line = |name: &String| {
        let values: Vec<String> = request
            .headers()
            .get_all(name)
            .iter()
            .map(|value| {
                let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
            })
            .collect();
        format!("{name}:{}\n", values.join(","))
    };
    Ok(claim.headers.iter().map(line).collect())
}

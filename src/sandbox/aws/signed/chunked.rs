//! Bodies in `aws-chunked` framing: chunks, signed or not, and trailing headers.

use bytes::Bytes;

use super::super::wire::{Asked, Refused, refused};
use super::{Seal, sha256, words};

/// A body without its framing.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox::aws) struct Unchunked {
    /// The body.
    pub(in crate::sandbox::aws) body: Bytes,
    /// Trailing headers, by lower-case name.
    pub(in crate::sandbox::aws) trailers: Vec<(String, String)>,
    /// Each chunk and its signature, the last and empty one included.
    signatures: Vec<(Bytes, Option<String>)>,
    /// The signature of the trailing headers.
    trailer_signature: Option<String>,
}

/// Takes off the framing: `size[;extensions]\r\n data \r\n … 0[;extensions]\r\n [name:value\r\n …] \r\n`. `None` if it is broken.
pub(in crate::sandbox::aws) fn unchunk(framed: &Bytes) -> Option<Unchunked> {
    let (mut body, mut signatures) = (Vec::with_capacity(framed.len()), Vec::new());
    let mut at = 0;
    loop {
        let line = line(framed, &mut at)?;
        let (size, extensions) = line.split_once(';').unwrap_or((line, ""));
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let signature = extensions.split(';').find_map(|extension| extension.trim().strip_prefix("chunk-signature="));
        let end = at.checked_add(size)?;
        let data = framed.get(at..end)?;
        signatures.push((framed.slice_ref(data), signature.map(str::to_owned)));
        if size == 0 {
            break;
        }
        body.extend_from_slice(data);
        at = end;
        if framed.get(at..at.checked_add(2)?)? != b"\r\n" {
            return None;
        }
        at += 2;
    }
    let (mut trailers, mut trailer_signature) = (Vec::new(), None);
    while at < framed.len() {
        let line = line(framed, &mut at)?.trim();
        if line.is_empty() {
            continue;
        }
        let (name, value) = line.split_once(':')?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if name == "x-amz-trailer-signature" {
            trailer_signature = Some(value);
        } else {
            trailers.push((name, value));
        }
    }
    Some(Unchunked { body: body.into(), trailers, signatures, trailer_signature })
}

/// The next line, without its end.
fn line<'a>(framed: &'a Bytes, at: &mut usize) -> Option<&'a str> {
    let rest = framed.get(*at..)?;
    let length = rest.windows(2).position(|two| two == b"\r\n")?;
    *at += length + 2;
    std::str::from_utf8(rest.get(..length)?).ok()
}

/// Puts the body without its framing into what is asked, with the trailing headers among the others.
pub(super) fn replace(asked: &mut Asked, framed: &Bytes, seal: Option<&Seal<'_>>) -> Result<(), Refused> {
    let incomplete = || {
        let message =
            "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header";
        refused(400, "IncompleteBody", message)
    };
    let length = asked.header("x-amz-decoded-content-length").ok_or_else(|| {
        refused(411, "MissingContentLength", "You must provide the x-amz-decoded-content-length HTTP header.")
    })?;
    let length: usize = length.parse().map_err(|_| incomplete())?;
    let whole = unchunk(framed).ok_or_else(incomplete)?;
    if whole.body.len() != length {
        return Err(incomplete());
    }
    let promised: Vec<String> = asked
        .header("x-amz-trailer")
        .into_iter()
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    let came = |name: &String| whole.trailers.iter().any(|(trailer, _)| trailer == name);
    if !promised.iter().all(came) || whole.trailers.len() != promised.len() {
        let message =
            "The request contained trailing data that was not well-formed or did not conform to our published schema.";
        return Err(refused(400, "MalformedTrailerError", message));
    }
    if let Some(seal) = seal {
        whole.verify(seal)?;
    }
    asked.body = whole.body;
    asked.headers.extend(whole.trailers);
    asked.uncode();
    Ok(())
}

impl Unchunked {
    /// Each signature is over the one before it; the first follows the one of the request.
    fn verify(&self, seal: &Seal<'_>) -> Result<(), Refused> {
        let mut last = seal.claim.signature.clone();
        for (data, given) in &self.signatures {
            let wanted = seal.sign("AWS4-HMAC-SHA256-PAYLOAD", &format!("{last}\n{}\n{}", sha256(b""), sha256(data)));
            if given.as_ref() != Some(&wanted) {
                return Err(words::mismatch("s3"));
            }
            last = wanted;
        }
        if self.trailers.is_empty() && self.trailer_signature.is_none() {
            return Ok(());
        }
        let lines: Vec<String> = self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let text = lines.concat();
        let wanted = seal.sign("AWS4-HMAC-SHA256-TRAILER", &format!("{last}\n{}", sha256(text.as_bytes())));
        if self.trailer_signature.as_ref() == Some(&wanted) { Ok(()) } else { Err(words::mismatch("s3")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chunks_of_any_size_give_the_body_back(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..6)) {
            let mut framed = Vec::new();
            for chunk in &chunks {
                framed.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                framed.extend(chunk);
                framed.extend(b"\r\n");
            }
            framed.extend(b"0\r\n\r\n");
            prop_assert_eq!(unchunk(&framed.into()).unwrap().body, chunks.concat());
        }

        #[test]
        fn broken_chunks_do_no_harm(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = unchunk(&body.into());
        }
    }

    #[test]
    fn takes_chunks_apart() {
        let framed = b"3\r\nabc\r\n2;chunk-signature=y\r\nde\r\n0\r\nX-Amz-Checksum-Crc32: AAAA\r\n\r\n";
        let whole = unchunk(&Bytes::from_static(framed)).unwrap();
        assert_eq!(whole.body, "abcde");
        assert_eq!(whole.trailers, [("x-amz-checksum-crc32".to_owned(), "AAAA".to_owned())]);
        let signatures: Vec<Option<&str>> =
            whole.signatures.iter().map(|(_, signature)| signature.as_deref()).collect();
        assert_eq!(signatures, [None, Some("y"), None]);
        for bad in [
            &b"3\r\nab"[..],
            b"zz\r\n",
            b"",
            b"3\r\nabcXX0\r\n",
            b"ffffffffffffffff\r\na\r\n",
            b"0\r\nno colon\r\n\r\n",
            b"0\r\nname:cut",
        ] {
            assert_eq!(unchunk(&Bytes::from_static(bad)), None, "{bad:?}");
        }
    }
}

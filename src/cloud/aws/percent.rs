//! Percent-encoding as IAM and S3 use it. Strict: what is not well formed is an error, never passed on half decoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What S3 wants encoded in the prefix of a notification filter (user guide, "Configuring event notifications using object key name
/// filtering"): everything but the characters that are safe in an object key.
const IN_FILTER: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b' ');

/// Decodes RFC 3986 percent-encoding, as IAM sends policy documents. A `+` stays a `+`: external IDs may hold one.
pub(super) fn decode(text: &str) -> Result<String, String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    let hex = |byte: Option<u8>| {
        byte.and_then(|byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            match (hex(bytes.next()), hex(bytes.next())) {
                (Some(high), Some(low)) => out.push(high * 16 + low),
                _ => return Err("a `%` is not followed by two hexadecimal digits".into()),
            }
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).map_err(|_| "the decoded text is not UTF-8".into())
}

/// Decodes what S3 encodes like an HTML form: keys in listings, prefixes in notification filters. A `+` is a space.
pub(super) fn decode_form(text: &str) -> Result<String, String> {
    decode(&text.replace('+', " "))
}

/// Encodes the prefix of a notification filter. The inverse of [`decode_form`].
pub(super) fn encode_filter(text: &str) -> String {
    utf8_percent_encode(text, IN_FILTER).to_string().replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plus_stays_a_plus() {
        assert_eq!(decode("%7B%22a%22%3A%22x%2B/+=%22%7D").unwrap(), r#"{"a":"x+/+="}"#);
        assert_eq!(decode("%e4%b8%ad%C3%A4").unwrap(), "中ä");
    }

    #[test]
    fn broken_encodings_are_errors() {
        for text in ["%", "%2", "a%zz", "%+1", "%ff"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn filters_are_encoded_as_the_guide_says() {
        assert_eq!(encode_filter("in/dt=2024 a+b/"), "in/dt%3D2024+a%2Bb/");
    }

    proptest! {
        #[test]
        fn a_filter_survives(text in "\\PC{0,40}") {
            prop_assert_eq!(decode_form(&encode_filter(&text)).unwrap(), text);
        }
    }
}

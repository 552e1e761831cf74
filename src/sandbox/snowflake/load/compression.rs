//! Compressed files, with a bound on what they may grow to.

use std::io::Read;

use super::super::fail::{self, Fallible};

/// The greatest file the sandbox takes, uncompressed.
pub(super) const LARGEST: usize = 128 << 20;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    /// By the first bytes.
    Auto,
    Gzip,
    Deflate,
    RawDeflate,
    None,
}

const GZIP: &[u8] = &[0x1f, 0x8b];

impl Compression {
    /// The meaning of the option; what the sandbox cannot unpack is refused.
    pub(super) fn of(option: &str) -> Fallible<Self> {
        match option {
            "AUTO" => Ok(Self::Auto),
            "GZIP" => Ok(Self::Gzip),
            "DEFLATE" => Ok(Self::Deflate),
            "RAW_DEFLATE" => Ok(Self::RawDeflate),
            "NONE" => Ok(Self::None),
            other => Err(fail::unsupported(&format!("COMPRESSION = {other}"))),
        }
    }

    /// The bytes of a file.
    pub(super) fn unpack(self, name: &str, bytes: Vec<u8>) -> Fallible<Vec<u8>> {
        let packed = match self {
            Self::None => return bounded(name, bytes),
            Self::Auto if !bytes.starts_with(GZIP) => {
                let foreign: [(&[u8], &str); 3] =
                    [(b"BZh", "BZ2"), (&[0x28, 0xb5, 0x2f, 0xfd], "ZSTD"), (b"Obj\x01", "AVRO")];
                let named = foreign.iter().find(|(magic, _)| bytes.starts_with(magic));
                return match named {
                    Some((_, kind)) => Err(fail::unsupported(&format!("COMPRESSION = {kind} (file '{name}')"))),
                    None => bounded(name, bytes),
                };
            }
            Self::Auto | Self::Gzip => read(flate2::read::MultiGzDecoder::new(bytes.as_slice())),
            Self::Deflate => read(flate2::read::ZlibDecoder::new(bytes.as_slice())),
            Self::RawDeflate => read(flate2::read::DeflateDecoder::new(bytes.as_slice())),
        };
        match packed {
            Ok(unpacked) => bounded(name, unpacked),
            Err(error) => {
                let text =
                    format!("Error decompressing file '{name}': {error}. Check the COMPRESSION of the file format.");
                Err(fail::error("100076", "22000", text))
            }
        }
    }
}

fn read(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    from.take(LARGEST as u64 + 1).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

fn bounded(name: &str, bytes: Vec<u8>) -> Fallible<Vec<u8>> {
    if bytes.len() > LARGEST {
        let what = format!("loading files of more than {} MiB in the sandbox (file '{name}')", LARGEST >> 20);
        return Err(fail::unsupported(&what));
    }
    Ok(bytes)
}

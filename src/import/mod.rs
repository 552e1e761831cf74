//! Bringing objects that exist under a spec: what is named is read, and written down as the entries that would manage it.
//!
//! [`read`](read()) looks at the live objects.

mod read;

pub use read::{Read, Refused, Wish, read};

//! Ownership marks: AWS tags, and a suffix of the comment in Snowflake.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Address, Tags};

/// Says on a live object which stack owns it, under which address, and whether it is protected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The stack.
    pub stack: String,
    /// The entry of the stack's spec.
    pub address: Address,
    /// Whether destruction needs the address to be named; stays in force when the entry leaves the spec.
    pub protect: bool,
}

/// Tag with the stack's name.
pub const STACK_TAG: &str = "snowssi:stack";
/// Tag with the address.
pub const ADDRESS_TAG: &str = "snowssi:address";
/// Tag that is present, with the value `true`, on protected objects.
pub const PROTECT_TAG: &str = "snowssi:protect";

impl Mark {
    /// The tags that make the mark.
    pub fn tags(&self) -> Tags {
        let mut tags = Tags::from([
            (STACK_TAG.to_owned(), self.stack.clone()),
            (ADDRESS_TAG.to_owned(), self.address.to_string()),
        ]);
        if self.protect {
            tags.insert(PROTECT_TAG.to_owned(), "true".to_owned());
        }
        tags
    }

    /// Takes the mark out of an object's tags, leaving the user's.
    pub fn take(tags: &mut Tags) -> Option<Self> {
        let stack = tags.remove(STACK_TAG);
        let address = tags.remove(ADDRESS_TAG);
        let protect = tags.remove(PROTECT_TAG).is_some_and(|value| value == "true");
        Some(Self { stack: stack?, address: address?.parse().ok()?, protect })
    }

    /// Puts the mark behind a comment.
    pub fn comment(&self, text: &str) -> String {
        if text.is_empty() { self.to_string() } else { format!("{text} {self}") }
    }

    /// Splits a live comment into the user's text and the mark.
    pub fn split(comment: &str) -> (String, Option<Self>) {
        let parsed =
            comment.strip_suffix(']').and_then(|rest| rest.rsplit_once("[snowssi:")).and_then(|(text, inside)| {
                let (inside, protect) = match inside.strip_suffix(" protected") {
                    Some(inside) => (inside, true),
                    None => (inside, false),
                };
                let (stack, address) = inside.split_once('/')?;
                let text = text.strip_suffix(' ').unwrap_or(text);
                Some((text.to_owned(), Self { stack: stack.into(), address: address.parse().ok()?, protect }))
            });
        match parsed {
            Some((text, mark)) => (text, Some(mark)),
            None => (comment.to_owned(), None),
        }
    }
}

/// The suffix, such as `[snowssi:events/stage.inbound]`.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protected = if self.protect { " protected" } else { "" };
        write!(f, "[snowssi:{}/{}{protected}]", self.stack, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_a_comment_and_tags() {
        for protect in [false, true] {
            let mark = Mark { stack: "events".into(), address: "stage.in".parse().unwrap(), protect };
            for text in ["", "hello", "a [b] c", "it's"] {
                assert_eq!(Mark::split(&mark.comment(text)), (text.to_owned(), Some(mark.clone())));
            }
            let mut tags = mark.tags();
            tags.insert("cost".into(), "1".into());
            assert_eq!(Mark::take(&mut tags), Some(mark));
            assert_eq!(tags, Tags::from([("cost".to_owned(), "1".to_owned())]));
        }
        assert_eq!(Mark::split("x [snowssi:bad]").1, None);
    }
}

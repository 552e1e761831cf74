//! Bringing objects that exist under a spec: what is named is read, and written down as the entries that would manage it.
//!
//! [`follow`] finds what hangs together with a named object, [`read`](read()) looks at the live objects and has their kinds say which entries
//! would manage them, and [`write`](write()) puts references where literals name other entries, and lays all out as TOML. Nothing is changed:
//! an apply of what is written marks what is adopted.

use std::collections::BTreeMap;

use crate::kind::{LiveBatch, Meta, by_name};
use crate::model::{Address, Context, LiveId, Mark};

pub mod follow;
mod read;
mod reference;
pub mod terraform;
mod write;

pub use read::{Read, Refused, Wish, read};
pub use reference::Known;
pub use write::write;

/// What stands before the entries, where there is no spec yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The stack's name.
    pub stack: String,
    /// The region, where AWS is used.
    pub region: Option<String>,
}

/// What the object of a wish is called in its cloud, if its name can be one.
pub fn id(wish: &Wish, context: &Context) -> Option<LiveId> {
    let kind = by_name(wish.at.kind())?;
    let mut batch = kind.batch();
    let mark = Mark { stack: context.stack.clone(), address: wish.at.clone(), protect: false };
    let fields = kind.named(&wish.name, context).ok()?;
    batch.push(Meta { at: wish.at.clone(), mark }, read::table(&fields)).ok()?;
    batch.ids(context).pop().map(|(_, id)| id)
}

/// The objects of a spec's entries, for others to refer to.
pub fn known(batch: &dyn LiveBatch, context: &Context) -> Vec<Known> {
    let facts = batch.known(context).into_iter().chain(batch.facts());
    let arns: BTreeMap<Address, String> =
        facts.filter(|(_, name, _)| *name == "arn").map(|(at, _, value)| (at, value)).collect();
    batch.ids(context).into_iter().map(|(at, id)| Known { arn: arns.get(&at).cloned(), at, id }).collect()
}

impl std::str::FromStr for Wish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected ADDRESS=NAME, such as stage.landing=DB.S.LANDING".to_owned();
        let (at, name) = text.split_once('=').filter(|(_, name)| !name.is_empty()).ok_or_else(wrong)?;
        let at = at.parse().map_err(|error| format!("{error}; {}", wrong()))?;
        Ok(Self { at, name: name.to_owned() })
    }
}

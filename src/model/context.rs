//! Who we are on both sides: what identity calls told, and nothing else.

use super::{AccountId, Partition, Region};

/// The identities a plan is made for. Everything a kind may know besides its spec and the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The stack's name, the first half of every ownership mark.
    pub stack: String,
    /// The AWS account of the caller.
    pub account: AccountId,
    /// The partition of that account.
    pub partition: Partition,
    /// The region resources are created in.
    pub region: Region,
    /// What the Snowflake session can see.
    pub sight: Sight,
    /// The role the Snowflake session works as; it will own what is created. Empty when the stack has no Snowflake side.
    pub snowflake_role: String,
}

impl Context {
    /// The identities to assume where no cloud is asked: for checks of a spec alone. Pins and regions of the spec count; the rest is made up.
    pub fn offline(stack: &str, account: Option<AccountId>, region: Option<Region>) -> Self {
        let region = region.unwrap_or_default();
        Self {
            stack: stack.to_owned(),
            account: account.unwrap_or_default(),
            partition: region.partition(),
            region,
            sight: Sight::Full,
            snowflake_role: String::new(),
        }
    }
}

/// Whether an object that a `SHOW` does not list is absent, or may only be hidden from this role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The role holds MANAGE GRANTS: it sees every object.
    Full,
    /// The role sees only what it was granted something on. The text says which role.
    Partial(String),
}

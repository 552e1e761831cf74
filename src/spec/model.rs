//! What a spec says, typed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::diagnostic::{Diagnostic, Diagnostics};
use super::files::Sheets;
use super::moves::Moves;
use super::source::{Location, Sources};
use super::tree::follow;
use crate::kind::{Batch, Problem};
use crate::model::{AccountId, Address, Arn, Context, LiveId, Region, Val};

/// A loaded spec.
pub struct Model {
    /// The stack's name, the first half of every ownership mark.
    pub stack: String,
    /// `[aws]`.
    pub aws: Option<AwsSettings>,
    /// `[snowflake]`.
    pub snowflake: Option<SnowflakeSettings>,
    /// One for each kind the spec uses, in the order of the kinds that were given to [`super::load`].
    pub batches: Vec<Box<dyn Batch>>,
    /// `[data.KIND.LABEL]`: what is only looked up, likewise.
    pub lookups: Vec<Box<dyn Batch>>,
    /// What stands around the fields of each entry.
    pub entries: BTreeMap<Address, EntryInfo>,
    /// The fields of each entry, evaluated: what `for_each` and modules stand for. Values that are known only after apply stand as tokens.
    pub fields: BTreeMap<Address, Map<String, Json>>,
    /// `[[moved]]` and `[[removed]]`.
    pub moves: Moves,
    /// `[output.NAME]`, by name.
    pub outputs: Vec<Output>,
    /// The texts it was read from. They also know which values to hide ([`Sources::redact`]).
    pub sources: Sources,
    pub(super) sheets: Sheets,
    pub(super) unknown_place: Location,
}

/// `[aws]`: how to reach AWS, and what must be so there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsSettings {
    /// The region resources are created in; otherwise the environment or the profile says it.
    pub region: Option<Region>,
    /// The account the caller must be in; any other is an error before anything is read.
    pub account: Option<AccountId>,
    /// A profile of the shared AWS configuration.
    pub profile: Option<String>,
    /// A role to assume on top of those credentials.
    pub assume_role: Option<AssumeRole>,
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssumeRole {
    /// The role.
    pub role_arn: Arn,
    /// The external ID its trust policy asks for.
    pub external_id: Option<String>,
    /// The name of the session in `CloudTrail`.
    pub session_name: Option<String>,
}

/// `[snowflake]`: how to reach Snowflake, and what must be so there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnowflakeSettings {
    /// A name in `connections.toml`.
    pub connection: Option<String>,
    /// The account the session must be in, such as `MYORG-MYACCOUNT`; any other is an error before anything is read.
    pub account: Option<String>,
    /// The role to work as.
    pub role: Option<String>,
    /// The warehouse for what needs one.
    pub warehouse: Option<String>,
    /// What an object means that the role cannot see and that may yet exist.
    #[serde(default, skip_serializing_if = "Unseen::is_error")]
    pub unseen: Unseen,
}

/// What it means that an object is not listed to a role that does not see everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unseen {
    /// It may exist: an error.
    #[default]
    Error,
    /// It is taken to be absent.
    Absent,
}

impl Unseen {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    fn is_error(&self) -> bool {
        *self == Self::Error
    }
}

/// What stands around the fields of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryInfo {
    /// Whether an existing object without a mark is taken over.
    pub adopt: bool,
    /// Whether destroying it needs its address to be named.
    pub protect: bool,
    /// The entries that come before it, each instance by itself.
    pub depends_on: Vec<Address>,
    /// Its label in its header.
    pub location: Location,
}

/// `[output.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Val,
    /// Whether it must not be shown.
    pub sensitive: bool,
    /// What it is for.
    pub description: Option<String>,
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<&Address> = self.entries.keys().collect();
        f.debug_struct("Model").field("stack", &self.stack).field("entries", &addresses).finish_non_exhaustive()
    }
}

impl Model {
    /// The place of a field of an entry, written with dots and indices where it is nested; the entry's header where the spec does not
    /// write the field.
    pub fn locate(&self, at: &Address, field: &str) -> Location {
        let Some(item) = self.sheets.entry(at) else { return self.unknown_place };
        item.node.table().and_then(|table| follow(table, field)).unwrap_or(item.key)
    }

    /// A finding about a field of an entry, at its place.
    pub fn diagnostic(
        &self,
        code: &'static str,
        at: &Address,
        field: &str,
        message: &str,
        hint: Option<&str>,
    ) -> Diagnostic {
        let whose = match field {
            "" => format!("{at}: {message}"),
            field => format!("{at}: `{field}`: {message}"),
        };
        Diagnostic::error(code, self.locate(at, field), whose).maybe_help(hint.map(str::to_owned))
    }

    /// Who we would be without asking a cloud: what the spec pins, and made-up identities for the rest.
    pub fn offline_context(&self) -> Context {
        let (account, region) =
            self.aws.as_ref().map(|aws| (aws.account.clone(), aws.region.clone())).unwrap_or_default();
        Context::offline(&self.stack, account, region)
    }

    /// What kinds find wrong with single entries, offline.
    pub fn check(&self) -> Diagnostics {
        let problem = |(at, Problem { field, message, hint }): (Address, Problem)| {
            self.diagnostic("bad-value", &at, &field, &message, hint.as_deref())
        };
        self.report(self.batches.iter().flat_map(|batch| batch.check()).map(problem).collect())
    }

    /// Findings of any stage about this spec, sorted and ready to be shown.
    pub fn report(&self, list: Vec<Diagnostic>) -> Diagnostics {
        Diagnostics::new(list, self.sources.clone())
    }
}

/// Entries that would be the same object in the cloud.
pub fn duplicates(model: &Model, context: &Context) -> Diagnostics {
    let mut by_id: BTreeMap<LiveId, BTreeSet<Address>> = BTreeMap::new();
    for (at, id) in model.batches.iter().flat_map(|batch| batch.ids(context)) {
        by_id.entry(id).or_default().insert(at);
    }
    let problem = |(id, entries): (LiveId, BTreeSet<Address>)| {
        let mut entries = entries.into_iter();
        let (first, second) = (entries.next()?, entries.next()?);
        let problem = model.diagnostic("duplicate", &second, "name", &format!("this is {id}, as `{first}` is"), None);
        let others = entries.map(|at| (model.locate(&at, "name"), format!("and `{at}` too")));
        let problem = problem.related(model.locate(&first, "name"), format!("`{first}`"));
        Some(others.fold(problem, |problem, (at, what)| problem.related(at, what)))
    };
    model.report(by_id.into_iter().filter_map(problem).collect())
}

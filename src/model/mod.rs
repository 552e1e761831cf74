//! The vocabulary everything else is written in. Pure: no I/O, no clock, no environment, and nothing of ours below it.
//!
//! Reading order: what a thing is called ([`address`], [`ident`], [`arn`]), what is known about it ([`val`], [`secret`], [`seen`],
//! [`mark`]), how it differs ([`change`]), and what is done about it ([`sql`], [`call`], [`op`]).

pub mod address;
pub mod arn;
pub mod call;
pub mod change;
pub mod context;
pub mod ident;
pub mod mark;
pub mod op;
pub mod secret;
pub mod seen;
pub mod sql;
pub mod val;

pub use address::{Address, LiveId, ModulePath};
pub use arn::{AccountId, Arn, BucketName, Partition, Region, S3Url};
pub use call::{Call, Tags};
pub use change::{Action, Change, Diff, Effect, Shown};
pub use context::Context;
pub use ident::{DatabaseRoleName, Ident, ObjectName, SchemaName};
pub use mark::Mark;
pub use op::{Act, Condition, Hold, Learn, Op, Probe, Wait};
pub use secret::{Held, Secret, SecretRef, Vault};
pub use seen::{Found, Observed, Seen};
pub use sql::Text;
pub use val::{Fact, Facts, Val};

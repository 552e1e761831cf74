//! What Snowflake has and the sandbox does not: refused by its own name, so that nobody takes it for a slip of the pen.

use super::answer::SqlError;
use super::fail;
use super::parse::Parser;

/// Kinds of objects that the sandbox does not keep, as CREATE, ALTER, DROP and DESC name them. Longer names stand before shorter ones.
const KINDS: [&str; 48] = [
    "AGGREGATION POLICY",
    "API INTEGRATION",
    "APPLICATION",
    "AUTHENTICATION POLICY",
    "BACKUP POLICY",
    "BACKUP SET",
    "CATALOG INTEGRATION",
    "COMPUTE POOL",
    "CONNECTION",
    "CORTEX SEARCH SERVICE",
    "DATA METRIC FUNCTION",
    "DYNAMIC TABLE",
    "EVENT TABLE",
    "EXTERNAL ACCESS INTEGRATION",
    "EXTERNAL FUNCTION",
    "EXTERNAL TABLE",
    "FAILOVER GROUP",
    "FUNCTION",
    "GIT REPOSITORY",
    "HYBRID TABLE",
    "ICEBERG TABLE",
    "IMAGE REPOSITORY",
    "JOIN POLICY",
    "LISTING",
    "MANAGED ACCOUNT",
    "MASKING POLICY",
    "MATERIALIZED VIEW",
    "MODEL",
    "NETWORK POLICY",
    "NETWORK RULE",
    "NOTEBOOK",
    "ORGANIZATION ACCOUNT",
    "PACKAGES POLICY",
    "PASSWORD POLICY",
    "PROCEDURE",
    "PROJECTION POLICY",
    "REPLICATION GROUP",
    "ROW ACCESS POLICY",
    "SECRET",
    "SECURITY INTEGRATION",
    "SEMANTIC VIEW",
    "SEQUENCE",
    "SERVICE",
    "SESSION POLICY",
    "SHARE",
    "STREAMLIT",
    "USER",
    "ACCOUNT",
];

/// What can be shown beside kinds of objects.
const LISTS: [&str; 16] = [
    "OBJECTS",
    "COLUMNS",
    "LOCKS",
    "TRANSACTIONS",
    "VARIABLES",
    "PRIMARY KEYS",
    "IMPORTED KEYS",
    "EXPORTED KEYS",
    "UNIQUE KEYS",
    "REGIONS",
    "DELEGATED AUTHORIZATIONS",
    "CHANNELS",
    "CLASSES",
    "BUILTIN FUNCTIONS",
    "USER FUNCTIONS",
    "EXTERNAL FUNCTIONS",
];

/// The refusal of a statement on a kind of object: by the name of the kind if Snowflake has it, else as a syntax error.
pub(super) fn kind(verb: &str, p: &mut Parser<'_>) -> SqlError {
    match KINDS.into_iter().find(|kind| p.is(kind)) {
        Some(kind) => fail::unsupported(&format!("{verb} {kind}")),
        None => p.unexpected(),
    }
}

/// The refusal of a SHOW.
pub(super) fn list(p: &mut Parser<'_>) -> SqlError {
    let listed = LISTS.into_iter().find(|list| p.is(list)).map(str::to_owned);
    match listed.or_else(|| KINDS.into_iter().map(plural).find(|kinds| p.is(kinds))) {
        Some(what) => fail::unsupported(&format!("SHOW {what}")),
        None => p.unexpected(),
    }
}

fn plural(kind: &str) -> String {
    match kind.strip_suffix('Y') {
        Some(stem) => format!("{stem}IES"),
        None => format!("{kind}S"),
    }
}

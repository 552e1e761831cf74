//! Grants by their statements and the rows that show them.

use super::*;
use crate::kind::trial::{at, entry, problems, statements, want};

const READ: &str = "to_role = 'R'\nprivileges = ['SELECT', 'insert']\non = { table = 'D.S.T' }\n";

fn created(toml: &str) -> Vec<String> {
    let entry = entry::<Grant>(toml);
    assert_eq!(problems::<Grant>(&entry), Vec::<String>::new());
    statements(&Grant::create(&at::<Grant>(), &want::<Grant>(&entry)))
}

#[test]
fn one_statement_for_each_target() {
    let of = |rest: &str| created(&format!("to_role = 'R'\n{rest}"));
    assert_eq!(created(READ), ["GRANT INSERT, SELECT ON TABLE \"D\".\"S\".\"T\" TO ROLE \"R\""]);
    assert_eq!(of("privileges = ['EXECUTE TASK']\non_account = true"), ["GRANT EXECUTE TASK ON ACCOUNT TO ROLE \"R\""]);
    assert_eq!(
        of("privileges = ['SELECT']\nfuture = 'tables'\nin_schema = 'd.s'\nwith_grant_option = true"),
        ["GRANT SELECT ON FUTURE TABLES IN SCHEMA \"D\".\"S\" TO ROLE \"R\" WITH GRANT OPTION"]
    );
    assert_eq!(
        of("privileges = ['USAGE']\nall = 'schemas'\nin_database = 'd'"),
        ["GRANT USAGE ON ALL SCHEMAS IN DATABASE \"D\" TO ROLE \"R\""]
    );
    assert_eq!(
        of("privileges = ['OWNERSHIP']\non = { view = 'D.S.V' }\ncurrent_grants = 'copy'"),
        ["GRANT OWNERSHIP ON VIEW \"D\".\"S\".\"V\" TO ROLE \"R\" COPY CURRENT GRANTS"]
    );
    assert_eq!(
        created("to_database_role = 'D.X'\nprivileges = ['READ', 'WRITE']\non = { stage = 'D.S.P' }"),
        ["GRANT READ, WRITE ON STAGE \"D\".\"S\".\"P\" TO DATABASE ROLE \"D\".\"X\""]
    );
}

#[test]
fn what_is_held_beyond_is_revoked_in_the_order_that_snowflake_demands() {
    let wanted = want::<Grant>(&entry::<Grant>("to_role = 'R'\nprivileges = ['USAGE']\non = { stage = 'D.S.P' }"));
    let have = Props {
        privileges: BTreeSet::from(["READ", "WRITE"]),
        strangers: BTreeSet::from([("USAGE", Holder::Role("X".parse().unwrap()))]),
        ..wanted.clone()
    };
    let diff = crate::kind::batch::compare(Grant::fields(&wanted), Grant::fields(&have));
    let done = statements(&Grant::alter(&at::<Grant>(), &wanted, &have, &diff));
    let on = "ON STAGE \"D\".\"S\".\"P\"";
    assert_eq!(
        done,
        [
            format!("REVOKE WRITE {on} FROM ROLE \"R\""),
            format!("REVOKE READ {on} FROM ROLE \"R\""),
            format!("REVOKE USAGE {on} FROM ROLE \"X\""),
            format!("GRANT USAGE {on} TO ROLE \"R\""),
        ]
    );
}

#[test]
fn what_is_wrong() {
    let bad = |toml: &str| problems::<Grant>(&entry::<Grant>(toml)).join("; ");
    let on = "on = { table = 'D.S.T' }\n";
    for (toml, part) in [
        (format!("privileges = ['SELECT']\n{on}"), "a grant is to a role"),
        (format!("to_role = 'R'\nto_database_role = 'D.R'\nprivileges = ['SELECT']\n{on}"), "to one role"),
        ("to_role = 'R'\nprivileges = ['SELECT']\n".into(), "has 0"),
        (format!("to_role = 'R'\nprivileges = ['SELECT']\non_account = true\n{on}"), "has 2"),
        (format!("to_role = 'R'\nprivileges = ['SELEKT']\n{on}"), "`SELEKT` is no privilege on TABLE"),
        (format!("to_role = 'R'\nprivileges = ['ALL']\n{on}"), "not the same tomorrow"),
        (format!("to_role = 'R'\nprivileges = []\n{on}"), "no privilege is named"),
        (format!("to_role = 'R'\nprivileges = ['OWNERSHIP']\n{on}"), "what becomes of"),
        (format!("to_role = 'R'\nprivileges = ['OWNERSHIP', 'SELECT']\ncurrent_grants = 'COPY'\n{on}"), "stands alone"),
        (
            "to_role = 'R'\nprivileges = ['OWNERSHIP']\ncurrent_grants = 'COPY'\non = { task = 'D.S.T' }".into(),
            "made over",
        ),
        ("to_role = 'R'\nprivileges = ['SELECT']\nfuture = 'tables'\n".into(), "one schema or database"),
        (format!("to_role = 'R'\nprivileges = ['SELECT']\nin_schema = 'D.S'\n{on}"), "go with"),
        (
            "to_role = 'R'\nprivileges = ['USAGE']\nall = 'schemas'\nin_schema = 'D.S'\n".into(),
            "schemas are in databases",
        ),
        (
            "to_role = 'R'\nprivileges = ['SELECT']\nall = 'tables'\nin_schema = 'D.S'\nexclusive = true".into(),
            "exclusive",
        ),
    ] {
        assert!(bad(&toml).contains(part), "{toml}: {}", bad(&toml));
    }
}

#[test]
fn names_for_import() {
    let context = crate::kind::trial::context();
    for name in [
        "ROLE R ON TABLE D.S.T",
        "ROLE R ON TABLE \"d d\".S.\"t ON\"",
        "DATABASE ROLE D.R ON FUTURE TABLES IN SCHEMA D.S",
        "ROLE R ON ALL FILE FORMATS IN DATABASE D",
        "ROLE R ON ACCOUNT",
        "ROLE R ON EXTERNAL VOLUME V",
        "ROLE R ON WAREHOUSE W",
    ] {
        let fields = Grant::named(name, &context).unwrap();
        let json: Json = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let spec: Spec = serde_json::from_value(json).unwrap();
        assert!(Grant::check(&spec).is_empty(), "{name}");
    }
    for name in ["R ON TABLE D.S.T", "ROLE R", "ROLE R ON THING D.S.T", "ROLE R ON FUTURE TABLES", "ROLE R ON TABLE"] {
        assert!(Grant::named(name, &context).is_err(), "{name}");
    }
}

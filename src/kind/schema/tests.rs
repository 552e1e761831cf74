//! What a schema's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::database;
use crate::kind::trial::{
    altered, at, context, created, diff, entry, example, problems, replaced, rows, statements, want,
};

type K = Schema;

const MARK: &str = "[snowssi:events/schema.x protected]";
const BASE: &str = "database = 'raw'\nname = 'ev'\n";
const PUBLIC: &str = "database = 'raw'\nname = 'public'\n";

fn with(line: &str) -> String {
    format!("{BASE}{line}\n")
}

#[test]
fn creates_and_drops() {
    assert_eq!(created::<K>(BASE), [format!("CREATE SCHEMA \"RAW\".\"EV\" COMMENT = '{MARK}'")]);
    let full = with("transient = true\nmanaged_access = true\nlog_level = 'WARN'\npipe_execution_paused = true");
    let expected =
        "CREATE TRANSIENT SCHEMA \"RAW\".\"EV\" WITH MANAGED ACCESS LOG_LEVEL = 'WARN' PIPE_EXECUTION_PAUSED = TRUE";
    assert_eq!(created::<K>(&full), [format!("{expected} COMMENT = '{MARK}'")]);
    let example = want::<K>(&example::<K>());
    assert_eq!(statements(&K::delete(&example)), ["DROP SCHEMA \"RAW\".\"EVENTS\" RESTRICT"]);
    let refs = K::refs(&example);
    assert_eq!((refs[0].to.to_string(), refs[0].on_replace), ("database \"RAW\"".to_owned(), OnReplace::Replace));
}

#[test]
fn public_is_altered_never_created_or_dropped() {
    let full = format!("{PUBLIC}managed_access = true\nlog_level = 'WARN'");
    let expected = [
        "ALTER SCHEMA \"RAW\".\"PUBLIC\" ENABLE MANAGED ACCESS".to_owned(),
        format!("ALTER SCHEMA \"RAW\".\"PUBLIC\" SET LOG_LEVEL = 'WARN' COMMENT = '{MARK}'"),
    ];
    assert_eq!(created::<K>(&full), expected);
    let parts = K::delete(&want::<K>(&entry::<K>(PUBLIC)));
    assert_eq!(statements(&parts), ["ALTER SCHEMA \"RAW\".\"PUBLIC\" UNSET COMMENT"]);
    assert!(created::<K>("database = 'raw'\nname = '\"public\"'")[0].starts_with("CREATE SCHEMA"), "exact names only");
}

#[test]
fn each_field_alone_is_seen_and_altered() {
    let set = |clause: &str| format!("ALTER SCHEMA \"RAW\".\"EV\" SET {clause}");
    let paused = ("pipe_execution_paused = true", "PIPE_EXECUTION_PAUSED = TRUE");
    for (line, clause) in database::tests::PARAMETERS.into_iter().chain([paused]) {
        assert_eq!(altered::<K>(BASE, &with(line)), [set(clause)]);
    }
    assert_eq!(altered::<K>(BASE, &with("comment = 'hi'")), [set(&format!("COMMENT = 'hi {MARK}'"))]);
    let managed = with("managed_access = true");
    assert_eq!(altered::<K>(BASE, &managed), ["ALTER SCHEMA \"RAW\".\"EV\" ENABLE MANAGED ACCESS"]);
    assert_eq!(altered::<K>(&managed, BASE), ["ALTER SCHEMA \"RAW\".\"EV\" DISABLE MANAGED ACCESS"]);
    assert!(replaced::<K>(&with("transient = false"), &with("transient = true")));
}

fn observe(toml: &str, comment: &str, options: &str, ours: bool) -> Seen<Props> {
    let name = entry::<K>(toml).spec.name;
    let columns = ["name", "database_name", "comment", "options", "owner"];
    let listing = show::Listing::from(rows(
        &columns,
        &[
            &[Some(name.as_str()), Some("RAW"), Some(comment), Some(options), Some("SYSADMIN")],
            &[Some(name.as_str()), Some("OTHER"), Some(""), Some(""), Some("SYSADMIN")],
            &[Some("INFORMATION_SCHEMA"), Some("RAW"), Some("Views"), Some(""), Some("")],
        ],
    ));
    let ours = if ours { BTreeSet::from(["RAW".parse().unwrap()]) } else { BTreeSet::new() };
    let rows = listing.index(show::schema_of).unwrap();
    let mut seen = gather(&[entry::<K>(toml)], &context(), &rows, &BTreeMap::new(), &ours).unwrap();
    assert!(seen.others.is_empty());
    seen.declared.remove(&at::<K>()).unwrap()
}

#[test]
fn reads_back_what_it_wrote() {
    let toml = with("managed_access = true\ntransient = true\ncomment = 'a b'");
    let Seen::Present(found) = observe(&toml, &format!("a b {MARK}"), "TRANSIENT, MANAGED ACCESS", true) else {
        panic!()
    };
    let wanted = want::<K>(&entry::<K>(&toml));
    assert!(diff::<K>(&wanted, &found.props).is_empty());
    assert_eq!(found.props.mark, wanted.mark);
    let hidden = observe(&with("log_level = 'OFF'"), MARK, "", true);
    assert!(matches!(hidden, Seen::Hidden(why) if why.contains("not its parameters")));
}

#[test]
fn a_public_that_nobody_has_claimed_is_to_be_created_if_its_database_is_ours() {
    assert_eq!(observe(PUBLIC, "", "", true), Seen::Absent);
    for seen in [observe(PUBLIC, "", "", false), observe(PUBLIC, "theirs", "", true), observe(PUBLIC, MARK, "", true)] {
        assert!(matches!(seen, Seen::Present(_)), "{seen:?}");
    }
    assert!(matches!(observe(BASE, "", "", true), Seen::Present(_)), "PUBLIC only");
}

#[test]
fn finds_problems_offline() {
    let problem = |toml: &str| problems::<K>(&entry::<K>(toml)).join("; ");
    assert_eq!(problem(BASE), "");
    assert!(problem("database = 'raw'\nname = 'information_schema'").starts_with("name: INFORMATION_SCHEMA"));
    assert!(problem(&format!("{PUBLIC}transient = true")).starts_with("transient: PUBLIC"));
    assert!(problem(&with("user_task_minimum_trigger_interval_in_seconds = 9")).contains("outside 10 to 604800"));
    assert_eq!(fqn(&|field| Some(field.into())), Ok("\"DATABASE\".\"NAME\"".into()));
}

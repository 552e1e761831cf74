//! What a database's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::trial::{
    altered, at, context, created, diff, entry, example, problems, replaced, rows, try_entry, want,
};

type K = Database;

const MARK: &str = "[snowssi:events/database.x protected]";

/// Every parameter with a value, as the spec and as a statement has it.
pub(crate) const PARAMETERS: [(&str, &str); 16] = [
    ("data_retention_time_in_days = 7", "DATA_RETENTION_TIME_IN_DAYS = 7"),
    ("max_data_extension_time_in_days = 14", "MAX_DATA_EXTENSION_TIME_IN_DAYS = 14"),
    ("external_volume = 'vol'", "EXTERNAL_VOLUME = \"VOL\""),
    ("catalog = 'snowflake'", "CATALOG = \"SNOWFLAKE\""),
    ("replace_invalid_characters = true", "REPLACE_INVALID_CHARACTERS = TRUE"),
    ("default_ddl_collation = 'en-ci'", "DEFAULT_DDL_COLLATION = 'en-ci'"),
    ("storage_serialization_policy = 'compatible'", "STORAGE_SERIALIZATION_POLICY = COMPATIBLE"),
    ("log_level = 'WARN'", "LOG_LEVEL = 'WARN'"),
    ("trace_level = 'ON_EVENT'", "TRACE_LEVEL = 'ON_EVENT'"),
    ("metric_level = 'ALL'", "METRIC_LEVEL = 'ALL'"),
    ("suspend_task_after_num_failures = 3", "SUSPEND_TASK_AFTER_NUM_FAILURES = 3"),
    ("task_auto_retry_attempts = 2", "TASK_AUTO_RETRY_ATTEMPTS = 2"),
    ("user_task_managed_initial_warehouse_size = 'X-Small'", "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = XSMALL"),
    ("user_task_timeout_ms = 1000", "USER_TASK_TIMEOUT_MS = 1000"),
    ("user_task_minimum_trigger_interval_in_seconds = 10", "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS = 10"),
    ("quoted_identifiers_ignore_case = false", "QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE"),
];

const BASE: &str = "name = 'raw'\n";

#[test]
fn creates_and_drops() {
    assert_eq!(created::<K>(BASE), [format!("CREATE DATABASE \"RAW\" COMMENT = '{MARK}'")]);
    let all = PARAMETERS.map(|(line, _)| line).join("\n");
    let clauses: Vec<&str> = PARAMETERS.iter().map(|(_, clause)| *clause).collect();
    let expected = format!("CREATE DATABASE \"RAW\" {} COMMENT = 'hi {MARK}'", clauses.join(" "));
    assert_eq!(created::<K>(&format!("{BASE}comment = 'hi'\n{all}")), [expected]);
    let transient = created::<K>("name = 'raw'\ntransient = true");
    assert!(transient[0].starts_with("CREATE TRANSIENT DATABASE \"RAW\" "));
    let parts = K::delete(&want::<K>(&example::<K>()));
    assert_eq!(crate::kind::trial::statements(&parts), ["DROP DATABASE \"RAW\" RESTRICT"]);
}

#[test]
fn each_field_alone_is_seen_and_altered() {
    for (line, clause) in PARAMETERS {
        let statements = altered::<K>(BASE, &format!("{BASE}{line}"));
        assert_eq!(statements, [format!("ALTER DATABASE \"RAW\" SET {clause}")]);
        let (silent, set) = (want::<K>(&entry::<K>(BASE)), want::<K>(&entry::<K>(&format!("{BASE}{line}"))));
        assert!(diff::<K>(&silent, &set).is_empty(), "{line}: left alone where the spec is silent");
    }
    let comment = altered::<K>(BASE, "name = 'raw'\ncomment = 'hi'");
    assert_eq!(comment, [format!("ALTER DATABASE \"RAW\" SET COMMENT = 'hi {MARK}'")]);
    assert!(replaced::<K>("name = 'raw'\ntransient = true", "name = 'raw'\ntransient = false"));
    assert!(!replaced::<K>("name = 'raw'\ntransient = true", BASE), "left alone where the spec is silent");
}

fn observe(toml: &str, comment: &str, kind: &str, own: Option<&[(&str, &str)]>) -> Observed<Props> {
    let columns = ["name", "comment", "options", "retention_time", "kind"];
    let old = "[snowssi:events/database.old protected]";
    let listing = show::Listing::from(rows(
        &columns,
        &[
            &[Some("RAW"), Some(comment), Some("TRANSIENT"), Some("7"), Some(kind)],
            &[Some("OLD"), Some(old), Some(""), Some("1"), Some("STANDARD")],
            &[Some("SNOWFLAKE"), Some(""), Some(""), Some("1"), Some("APPLICATION")],
            &[Some("raw"), Some(""), Some(""), Some("1"), Some("STANDARD")],
        ],
    ));
    let parameters = |set: &[(&str, &str)]| {
        let cells: Vec<[Option<&str>; 3]> =
            set.iter().map(|(key, value)| [Some(*key), Some(*value), Some("DATABASE")]).collect();
        let cells: Vec<&[Option<&str>]> = cells.iter().map(|row| &row[..]).collect();
        Parameters::own(&rows(&["key", "value", "level"], &cells), Level::Database)
    };
    let own = own.map(|set| ("RAW".parse().unwrap(), parameters(set)));
    gather(&[entry::<K>(toml)], &context(), &listing.index(show::name_of).unwrap(), &own.into_iter().collect()).unwrap()
}

#[test]
fn reads_back_what_it_wrote() {
    let toml = "name = 'raw'\ncomment = 'hi'\nlog_level = 'WARN'\ndefault_ddl_collation = ''\nuser_task_managed_initial_warehouse_size = 'XSMALL'";
    let live =
        [("LOG_LEVEL", "WARN"), ("DEFAULT_DDL_COLLATION", ""), ("USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE", "X-Small")];
    let seen = observe(toml, &format!("hi {MARK}"), "STANDARD", Some(&live));
    let Seen::Present(found) = &seen.declared[&at::<K>()] else { panic!("{seen:?}") };
    let wanted = want::<K>(&entry::<K>(toml));
    assert!(diff::<K>(&wanted, &found.props).is_empty(), "{:?}", diff::<K>(&wanted, &found.props));
    assert_eq!((K::mark(&found.props), found.props.transient), (K::mark(&wanted), Some(true)));
    let others: Vec<String> = seen.others.keys().map(ToString::to_string).collect();
    assert_eq!(others, ["database \"OLD\""]);

    let inherited = observe("name = 'raw'\nlog_level = 'WARN'", MARK, "STANDARD", Some(&[]));
    let Seen::Present(found) = &inherited.declared[&at::<K>()] else { panic!("{inherited:?}") };
    assert!(diff::<K>(&want::<K>(&entry::<K>("name = 'raw'\nlog_level = 'WARN'")), &found.props).has("log_level"));
}

#[test]
fn what_cannot_be_told_is_hidden() {
    let why = |seen: Observed<Props>| match &seen.declared[&at::<K>()] {
        Seen::Hidden(why) => why.clone(),
        other => format!("{other:?}"),
    };
    assert!(why(observe(BASE, "", "IMPORTED DATABASE", None)).contains("imported database"));
    assert!(why(observe("name = 'raw'\nlog_level = 'WARN'", "", "STANDARD", None)).contains("not its parameters"));
    assert_eq!(why(observe("name = 'other'", "", "STANDARD", None)), "Absent");
}

#[test]
fn finds_problems_offline() {
    let cases = [
        ("data_retention_time_in_days = 91", "data_retention_time_in_days: 91 is outside 0 to 90"),
        ("task_auto_retry_attempts = 31", "task_auto_retry_attempts: 31 is outside 0 to 30"),
        (
            "transient = true\ndata_retention_time_in_days = 2",
            "data_retention_time_in_days: a transient object keeps its history for at most 1 day",
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(problems::<K>(&entry::<K>(&format!("{BASE}{lines}"))), [expected]);
    }
    assert!(try_entry::<K>("name = 'raw'\nlog_level = 'LOUD'").unwrap_err().contains("LOUD"));
    assert!(try_entry::<K>("name = 'raw'\npipe_execution_paused = true").is_err(), "schemas only");
    assert_eq!(fqn(&|_| Some("raw".into())), Ok("\"RAW\"".into()));
}

//! What a task's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::cloud::Rows;
use crate::kind::{show, trial};
use crate::model::Seen;

const COLUMNS: [&str; 18] = [
    "name",
    "database_name",
    "schema_name",
    "comment",
    "warehouse",
    "schedule",
    "predecessors",
    "state",
    "definition",
    "condition",
    "allow_overlapping_execution",
    "error_integration",
    "success_integration",
    "config",
    "task_relations",
    "target_completion_interval",
    "execute_as_user",
    "last_suspended_reason",
];

/// A spec, the cells of its row, and its rows of `SHOW PARAMETERS`.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [[&'a str; 3]]);

/// A live task as `SHOW TASKS` gives it.
fn row(cells: &[(&str, &str)]) -> Vec<Option<String>> {
    let base = [
        ("name", "X"),
        ("database_name", "D"),
        ("schema_name", "S"),
        ("comment", "[snowssi:events/task.x]"),
        ("predecessors", "[]"),
        ("state", "started"),
        ("definition", "SELECT 1"),
        ("allow_overlapping_execution", "false"),
        ("error_integration", "null"),
        ("success_integration", "null"),
        ("task_relations", r#"{"Predecessors":[]}"#),
    ];
    let mut cells: Vec<(&str, &str)> = cells.to_vec();
    cells.extend(base);
    let cell = |column: &&str| cells.iter().find(|(name, _)| name == column).map(|(_, value)| (*value).to_owned());
    COLUMNS.iter().map(cell).collect()
}

fn table(rows: &[Vec<Option<String>>]) -> Rows {
    Rows { columns: COLUMNS.map(str::to_owned).to_vec(), cells: rows.to_vec(), query_id: String::new() }
}

fn entry(toml: &str) -> Entry<Spec> {
    trial::entry::<Task>(&format!("schema = 'D.S'\nname = 'X'\n{toml}"))
}

/// What is seen of a declared task.
fn seen(toml: &str, cells: &[(&str, &str)], parameters: &[[&str; 3]]) -> Props {
    let entry = entry(toml);
    let answer = table(&[row(cells)]);
    let listing = show::Listing::from(answer);
    let rows = listing.index(show::object_of).unwrap();
    let parameter = parameters.iter().map(|cells| cells.map(Some).to_vec()).collect::<Vec<_>>();
    let parameter: Vec<&[Option<&str>]> = parameter.iter().map(Vec::as_slice).collect();
    let own = show::Parameters::own(&trial::rows(&["key", "value", "level"], &parameter), show::Level::Task);
    let own = BTreeMap::from([(entry.spec.full_name(), own)]);
    let observed = read::assemble(std::slice::from_ref(&entry), &trial::context(), &rows, &own).unwrap();
    match observed.declared.into_values().next().unwrap() {
        Seen::Present(found) => found.props,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_created_is_read_back_as_wanted() {
    let scheduled = "schedule = '5 MINUTES'\nas = 'SELECT 1'";
    let cases: &[Case<'_>] = &[
        (scheduled, &[("schedule", "5 minute")], &[]),
        ("schedule = 'USING CRON 0 9 * * * UTC'\nas = 'SELECT 1;'", &[("schedule", "using cron 0  9 * * * UTC")], &[]),
        (
            "warehouse = 'wh'\nschedule = '1 HOUR'\nas = '''\nBEGIN\n  A;\nEND;\n'''",
            &[("warehouse", "WH"), ("schedule", "60 MINUTES"), ("definition", "BEGIN\n  A;\nEND")],
            &[],
        ),
        (
            "warehouse = '\"wh\"'\nwhen = \"SYSTEM$STREAM_HAS_DATA('D.S.ST')\"\nas = 'SELECT  1'",
            &[("warehouse", "wh"), ("condition", "system$stream_has_data('ST')")],
            &[],
        ),
        (
            "target_completion_interval = '10 MINUTES'\nwhen = \"SYSTEM$STREAM_HAS_DATA('ST')\"\nas = 'SELECT 1'",
            &[("condition", "SYSTEM$STREAM_HAS_DATA('ST')"), ("target_completion_interval", "600 SECONDS")],
            &[],
        ),
        (
            "after = ['D.S.B', 'D.S.\"a\"']\nas = 'SELECT 1'",
            &[("predecessors", "[\n  \"D.S.\\\"a\\\"\",\n  \"D.S.B\"\n]")],
            &[],
        ),
        (
            "finalize = 'D.S.R'\nas = 'SELECT 1'",
            &[("predecessors", ""), ("task_relations", r#"{"Predecessors":[],"FinalizedRootTask":"D.S.R"}"#)],
            &[],
        ),
        (
            "config = { b = 1, a = [2] }\noverlap_policy = 'allow_all_overlap'\nschedule = '5 MINUTES'\nas = 'SELECT 1'",
            &[
                ("schedule", "5 MINUTES"),
                ("config", "{ \"a\": [2],\n \"b\": 1 }"),
                ("allow_overlapping_execution", "true"),
            ],
            &[],
        ),
        (
            "user_task_timeout_ms = 1000\nuser_task_managed_initial_warehouse_size = 'X-SMALL'\nserverless_task_max_statement_size = \
             'XXLARGE'\nlog_level = 'warn'\nsession_parameters = { TIMEZONE = 'UTC', QUERY_TAG = 'x', \
             ABORT_DETACHED_QUERY = true }\nschedule = '5 MINUTES'\nas = 'SELECT 1'",
            &[("schedule", "5 MINUTES")],
            &[
                ["USER_TASK_TIMEOUT_MS", "1000", "TASK"],
                ["USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE", "XSMALL", "TASK"],
                ["SERVERLESS_TASK_MAX_STATEMENT_SIZE", "X2Large", "TASK"],
                ["LOG_LEVEL", "WARN", "TASK"],
                ["TIMEZONE", "UTC", "TASK"],
                ["QUERY_TAG", "x", "TASK"],
                ["ABORT_DETACHED_QUERY", "true", "TASK"],
                ["WEEK_START", "1", "TASK"],
            ],
        ),
        (
            "error_integration = 'e'\nsuccess_integration = '\"s\"'\nexecute_as_user = 'u'\nstarted = false\nschedule = '5 MINUTES'\nas \
             = 'SELECT 1'",
            &[
                ("schedule", "5 MINUTES"),
                ("error_integration", "E"),
                ("success_integration", "s"),
                ("execute_as_user", "U"),
                ("state", "suspended"),
            ],
            &[],
        ),
    ];
    for (toml, cells, parameters) in cases {
        // Bodies that never consume their stream are another test's matter.
        let problems = trial::problems::<Task>(&entry(toml));
        assert!(problems.iter().all(|problem| problem.contains("never consumes")), "{toml}: {problems:?}");
        let diff = trial::diff::<Task>(&trial::want::<Task>(&entry(toml)), &seen(toml, cells, parameters));
        assert!(diff.is_empty(), "{toml}: {diff:?}");
    }
}

#[test]
fn what_is_only_inherited_or_another_value_is_seen() {
    let toml = "user_task_timeout_ms = 1000\nschedule = '5 MINUTES'\nas = 'SELECT 1'";
    let live: &[(&str, &str)] = &[("schedule", "5 MINUTES")];
    for (parameter, differs) in [("TASK", false), ("ACCOUNT", true), ("SCHEMA", true)] {
        let have = seen(toml, live, &[["USER_TASK_TIMEOUT_MS", "1000", parameter]]);
        let changed = trial::diff::<Task>(&trial::want::<Task>(&entry(toml)), &have);
        assert_eq!(changed.has("user_task_timeout_ms"), differs, "{parameter}");
    }
    let quoted = "schedule = '5 MINUTES'\nas = \"SELECT 'a  b'\"";
    let have = seen(quoted, &[("schedule", "5 MINUTES"), ("definition", "SELECT 'a b'")], &[]);
    assert!(trial::diff::<Task>(&trial::want::<Task>(&entry(quoted)), &have).has("as"));
}

#[test]
fn predecessors_come_in_several_forms() {
    let of = |text: &str| seen("after = ['D.S.R']\nas = 'x'", &[("predecessors", text)], &[]).after;
    for none in ["", "[]", " [ ] "] {
        assert_eq!(of(none), BTreeSet::new(), "{none:?}");
    }
    let root = BTreeSet::from(["D.S.R".parse::<ObjectName>().unwrap()]);
    for one in ["[\"D.S.R\"]", "[\n  \"D.S.R\"\n]", "[\"\\\"D\\\".\\\"S\\\".\\\"R\\\"\"]", "[\"R\"]", "R", "D.S.R"] {
        assert_eq!(of(one), root, "{one:?}");
    }
    let other = BTreeSet::from(["E.T.R".parse::<ObjectName>().unwrap()]);
    assert_eq!(of("[\"E.T.R\"]"), other, "the same name elsewhere is another task");
    let bad = table(&[row(&[("predecessors", "[1]")])]);
    assert!(read::read(&"d.s.x".parse().unwrap(), &bad.iter().next().unwrap()).is_err());
}

#[test]
fn each_field_alone_is_seen_and_altered() {
    let base = "schedule = '5 MINUTES'\nas = 'SELECT 1'";
    let x = r#"ALTER TASK "D"."S"."X" "#;
    let cases = [
        (
            "warehouse = 'w'",
            vec![
                "UNSET USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE, SERVERLESS_TASK_MIN_STATEMENT_SIZE, SERVERLESS_TASK_MAX_STATEMENT_SIZE",
                "SET WAREHOUSE = \"W\"",
            ],
        ),
        (
            "user_task_managed_initial_warehouse_size = 'SMALL'",
            vec!["SET USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'SMALL'"],
        ),
        ("serverless_task_min_statement_size = 'SMALL'", vec!["SET SERVERLESS_TASK_MIN_STATEMENT_SIZE = 'SMALL'"]),
        ("serverless_task_max_statement_size = 'SMALL'", vec!["SET SERVERLESS_TASK_MAX_STATEMENT_SIZE = 'SMALL'"]),
        ("target_completion_interval = '90 SECONDS'", vec!["SET TARGET_COMPLETION_INTERVAL = '90 SECONDS'"]),
        ("config = { a = \"it's\" }", vec![r#"SET CONFIG = '{"a":"it''s"}'"#]),
        ("overlap_policy = 'ALLOW_CHILD_OVERLAP'", vec!["SET OVERLAP_POLICY = ALLOW_CHILD_OVERLAP"]),
        ("session_parameters = { timezone = 'UTC' }", vec!["SET TIMEZONE = 'UTC'"]),
        ("session_parameters = { WEEK_START = 1 }", vec!["SET WEEK_START = 1"]),
        ("user_task_timeout_ms = 5", vec!["SET USER_TASK_TIMEOUT_MS = 5"]),
        ("suspend_task_after_num_failures = 0", vec!["SET SUSPEND_TASK_AFTER_NUM_FAILURES = 0"]),
        ("task_auto_retry_attempts = 3", vec!["SET TASK_AUTO_RETRY_ATTEMPTS = 3"]),
        ("log_level = 'INFO'", vec!["SET LOG_LEVEL = 'INFO'"]),
        ("error_integration = 'e'", vec!["SET ERROR_INTEGRATION = \"E\""]),
        ("success_integration = 'e'", vec!["SET SUCCESS_INTEGRATION = \"E\""]),
        ("execute_as_user = 'u'", vec!["SET EXECUTE AS USER \"U\""]),
        ("comment = \"it's\"", vec!["SET COMMENT = 'it''s [snowssi:events/task.x]'"]),
        ("when = 'TRUE'", vec!["MODIFY WHEN TRUE"]),
    ];
    let alter = |before: &str, after: &str| {
        let all = |toml: &str| format!("schema = 'D.S'\nname = 'X'\n{toml}");
        trial::altered::<Task>(&all(before), &all(after))
    };
    for (field, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|text| format!("{x}{text}")).collect();
        assert_eq!(alter(base, &format!("{field}\n{base}")), expected, "{field}");
    }
    let gone = [
        ("warehouse = 'w'", "UNSET WAREHOUSE"),
        ("target_completion_interval = '90 SECONDS'", "UNSET TARGET_COMPLETION_INTERVAL"),
        ("config = '{}'", "UNSET CONFIG"),
        ("overlap_policy = 'ALLOW_CHILD_OVERLAP'", "UNSET OVERLAP_POLICY"),
        ("error_integration = 'e'", "UNSET ERROR_INTEGRATION"),
        ("success_integration = 'e'", "UNSET SUCCESS_INTEGRATION"),
        ("execute_as_user = 'u'", "UNSET EXECUTE AS USER"),
        ("comment = 'a'", "SET COMMENT = '[snowssi:events/task.x]'"),
        ("when = 'TRUE'", "REMOVE WHEN"),
    ];
    for (field, expected) in gone {
        assert_eq!(alter(&format!("{field}\n{base}"), base), [format!("{x}{expected}")], "{field}");
    }
    let edges = [
        ("schedule = '5 MINUTES'", "schedule = '6 MINUTES'", vec!["SET SCHEDULE = '6 MINUTES'"]),
        ("schedule = '5 MINUTES'", "after = ['D.S.R']", vec!["UNSET SCHEDULE", r#"ADD AFTER "D"."S"."R""#]),
        ("schedule = '5 MINUTES'", "finalize = 'D.S.R'", vec!["UNSET SCHEDULE", r#"SET FINALIZE = "D"."S"."R""#]),
        (
            "after = ['D.S.R']",
            "finalize = 'D.S.R'",
            vec![r#"REMOVE AFTER "D"."S"."R""#, r#"SET FINALIZE = "D"."S"."R""#],
        ),
        ("finalize = 'D.S.R'", "after = ['D.S.R']", vec!["UNSET FINALIZE", r#"ADD AFTER "D"."S"."R""#]),
        ("after = ['D.S.R']", "after = ['D.S.Q']", vec![r#"ADD AFTER "D"."S"."Q""#, r#"REMOVE AFTER "D"."S"."R""#]),
        (
            "after = ['D.S.R']",
            "schedule = '5 MINUTES'",
            vec![r#"REMOVE AFTER "D"."S"."R""#, "SET SCHEDULE = '5 MINUTES'"],
        ),
    ];
    for (before, after, expected) in edges {
        let body = |toml: &str| format!("{toml}\nas = 'SELECT 1'");
        let expected: Vec<String> = expected.iter().map(|text| format!("{x}{text}")).collect();
        assert_eq!(alter(&body(before), &body(after)), expected, "{before} to {after}");
    }
    assert_eq!(alter(base, "schedule = '5 MINUTES'\nas = 'SELECT 2'"), [format!("{x}MODIFY AS SELECT 2")]);
}

#[test]
fn from_scheduled_to_triggered_and_from_serverless_to_a_warehouse_in_the_order_snowflake_takes() {
    let all = |toml: &str| format!("schema = 'D.S'\nname = 'X'\nas = 'SELECT 1'\n{toml}");
    let x = r#"ALTER TASK "D"."S"."X" "#;
    let triggered = "when = \"SYSTEM$STREAM_HAS_DATA('ST')\"\ntarget_completion_interval = '10 MINUTES'";
    let expected =
        ["UNSET SCHEDULE", "MODIFY WHEN SYSTEM$STREAM_HAS_DATA('ST')", "SET TARGET_COMPLETION_INTERVAL = '10 MINUTES'"];
    assert_eq!(
        trial::altered::<Task>(&all("schedule = '5 MINUTES'"), &all(triggered)),
        expected.map(|text| format!("{x}{text}"))
    );
    let sizes = "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE, SERVERLESS_TASK_MIN_STATEMENT_SIZE, SERVERLESS_TASK_MAX_STATEMENT_SIZE";
    let warehouse = "when = \"SYSTEM$STREAM_HAS_DATA('ST')\"\nwarehouse = 'w'";
    let expected = [format!("{x}UNSET TARGET_COMPLETION_INTERVAL, {sizes}"), format!("{x}SET WAREHOUSE = \"W\"")];
    assert_eq!(trial::altered::<Task>(&all(triggered), &all(warehouse)), expected);
    let expected = [format!("{x}UNSET WAREHOUSE"), format!("{x}SET TARGET_COMPLETION_INTERVAL = '10 MINUTES'")];
    assert_eq!(trial::altered::<Task>(&all(warehouse), &all(triggered)), expected);
}

#[test]
fn creates_with_everything() {
    let toml = "schema = 'D.S'\nname = 'X'\nwarehouse = 'w'\nafter = ['D.S.B', 'D.S.A']\nexecute_as_user = 'u'\nwhen = \
                \"SYSTEM$GET_PREDECESSOR_RETURN_VALUE('A') = 'x'\"\nas = 'SELECT 1;'\ncomment = 'c'\nuser_task_timeout_ms = 5";
    let expected = r#"CREATE TASK "D"."S"."X" WAREHOUSE = "W" USER_TASK_TIMEOUT_MS = 5 COMMENT = 'c [snowssi:events/task.x]' AFTER "D"."S"."A", "D"."S"."B" EXECUTE AS USER "U" WHEN SYSTEM$GET_PREDECESSOR_RETURN_VALUE('A') = 'x' AS SELECT 1"#;
    assert_eq!(trial::created::<Task>(toml), [expected]);
    let finalizer = "schema = 'D.S'\nname = 'X'\nfinalize = 'D.S.R'\nas = 'SELECT 1'";
    assert!(trial::created::<Task>(finalizer)[0].contains(r#"FINALIZE = "D"."S"."R" AS SELECT 1"#));
    let root = "schema = 'D.S'\nname = 'X'\nschedule = '1 hour'\nconfig = { a = 1 }\noverlap_policy = 'ALLOW_ALL_OVERLAP'\nas = 'x'";
    assert!(
        trial::created::<Task>(root)[0]
            .contains(r#"SCHEDULE = '60 MINUTES' CONFIG = '{"a":1}' OVERLAP_POLICY = ALLOW_ALL_OVERLAP"#)
    );
}

#[test]
fn refers_to_what_it_needs() {
    let toml = "warehouse = 'w'\nafter = ['D.S.R']\nwhen = \"SYSTEM$STREAM_HAS_DATA('ST')\"\nas = 'x'";
    let refs: Vec<String> =
        Task::refs(&trial::want::<Task>(&entry(toml))).iter().map(|link| link.to.to_string()).collect();
    let expected =
        [r#"database "D""#, r#"schema "D"."S""#, r#"warehouse "W""#, r#"task "D"."S"."R""#, r#"stream "D"."S"."ST""#];
    assert_eq!(refs, expected);
}

#[test]
fn one_task_alone_is_checked() {
    let s = "as = 'x'\n";
    let stream = "when = \"SYSTEM$STREAM_HAS_DATA('ST')\"";
    let wrong = [
        ("as: ", "as = ' '\nschedule = '5 MINUTES'".to_owned()),
        (": nothing ever starts", s.to_owned()),
        ("schedule: only a root", format!("{s}schedule = '5 MINUTES'\nafter = ['D.S.R']")),
        ("schedule: only a root", format!("{s}schedule = '5 MINUTES'\nfinalize = 'D.S.R'")),
        ("finalize: ", format!("{s}after = ['D.S.R']\nfinalize = 'D.S.R'")),
        ("overlap_policy: only a root", format!("{s}after = ['D.S.R']\noverlap_policy = 'ALLOW_CHILD_OVERLAP'")),
        ("config: only a root", format!("{s}after = ['D.S.R']\nconfig = {{}}")),
        ("task_auto_retry_attempts: only", format!("{s}finalize = 'D.S.R'\ntask_auto_retry_attempts = 1")),
        ("after: \"D\".\"T\".\"R\" is in another schema", format!("{s}after = ['D.T.R']")),
        ("after: a task cannot", format!("{s}after = ['D.S.X']")),
        ("target_completion_interval: a serverless triggered", format!("{s}{stream}")),
        ("when: a task without a schedule", format!("{s}when = 'TRUE'\nwarehouse = 'w'")),
        ("when: `SYSTEM$WAIT` cannot", format!("{s}schedule = '5 MINUTES'\nwhen = 'SYSTEM$WAIT(1)'")),
        (
            "serverless_task_max_statement_size: ",
            format!("{s}{stream}\nwarehouse = 'w'\nserverless_task_max_statement_size = 'SMALL'"),
        ),
        (
            "serverless_task_max_statement_size: serverless tasks have",
            format!("{s}schedule = '5 M'\nserverless_task_max_statement_size = 'X4LARGE'"),
        ),
        (
            "serverless_task_min_statement_size: the smallest",
            format!(
                "{s}schedule = '5 M'\nserverless_task_max_statement_size = 'SMALL'\nserverless_task_min_statement_size = 'LARGE'"
            ),
        ),
        ("schedule: `schedule` is 5 seconds", format!("{s}schedule = '5 SECONDS'")),
        ("user_task_timeout_ms: ", format!("{s}schedule = '5 M'\nuser_task_timeout_ms = 604800001")),
        ("task_auto_retry_attempts: ", format!("{s}schedule = '5 M'\ntask_auto_retry_attempts = 31")),
        (
            "user_task_minimum_trigger_interval_in_seconds: only triggered",
            format!("{s}schedule = '5 M'\nuser_task_minimum_trigger_interval_in_seconds = 30"),
        ),
        (
            "session_parameters.search_path: ",
            format!("{s}schedule = '5 M'\nsession_parameters = {{ search_path = 'x' }}"),
        ),
        (
            "session_parameters.AUTOCOMMIT: ",
            format!("{s}schedule = '5 M'\nsession_parameters = {{ AUTOCOMMIT = false }}"),
        ),
        ("session_parameters.a b: ", format!("{s}schedule = '5 M'\nsession_parameters = {{ 'a b' = 1 }}")),
        (
            "session_parameters.LOG_LEVEL: ",
            format!("{s}schedule = '5 M'\nsession_parameters = {{ LOG_LEVEL = 'INFO' }}"),
        ),
        ("config: the configuration", format!("{s}schedule = '5 M'\nconfig = 'x'")),
    ];
    for (problem, toml) in wrong {
        let found = trial::problems::<Task>(&entry(&toml));
        assert!(found.iter().any(|found| found.starts_with(problem)), "{toml}: {found:?}");
    }
    let later = crate::model::val::token::of(&crate::model::Fact::new(&"bucket.b".parse().unwrap(), "arn"));
    assert!(
        trial::problems::<Task>(&entry(&format!("schedule = '5 M'\nas = '{later}'")))[0]
            .starts_with("as: it must be known")
    );
    trial::example::<Task>();
}

#[cfg(feature = "sandbox")]
mod account;
mod graphs;

//! What a warehouse's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::trial::{
    altered, at, context, created, diff, entry, example, problems, rows, statements, try_entry, want,
};

type K = Warehouse;

const MARK: &str = "[snowssi:events/warehouse.x]";
const BASE: &str = "name = 'wh'\n";

fn with(line: &str) -> String {
    format!("{BASE}{line}\n")
}

/// Every setting with a value that is not its default, as the spec and as a statement has it.
const CHANGED: [(&str, &str); 13] = [
    ("warehouse_size = '2X-Large'", "WAREHOUSE_SIZE = XXLARGE"),
    ("generation = 2", "GENERATION = '2'"),
    ("resource_constraint = 'memory_16x_x86'", "RESOURCE_CONSTRAINT = MEMORY_16X_X86"),
    ("max_cluster_count = 3", "MAX_CLUSTER_COUNT = 3"),
    ("scaling_policy = 'ECONOMY'", "SCALING_POLICY = ECONOMY"),
    ("auto_suspend = 0", "AUTO_SUSPEND = 0"),
    ("auto_resume = false", "AUTO_RESUME = FALSE"),
    ("resource_monitor = 'limit'", "RESOURCE_MONITOR = \"LIMIT\""),
    ("enable_query_acceleration = true", "ENABLE_QUERY_ACCELERATION = TRUE"),
    ("query_acceleration_max_scale_factor = 4", "QUERY_ACCELERATION_MAX_SCALE_FACTOR = 4"),
    ("max_concurrency_level = 4", "MAX_CONCURRENCY_LEVEL = 4"),
    ("statement_queued_timeout_in_seconds = 9", "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS = 9"),
    ("statement_timeout_in_seconds = 60", "STATEMENT_TIMEOUT_IN_SECONDS = 60"),
];

#[test]
fn creates_cheaply_by_default() {
    let expected = "CREATE WAREHOUSE \"WH\" WAREHOUSE_TYPE = 'STANDARD' WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60 AUTO_RESUME = TRUE INITIALLY_SUSPENDED = TRUE";
    assert_eq!(created::<K>(BASE), [format!("{expected} COMMENT = '{MARK}'")]);
    for (line, clause) in CHANGED {
        assert!(created::<K>(&with(line))[0].contains(clause), "{line}");
    }
    let snowpark = created::<K>(&with("warehouse_type = 'SNOWPARK-OPTIMIZED'\ninitially_suspended = false"));
    assert!(snowpark[0].contains("WAREHOUSE_TYPE = 'SNOWPARK-OPTIMIZED' WAREHOUSE_SIZE = MEDIUM "), "{snowpark:?}");
    assert!(snowpark[0].contains("INITIALLY_SUSPENDED = FALSE"));
    assert_eq!(statements(&K::delete(&want::<K>(&example::<K>()))), ["DROP WAREHOUSE \"LOAD\""]);
}

#[test]
fn each_field_alone_is_seen_and_altered() {
    for (line, clause) in CHANGED {
        assert_eq!(altered::<K>(BASE, &with(line)), [format!("ALTER WAREHOUSE \"WH\" SET {clause}")]);
    }
    let comment = altered::<K>(BASE, &with("comment = 'hi'"));
    assert_eq!(comment, [format!("ALTER WAREHOUSE \"WH\" SET COMMENT = 'hi {MARK}'")]);
    let both = with("min_cluster_count = 2\nmax_cluster_count = 2");
    assert_eq!(altered::<K>(BASE, &both), ["ALTER WAREHOUSE \"WH\" SET MIN_CLUSTER_COUNT = 2 MAX_CLUSTER_COUNT = 2"]);
    let reset = altered::<K>(&with("auto_suspend = 0"), BASE);
    assert_eq!(reset, ["ALTER WAREHOUSE \"WH\" SET AUTO_SUSPEND = 60"], "never UNSET, which means never");
    let silent = want::<K>(&entry::<K>(BASE));
    for line in
        ["generation = 2", "enable_query_acceleration = true", "resource_monitor = 'm'", "max_concurrency_level = 4"]
    {
        assert!(diff::<K>(&silent, &want::<K>(&entry::<K>(&with(line)))).is_empty(), "{line} is left alone");
    }
    let awake = with("initially_suspended = false");
    assert!(diff::<K>(&want::<K>(&entry::<K>(&awake)), &silent).is_empty(), "has no meaning afterwards");
}

#[test]
fn a_running_warehouse_is_suspended_while_its_type_changes() {
    let want = want::<K>(&entry::<K>(&with("warehouse_type = 'SNOWPARK-OPTIMIZED'")));
    let mut have = super::Props { running: true, ..want.clone() };
    have.settings.insert("warehouse_type", Value::from("STANDARD"));
    let changed = diff::<K>(&want, &have);
    let parts = K::alter(&at::<K>(), &want, &have, &changed);
    let expected = [
        "ALTER WAREHOUSE \"WH\" SUSPEND",
        "ALTER WAREHOUSE \"WH\" SET WAREHOUSE_TYPE = 'SNOWPARK-OPTIMIZED'",
        "ALTER WAREHOUSE \"WH\" RESUME IF SUSPENDED",
    ];
    assert_eq!(statements(&parts), expected);
    assert!(parts[0].ops[0].undo.is_some());
    have.running = false;
    assert_eq!(statements(&K::alter(&at::<K>(), &want, &have, &changed)), expected[1..2]);
}

fn observe(toml: &str, cells: &[(&str, Option<&str>)], own: Option<&[(&str, &str)]>) -> Seen<Props> {
    let mut columns = vec!["name", "comment"];
    let mut row = vec![Some("WH"), Some(MARK)];
    columns.extend(cells.iter().map(|(column, _)| *column));
    row.extend(cells.iter().map(|(_, cell)| *cell));
    let listing = show::Listing::from(rows(&columns, &[&row]));
    let parameters = |set: &[(&str, &str)]| {
        let cells: Vec<[Option<&str>; 3]> =
            set.iter().map(|(key, value)| [Some(*key), Some(*value), Some("WAREHOUSE")]).collect();
        let cells: Vec<&[Option<&str>]> = cells.iter().map(|row| &row[..]).collect();
        Parameters::own(&rows(&["key", "value", "level"], &cells), Level::Warehouse)
    };
    let own = own.map(|set| ("WH".parse().unwrap(), parameters(set)));
    let rows = listing.index(show::name_of).unwrap();
    gather(&[entry::<K>(toml)], &context(), &rows, &own.into_iter().collect()).declared.remove(&at::<K>()).unwrap()
}

fn differences(toml: &str, cells: &[(&str, Option<&str>)], own: Option<&[(&str, &str)]>) -> Vec<String> {
    let seen = observe(toml, cells, own);
    let Seen::Present(found) = seen else { panic!("{seen:?}") };
    let changed = diff::<K>(&want::<K>(&entry::<K>(toml)), &found.props);
    changed.changes().iter().map(|change| change.field.clone()).collect()
}

const LIVE: [(&str, Option<&str>); 13] = [
    ("state", Some("STARTED")),
    ("type", Some("STANDARD")),
    ("size", Some("X-Small")),
    ("min_cluster_count", Some("1")),
    ("max_cluster_count", Some("1")),
    ("auto_suspend", Some("60")),
    ("auto_resume", Some("true")),
    ("enable_query_acceleration", Some("false")),
    ("query_acceleration_max_scale_factor", Some("8")),
    ("resource_monitor", Some("null")),
    ("scaling_policy", Some("STANDARD")),
    ("resource_constraint", Some("STANDARD_GEN_2")),
    ("generation", Some("2")),
];

#[test]
fn reads_back_what_it_wrote() {
    assert_eq!(differences(BASE, &LIVE, None), Vec::<String>::new());
    let all = with(
        "generation = 2\nenable_query_acceleration = false\nquery_acceleration_max_scale_factor = 8\nmax_concurrency_level = 4",
    );
    assert_eq!(differences(&all, &LIVE, Some(&[("MAX_CONCURRENCY_LEVEL", "4")])), Vec::<String>::new());
    assert_eq!(differences(&all, &LIVE, Some(&[])), ["max_concurrency_level"], "inherited is not set");
    assert_eq!(differences(&with("resource_monitor = 'm'"), &LIVE, None), ["resource_monitor"]);
    assert_eq!(differences(&with("generation = 1"), &LIVE, None), ["generation"]);
    assert_eq!(
        differences(&with("warehouse_size = 'SMALL'\nmax_cluster_count = 2"), &LIVE, None),
        ["warehouse_size", "max_cluster_count"]
    );
    let Seen::Present(found) = observe(BASE, &LIVE, None) else { panic!() };
    assert!(found.props.running && found.props.mark == want::<K>(&entry::<K>(BASE)).mark);
}

#[test]
fn a_missing_column_is_unknown_and_null_is_not_a_number() {
    let unknown: Vec<_> =
        LIVE.into_iter().filter(|(column, _)| !column.contains("cluster") && *column != "scaling_policy").collect();
    assert_eq!(differences(&with("max_cluster_count = 1"), &unknown, None), Vec::<String>::new());
    let never = LIVE.map(|(column, cell)| (column, cell.filter(|_| column != "auto_suspend")));
    assert_eq!(differences(BASE, &never, None), ["auto_suspend"]);
    assert_eq!(differences(&with("auto_suspend = 0"), &never, None), Vec::<String>::new());
    let hidden = observe(&with("statement_timeout_in_seconds = 9"), &LIVE, None);
    assert!(matches!(hidden, Seen::Hidden(why) if why.contains("not its parameters")));
}

#[test]
fn finds_problems_offline() {
    let cases = [
        ("min_cluster_count = 2", "min_cluster_count: it is greater than `max_cluster_count`"),
        ("max_cluster_count = 0\nmin_cluster_count = 0", "min_cluster_count: 0 is outside 1 to 300"),
        ("generation = 3", "generation: the generation is 1 or 2"),
        ("auto_suspend = -1", "auto_suspend: -1 is outside"),
        ("query_acceleration_max_scale_factor = 101", "query_acceleration_max_scale_factor: 101 is outside 0 to 100"),
        ("generation = 2\nresource_constraint = 'MEMORY_1X'", "resource_constraint: `generation` and"),
        ("generation = 2\nwarehouse_type = 'SNOWPARK-OPTIMIZED'", "generation: only STANDARD"),
    ];
    for (lines, expected) in cases {
        let found = problems::<K>(&entry::<K>(&with(lines)));
        assert!(found.first().is_some_and(|problem| problem.starts_with(expected)), "{lines}: {found:?}");
    }
    assert!(try_entry::<K>(&with("warehouse_size = 'TINY'")).is_err());
}

//! What a resource monitor's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::trial::{
    altered, at, context, created, diff, entry, example, partial, problems, replaced, rows, statements, want,
};
use crate::model::Seen;

type K = ResourceMonitor;

const BASE: &str = "name = 'm'\ncredit_quota = 10\nnotify_at = [50, 75]\nsuspend_at = 90\n";
const MARK: &str = "[snowssi:events/resource_monitor.x]";

fn with(line: &str) -> String {
    format!("{BASE}{line}\n")
}

#[test]
fn it_is_created_with_its_mark_or_not_at_all() {
    let parts = K::create(&at::<K>(), &want::<K>(&entry::<K>(BASE)));
    let create = r#"CREATE RESOURCE MONITOR "M" WITH CREDIT_QUOTA = 10 FREQUENCY = MONTHLY START_TIMESTAMP = IMMEDIATELY TRIGGERS ON 50 PERCENT DO NOTIFY ON 75 PERCENT DO NOTIFY ON 90 PERCENT DO SUSPEND"#;
    assert_eq!(statements(&parts), [create.to_owned(), format!(r#"COMMENT ON RESOURCE MONITOR "M" IS '{MARK}'"#)]);
    let undo = parts[0].ops[0].undo.as_ref().unwrap();
    assert!(matches!(undo, Act::Sql(text) if text.to_string() == r#"DROP RESOURCE MONITOR "M""#));
    let full = "name = 'm'\nfrequency = 'weekly'\nstart_timestamp = '2030-01-01 08:00'\nend_timestamp = '2031-01-01'\nnotify_users = ['a', '\"b c\"']";
    let expected = r#"CREATE RESOURCE MONITOR "M" WITH FREQUENCY = WEEKLY START_TIMESTAMP = '2030-01-01 08:00' END_TIMESTAMP = '2031-01-01 00:00' NOTIFY_USERS = ( "A" , "b c" )"#;
    let full = created::<K>(full).remove(0);
    assert_eq!(full.replace(' ', ""), expected.replace(' ', ""));
    assert_eq!(statements(&K::delete(&want::<K>(&example::<K>()))), ["DROP RESOURCE MONITOR \"LIMIT\""]);
}

#[test]
fn each_change_is_one_statement() {
    let alter = |clause: &str| vec![format!(r#"ALTER RESOURCE MONITOR "M" {clause}"#)];
    assert_eq!(altered::<K>(BASE, &BASE.replace("10", "20")), alter("SET CREDIT_QUOTA = 20"));
    assert_eq!(altered::<K>(BASE, &BASE.replace("credit_quota = 10\n", "")), alter("SET CREDIT_QUOTA = NULL"));
    let daily = altered::<K>(BASE, &with("frequency = 'DAILY'"));
    assert_eq!(daily, alter("SET FREQUENCY = DAILY START_TIMESTAMP = IMMEDIATELY"));
    let end = with("end_timestamp = '2031-01-01'");
    assert_eq!(altered::<K>(BASE, &end), alter("SET END_TIMESTAMP = '2031-01-01 00:00'"));
    assert_eq!(altered::<K>(&end, BASE), alter("SET END_TIMESTAMP = NULL"));
    let all = alter("TRIGGERS ON 50 PERCENT DO NOTIFY ON 90 PERCENT DO SUSPEND");
    assert_eq!(altered::<K>(BASE, &BASE.replace(", 75", "")), all, "triggers are replaced as a whole");
    let now = altered::<K>(BASE, &with("suspend_immediately_at = 110"));
    assert!(now[0].ends_with("ON 90 PERCENT DO SUSPEND ON 110 PERCENT DO SUSPEND_IMMEDIATE"), "{now:?}");
    let comment = altered::<K>(BASE, &with("comment = 'it''s'").replace("it''s", "its"));
    assert_eq!(comment, [format!(r#"COMMENT ON RESOURCE MONITOR "M" IS 'its {MARK}'"#)]);
    let users = altered::<K>(&with("notify_users = ['a']"), BASE);
    assert_eq!(users[0].replace(' ', ""), r#"ALTERRESOURCEMONITOR"M"SETNOTIFY_USERS=()"#);
}

#[test]
fn the_last_trigger_cannot_be_taken_away() {
    let (bare, one) = ("name = 'm'\n", "name = 'm'\nsuspend_at = 90\n");
    let (want, have) = (want::<K>(&entry::<K>(bare)), want::<K>(&entry::<K>(one)));
    let changed = diff::<K>(&want, &have);
    let effects: Vec<_> = changed.changes().iter().map(|change| K::effect(&want, &have, change)).collect();
    assert_eq!(effects, [Some(Effect::Replaces)]);
    let back = diff::<K>(&have, &want);
    assert!(back.changes().iter().all(|change| K::effect(&have, &want, change) == Some(Effect::InPlace)));
    assert!(!replaced::<K>(BASE, one));
}

const COLUMNS: [&str; 9] = [
    "name",
    "credit_quota",
    "frequency",
    "end_time",
    "notify_at",
    "suspend_at",
    "suspend_immediately_at",
    "comment",
    "notify_users",
];

fn seen(cells: &[Option<&str>], toml: &str) -> Seen<Props> {
    let listing = show::Listing::from(rows(&COLUMNS, &[cells]));
    gather(&[entry::<K>(toml)], &context(), &listing).unwrap().declared.remove(&at::<K>()).unwrap()
}

#[test]
fn what_was_written_is_read_back() {
    let cells = [
        Some("M"),
        Some("10.00"),
        Some("MONTHLY"),
        Some("1924992000.000"),
        Some("75%,50%"),
        Some("90%"),
        None,
        Some(MARK),
        Some("A, b c"),
    ];
    let toml = with("end_timestamp = '2031-01-01 12:30'\nnotify_users = ['a', '\"b c\"']");
    let Seen::Present(found) = seen(&cells, &toml) else { panic!() };
    let wanted = want::<K>(&entry::<K>(&toml));
    let changed = diff::<K>(&wanted, &found.props);
    let counted: Vec<_> =
        changed.changes().iter().filter_map(|change| K::effect(&wanted, &found.props, change)).collect();
    assert_eq!(counted, [], "a time of day that is not kept is no difference: {changed:?}");
    let mut none = cells;
    none[1] = Some("0.00");
    let Seen::Present(found) = seen(&none, &toml) else { panic!() };
    assert_eq!(found.props.quota, None);
    none[0] = Some("OTHER");
    assert_eq!(seen(&none, BASE), Seen::Absent);
    let listing = show::Listing::from(rows(&COLUMNS, &[]));
    let hidden = gather(&[entry::<K>(BASE)], &partial(), &listing).unwrap().declared.remove(&at::<K>());
    assert!(matches!(hidden, Some(Seen::Hidden(_))));
}

#[test]
fn a_live_monitor_is_written_out() {
    let toml = with(
        "comment = 'c'\nfrequency = 'NEVER'\nend_timestamp = '2031-01-01'\nsuspend_immediately_at = 110\nnotify_users = ['a']",
    );
    let fields = K::export(&want::<K>(&entry::<K>(&toml)), &context());
    let object: serde_json::Map<String, serde_json::Value> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let again = entry::<K>(&toml::to_string(&object).unwrap());
    assert_eq!(want::<K>(&again), want::<K>(&entry::<K>(&toml)));
    assert_eq!(K::named("limit", &context()).unwrap(), [("name", json!("LIMIT"))]);
    assert!(K::named("a.b", &context()).is_err());
}

#[test]
fn problems_are_found_offline() {
    let cases = [
        ("name = 'm'\ncredit_quota = 0", "credit_quota: a quota is at least one credit"),
        (
            "name = 'm'\nnotify_at = [1, 2, 3, 4, 5, 6]",
            "notify_at: a resource monitor tells of at most five percentages",
        ),
        ("name = 'm'\nsuspend_at = 0", "suspend_at: 0 is no percentage of the quota"),
    ];
    for (toml, expected) in cases {
        assert_eq!(problems::<K>(&entry::<K>(toml)), [expected]);
    }
}

//! What an alert's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::trial::{
    altered, at, context, created, diff, entry, example, partial, problems, replaced, rows, want,
};

type K = Alert;

const BASE: &str = r#"
schema = "D.S"
name = "a"
warehouse = "w"
schedule = "15 MINUTES"
if = "SELECT 1 FROM FAILURES"
then = "CALL tell()"
"#;

fn with(line: &str) -> String {
    format!("{BASE}{line}\n")
}

#[test]
fn creates_and_resumes() {
    example::<K>();
    let create = |options: &str| {
        format!(
            r#"CREATE ALERT "D"."S"."A" {options} COMMENT = '[snowssi:events/alert.x]' IF (EXISTS (SELECT 1 FROM FAILURES)) THEN CALL tell()"#
        )
    };
    let resume = r#"ALTER ALERT "D"."S"."A" RESUME"#;
    assert_eq!(created::<K>(BASE), [create(r#"WAREHOUSE = "W" SCHEDULE = '15 MINUTE'"#), resume.to_owned()]);
    let serverless = with("started = false").replace("warehouse = \"w\"\n", "").replace("15 MINUTES", "2 h");
    assert_eq!(created::<K>(&serverless), [create("SCHEDULE = '120 MINUTE'")]);
    let cron = BASE.replace("15 MINUTES", "USING CRON 0 9 * * mon UTC");
    assert!(created::<K>(&cron)[0].contains("SCHEDULE = 'USING CRON 0 9 * * MON UTC'"));
}

#[test]
fn each_field_alone_is_altered_while_it_is_suspended() {
    let between = |clause: &str| {
        let alter = |what: &str| format!(r#"ALTER ALERT "D"."S"."A" {what}"#);
        vec![alter("SUSPEND"), alter(clause), alter("RESUME")]
    };
    let cases = [
        (BASE.replace("\"w\"", "\"v\""), r#"SET WAREHOUSE = "V""#),
        (BASE.replace("warehouse = \"w\"\n", ""), "UNSET WAREHOUSE"),
        (BASE.replace("15 ", "30 "), "SET SCHEDULE = '30 MINUTE'"),
        (BASE.replace("schedule = \"15 MINUTES\"\n", ""), "UNSET SCHEDULE"),
        (BASE.replace("SELECT 1 ", "SELECT 2 "), "MODIFY CONDITION EXISTS (SELECT 2 FROM FAILURES)"),
        (BASE.replace("tell()", "shout()"), "MODIFY ACTION CALL shout()"),
        (with("comment = \"c\""), "SET COMMENT = 'c [snowssi:events/alert.x]'"),
    ];
    for (after, clause) in cases {
        assert_eq!(altered::<K>(BASE, &after), between(clause), "{after}");
    }
    let stopped = with("started = false");
    assert_eq!(altered::<K>(BASE, &stopped), [r#"ALTER ALERT "D"."S"."A" SUSPEND"#]);
    assert_eq!(altered::<K>(&stopped, BASE), [r#"ALTER ALERT "D"."S"."A" RESUME"#]);
    let quiet = altered::<K>(&stopped, &stopped.replace("tell()", "shout()"));
    assert_eq!(quiet, [r#"ALTER ALERT "D"."S"."A" MODIFY ACTION CALL shout()"#], "one that is suspended stays so");
    assert!(replaced::<K>(BASE, &BASE.replace("\"a\"", "\"b\"")));
}

/// What was running runs again if the change fails.
#[test]
fn a_failed_change_leaves_it_running() {
    let (have, want) = (want::<K>(&entry::<K>(BASE)), want::<K>(&entry::<K>(&with("comment = \"c\""))));
    let parts = K::alter(&at::<K>(), &want, &have, &diff::<K>(&want, &have));
    assert_eq!(parts[0].ops[0].undo, Some(Act::Sql(resume(&want.name))));
}

fn observe(context: &Context, condition: Option<&str>, action: Option<&str>, schedule: &str) -> Observed<Props> {
    let columns =
        ["name", "database_name", "schema_name", "comment", "warehouse", "schedule", "state", "condition", "action"];
    let mark = "[snowssi:events/alert.x]";
    let row = |name, mark| {
        [Some(name), Some("D"), Some("S"), mark, Some("W"), Some(schedule), Some("started"), condition, action]
    };
    let listing = show::Listing::from(rows(&columns, &[&row("A", Some(mark)), &row("FOREIGN", None)]));
    gather(&[entry::<K>(BASE)], context, &listing.index(show::object_of).unwrap())
}

#[test]
fn reads_back_what_it_wrote_in_any_spelling() {
    for (condition, action) in [
        ("SELECT 1 FROM FAILURES", "CALL tell()"),
        ("SELECT 1\n FROM FAILURES", "CALL  tell();"),
        ("exists( SELECT 1 FROM FAILURES )", "CALL tell()"),
    ] {
        let seen = observe(&context(), Some(condition), Some(action), "15 minute");
        let Seen::Present(found) = &seen.declared[&at::<K>()] else { panic!("{seen:?}") };
        let want = want::<K>(&entry::<K>(BASE));
        assert!(diff::<K>(&want, &found.props).is_empty(), "{condition}: {:?}", diff::<K>(&want, &found.props));
        assert!(seen.others.is_empty(), "a foreign one is not ours");
        let text = json!(K::export(&found.props, &context())).to_string();
        assert!(text.contains(r#""then","CALL tell()""#) && !text.contains("started"), "{text}");
    }
    assert!(K::named("D.S.A", &context()).is_ok() && K::named("A", &context()).is_err());
}

#[test]
fn what_cannot_be_seen_is_hidden() {
    let seen = observe(&context(), None, Some("x"), "15 MINUTE");
    assert!(matches!(&seen.declared[&at::<K>()], Seen::Hidden(why) if why.contains("OWNERSHIP")));
    let empty = gather(&[entry::<K>(BASE)], &context(), &BTreeMap::new());
    assert_eq!(empty.declared[&at::<K>()], Seen::Absent);
    let empty = gather(&[entry::<K>(BASE)], &partial(), &BTreeMap::new());
    assert!(matches!(empty.declared[&at::<K>()], Seen::Hidden(_)));
}

#[test]
fn knows_what_it_leans_on() {
    let props = want::<K>(&entry::<K>(&BASE.replace("CALL tell()", "INSERT INTO D.S.LOG SELECT 1")));
    let named: Vec<String> = K::refs(&props).into_iter().map(|to| to.to.to_string()).collect();
    let has = |kind: &str, name: &str| named.iter().any(|to| to.contains(kind) && to.contains(name));
    assert!(
        has("warehouse", "W") && has("table", "FAILURES") && has("table", "LOG") && has("stream", "FAILURES"),
        "{named:?}"
    );
}

#[test]
fn says_what_is_wrong() {
    let table = [
        (BASE.replace("15 MINUTES", "90 SECONDS"), "schedule"),
        (BASE.replace("15 MINUTES", "11521 MINUTES"), "schedule"),
        (BASE.replace("SELECT 1 FROM", "EXISTS (SELECT 1 FROM"), "if"),
        (BASE.replace("FROM FAILURES", "FROM FAILURES -- all"), "if"),
        (BASE.replace("CALL tell()", " "), "then"),
    ];
    for (toml, start) in table {
        let found = problems::<K>(&entry::<K>(&toml));
        assert!(found.len() == 1 && found[0].starts_with(start), "{toml}: {found:?}");
    }
}

//! Runs of tasks: when they come, what they leave in the history, and what stops them.

use super::*;

const HISTORY: &str = "SELECT * FROM TABLE(D.INFORMATION_SCHEMA.TASK_HISTORY())";

/// Some columns of the runs that have begun or were skipped, the oldest first.
#[track_caller]
fn history(b: &mut Bench, columns: &[&str]) -> Vec<Vec<String>> {
    let all: Vec<&str> = columns.iter().copied().chain(["STATE"]).collect();
    let mut rows = b.rows(HISTORY, &all);
    rows.retain(|row| row[columns.len()] != "SCHEDULED");
    rows.reverse();
    rows.into_iter()
        .map(|mut row| {
            row.truncate(columns.len());
            row
        })
        .collect()
}

fn ran(what: &[(&str, &str)]) -> Vec<(String, String)> {
    what.iter().map(|(task, state)| (format!("D.S.{task}"), (*state).to_owned())).collect()
}

/// A file arrives, the directory learns of it, the stream has it, the task copies it.
#[test]
fn a_triggered_task_fires_again_until_its_stream_is_consumed() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE STAGE A URL = 's3://in/' STORAGE_INTEGRATION = SI DIRECTORY = (ENABLE = TRUE)", "ok"),
        ("CREATE STAGE B URL = 's3://out/done/' STORAGE_INTEGRATION = SI", "ok"),
        ("CREATE STREAM ST ON STAGE A", "ok"),
        ("CREATE TASK T WAREHOUSE = W WHEN SYSTEM$STREAM_HAS_DATA('D.S.ST') AS COPY FILES INTO @B FROM @A", "ok"),
        ("ALTER TASK T RESUME", "ok"),
    ]);
    assert_eq!(b.after(60), []);
    b.cloud.file("in", "x/1.csv", "data");
    b.ok("ALTER STAGE A REFRESH");
    assert_eq!(b.after(0), ran(&[("T", "SUCCEEDED")]), "data is processed at once");
    assert_eq!(b.after(25), [], "not before the minimum interval");
    assert_eq!(b.after(6), ran(&[("T", "SUCCEEDED")]), "the body never reads the stream");
    assert_eq!(b.cloud.keys("out"), ["done/x/1.csv"]);
    b.script(&[
        ("ALTER TASK T SUSPEND", "ok"),
        ("ALTER TASK T SET USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS = 10", "ok"),
        (
            "ALTER TASK T MODIFY AS BEGIN COPY FILES INTO @B FROM @A; CREATE OR REPLACE TEMPORARY TABLE SEEN AS SELECT * FROM ST WHERE \
             1=0; END",
            "ok",
        ),
    ]);
    assert_eq!(b.after(60), [], "a suspended task does nothing");
    b.ok("ALTER TASK T RESUME");
    assert_eq!(b.after(0), ran(&[("T", "SUCCEEDED")]));
    assert_eq!(b.after(3600), [], "a body that reads the stream consumes it");
    assert_eq!(history(&mut b, &["STATE", "SCHEDULED_FROM"]), vec![["SUCCEEDED", "TRIGGER"]; 3]);
    // Half a day without data.
    assert_eq!(b.after(11 * 3600 + 60), []);
    assert_eq!(
        history(&mut b, &["STATE", "ERROR_MESSAGE", "QUERY_ID"])[3],
        ["SKIPPED", "Conditional expression for task evaluated to false.", "NULL"]
    );
    b.ok("EXECUTE TASK T");
    assert_eq!(history(&mut b, &["STATE", "SCHEDULED_FROM"])[4], ["SKIPPED", "EXECUTE_TASK"]);
    b.cloud.world(|w| w.denied.insert("s3:PutObject"));
    b.cloud.file("in", "2.csv", "data");
    b.ok("ALTER STAGE A REFRESH");
    b.ok("EXECUTE TASK T");
    assert_eq!(history(&mut b, &["STATE", "ERROR_CODE"])[5], ["FAILED", "091003"]);
}

#[test]
fn schedules_keep_their_grid_and_are_not_caught_up() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE TASK T WAREHOUSE = W SCHEDULE = '10 MINUTES' AS SELECT 1", "ok"),
        ("CREATE TASK OFF WAREHOUSE = W SCHEDULE = '1 MINUTE' AS SELECT 1", "ok"),
        ("ALTER TASK T RESUME", "ok"),
    ]);
    assert_eq!(b.after(590), []);
    assert_eq!(b.after(11), ran(&[("T", "SUCCEEDED")]));
    assert_eq!(b.after(580), []);
    assert_eq!(b.after(3600 * 24), ran(&[("T", "SUCCEEDED")]), "a day of missed runs is one run");
    assert_eq!(b.after(15), [], "the grid is that of the resume");
    assert_eq!(b.after(31), ran(&[("T", "SUCCEEDED")]));
    let rows = b.rows(HISTORY, &["NAME", "STATE", "QUERY_ID", "SCHEDULED_FROM"]);
    assert_eq!(rows[0], ["T", "SCHEDULED", "NULL", "SCHEDULE"]);
    assert_eq!(rows.len(), 4);
    b.ok("ALTER TASK T SUSPEND");
    assert_eq!(b.after(3600), []);
    assert_eq!(b.rows(HISTORY, &["STATE"]).len(), 3, "nothing is scheduled any more");
}

#[test]
fn a_schedule_that_asks_a_stream_runs_only_when_there_is_data() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE STAGE A URL = 's3://in/' STORAGE_INTEGRATION = SI DIRECTORY = (ENABLE = TRUE)", "ok"),
        ("CREATE STREAM ST ON STAGE A", "ok"),
        ("CREATE TASK T WAREHOUSE = W SCHEDULE = '1 MINUTE' WHEN SYSTEM$STREAM_HAS_DATA('ST') AS CREATE OR REPLACE TEMPORARY TABLE X AS SELECT * FROM ST", "ok"),
        ("CREATE TASK NEVER WAREHOUSE = W SCHEDULE = '1 HOUR' WHEN FALSE AS SELECT 1", "ok"),
        ("ALTER TASK T RESUME", "ok"),
        ("ALTER TASK NEVER RESUME", "ok"),
    ]);
    assert_eq!(b.after(61), []);
    b.cloud.file("in", "1", "x");
    b.ok("ALTER STAGE A REFRESH");
    assert_eq!(b.after(30), []);
    assert_eq!(b.after(31), ran(&[("T", "SUCCEEDED")]));
    assert_eq!(b.after(3600), ran(&[("NEVER", "SKIPPED")]));
    assert_eq!(
        history(&mut b, &["NAME", "STATE", "SCHEDULED_FROM", "ERROR_CODE"]),
        [["T", "SUCCEEDED", "TRIGGER", "NULL"], ["NEVER", "SKIPPED", "SCHEDULE", "0040003"]]
    );
}

#[test]
fn failures_in_a_row_suspend() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE TABLE LOG (A TEXT)", "ok"),
        ("CREATE TASK T WAREHOUSE = W SCHEDULE = '1 MINUTE' SUSPEND_TASK_AFTER_NUM_FAILURES = 2 AS INSERT INTO LOG2 VALUES ('x')", "ok"),
        ("ALTER TASK T RESUME", "ok"),
    ]);
    assert_eq!(b.after(61), ran(&[("T", "FAILED")]));
    b.ok("CREATE TABLE LOG2 (A TEXT)");
    assert_eq!(b.after(60), ran(&[("T", "SUCCEEDED")]), "a success starts the count again");
    b.ok("DROP TABLE LOG2");
    assert_eq!(b.after(60), ran(&[("T", "FAILED")]));
    assert_eq!(b.after(60), ran(&[("T", "FAILED_AND_AUTO_SUSPENDED")]));
    assert_eq!(b.rows("DESC TASK T", &["state", "last_suspended_reason"]), [["suspended", "SUSPENDED_DUE_TO_ERRORS"]]);
    assert_eq!(b.after(600), []);
    let last = history(&mut b, &["STATE", "ERROR_CODE"]).pop().unwrap();
    assert_eq!(last, ["FAILED_AND_AUTO_SUSPENDED", "002003"]);
    let only = "SELECT * FROM TABLE(D.INFORMATION_SCHEMA.TASK_HISTORY(ERROR_ONLY => TRUE, RESULT_LIMIT => 2, TASK_NAME => 't'))";
    assert_eq!(b.column(only, "STATE"), ["FAILED_AND_AUTO_SUSPENDED", "FAILED"]);
    let between = |start: &str, end: &str| {
        format!(
            "SELECT * FROM TABLE(D.INFORMATION_SCHEMA.TASK_HISTORY(SCHEDULED_TIME_RANGE_START => {start}, SCHEDULED_TIME_RANGE_END => {end}))"
        )
    };
    let now = "CURRENT_TIMESTAMP()";
    for (start, end, wanted) in [
        (format!("DATEADD('day', -1, {now})"), now.to_owned(), 4),
        (format!("DATEADD('second', -630, {now})"), now.to_owned(), 1),
        (format!("DATEADD('day', -1, {now})"), format!("DATEADD('second', -630, {now})"), 3),
    ] {
        assert_eq!(b.rows(&between(&start, &end), &["STATE"]).len(), wanted, "{start} {end}");
    }
    b.script(&[
        ("SELECT * FROM TABLE(D.INFORMATION_SCHEMA.TASK_HISTORY(RESULT_LIMIT => 0))", "001008"),
        ("SELECT * FROM TABLE(D.INFORMATION_SCHEMA.TASK_HISTORY(BOGUS => 1))", "001008"),
        (
            "SELECT * FROM TABLE(D.INFORMATION_SCHEMA.TASK_HISTORY(SCHEDULED_TIME_RANGE_START => '2020-01-01'))",
            "000003",
        ),
    ]);
}

/// ROOT, A and B after it, C after both, D after C, and a finalizer F; each writes its name into a table.
fn graph(root: &str) -> Bench {
    let mut b = Bench::furnished();
    b.ok("CREATE TABLE LOG (WHO TEXT)");
    b.ok("CREATE TABLE GATE (WHO TEXT)");
    let body = |name: &str| format!("INSERT INTO LOG VALUES ('{name}')");
    b.ok(&format!("CREATE TASK ROOT WAREHOUSE = W SCHEDULE = '1 HOUR' {root} AS {}", body("ROOT")));
    for (name, rest) in
        [("A", "AFTER ROOT"), ("B", "AFTER ROOT"), ("C", "AFTER A, B"), ("E", "AFTER C"), ("F", "FINALIZE = ROOT")]
    {
        b.ok(&format!("CREATE TASK {name} WAREHOUSE = W {rest} AS {}", body(name)));
    }
    b
}

fn log(b: &mut Bench) -> String {
    let who = b.column("SELECT * FROM LOG", "WHO").join(" ");
    b.ok("TRUNCATE TABLE LOG");
    who
}

#[test]
fn graphs_run_in_their_order_and_the_finalizer_last() {
    let mut b = graph("");
    b.ok("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('ROOT')");
    let all: Vec<_> = ["ROOT", "A", "B", "C", "E", "F"].map(|name| (name, "SUCCEEDED")).into();
    assert_eq!(b.after(3601), ran(&all));
    assert_eq!(log(&mut b), "ROOT A B C E F");
    let rows = history(&mut b, &["ROOT_TASK_ID", "RUN_ID", "GRAPH_RUN_GROUP_ID", "GRAPH_VERSION"]);
    assert!(rows.iter().all(|row| *row == rows[0]), "{rows:?}");
    assert_eq!(rows[0][0], b.cell("DESC TASK ROOT", "id"));

    // A suspended task is passed over; what comes only after suspended ones does not run.
    b.script(&[("ALTER TASK ROOT SUSPEND", "ok"), ("ALTER TASK A SUSPEND", "ok"), ("EXECUTE TASK ROOT", "ok")]);
    assert_eq!(log(&mut b), "ROOT B C E F");
    b.script(&[("ALTER TASK C SUSPEND", "ok"), ("EXECUTE TASK ROOT", "ok")]);
    assert_eq!(log(&mut b), "ROOT B F");
    b.script(&[
        ("ALTER TASK C RESUME", "ok"),
        ("ALTER TASK C MODIFY AS INSERT INTO NOWHERE VALUES ('C')", "ok"),
        ("EXECUTE TASK ROOT", "ok"),
    ]);
    assert_eq!(log(&mut b), "ROOT B F", "after a failure nothing but the finalizer");
    b.script(&[("ALTER TASK B MODIFY WHEN FALSE", "ok"), ("EXECUTE TASK ROOT", "ok")]);
    assert_eq!(log(&mut b), "ROOT F", "what comes after a skipped task is left out");
    b.script(&[("ALTER TASK ROOT MODIFY WHEN FALSE", "ok"), ("EXECUTE TASK ROOT", "ok"), ("EXECUTE TASK B", "091000")]);
    assert_eq!(log(&mut b), "", "a skipped root takes everything with it");
}

#[test]
fn what_failed_is_tried_again() {
    let mut b = graph("TASK_AUTO_RETRY_ATTEMPTS = 2");
    b.ok("ALTER TASK B MODIFY AS INSERT INTO NOWHERE VALUES ('B')");
    b.ok("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('ROOT')");
    let wanted = [
        ("ROOT", "SUCCEEDED"),
        ("A", "SUCCEEDED"),
        ("B", "FAILED"),
        ("B", "FAILED"),
        ("B", "FAILED"),
        ("F", "SUCCEEDED"),
    ];
    assert_eq!(b.after(3601), ran(&wanted));
    assert_eq!(log(&mut b), "ROOT A F");
    let rows = history(&mut b, &["NAME", "ATTEMPT_NUMBER", "SCHEDULED_FROM"]);
    assert_eq!(rows[2..5], [["B", "1", "SCHEDULE"], ["B", "2", "AUTOMATIC RETRY"], ["B", "3", "AUTOMATIC RETRY"]]);
    let of = |function: &str| format!("SELECT * FROM TABLE(D.INFORMATION_SCHEMA.{function}(ROOT_TASK_NAME => 'root'))");
    let columns = ["ROOT_TASK_NAME", "STATE", "FIRST_ERROR_TASK_NAME", "ATTEMPT_NUMBER"];
    assert_eq!(
        b.rows(&of("COMPLETE_TASK_GRAPHS"), &columns),
        [["ROOT", "FAILED", "B", "3"], ["ROOT", "FAILED", "B", "2"], ["ROOT", "FAILED", "B", "1"]]
    );
    assert_eq!(b.rows(&of("CURRENT_TASK_GRAPHS"), &columns), [["ROOT", "SCHEDULED", "NULL", "1"]]);
    b.ok("CREATE TABLE NOWHERE (WHO TEXT)");
    b.ok("EXECUTE TASK ROOT RETRY LAST");
    assert_eq!(log(&mut b), "C E F", "only what had failed, and what comes after it");
    assert_eq!(history(&mut b, &["NAME", "ATTEMPT_NUMBER", "SCHEDULED_FROM"])[6], ["B", "4", "MANUAL RETRY"]);
    assert!(b.fails("EXECUTE TASK ROOT RETRY LAST").message.ends_with("had no failures."));
    b.ok("CREATE TASK LONELY WAREHOUSE = W AS SELECT 1");
    assert!(
        b.fails("EXECUTE TASK LONELY RETRY LAST")
            .message
            .contains("no suitable run of graph with root task D.S.LONELY")
    );
}

#[test]
fn tasks_know_of_their_run_and_of_each_other() {
    let mut b = graph("CONFIG = $${\"where\": {\"bucket\": \"b\"}, \"n\": 3}$$");
    b.ok("CREATE TABLE SAID (WHAT TEXT)");
    for (task, body) in [
        ("A", "SELECT SYSTEM$SET_RETURN_VALUE('from A')"),
        ("B", "INSERT INTO SAID SELECT SYSTEM$GET_PREDECESSOR_RETURN_VALUE()"),
        (
            "C",
            "INSERT INTO SAID SELECT SYSTEM$GET_PREDECESSOR_RETURN_VALUE('A') || ' ' || SYSTEM$CURRENT_USER_TASK_NAME()",
        ),
        (
            "E",
            "INSERT INTO SAID SELECT SYSTEM$GET_TASK_GRAPH_CONFIG('where.bucket') || SYSTEM$GET_TASK_GRAPH_CONFIG('n')",
        ),
        ("F", "INSERT INTO SAID SELECT SYSTEM$TASK_RUNTIME_INFO('CURRENT_ROOT_TASK_NAME')"),
    ] {
        b.ok(&format!("ALTER TASK {task} MODIFY AS {body}"));
    }
    b.ok("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('ROOT')");
    b.after(3601);
    assert_eq!(b.column("SELECT * FROM SAID", "WHAT"), ["NULL", "from A D.S.C", "b3", "D.S.ROOT"]);
    assert_eq!(history(&mut b, &["NAME", "RETURN_VALUE"])[1], ["A", "from A"]);
    b.script(&[
        ("SELECT SYSTEM$SET_RETURN_VALUE('x')", "091000"),
        ("SELECT SYSTEM$TASK_RUNTIME_INFO('CURRENT_ROOT_TASK_NAME')", "091000"),
    ]);
    assert_eq!(b.column("SELECT SYSTEM$CURRENT_USER_TASK_NAME() AS N", "N"), ["NULL"]);
}

#[test]
fn tasks_run_with_the_rights_of_their_owner_and_their_history_is_not_for_everybody() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE TABLE LOG (A TEXT)", "ok"),
        ("CREATE ROLE R", "ok"),
        ("CREATE ROLE STRANGER", "ok"),
        ("GRANT USAGE ON DATABASE D TO ROLE R", "ok"),
        ("GRANT USAGE, CREATE TASK ON SCHEMA D.S TO ROLE R", "ok"),
        ("GRANT USAGE ON WAREHOUSE W TO ROLE R", "ok"),
        ("GRANT EXECUTE TASK ON ACCOUNT TO ROLE R", "ok"),
        ("GRANT USAGE ON DATABASE D TO ROLE STRANGER", "ok"),
    ]);
    b.as_role("R");
    b.script(&[
        ("CREATE TASK T WAREHOUSE = W SCHEDULE = '1 MINUTE' AS INSERT INTO LOG VALUES ('x')", "ok"),
        ("ALTER TASK T RESUME", "ok"),
    ]);
    assert_eq!(b.after(61), ran(&[("T", "FAILED")]), "its owner may not even see the table");
    b.as_role("ACCOUNTADMIN");
    b.ok("GRANT SELECT, INSERT ON TABLE LOG TO ROLE R");
    assert_eq!(b.after(60), ran(&[("T", "SUCCEEDED")]));
    b.ok("REVOKE EXECUTE TASK ON ACCOUNT FROM ROLE R");
    assert_eq!(b.after(60), ran(&[("T", "FAILED")]));
    assert_eq!(history(&mut b, &["ERROR_CODE"])[2], ["091089"]);
    b.script(&[("GRANT EXECUTE TASK ON ACCOUNT TO ROLE R", "ok"), ("REVOKE USAGE ON WAREHOUSE W FROM ROLE R", "ok")]);
    assert_eq!(b.after(60), ran(&[("T", "FAILED")]));
    b.as_role("R");
    assert_eq!(b.rows(HISTORY, &["NAME"]).len(), 5, "four that ran, one to come");
    b.as_role("STRANGER");
    assert_eq!(b.rows(HISTORY, &["NAME"]).len(), 0);
}

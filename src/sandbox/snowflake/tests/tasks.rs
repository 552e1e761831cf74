//! Tasks and their graphs.

use super::*;

fn state(b: &mut Bench, task: &str) -> String {
    b.cell(&format!("DESC TASK {task}"), "state")
}

#[test]
fn a_task_reads_back() {
    let mut b = Bench::furnished();
    b.ok(
        "CREATE TASK D.S.T WAREHOUSE = W SCHEDULE = '5 MINUTES' CONFIG = $${\"a\": 1}$$ USER_TASK_TIMEOUT_MS = 5000 COMMENT = 'c'\n WHEN \
         SYSTEM$STREAM_HAS_DATA('s')\n AS\n  COPY FILES INTO @a FROM @b -- done\n ;",
    );
    let columns = [
        "name",
        "state",
        "warehouse",
        "schedule",
        "predecessors",
        "definition",
        "condition",
        "allow_overlapping_execution",
        "error_integration",
        "success_integration",
        "config",
        "task_relations",
        "last_suspended_reason",
        "comment",
        "owner",
    ];
    let row = [
        "T",
        "suspended",
        "W",
        "5 MINUTES",
        "[]",
        "COPY FILES INTO @a FROM @b -- done",
        "SYSTEM$STREAM_HAS_DATA('s')",
        "false",
        "null",
        "null",
        "{\"a\": 1}",
        "{\"Predecessors\":[]}",
        "NULL",
        "c",
        "ACCOUNTADMIN",
    ];
    assert_eq!(b.rows("SHOW TASKS IN SCHEMA D.S", &columns), [row]);
    assert_eq!(b.rows("DESC TASK D.S.T", &columns), [row]);
    assert_eq!(
        b.rows("SHOW PARAMETERS LIKE 'USER_TASK_TIMEOUT_MS' IN TASK D.S.T", &["value", "level"]),
        [["5000", "TASK"]]
    );
}

#[test]
fn scalars_are_set_and_unset_in_place() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE TASK T SCHEDULE = 'USING CRON 0 9 * * MON-FRI Europe/Berlin' AS SELECT 1", "Task T successfully created."),
        ("ALTER TASK T SET WAREHOUSE = W, SCHEDULE = '60 m', OVERLAP_POLICY = ALLOW_ALL_OVERLAP, SUSPEND_TASK_AFTER_NUM_FAILURES = 3", "ok"),
        ("ALTER TASK T MODIFY WHEN SYSTEM$STREAM_HAS_DATA('x') AND TRUE", "ok"),
        ("ALTER TASK T MODIFY AS SELECT 2;", "ok"),
    ]);
    let columns = ["warehouse", "schedule", "allow_overlapping_execution", "condition", "definition"];
    assert_eq!(
        b.rows("DESC TASK T", &columns),
        [["W", "60 m", "true", "SYSTEM$STREAM_HAS_DATA('x') AND TRUE", "SELECT 2"]]
    );
    b.ok(
        "ALTER TASK T UNSET WAREHOUSE, SCHEDULE, ALLOW_OVERLAPPING_EXECUTION, SUSPEND_TASK_AFTER_NUM_FAILURES, COMMENT",
    );
    b.ok("ALTER TASK T REMOVE WHEN");
    assert_eq!(b.rows("DESC TASK T", &columns), [["NULL", "NULL", "false", "NULL", "SELECT 2"]]);
    assert_eq!(b.cell("SHOW PARAMETERS LIKE 'SUSPEND_TASK%' IN TASK T", "level"), "");
}

#[test]
fn refusals() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE TASK T AS", "001003"),
        ("CREATE TASK T SCHEDULE = '5 MINUTES'", "001003"),
        ("CREATE TASK T BOGUS = 1 AS SELECT 1", "001003"),
        ("CREATE TASK T WAREHOUSE = NOPE AS SELECT 1", "002003"),
        ("CREATE TASK T SCHEDULE = '5 FORTNIGHTS' AS SELECT 1", "001422"),
        ("CREATE TASK T SCHEDULE = '5 SECONDS' AS SELECT 1", "001422"),
        ("CREATE TASK T SCHEDULE = 'USING CRON * * * UTC' AS SELECT 1", "001422"),
        ("CREATE TASK T CONFIG = 'no json' AS SELECT 1", "001422"),
        ("CREATE TASK T AUTOCOMMIT = FALSE AS SELECT 1", "001008"),
        ("CREATE TASK T SEARCH_PATH = 'x' AS SELECT 1", "001006"),
        ("CREATE TASK T USER_TASK_TIMEOUT_MS = 604800001 AS SELECT 1", "001008"),
        ("CREATE TASK T ERROR_INTEGRATION = N AS SELECT 1", "002003"),
        ("CREATE TASK T AFTER NOPE AS SELECT 1", "002003"),
        ("CREATE TASK T WHEN PARSE_JSON('1') AS SELECT 1", "091000"),
        ("CREATE TASK T WAREHOUSE = W USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'SMALL' AS SELECT 1", "091000"),
        ("CREATE TASK T WAREHOUSE = W TARGET_COMPLETION_INTERVAL = '5 MINUTES' AS SELECT 1", "091857"),
        ("CREATE TASK T TARGET_COMPLETION_INTERVAL = '5 MINUTES' AS SELECT 1", "ok"),
        ("ALTER TASK T SET WAREHOUSE = W", "091857"),
        ("ALTER TASK T UNSET TARGET_COMPLETION_INTERVAL", "ok"),
        ("ALTER TASK T SET WAREHOUSE = W", "ok"),
        ("ALTER TASK T SET USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'SMALL'", "091000"),
        ("ALTER TASK T UNSET WAREHOUSE", "ok"),
        ("ALTER TASK T SET USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE = 'xsmall'", "ok"),
        ("ALTER TASK T RENAME TO U", "001003"),
        ("ALTER TASK NOPE RESUME", "002003"),
        ("ALTER TASK IF EXISTS NOPE RESUME", "ok"),
        ("ALTER TASK T UNSET BOGUS", "001003"),
    ]);
    let error = {
        b.ok("ALTER TASK T SET WAREHOUSE = W");
        b.fails("ALTER TASK T SET SERVERLESS_TASK_MIN_STATEMENT_SIZE = 'SMALL'")
    };
    assert_eq!(error.message, "Cannot set SERVERLESS_TASK_MIN_STATEMENT_SIZE on a non-serverless task.");
}

/// ROOT, A and B after it, C after both, and a finalizer F.
fn graph() -> Bench {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE TASK ROOT WAREHOUSE = W SCHEDULE = '1 HOUR' AS SELECT 1", "ok"),
        ("CREATE TASK A WAREHOUSE = W AFTER ROOT AS SELECT 1", "ok"),
        ("CREATE TASK \"b\" WAREHOUSE = W AFTER ROOT AS SELECT 1", "ok"),
        ("CREATE TASK C WAREHOUSE = W COMMENT = 'x' AFTER A, \"b\" WHEN TRUE AS SELECT 1", "ok"),
        ("CREATE TASK F WAREHOUSE = W FINALIZE = ROOT AS SELECT 1", "ok"),
    ]);
    b
}

#[test]
fn edges_read_back() {
    let mut b = graph();
    let columns = ["predecessors", "task_relations"];
    assert_eq!(
        b.rows("DESC TASK C", &columns),
        [["[\n  \"D.S.A\",\n  \"D.S.\\\"b\\\"\"\n]", "{\"Predecessors\":[\"D.S.A\",\"D.S.\\\"b\\\"\"]}"]]
    );
    assert_eq!(b.cell("DESC TASK ROOT", "task_relations"), "{\"Predecessors\":[],\"FinalizerTask\":\"D.S.F\"}");
    assert_eq!(b.rows("DESC TASK F", &columns), [["[]", "{\"Predecessors\":[],\"FinalizedRootTask\":\"D.S.ROOT\"}"]]);
    assert_eq!(b.column("SHOW TASKS ROOT ONLY", "name"), ["ROOT"]);
}

#[test]
fn nothing_in_a_graph_changes_while_its_root_runs() {
    let mut b = graph();
    b.ok("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('D.S.ROOT')");
    assert_eq!(b.column("SHOW TASKS", "state"), vec!["started"; 5]);
    for sql in [
        "ALTER TASK ROOT SET SCHEDULE = '2 HOURS'",
        "ALTER TASK ROOT UNSET SCHEDULE",
        "ALTER TASK ROOT MODIFY AS SELECT 2",
        "ALTER TASK ROOT MODIFY WHEN TRUE",
        "ALTER TASK C REMOVE WHEN",
        "ALTER TASK C SET COMMENT = 'y'",
        "ALTER TASK C REMOVE AFTER A",
        "ALTER TASK C SUSPEND",
        "ALTER TASK F UNSET FINALIZE",
        "CREATE TASK E AFTER A AS SELECT 1",
        "CREATE OR REPLACE TASK C AS SELECT 1",
        "CREATE OR REPLACE TASK ROOT AS SELECT 1",
        "COMMENT ON TASK C IS 'z'",
        "DROP TASK C",
    ] {
        let error = b.fails(sql);
        assert_eq!((error.code, error.sql_state), ("091421", "22000"), "{sql}");
        let wanted = "Unable to update graph with root task D.S.ROOT since that root task is not suspended.";
        assert_eq!(error.message, wanted, "{sql}");
    }
    b.script(&[
        ("ALTER TASK ROOT RESUME", "ok"),
        ("ALTER TASK ROOT SUSPEND", "ok"),
        ("ALTER TASK ROOT SUSPEND", "ok"),
        ("ALTER TASK C SUSPEND", "ok"),
        ("ALTER TASK C SET COMMENT = 'y'", "ok"),
        ("ALTER TASK ROOT RESUME", "ok"),
        ("ALTER TASK C RESUME", "091421"),
    ]);
    assert_eq!(state(&mut b, "C"), "suspended");
    assert_eq!(b.cell("DESC TASK C", "last_suspended_reason"), "USER_SUSPENDED");
    b.script(&[("DROP TASK ROOT", "ROOT successfully dropped.")]);
    assert_eq!(
        b.rows("DESC TASK A", &["state", "predecessors", "last_suspended_reason"]),
        [["suspended", "[]", "CHILD_BECAME_ROOT"]]
    );
    assert_eq!(b.cell("DESC TASK F", "last_suspended_reason"), "FINALIZER_BECAME_ROOT");
}

#[test]
fn the_shape_of_a_graph_is_checked_when_its_root_is_resumed() {
    let mut b = graph();
    b.script(&[
        ("CREATE TASK R2 WAREHOUSE = W SCHEDULE = '1 HOUR' AS SELECT 1", "ok"),
        ("ALTER TASK C ADD AFTER R2", "ok"),
    ]);
    assert!(b.fails("ALTER TASK ROOT RESUME").message.contains("more than one root task"));
    b.script(&[("ALTER TASK C REMOVE AFTER R2", "ok"), ("ALTER TASK A ADD AFTER C", "ok")]);
    assert!(b.fails("ALTER TASK ROOT RESUME").message.contains("Graph has at least one cycle containing task"));
    b.script(&[
        ("ALTER TASK A REMOVE AFTER C", "ok"),
        ("ALTER TASK ROOT RESUME", "ok"),
        ("ALTER TASK ROOT SUSPEND", "ok"),
        ("ALTER TASK A SET SCHEDULE = '1 HOUR'", "091000"),
        ("ALTER TASK A SET ALLOW_OVERLAPPING_EXECUTION = TRUE", "091000"),
        ("ALTER TASK R2 ADD AFTER A", "091000"),
        ("ALTER TASK R2 SET FINALIZE = A", "091000"),
        ("ALTER TASK R2 SET FINALIZE = ROOT", "091000"),
        ("CREATE TASK X AFTER F AS SELECT 1", "091000"),
        ("CREATE TASK X SCHEDULE = '1 HOUR' AFTER ROOT AS SELECT 1", "091000"),
        ("CREATE SCHEMA D.S2", "ok"),
        ("CREATE TASK D.S2.X AFTER D.S.ROOT AS SELECT 1", "091000"),
    ]);
    b.ok("ALTER TASK D.S.F UNSET FINALIZE");
    assert_eq!(
        b.rows("DESC TASK D.S.F", &["last_suspended_reason", "task_relations"]),
        [["FINALIZER_BECAME_ROOT", "{\"Predecessors\":[]}"]]
    );
}

#[test]
fn resuming_needs_rights_of_the_owner() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE ROLE R", "ok"),
        ("GRANT USAGE ON DATABASE D TO ROLE R", "ok"),
        ("GRANT USAGE, CREATE TASK ON SCHEMA D.S TO ROLE R", "ok"),
    ]);
    b.as_role("R");
    b.script(&[
        ("CREATE TASK T WAREHOUSE = W AS SELECT 1", "002003"),
        ("CREATE TASK T SCHEDULE = '1 HOUR' AS SELECT 1", "ok"),
        ("ALTER TASK T RESUME", "091089"),
    ]);
    b.as_role("ACCOUNTADMIN");
    b.ok("GRANT EXECUTE TASK ON ACCOUNT TO ROLE R");
    b.as_role("R");
    assert!(b.fails("ALTER TASK T RESUME").message.contains("EXECUTE MANAGED TASK"));
    b.as_role("ACCOUNTADMIN");
    b.ok("GRANT EXECUTE MANAGED TASK ON ACCOUNT TO ROLE R");
    b.as_role("R");
    b.ok("ALTER TASK T RESUME");
    b.as_role("ACCOUNTADMIN");
    b.script(&[
        ("ALTER TASK T SUSPEND", "003001"),
        ("GRANT OPERATE ON TASK D.S.T TO ROLE SYSADMIN", "ok"),
        ("ALTER TASK T SUSPEND", "ok"),
    ]);
}

#[test]
fn a_serverless_triggered_task_needs_a_target() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE TASK T WHEN SYSTEM$STREAM_HAS_DATA('S') AS SELECT 1", "ok"),
        ("ALTER TASK T RESUME", "091000"),
        ("ALTER TASK T SET TARGET_COMPLETION_INTERVAL = '10 MINUTES'", "ok"),
        ("ALTER TASK T RESUME", "ok"),
    ]);
}

//! Warehouses.

use super::*;

#[test]
fn a_warehouse_starts_and_is_current() {
    let mut b = Bench::new();
    b.ok("CREATE WAREHOUSE w WITH WAREHOUSE_SIZE = '2X-LARGE' AUTO_SUSPEND = 60, STATEMENT_TIMEOUT_IN_SECONDS = 10 COMMENT = 'c'");
    assert_eq!(b.session.warehouse.as_deref(), Some("W"));
    let columns = [
        "state",
        "type",
        "size",
        "auto_suspend",
        "auto_resume",
        "is_current",
        "resource_monitor",
        "scaling_policy",
        "generation",
    ];
    assert_eq!(
        b.rows("SHOW WAREHOUSES LIKE 'w'", &columns),
        [["STARTED", "STANDARD", "2X-Large", "60", "true", "Y", "null", "STANDARD", "2"]]
    );
    assert_eq!(
        b.rows("SHOW PARAMETERS LIKE 'STATEMENT_TIMEOUT%' IN WAREHOUSE w", &["value", "level"]),
        [["10", "WAREHOUSE"]]
    );
    b.script(&[
        ("ALTER WAREHOUSE w RESUME", "090063"),
        ("ALTER WAREHOUSE w RESUME IF SUSPENDED", "ok"),
        ("ALTER WAREHOUSE w SUSPEND", "ok"),
        ("ALTER WAREHOUSE w SUSPEND", "090064"),
        ("ALTER WAREHOUSE w SET WAREHOUSE_SIZE = HUGE", "001008"),
        ("ALTER WAREHOUSE w SET MIN_CLUSTER_COUNT = 3", "001425"),
        ("ALTER WAREHOUSE w UNSET WAREHOUSE_SIZE", "001422"),
        ("ALTER WAREHOUSE w SET RESOURCE_MONITOR = rm", "002003"),
        ("ALTER WAREHOUSE w SET BOGUS = 1", "001003"),
        ("ALTER WAREHOUSE w UNSET AUTO_SUSPEND, COMMENT", "ok"),
        ("CREATE WAREHOUSE v WAREHOUSE_TYPE = 'SNOWPARK-OPTIMIZED' INITIALLY_SUSPENDED = TRUE", "ok"),
    ]);
    assert_eq!(b.rows("SHOW WAREHOUSES LIKE 'w'", &["state", "auto_suspend", "comment"]), [["SUSPENDED", "NULL", ""]]);
    assert_eq!(b.rows("SHOW WAREHOUSES LIKE 'v'", &["state", "size"]), [["SUSPENDED", "Medium"]]);
    b.ok("ALTER WAREHOUSE w SET WAREHOUSE_SIZE = xsmall AUTO_SUSPEND = 600");
    assert_eq!(b.rows("SHOW WAREHOUSES LIKE 'w'", &["size", "auto_suspend"]), [["X-Small", "600"]]);
}

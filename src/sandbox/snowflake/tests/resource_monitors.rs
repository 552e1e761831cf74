//! Resource monitors.

use super::*;

#[test]
fn a_monitor_watches_warehouses_until_it_is_gone() {
    let mut b = Bench::new();
    b.script(&[
        ("CREATE RESOURCE MONITOR m WITH CREDIT_QUOTA = 100 FREQUENCY = DAILY", "002029"),
        (
            "CREATE RESOURCE MONITOR m WITH CREDIT_QUOTA = 100 TRIGGERS ON 30 PERCENT DO SUSPEND ON 50 PERCENT DO SUSPEND",
            "001003",
        ),
        ("CREATE RESOURCE MONITOR m WITH CREDIT_QUOTA = 100 COMMENT = 'no'", "001003"),
        (
            "CREATE RESOURCE MONITOR m WITH CREDIT_QUOTA = 100 FREQUENCY = DAILY START_TIMESTAMP = IMMEDIATELY END_TIMESTAMP = '2031-01-01 12:30' TRIGGERS ON 75 PERCENT DO NOTIFY ON 90 PERCENT DO NOTIFY ON 95 PERCENT DO SUSPEND ON 110 PERCENT DO SUSPEND_IMMEDIATE",
            "Resource monitor M successfully created.",
        ),
        ("CREATE RESOURCE MONITOR m", "002002"),
        ("DESC RESOURCE MONITOR m", "001003"),
        ("ALTER RESOURCE MONITOR m RENAME TO n", "001003"),
        ("ALTER RESOURCE MONITOR m SET NOTIFY_USERS = (NOBODY)", "002003"),
        ("ALTER RESOURCE MONITOR m", "001003"),
        ("COMMENT ON RESOURCE MONITOR m IS 'said later'", "ok"),
        ("CREATE WAREHOUSE w RESOURCE_MONITOR = m", "ok"),
    ]);
    let columns = [
        "credit_quota",
        "level",
        "frequency",
        "end_time",
        "notify_at",
        "suspend_at",
        "suspend_immediately_at",
        "comment",
    ];
    assert_eq!(
        b.rows("SHOW RESOURCE MONITORS", &columns),
        [["100.00", "WAREHOUSE", "DAILY", "1925037000.000", "75%,90%", "95%", "110%", "said later"]]
    );
    b.ok("ALTER RESOURCE MONITOR m SET CREDIT_QUOTA = NULL END_TIMESTAMP = NULL TRIGGERS ON 10 PERCENT DO NOTIFY");
    assert_eq!(
        b.rows("SHOW RESOURCE MONITORS LIKE 'm'", &columns),
        [["0.00", "WAREHOUSE", "DAILY", "NULL", "10%", "NULL", "NULL", "said later"]]
    );
    assert_eq!(b.rows("SHOW WAREHOUSES", &["resource_monitor"]), [["M"]]);
    b.ok("DROP RESOURCE MONITOR m");
    assert_eq!(b.rows("SHOW WAREHOUSES", &["resource_monitor"]), [["null"]]);
}

#[test]
fn only_account_administrators_create_one() {
    let mut b = Bench::new();
    b.script(&[
        ("CREATE RESOURCE MONITOR m", "ok"),
        ("CREATE ROLE r", "ok"),
        ("GRANT ROLE r TO ROLE SYSADMIN", "ok"),
        ("GRANT CREATE WAREHOUSE ON ACCOUNT TO ROLE r", "ok"),
        ("GRANT MONITOR ON RESOURCE MONITOR m TO ROLE r", "ok"),
        ("USE ROLE r", "ok"),
        ("CREATE RESOURCE MONITOR n", "003001"),
        ("CREATE WAREHOUSE w RESOURCE_MONITOR = m", "003001"),
        ("ALTER RESOURCE MONITOR m SET CREDIT_QUOTA = 1", "003001"),
        ("USE ROLE ACCOUNTADMIN", "ok"),
        ("GRANT MODIFY ON RESOURCE MONITOR m TO ROLE r", "ok"),
        ("USE ROLE r", "ok"),
        ("CREATE WAREHOUSE w RESOURCE_MONITOR = m", "ok"),
    ]);
    b.ok("USE ROLE PUBLIC");
    assert!(b.rows("SHOW RESOURCE MONITORS", &["name"]).is_empty());
}

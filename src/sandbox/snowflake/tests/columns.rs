//! What ALTER TABLE does to columns, and what it refuses.

use super::*;

#[test]
fn columns_come_go_and_change() {
    let mut b = Bench::new();
    b.script(&[
        ("CREATE DATABASE d", "ok"),
        ("CREATE TABLE d.public.t (a INT, b VARCHAR(3), PRIMARY KEY (a)) CLUSTER BY (to_date(b), a)", "ok"),
        ("INSERT INTO d.public.t VALUES (1, 'x')", "ok"),
        ("ALTER TABLE d.public.t ADD COLUMN c INT DEFAULT 7 NOT NULL", "ok"),
        ("ALTER TABLE d.public.t ADD COLUMN c INT", "001430"),
        ("ALTER TABLE d.public.t ADD COLUMN IF NOT EXISTS c INT", "ok"),
        ("ALTER TABLE d.public.t ADD COLUMN e INT NOT NULL", "002204"),
        ("ALTER TABLE d.public.t ALTER COLUMN b SET DATA TYPE VARCHAR(9)", "ok"),
        ("ALTER TABLE d.public.t ALTER COLUMN b SET DATA TYPE INT", "040052"),
        ("ALTER TABLE d.public.t ALTER COLUMN nowhere DROP NOT NULL", "000904"),
        ("ALTER TABLE d.public.t RENAME COLUMN b TO c", "001430"),
        ("ALTER TABLE d.public.t RENAME COLUMN b TO note", "ok"),
        ("ALTER TABLE d.public.t ALTER COLUMN note COMMENT 'it''s one'", "ok"),
        ("ALTER TABLE d.public.t SET ENABLE_SCHEMA_EVOLUTION = TRUE", "ok"),
    ]);
    let rows = b.ok("SELECT a, note, c FROM d.public.t").rows;
    assert_eq!(rows, [["1", "x", "7"].map(|cell| Some(cell.to_owned()))]);
    let shown = b.ok("SHOW TABLES IN SCHEMA d.public");
    let cell = |name: &str| {
        let at = shown.columns.iter().position(|column| column.name == name).unwrap();
        shown.rows[0][at].clone().unwrap()
    };
    assert_eq!(cell("cluster_by"), "LINEAR(to_date(b), a)");
    assert_eq!(cell("enable_schema_evolution"), "Y");
    b.script(&[
        ("ALTER TABLE d.public.t DROP CLUSTERING KEY", "ok"),
        ("ALTER TABLE d.public.t DROP PRIMARY KEY", "ok"),
        ("ALTER TABLE d.public.t DROP COLUMN note, c", "ok"),
        ("ALTER TABLE d.public.t DROP COLUMN a", "002267"),
        ("ALTER TABLE d.public.t ALTER COLUMN a DROP NOT NULL", "ok"),
        ("INSERT INTO d.public.t VALUES (NULL)", "ok"),
        ("ALTER TABLE d.public.t ALTER COLUMN a SET NOT NULL", "002206"),
    ]);
}

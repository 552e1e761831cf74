//! The `snow` CLI, with the connections that the program writes for it.

use std::process::Output;

use serde_json::Value;

use super::snowflake_sandbox::{Sandbox, told};

/// `snow` in a shell that knows where the sandbox keeps its connections.
struct Snow(Sandbox);

impl Snow {
    fn run(&self, args: &[&str]) -> Output {
        self.0.program("snow", "snow").env("SNOWFLAKE_HOME", self.0.connections()).args(args).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--format", "json"]].concat());
        assert!(output.status.success(), "{args:?}\n{}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}\n{}", told(&output)))
    }
}

/// The values of a column of all rows.
fn column<'a>(rows: &'a Value, name: &str) -> Vec<&'a str> {
    rows.as_array().unwrap().iter().map(|row| row[name].as_str().unwrap()).collect()
}

#[test]
fn the_snow_cli() {
    let snow = Snow(Sandbox::start());
    assert_eq!(snow.json(&["connection", "test"])["Status"], "OK");
    for (kind, wanted) in [
        ("database", vec!["EVENTS"]),
        ("schema", vec!["FILES", "INFORMATION_SCHEMA", "PUBLIC"]),
        ("warehouse", vec!["EVENTS"]),
        ("stage", vec!["INBOUND", "OUTBOUND"]),
        ("stream", vec!["INBOUND_FILES"]),
        ("task", vec!["COPY_FILES"]),
        ("integration", vec!["EVENTS"]),
        ("role", vec!["ACCOUNTADMIN", "ORGADMIN", "PUBLIC", "SECURITYADMIN", "SYSADMIN", "USERADMIN"]),
    ] {
        assert_eq!(column(&snow.json(&["object", "list", kind]), "name"), wanted, "{kind}");
    }
    assert_eq!(
        column(&snow.json(&["object", "list", "stage", "--like", "IN%", "--in", "database", "EVENTS"]), "name"),
        ["INBOUND"]
    );
    for (kind, name, column_name, wanted) in [
        ("database", "EVENTS", "name", "FILES"),
        ("warehouse", "EVENTS", "name", "EVENTS"),
        ("integration", "EVENTS", "property", "STORAGE_ALLOWED_LOCATIONS"),
        ("stage", "EVENTS.FILES.INBOUND", "property", "AUTO_REFRESH"),
        ("stream", "EVENTS.FILES.INBOUND_FILES", "source_type", "Stage"),
        ("task", "EVENTS.FILES.COPY_FILES", "state", "started"),
    ] {
        let described = snow.json(&["object", "describe", kind, name]);
        assert!(column(&described, column_name).contains(&wanted), "{kind}: {described}");
    }
    assert_eq!(snow.json(&["stage", "list-files", "@EVENTS.FILES.INBOUND"]), serde_json::json!([]));
    statements(&snow);
}

fn statements(snow: &Snow) {
    assert_eq!(snow.json(&["sql", "-q", "SELECT 1 AS X, 'a' AS Y"]), serde_json::json!([{ "X": 1, "Y": "a" }]));
    let table = snow.run(&["sql", "-q", "SELECT 42 AS ANSWER"]);
    assert!(table.status.success() && told(&table).contains("| 42     |"), "{}", told(&table));
    let file = snow.0.place().join("several.sql");
    std::fs::write(&file, "USE SCHEMA EVENTS.FILES; -- here\nSELECT CURRENT_SCHEMA() AS \"at\";\nSHOW STREAMS;\n")
        .unwrap();
    let several = snow.json(&["sql", "-f", file.to_str().unwrap()]);
    assert_eq!(several[1], serde_json::json!([{ "at": "FILES" }]));
    assert_eq!(several[2][0]["name"], "INBOUND_FILES");
    let refused = snow.run(&["sql", "-q", "SELECT * FROM EVENTS.PUBLIC.NOWHERE"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("002003 (42S02)"), "{}", told(&refused));
    let precise = snow.run(&["sql", "--enhanced-exit-codes", "-q", "SELECT * FROM EVENTS.PUBLIC.NOWHERE"]);
    assert_eq!(precise.status.code(), Some(5), "{}", told(&precise));
}

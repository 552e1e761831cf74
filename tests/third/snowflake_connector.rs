//! Snowflake's Python connector, in its two generations: the one in Python, and the one on Snowflake's driver core in Rust.

use super::snowflake_sandbox::Sandbox;

#[test]
fn the_python_connector() {
    let sandbox = Sandbox::start();
    // The list `declarative` pins the older generation.
    for list in ["declarative", "connector"] {
        sandbox.script(list, "snowflake_connector.py", &[]);
    }
}

#[test]
fn what_was_applied_reads_back() {
    let sandbox = Sandbox::start();
    sandbox.script("connector", "snowflake_read_back.py", &[]);
}

//! The tests that `docs/sandbox.md` names exist.

use std::fs;
use std::path::Path;

use crate::layers::sources;

#[test]
fn tests_that_hold_gaps_closed_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/sandbox.md")).unwrap();
    let table = text.split("## Gaps of other emulators").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| gap ")).collect();
    assert!(rows.len() > 15, "{table}");
    let mut code: String = sources().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    code.push_str(&fs::read_to_string(root.join("tests/third/aws_clients.rs")).unwrap());
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        for name in tests.split('`').skip(1).step_by(2) {
            assert!(code.contains(&format!("fn {name}()")), "there is no test {name}, but docs/sandbox.md names it");
        }
    }
}

//! Rules of the house that a compiler does not check.

use std::fs;

use crate::layers::sources;

#[test]
fn files_hold_one_idea() {
    let mut wrong = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > 800 {
            wrong.push(format!("{} has {lines} lines, more than 800", path.display()));
        }
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if ["util", "utils", "helpers", "common", "misc"].contains(&stem.as_str()) {
            wrong.push(format!("{} is a drawer, not an idea", path.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not say what it is for", path.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// SQL is built by the statement builder only; the simulator, which reads SQL, may hold what it likes.
#[test]
fn no_sql_by_format() {
    let verbs = ["CREATE ", "ALTER ", "DROP ", "SHOW ", "DESC ", "GRANT ", "REVOKE ", "SELECT ", "COPY ", "LIST "];
    let mut wrong = Vec::new();
    let is_code = |path: &std::path::PathBuf| {
        let path = path.to_string_lossy();
        !["/sandbox/", "/tests/", "/tests.rs"].iter().any(|part| path.contains(part))
    };
    for path in sources().into_iter().filter(is_code) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let Some(rest) = line.split("format!(\"").nth(1) else { continue };
            if verbs.iter().any(|verb| rest.starts_with(verb)) {
                wrong.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

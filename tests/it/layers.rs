//! Who may know whom. `ARCHITECTURE.md` has the same table with the reasons.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// For each module the modules of ours it may name.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("model", &[][..]),
        ("graph", &[][..]),
        ("cloud", &["model"][..]),
        ("policy", &["model"][..]),
        ("kind", &["model", "cloud", "policy"][..]),
        ("spec", &["model", "kind"][..]),
        ("observe", &["model", "cloud", "kind"][..]),
        ("import", &["model", "cloud", "kind", "observe"][..]),
        ("plan", &["model", "graph", "kind", "observe"][..]),
        ("check", &["model", "policy", "kind", "plan", "spec"][..]),
        ("apply", &["model", "cloud", "plan"][..]),
        ("view", &["model", "cloud", "plan", "apply", "check", "spec"][..]),
        ("sandbox", &["model", "cloud", "policy"][..]),
    ])
}

pub(crate) fn sources() -> Vec<PathBuf> {
    let mut todo = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files = Vec::new();
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The module a file belongs to: the first part of its path under `src`.
fn module(path: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inside = path.strip_prefix(root).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// Files that only tests are built from may stand on more than the code they test.
pub(crate) fn is_test(path: &Path) -> bool {
    let name = |part: std::path::Component<'_>| part.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
    path.components().any(|part| ["tests", "trial", "aws_trial"].contains(&name(part).as_str()))
}

#[test]
fn modules_know_only_whom_they_may() {
    let allowed = allowed();
    let mut wrong = Vec::new();
    for path in sources() {
        let from = module(&path);
        let Some(may) = allowed.get(from.as_str()) else { continue };
        if is_test(&path) {
            continue;
        }
        // Tests beside the code may stand on more than the code itself: they begin at `#[cfg(test)]` and end the file.
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            for rest in line.split("crate::").skip(1) {
                let to: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !to.is_empty() && to != from && !may.contains(&to.as_str()) {
                    wrong.push(format!("{}:{}: {from} may not know {to}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

//! `docs/kinds.md` is made of what the kinds say about themselves; `UPDATE_DOCS=1 cargo test` writes it anew.

use std::path::Path;

#[test]
fn the_reference_says_what_the_kinds_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kinds.md");
    let wanted = snowssi::kind::reference::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == wanted,
        "docs/kinds.md is not what the kinds say: run UPDATE_DOCS=1 cargo test --test it reference"
    );
}

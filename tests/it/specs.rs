//! Every ready-made spec and every example is applied, is quiet afterwards, and is destroyed without a trace.

use std::path::{Path, PathBuf};

use snowssi::plan::Mode;

use crate::world::{World, load};

fn all() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inside = |dir: &str| std::fs::read_dir(root.join(dir)).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> =
        inside("specs").chain(inside("examples")).filter(|dir| dir.join("snowssi.toml").is_file()).collect();
    all.sort();
    all
}

#[test]
fn specs_apply_settle_and_go() {
    for dir in all() {
        let world = World::new();
        let model = load(&dir);
        world.apply(&model, Mode::Apply);
        let again = world.plan(&model, Mode::Apply);
        assert!(again.is_empty(), "{}: {:#?}", dir.display(), again.resources);
        world.apply(&model, Mode::Destroy);
        assert!(world.plan(&model, Mode::Destroy).is_empty(), "{}", dir.display());
    }
}

#[test]
fn specs_have_no_findings_and_explain_themselves() {
    for dir in all() {
        let model = load(&dir);
        let findings = snowssi::check::offline(&model, &model.offline_context());
        assert!(findings.is_empty(), "{}: {}", dir.display(), findings.render(false));
        let explained =
            dir.parent().is_some_and(|parent| parent.ends_with("examples")) || dir.join("README.md").is_file();
        assert!(explained, "{} has no README.md", dir.display());
    }
}

//! Python environments, each made once and kept.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment of a list, `tests/third/<list>.txt`: made with `pip` the first time, and again when the list changes. Gives its `bin`.
pub(crate) fn environment(list: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wanted = root.join("tests/third").join(format!("{list}.txt"));
    let mut hasher = DefaultHasher::new();
    fs::read_to_string(&wanted).unwrap_or_else(|error| panic!("{}: {error}", wanted.display())).hash(&mut hasher);
    let place = root.join("target/python").join(format!("{list}-{:016x}", hasher.finish()));
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    // Tests of several processes may want the same environment at once: one makes it.
    let lock = File::create(place.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let complete = place.join("complete");
    if !complete.is_file() {
        let _ = fs::remove_dir_all(&place);
        run(Command::new("python3").args(["-m", "venv"]).arg(&place));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"];
        run(Command::new(place.join("bin/python")).args(pip).arg(&wanted));
        fs::write(complete, "").unwrap();
    }
    place.join("bin")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_environment_is_made_once() {
    let bin = environment("aws");
    let before = fs::metadata(bin.parent().unwrap().join("complete")).unwrap().modified().unwrap();
    run(Command::new(bin.join("aws")).arg("--version"));
    environment("aws");
    assert_eq!(fs::metadata(bin.parent().unwrap().join("complete")).unwrap().modified().unwrap(), before);
}

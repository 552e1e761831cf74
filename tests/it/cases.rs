//! Scripted cases: the real binary against the embedded clouds. Each directory under `tests/cases` holds `commands`, one a line, the
//! specs they read, and `transcript`, what they print. `UPDATE_CASES=1 cargo test` writes the transcripts anew; read them before you
//! keep them: they are the specification of what users see.
//!
//! A command is `$ [NAME=VALUE ...] snowssi ... [>/dev/null]`, with `'…'` or `"…"` around what has blanks. Other lines are comments. A case runs
//! in a copy of its directory with clouds of its own, which lie where `--sandbox` looks without being told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What no transcript may hold: the value of the variable `SNOWSSI_TEST_SECRET`.
const CANARY: &str = "canary-secret-value";

/// Runs every case; they do not share anything, so all run at once.
#[test]
fn transcripts_are_as_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.is_dir());
    cases.sort();
    if let Some(only) = std::env::var_os("CASE") {
        cases.retain(|path| path.file_name() == Some(&only));
    }
    assert!(!cases.is_empty(), "no cases in {}", root.display());
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = cases.iter().map(|case| scope.spawn(move || run(case))).collect();
        runs.into_iter().filter_map(|run| run.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
}

/// Runs one case; gives a difference, if there is one.
fn run(case: &Path) -> Option<String> {
    let world = tempfile::tempdir().unwrap();
    let here = world.path().join("case");
    copy(case, &here);
    let mut transcript = String::new();
    let mut external_ids = Vec::new();
    for line in fs::read_to_string(case.join("commands")).unwrap().lines() {
        transcript.push_str(line);
        transcript.push('\n');
        let Some(words) = line.strip_prefix("$ ").map(words) else { continue };
        transcript.push_str(&command(&here, &words, &mut external_ids));
    }
    let recorded = case.join("transcript");
    if std::env::var_os("UPDATE_CASES").is_some() {
        fs::write(&recorded, &transcript).unwrap();
        return None;
    }
    let expected = fs::read_to_string(&recorded).unwrap_or_default();
    (expected != transcript).then(|| {
        let diff = similar::TextDiff::from_lines(&expected, &transcript).unified_diff().context_radius(4).to_string();
        format!("{}:\n{diff}", case.display())
    })
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs `snowssi` and gives what it printed, with what differs from run to run replaced.
fn command(here: &Path, words: &[String], external_ids: &mut Vec<String>) -> String {
    let program = words.iter().position(|word| !word.contains('=')).expect("a command");
    let (settings, words) = words.split_at(program);
    let (words, silent) = match words.split_last() {
        Some((last, words)) if last == ">/dev/null" => (words, true),
        _ => (words, false),
    };
    assert_eq!(words[0], "snowssi", "cases run snowssi only");
    let output = Command::new(env!("CARGO_BIN_EXE_snowssi"))
        .args(&words[1..])
        .current_dir(here)
        .env_clear()
        .env("HOME", here)
        .env("SNOWSSI_TEST_SECRET", CANARY)
        .envs(settings.iter().map(|setting| setting.split_once('=').unwrap()))
        .output()
        .unwrap();
    let mut text = if silent { String::new() } else { String::from_utf8(output.stdout).unwrap() };
    let errors = String::from_utf8(output.stderr).unwrap();
    if !errors.is_empty() {
        text.push_str("--- stderr\n");
        text.push_str(&errors);
    }
    let place = here.display();
    assert!(!text.contains(CANARY), "{place}: a secret is printed by {words:?}:\n{text}");
    assert!(!text.contains("panicked at"), "{place}: {words:?} panics:\n{text}");
    let code = output.status.code().unwrap_or(-1);
    let end = if code == 0 { String::new() } else { format!("--- exit {code}\n") };
    steady(&text.replace(&place.to_string(), "CASE"), external_ids) + &end
}

/// Replaces what is random (key IDs, external IDs by number, unique parts of queues and users) and takes out what tells the time.
fn steady(text: &str, external_ids: &mut Vec<String>) -> String {
    let took = |line: &&str| {
        ![": done after ", ": still running after ", ": trying again in "].iter().any(|it| line.contains(it))
    };
    text.split_inclusive('\n').filter(took).map(|line| steady_line(line, external_ids)).collect()
}

fn steady_line(line: &str, external_ids: &mut Vec<String>) -> String {
    let edge = |c: char| c.is_whitespace() || "\"',();".contains(c);
    let mut out = String::with_capacity(line.len());
    for word in line.split_inclusive(edge) {
        let body = word.trim_end_matches(edge);
        let full_stop = if body.ends_with('.') { "." } else { "" };
        if body.contains("_SFCRole=") {
            let id = body.trim_end_matches('.');
            let known = external_ids.iter().position(|known| known == id);
            let number = known.unwrap_or_else(|| {
                external_ids.push(id.to_owned());
                external_ids.len() - 1
            });
            out.push_str(&format!("EXTERNAL_ID_{}{full_stop}", number + 1));
        } else if let Some((head, _)) = body.rsplit_once(":key/").filter(|(_, id)| id.len() >= 32) {
            out.push_str(&format!("{head}:key/KEY_ID{full_stop}"));
        } else if let Some((head, _)) = body.split_once(":sf-snowpipe-") {
            out.push_str(&format!("{head}:sf-snowpipe-QUEUE{full_stop}"));
        } else if let Some((head, _)) = body.rsplit_once(":user/") {
            out.push_str(&format!("{head}:user/USER{full_stop}"));
        } else if is_uuid(body) {
            out.push_str("UUID");
        } else {
            out.push_str(body);
        }
        out.push_str(&word[body.len()..]);
    }
    out
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36 && word.chars().enumerate().all(|(at, c)| [8, 13, 18, 23].contains(&at) == (c == '-'))
}

/// Splits a line at blanks; `'…'` and `"…"` keep blanks and each other.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

//! How many requests a plan without changes makes: the budget of `docs/benchmarks.md`, by the real binary against the embedded clouds.

use std::path::Path;
use std::process::Command;

/// Runs `snowssi` and gives what it says on standard error.
fn snowssi(sandbox: &Path, command: &str, options: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_snowssi"))
        .args([command, &format!("--sandbox={}", sandbox.display()), "-f"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/event-pipeline"))
        .args(options)
        .env_clear()
        .env("HOME", sandbox)
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{command}: {errors}");
    errors
}

/// The requests of one side, by name.
fn requests<'a>(stats: &'a str, side: &str) -> Vec<(&'a str, u32)> {
    let lines = stats.lines().skip_while(|line| !line.starts_with(side)).skip(1);
    let pairs = lines.map_while(|line| line.strip_prefix("  ")?.trim().rsplit_once(' '));
    pairs.map(|(name, count)| (name.trim(), count.parse().unwrap())).collect()
}

#[test]
fn a_plan_without_changes_reads_each_thing_once() {
    let sandbox = tempfile::tempdir().unwrap();
    snowssi(sandbox.path(), "apply", &["--auto-approve"]);
    let stats = snowssi(sandbox.path(), "plan", &["--stats", "--detailed-exitcode"]);

    let aws = requests(&stats, "AWS");
    let of = |service: &str| -> u32 { aws.iter().filter(|(name, _)| name.starts_with(service)).map(|(_, n)| n).sum() };
    let buckets = 2;
    assert_eq!(of("s3:"), 7 * buckets, "{stats}");
    assert_eq!(of("kms:"), 3, "{stats}");
    assert_eq!(
        of("iam:"),
        3 + 3,
        "three for the role, one each for roles, users and policies that nobody declares: {stats}"
    );
    assert_eq!(of("tag:"), 1, "{stats}");
    assert_eq!(of("sts:"), 1, "{stats}");
    assert_eq!(of(""), 25, "{stats}");

    let snowflake = requests(&stats, "Snowflake");
    let total: u32 = snowflake.iter().map(|(_, count)| count).sum();
    // One listing for each kind, all at once: those that the spec does not use are read for objects that left it.
    assert!((1..=24).contains(&total), "{stats}");
    let several: Vec<_> = snowflake.iter().filter(|(_, count)| *count > 1).collect();
    assert_eq!(several, [&("DESC STAGE", 2)], "only what SHOW does not tell is asked object by object: {stats}");
}

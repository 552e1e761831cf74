//! The command that goes on where an apply stopped.

use std::path::Path;

use super::args::{CloudArgs, RunArgs, ScopeArgs, SpecArgs};
use crate::model::BucketName;

/// The same command, as it can be typed into a shell. Without `--replace`: what was replaced already would be replaced again, and what was
/// not replaced yet is asked for anew.
pub(super) fn command(
    verb: &str,
    spec: &SpecArgs,
    cloud: &CloudArgs,
    scope: &ScopeArgs,
    run: &RunArgs,
    empty: &[BucketName],
) -> String {
    let mut words = vec!["snowssi".to_owned(), verb.to_owned()];
    if spec.path != Path::new("snowssi.toml") {
        words.extend(["-f".to_owned(), spec.path.display().to_string()]);
    }
    words.extend(sandbox(cloud));
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    spec.vars.iter().for_each(|(name, value)| option("--var", format!("{name}={value}")));
    spec.var_files.iter().for_each(|file| option("--var-file", file.display().to_string()));
    scope.target.iter().for_each(|at| option("--target", at.to_string()));
    scope.allow_destroy.iter().for_each(|at| option("--allow-destroy", at.to_string()));
    for bucket in empty {
        option("--empty-bucket", bucket.to_string());
    }
    for at in &scope.adopt {
        words.push(if at == "*" { "--adopt".to_owned() } else { format!("--adopt={at}") });
    }
    if cloud.allow_endpoint_override {
        words.push("--allow-endpoint-override".to_owned());
    }
    if run.auto_approve {
        words.push("--auto-approve".to_owned());
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(feature = "sandbox")]
fn sandbox(cloud: &CloudArgs) -> Option<String> {
    let dir = cloud.sandbox.as_ref()?;
    let usual = dir == Path::new(".snowssi/sandbox");
    Some(if usual { "--sandbox".to_owned() } else { format!("--sandbox={}", dir.display()) })
}

#[cfg(not(feature = "sandbox"))]
fn sandbox(_: &CloudArgs) -> Option<String> {
    None
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Cli, Command};
    use super::command;

    fn resumed(line: &[&str]) -> String {
        let Command::Apply(args) = Cli::parse_from(line).command else { panic!("not an apply: {line:?}") };
        command("apply", &args.spec, &args.cloud, &args.scope, &args.run, &[])
    }

    #[test]
    fn says_the_same_again() {
        let line = [
            "snowssi",
            "apply",
            "-f",
            "v 1",
            "--sandbox",
            "--var",
            "a=it's",
            "--var-file",
            "b.toml",
            "--target",
            "stage.a",
            "--allow-destroy",
            "bucket.a",
            "--adopt=stage.a",
            "--adopt",
            "--auto-approve",
            "--replace",
            "stage.b",
        ];
        let want = "snowssi apply -f 'v 1' --sandbox --var 'a=it'\\''s' --var-file b.toml --target stage.a --allow-destroy bucket.a \
                    --adopt=stage.a --adopt --auto-approve";
        assert_eq!(resumed(&line), want);
        assert_eq!(resumed(&["snowssi", "apply"]), "snowssi apply");
        assert_eq!(resumed(&["snowssi", "apply", "--sandbox=x"]), "snowssi apply --sandbox=x");
    }
}

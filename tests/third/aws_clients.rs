//! boto3 and the AWS CLI against the served sandbox: what our planner made is read back by programs of others, and the settings that
//! `snowssi sandbox serve` prints are used as they are.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Run, snowssi};
use crate::python;

/// How long a process may take to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// A sandbox in a directory of its own, served.
struct Served {
    child: Child,
    /// All that was printed to standard output at the beginning.
    printed: String,
    home: TempDir,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scripts() -> PathBuf {
    root().join("tests/third/aws_clients")
}

/// What the program prints first: one line of JSON, or text up to the last setting.
fn first(reader: &mut impl BufRead, json: bool) -> String {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ended: {text}");
        text.push_str(&line);
        if json || line.starts_with("snowssi plan") {
            return text;
        }
    }
}

impl Served {
    /// Applies a spec to a new sandbox, if one is given, and serves it.
    fn start(spec: Option<&Path>, options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        if let Some(spec) = spec {
            let applied =
                snowssi(home.path(), &[], &["apply", "--sandbox=box", "--auto-approve", "-f", spec.to_str().unwrap()]);
            assert_eq!(applied.code, 0, "{}", applied.text());
        }
        Self::serve(home, options, Command::new(env!("CARGO_BIN_EXE_snowssi")))
    }

    fn serve(home: TempDir, options: &[&str], mut program: Command) -> Self {
        let errors = File::create(home.path().join("stderr")).unwrap();
        let mut child = program
            .args(["sandbox", "serve", "--dir", "box", "--port", "0"])
            .args(options)
            .current_dir(home.path())
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", home.path())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let printed = first(&mut reader, options.contains(&"--json"));
        Self { child, printed, home }
    }

    fn settings(&self) -> Value {
        serde_json::from_str(&self.printed).unwrap()
    }

    fn python(&self, script: &str) -> String {
        let output = Command::new(python::environment("aws").join("python"))
            .arg(scripts().join(script))
            .env_clear()
            .envs([("HOME", self.home.path().as_os_str()), ("SANDBOX", self.printed.as_ref())])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{script}:\n{}\n{}", text(&output.stderr), self.errors());
        text(&output.stdout)
    }

    /// Runs lines of shell with `aws` and `snowssi` at hand.
    fn shell(&self, lines: &str) -> Run {
        let program = Path::new(env!("CARGO_BIN_EXE_snowssi")).parent().unwrap();
        let path = std::env::join_paths(
            [python::environment("aws").as_path(), program]
                .into_iter()
                .chain([Path::new("/usr/bin"), Path::new("/bin")]),
        );
        let output = Command::new("bash")
            .args(["-euc", lines])
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", path.unwrap())
            .output()
            .unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn succeeds(&self, lines: &str) -> String {
        let run = self.shell(lines);
        assert_eq!(run.code, 0, "{lines}\n{}\n{}", run.text(), self.errors());
        run.stdout
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(self.home.path().join("stderr")).unwrap_or_default()
    }

    /// Asks it to stop, and gives its exit code.
    fn stop(&mut self) -> i32 {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not stop: {}", self.errors());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The section under a title of the text that `serve` prints.
fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let found = text.split("# ").find_map(|section| section.strip_prefix(title));
    found.unwrap_or_else(|| panic!("no section {title} in {text}")).trim_start_matches('\n')
}

#[test]
fn boto3_reads_back_all_that_a_spec_declares() {
    let served = Served::start(Some(&scripts().join("full.toml")), &["--json"]);
    assert_eq!(served.python("read_back.py"), "read back\n");
}

#[test]
fn boto3_works_with_objects() {
    let served = Served::start(Some(&scripts().join("full.toml")), &["--json"]);
    assert_eq!(served.python("objects.py"), "objects\n");
}

#[test]
fn only_the_right_credentials_are_taken() {
    let served = Served::start(Some(&scripts().join("full.toml")), &["--json"]);
    assert_eq!(served.python("identities.py"), "identities\n");
}

#[test]
fn the_aws_cli_works_with_the_printed_profile() {
    let mut served = Served::start(Some(&root().join("examples/event-pipeline")), &["--json"]);
    let profile = served.settings()["aws"]["profile"].as_str().unwrap().to_owned();
    served.succeeds(&format!("mkdir -p .aws && cat > .aws/config <<'END'\n{profile}END"));
    let aws = |command: &str| served.succeeds(&format!("export AWS_PROFILE=snowssi-sandbox AWS_PAGER=; {command}"));
    let who: Value = serde_json::from_str(&aws("aws sts get-caller-identity")).unwrap();
    assert_eq!(who["Account"], "123456789012");
    assert!(aws("aws s3 ls").contains("acme-events-inbound"));

    aws(
        "mkdir -p up/deep && printf one > up/a.txt && printf two > 'up/deep/b c.txt' && head -c 9000000 /dev/urandom > big",
    );
    aws(
        "aws s3 cp --quiet big s3://acme-events-inbound/big && aws s3 cp --quiet s3://acme-events-inbound/big back && cmp big back",
    );
    aws(
        "aws s3 sync --quiet up s3://acme-events-inbound/up && aws s3 sync --quiet s3://acme-events-inbound/up down && diff -r up down",
    );
    let again = aws("aws s3 sync up s3://acme-events-inbound/up");
    assert_eq!(again, "", "nothing is left to do");
    assert!(aws("aws s3 ls --recursive s3://acme-events-inbound/").contains("up/deep/b c.txt"));
    assert_eq!(
        aws("printf streamed | aws s3 cp - s3://acme-events-inbound/s && aws s3 cp s3://acme-events-inbound/s -"),
        "streamed"
    );
    let url = aws("aws s3 presign s3://acme-events-inbound/s");
    let fetched = aws(&format!(
        "python3 -c 'import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())' '{}'",
        url.trim()
    ));
    assert_eq!(fetched, "streamed\n");
    aws("aws s3 rm --quiet --recursive s3://acme-events-inbound/up");
    assert!(!aws("aws s3 ls --recursive s3://acme-events-inbound/").contains("up/"));
    aws("aws s3 mb s3://made-by-hand && aws s3 rb s3://made-by-hand");

    let encryption = aws(
        "aws s3api get-bucket-encryption --bucket acme-events-inbound --query 'ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm' --output text",
    );
    assert_eq!(encryption.trim(), "aws:kms");
    let alias = aws("aws kms describe-key --key-id alias/events --query KeyMetadata.KeyState --output text");
    assert_eq!(alias.trim(), "Enabled");
    let trust =
        aws("aws iam get-role --role-name snowflake-events --query Role.AssumeRolePolicyDocument --output json");
    assert!(trust.contains("sts:ExternalId"), "{trust}");
    let wrong = served.shell(
        "export AWS_PROFILE=snowssi-sandbox; AWS_SECRET_ACCESS_KEY=x AWS_ACCESS_KEY_ID=AKIASNOWSSISANDBOX00 aws s3 ls",
    );
    assert!(wrong.code != 0 && wrong.stderr.contains("SignatureDoesNotMatch"), "{}", wrong.text());
    assert_eq!(served.stop(), 0, "{}", served.errors());
}

#[test]
fn the_printed_text_can_be_pasted() {
    let spec = root().join("examples/event-pipeline");
    let served = Served::start(Some(&spec), &[]);
    let text = &served.printed;
    let exports = section(text, "AWS CLI, and all SDKs of AWS: environment");
    assert!(served.succeeds(&format!("{exports}\naws s3 ls")).contains("acme-events-outbound"));
    let profile = section(text, "AWS CLI: profile, for ~/.aws/config");
    served.succeeds(&format!(
        "mkdir -p .aws && cat > .aws/config <<'END'\n{profile}END\naws --profile snowssi-sandbox s3 ls"
    ));
    let boto3 = section(text, "boto3");
    let listed =
        served.succeeds(&format!("python - <<'END'\n{boto3}\nprint(s3.list_buckets()['Buckets'][0]['Name'])\nEND"));
    assert_eq!(listed, "acme-events-inbound\n");
    let network = section(text, "snowssi over the network")
        .replace("snowssi plan", &format!("snowssi plan -f {}", spec.display()));
    assert!(served.succeeds(&network).ends_with("No changes.\n"));
    let connection: toml::Table = section(text, "snow CLI: connection, for connections.toml").parse().unwrap();
    let sandbox = connection["sandbox"].as_table().unwrap();
    assert_eq!((sandbox["account"].as_str(), sandbox["protocol"].as_str()), (Some("SANDBOX"), Some("http")));
    let connector = section(text, "Snowflake Python connector");
    let python = python::environment("connector").join("python");
    let asks = "print(connection.cursor().execute('SELECT CURRENT_ROLE()').fetchone()[0])";
    let role = served.succeeds(&format!("{} - <<'END'\n{connector}\n{asks}\nEND", python.display()));
    assert_eq!(role, "ACCOUNTADMIN\n");
    let connections = section(text, "snow CLI: connection, for connections.toml");
    let snow = python::environment("snow").join("snow");
    let tested = served.succeeds(&format!(
        "mkdir -pm 700 snow && (umask 077 && cat > snow/connections.toml) <<'END'\n{connections}END\n\
         SNOWFLAKE_HOME=$PWD/snow {} connection test -c sandbox",
        snow.display()
    ));
    assert!(tested.contains("OK"), "{tested}");
    // Variables alone are enough for a spec that names no connection.
    let variables = section(text, "Snowflake clients that read variables");
    served.succeeds("mkdir -p bare && printf '[stack]\\nname = \"bare\"\\n[warehouse.w]\\nname = \"EVENTS\"\\n' > bare/snowssi.toml");
    let plan = served.shell(&format!("{variables}\nsnowssi plan -f bare"));
    assert!(plan.text().contains("belongs to the stack `events`"), "{}", plan.text());
}

#[test]
fn the_commands_work_on_a_directory_that_is_served() {
    let spec = root().join("examples/event-pipeline");
    let mut served = Served::start(Some(&spec), &["--json"]);
    let pid = served.child.id();
    served.succeeds("printf hello > 'a b.txt' && snowssi sandbox --dir box put 'a b.txt' s3://acme-events-inbound/in/");
    assert!(served.succeeds("snowssi sandbox --dir box sql 'LIST @EVENTS.FILES.INBOUND'").contains("in/a b.txt"));
    served.succeeds("snowssi sandbox --dir box tick 5m");
    assert!(served.succeeds("snowssi sandbox --dir box sql 'LIST @EVENTS.FILES.OUTBOUND'").contains("in/a b.txt"));
    let refused = served.shell("snowssi sandbox --dir box sql 'DROP DATABASE NONE'");
    assert!(refused.code == 1 && refused.stderr.contains("002003 (02000)"), "{}", refused.text());

    // Whoever wants the directory for himself is told who has it, at once.
    let begun = Instant::now();
    let plan = served.shell(&format!("snowssi plan --sandbox=box -f {}", spec.display()));
    let told = format!("another snowssi is at work in it: sandbox serve, process {pid}, AWS on 127.0.0.1:");
    assert!(plan.code == 1 && plan.stderr.contains(&told) && plan.stderr.contains("hint: stop"), "{}", plan.text());
    let second = served.shell("snowssi sandbox serve --dir box --port 0");
    assert!(second.code == 1 && second.stderr.contains(&told), "{}", second.text());
    let reset = served.shell("snowssi sandbox reset --dir box");
    assert!(reset.code == 1 && reset.stderr.contains(&told), "{}", reset.text());
    assert!(begun.elapsed() < Duration::from_secs(9), "nobody waits for a server to end");
    let elsewhere = served.shell("snowssi sandbox serve --dir other --host 0.0.0.0");
    assert!(elsewhere.code == 1 && elsewhere.stderr.contains("not an address of this machine"), "{}", elsewhere.text());

    assert_eq!(served.stop(), 0, "{}", served.errors());
    assert!(!served.home.path().join("box/serving.json").exists());
    assert!(served.succeeds("snowssi sandbox --dir box sql 'LIST @EVENTS.FILES.OUTBOUND'").contains("in/a b.txt"));
    assert!(served.succeeds(&format!("snowssi plan --sandbox=box -f {}", spec.display())).ends_with("No changes.\n"));
}

#[test]
fn a_file_put_by_boto3_passes_through_the_pipeline() {
    let served = Served::start(Some(&root().join("examples/event-pipeline")), &["--json", "--speed", "60"]);
    assert_eq!(served.python("flow.py"), "flow\n");
}

#[test]
fn a_full_disk_loses_nothing_and_takes_nothing() {
    let home = tempfile::tempdir().unwrap();
    // No file may grow beyond 80 KiB: as on a full disk, writing fails and the process goes on.
    let limited = "import os, resource, signal, sys\n\
                   signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n\
                   resource.setrlimit(resource.RLIMIT_FSIZE, (81920, 81920))\n\
                   os.execv(sys.argv[1], sys.argv[1:])";
    let mut program = Command::new("python3");
    program.args(["-c", limited, env!("CARGO_BIN_EXE_snowssi")]);
    let mut served = Served::serve(home, &["--json"], program);
    let filled: Value = serde_json::from_str(&served.python("fill.py")).unwrap();
    assert_eq!(filled["refused"], serde_json::json!(["InternalError", "InternalError", "InternalError"]), "{filled}");
    assert_eq!(filled["statuses"], serde_json::json!([500, 500, 500]));
    let taken = filled["taken"].as_u64().unwrap();
    assert!(taken > 100, "{filled}");
    let killed = served.stop();
    assert_eq!(killed, 0, "{}", served.errors());
    // With room again, what was taken is there.
    let home = std::mem::replace(&mut served.home, tempfile::tempdir().unwrap());
    let served = Served::serve(home, &["--json"], Command::new(env!("CARGO_BIN_EXE_snowssi")));
    let variables = served.settings()["aws"]["environment"].clone();
    let set = |(name, value): (&String, &serde_json::Value)| format!("export {name}={}\n", value.as_str().unwrap());
    let exports = variables.as_object().unwrap().iter().map(set).collect::<Vec<_>>().concat();
    let count = served.succeeds(&format!("{exports}aws s3 ls --recursive s3://filling | wc -l"));
    assert_eq!(count.trim().parse::<u64>().unwrap(), taken);
}

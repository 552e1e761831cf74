//! `snowssi import`: the real binary against the embedded clouds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use snowssi::model::{Call, Tags, Val};

use crate::world::World;

/// A directory with clouds in it, and the program to run there.
struct Here(tempfile::TempDir);

impl Here {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs a command that must succeed, and gives what it printed to both.
    fn run(&self, words: &[&str]) -> String {
        let output = self.output(words);
        let text = format!("{}{}", shown(&output.stdout), shown(&output.stderr));
        assert!(output.status.success(), "{words:?}: {text}");
        text
    }

    /// Runs a command that must be refused, and gives the message.
    fn refused(&self, words: &[&str]) -> String {
        let output = self.output(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", shown(&output.stdout));
        shown(&output.stderr)
    }

    fn output(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_snowssi"))
            .args(words)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .output()
            .unwrap()
    }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a ready-made spec made is written down again, and what is written changes nothing.
#[test]
fn what_a_spec_made_comes_back() {
    let table: [(&str, &[&str]); 2] = [
        ("snowpipe", &["--integration", "SNOWPIPE_DEV", "--schema", "SNOWPIPE_DEV.RAW", "--with-database"]),
        (
            "scheduled-copy",
            &[
                "warehouse.load=SCHEDULED_COPY_DEV",
                "--integration",
                "SCHEDULED_COPY_DEV",
                "--schema",
                "SCHEDULED_COPY_DEV.RAW",
                "--with-database",
            ],
        ),
    ];
    for (name, what) in table {
        let here = Here::new();
        let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs").join(name);
        let spec = spec.to_str().unwrap();
        here.run(&["apply", "-q", "--sandbox", "--auto-approve", "-f", spec]);
        let stack = here.run(&["sandbox", "sql", "SHOW INTEGRATIONS"]);
        let stack = stack.split("[snowssi:").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        here.write("base.toml", &format!("[stack]\nname = \"{stack}\"\n[aws]\nregion = \"us-east-1\"\n"));
        let words = ["import", "--sandbox", "-f", "base.toml", "--out", "imported.toml"];
        let told = here.run(&[&words[..], what].concat());
        assert!(told.contains("It changes nothing else"), "{name}: {told}");
        let base = here.read("base.toml");
        here.write("base.toml", &format!("include = [\"imported.toml\"]\n{base}"));
        let text = here.read("imported.toml");
        let plan = here.run(&["plan", "--sandbox", "-f", "base.toml"]);
        assert!(plan.contains("No changes."), "{name}: {plan}\n{text}");
        assert!(
            text.contains("{{ schema.") && text.contains("{{ bucket.") && !text.contains("adopt"),
            "{name}: {text}"
        );
    }
}

const TLS: &str = r#"{"Version":"2008-10-17","Id":"by-hand","Statement":{"Sid":"Tls","Effect":"Deny","Principal":"*",
    "Action":"s3:*","Resource":["arn:aws:s3:::made-by-hand","arn:aws:s3:::made-by-hand/*"],
    "Condition":{"Bool":{"aws:SecureTransport":"false"}}}}"#;
const ACCESS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListBucket","s3:GetBucketLocation"],
    "Resource":"arn:aws:s3:::made-by-hand"},{"Effect":"Allow","Action":["s3:GetObject","s3:GetObjectVersion"],
    "Resource":"arn:aws:s3:::made-by-hand/*"}]}"#;

/// A pipeline that people made by hand, without any mark.
fn by_hand() -> Here {
    let world = World::new();
    let bucket = || "made-by-hand".parse().unwrap();
    let region = "us-east-1".parse().unwrap();
    world.call(&Call::CreateBucket { bucket: bucket(), region, tags: Tags::new() });
    world.call(&Call::PutBucketPolicy { bucket: bucket(), policy: Val::known(TLS) });
    world.sql(
        "CREATE STORAGE INTEGRATION HAND TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE \
         STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::123456789012:role/hand' \
         STORAGE_ALLOWED_LOCATIONS = ('s3://made-by-hand/in/')",
    );
    let rows = world.ask("DESC STORAGE INTEGRATION HAND").unwrap();
    let told = |name: &str| {
        let row = rows.iter().find(|row| row[0].as_deref() == Some(name)).unwrap();
        row[2].clone().unwrap()
    };
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"","Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole",
        "Condition":{{"StringEquals":{{"sts:ExternalId":"{}"}}}}}},{{"Effect":"Allow","Principal":{{"AWS":"444455556666"}},
        "Action":"sts:AssumeRole"}}]}}"#,
        told("STORAGE_AWS_IAM_USER_ARN"),
        told("STORAGE_AWS_EXTERNAL_ID")
    );
    world.call(&Call::CreateRole {
        role: "hand".into(),
        path: "/".into(),
        description: "By hand".into(),
        max_session_seconds: 7200,
        trust: Val::known(trust),
        boundary: None,
        tags: Tags::from([("team".to_owned(), "data".to_owned())]),
    });
    world.call(&Call::CreatePolicy {
        policy: "hand-reads".into(),
        path: "/".into(),
        description: String::new(),
        document: Val::known(ACCESS),
        tags: Tags::new(),
    });
    let policy_arn = Val::known("arn:aws:iam::123456789012:policy/hand-reads");
    world.call(&Call::AttachRolePolicy { role: "hand".into(), policy_arn });
    for statement in [
        "CREATE DATABASE HAND DATA_RETENTION_TIME_IN_DAYS = 2",
        "CREATE SCHEMA HAND.S COMMENT = '{{ not }} a template'",
        "CREATE WAREHOUSE HAND WAREHOUSE_SIZE = SMALL AUTO_SUSPEND = 300 STATEMENT_TIMEOUT_IN_SECONDS = 600",
        "CREATE FILE FORMAT HAND.S.LINES TYPE = CSV SKIP_HEADER = 1 FIELD_DELIMITER = '|'",
        "CREATE STAGE HAND.S.LANDING URL = 's3://made-by-hand/in/' STORAGE_INTEGRATION = HAND DIRECTORY = (ENABLE = TRUE) \
         FILE_FORMAT = (FORMAT_NAME = 'HAND.S.LINES')",
        "CREATE STAGE HAND.S.INSIDE",
        "CREATE TABLE HAND.S.EVENTS (ID INT NOT NULL, \"Text\" VARCHAR(10) DEFAULT 'x')",
        "CREATE VIEW HAND.S.IDS AS SELECT ID\n  FROM HAND.S.EVENTS",
        "CREATE STREAM HAND.S.ARRIVALS ON STAGE HAND.S.LANDING",
        "CREATE TASK HAND.S.LOAD WAREHOUSE = HAND USER_TASK_TIMEOUT_MS = 60000 WHEN SYSTEM$STREAM_HAS_DATA('HAND.S.ARRIVALS') \
         AS INSERT INTO HAND.S.EVENTS (ID) SELECT SIZE FROM HAND.S.ARRIVALS",
    ] {
        world.sql(statement);
    }
    let here = Here(world.leave());
    fs::create_dir_all(here.path(".snowssi")).unwrap();
    fs::rename(here.path("clouds"), here.path(".snowssi/sandbox")).unwrap();
    here
}

#[test]
fn what_nobody_marked_is_adopted_and_otherwise_left_as_it_is() {
    let here = by_hand();
    let told = here.run(&[
        "import",
        "--sandbox",
        "--stack",
        "hand",
        "--region",
        "us-east-1",
        "--integration",
        "HAND",
        "--schema",
        "HAND.S",
        "--with-database",
        "warehouse.hand=HAND",
        "--out",
        "snowssi.toml",
    ]);
    let text = here.read("snowssi.toml");
    assert!(told.contains("INSIDE is left out: it is an internal stage"), "{told}");
    assert!(told.contains("An apply adopts 13") && told.contains("It changes nothing else"), "{told}\n{text}");
    let plan = here.run(&["plan", "--sandbox"]);
    assert!(plan.contains("Plan: 13 to adopt, 0 to add, 0 to change, 0 to destroy."), "{plan}\n{text}");
    here.run(&["apply", "-q", "--sandbox", "--auto-approve"]);
    let plan = here.run(&["plan", "--sandbox"]);
    assert!(plan.contains("No changes."), "{plan}\n{text}");
    insta::assert_snapshot!(text);
}

/// A state names what exists; what it says of it otherwise is not believed.
#[test]
fn what_terraform_manages_is_read_from_the_clouds() {
    let here = by_hand();
    here.write("state.json", STATE);
    let words = [
        "import",
        "--sandbox",
        "--stack",
        "hand",
        "--region",
        "us-east-1",
        "--from-terraform",
        "state.json",
        "--out",
        "snowssi.toml",
    ];
    let told = here.run(&words);
    let text = here.read("snowssi.toml");
    assert!(text.contains("max_session_seconds = 7200") && !text.contains("43200"), "{text}");
    assert!(
        told.contains("module.users.snowflake_user.u[\"a\"] of the state is left out: there is no kind for it"),
        "{told}"
    );
    assert!(told.contains("GONE is left out: there is no stage"), "{told}");
    let plan = here.run(&["plan", "--sandbox"]);
    assert!(plan.contains("Plan: 7 to adopt, 0 to add, 0 to change, 0 to destroy."), "{plan}\n{text}");
    here.write("state.json", "{\"version\": 3, \"resources\": []}");
    let message = here.refused(&[&words[..], &["--force"]].concat());
    assert!(message.contains("it is a state of version 3"), "{message}");
}

const STATE: &str = r#"{ "version": 4, "terraform_version": "1.9.0", "resources": [
  { "mode": "managed", "type": "aws_s3_bucket", "name": "b", "instances": [{ "attributes": { "bucket": "made-by-hand", "region": "us-east-1" } }] },
  { "mode": "managed", "type": "aws_s3_bucket_policy", "name": "b", "instances": [{ "attributes": { "bucket": "made-by-hand" } }] },
  { "mode": "managed", "type": "aws_iam_role", "name": "r", "instances": [{ "attributes": {
    "arn": "arn:aws:iam::123456789012:role/hand", "max_session_duration": 43200 } }] },
  { "mode": "managed", "type": "aws_iam_policy", "name": "p", "instances": [{ "attributes": { "arn": "arn:aws:iam::123456789012:policy/hand-reads" } }] },
  { "mode": "managed", "type": "snowflake_storage_integration_aws", "name": "i", "instances": [{ "attributes": { "name": "HAND" } }] },
  { "mode": "managed", "type": "snowflake_database", "name": "d", "instances": [{ "attributes": { "name": "HAND" } }] },
  { "mode": "managed", "type": "snowflake_schema", "name": "s", "instances": [{ "attributes": { "database": "HAND", "name": "S" } }] },
  { "mode": "managed", "type": "snowflake_stage_external_s3", "name": "l", "instances": [
    { "index_key": 0, "attributes": { "database": "HAND", "schema": "S", "name": "LANDING" } },
    { "index_key": 1, "attributes": { "database": "HAND", "schema": "S", "name": "GONE" } }] },
  { "mode": "managed", "module": "module.users", "type": "snowflake_user", "name": "u", "instances": [{ "index_key": "a", "attributes": { "name": "U" } }] },
  { "mode": "data", "type": "aws_caller_identity", "name": "me", "instances": [] }] }"#;

#[test]
fn what_cannot_be_imported_is_told_and_nothing_is_written() {
    let here = by_hand();
    here.write("other.toml", "[stack]\nname = \"other\"\n[warehouse.theirs]\nname = \"THEIRS\"\n");
    here.run(&["apply", "-q", "--sandbox", "--auto-approve", "-f", "other.toml"]);
    here.write(
        "snowssi.toml",
        "[stack]\nname = \"mine\"\n[aws]\nregion = \"us-east-1\"\n[warehouse.taken]\nname = \"TAKEN\"\n",
    );
    let table: [(&[&str], &[&str]); 9] = [
        (&["stage.a=HAND.S.NOWHERE"], &["stage.a", "there is no stage \"HAND\".\"S\".\"NOWHERE\""]),
        (&["stage.a=HAND.S.INSIDE"], &["internal stage"]),
        (&["stage.a=HAND"], &["is not `DATABASE.SCHEMA.NAME`"]),
        (&["stag.a=HAND.S.LANDING"], &["there is no kind `stag`"]),
        (&["warehouse.a=THEIRS"], &["belongs to the stack `other`, as `warehouse.theirs`"]),
        (&["warehouse.taken=HAND"], &["the spec has an entry of this address already"]),
        (&["warehouse.a=HAND", "warehouse.a=THEIRS"], &["more than once"]),
        (&["bucket.a=nobody-has-this-one", "warehouse.b=NOT_THERE"], &["bucket.a", "warehouse.b", "there is no"]),
        (&["warehouse.a.b=HAND"], &["`for_each`"]),
    ];
    for (what, wanted) in table {
        let message = here.refused(&[&["import", "--sandbox", "--out", "out.toml"], what].concat());
        for wanted in wanted {
            assert!(message.contains(wanted), "{what:?}: {message}");
        }
        assert!(!here.path("out.toml").exists(), "{what:?} writes a file");
    }
    here.write("out.toml", "mine");
    let message = here.refused(&["import", "--sandbox", "--out", "out.toml", "warehouse.hand=HAND"]);
    assert!(message.contains("is there already") && message.contains("--force"), "{message}");
    assert_eq!(here.read("out.toml"), "mine");
    here.run(&["import", "--sandbox", "--out", "out.toml", "--force", "warehouse.hand=HAND"]);
    assert!(here.read("out.toml").contains("statement_timeout_in_seconds = 600"));
    let message = here.refused(&["import", "--sandbox", "--out", "snowssi.toml", "--force", "warehouse.hand=HAND"]);
    assert!(message.contains("is the spec itself"), "{message}");
}

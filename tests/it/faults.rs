//! What the program does when clouds fail it: the plan of faults against planner and executor, through the real SDK and real sessions.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use snowssi::plan::Mode;
use snowssi::sandbox::calls::{Cloud, Entry};
use snowssi::sandbox::fault::{Kind, Plan, Rate, Rule, Span, kinds, read};
use snowssi::spec::Model;

use crate::world::World;

const SPEC: &str = r#"
[stack]
name = "faulty"

[aws]
region = "us-east-1"

[kms_key.k]
alias = "alias/faulty"

[bucket.b]
name = "acme-faulty"
encryption = { kms_key = "{{ kms_key.k.arn }}" }

[iam_role.r]
name = "faulty"
access = [{ bucket = "acme-faulty", allow = ["list", "read"] }]

[storage_integration.i]
name = "FAULTY"
role = "{{ iam_role.r.arn }}"
allowed_locations = ["{{ bucket.b.url }}"]

[database.d]
name = "FAULTY"

[stage.s]
schema = "{{ database.d.name }}.PUBLIC"
name = "FILES"
url = "{{ bucket.b.url }}"
storage_integration = "{{ storage_integration.i.name }}"
directory = { enable = true }
"#;

/// A world and what is to be in it.
fn world() -> (World, Model) {
    let world = World::new();
    let model = world.read(SPEC).unwrap();
    (world, model)
}

/// A world in which all of it is.
fn applied() -> (World, Model) {
    let (world, model) = world();
    world.apply(&model, Mode::Apply);
    (world, model)
}

/// Once nothing goes wrong any more, one apply makes all of it, leaves nothing to do, and nothing is there twice.
fn is_whole(world: &World, model: &Model, case: &str) {
    world.clouds().set_faults(Plan::default());
    world.clouds().clock().advance(Duration::from_hours(2)).unwrap();
    if !world.try_plan(model, Mode::Apply).is_ok_and(|plan| plan.steps.is_empty()) {
        if let Err(why) = world.try_apply(model, Mode::Apply) {
            panic!("{case}: the next apply fails: {why}");
        }
        let left = world.plan(model, Mode::Apply);
        assert!(left.steps.is_empty(), "{case}: {:?}", left.steps);
    }
    let keys = world.wait(world.kms().list_keys().send()).unwrap();
    assert_eq!(keys.keys().len(), 1, "{case}: keys cost money, and their names are not unique");
}

fn lasting(seconds: u64) -> Span {
    Span::from(Duration::from_secs(seconds))
}

#[test]
fn one_fault_on_any_call_does_no_harm() {
    let (clean, model) = applied();
    let calls = clean.clouds().calls();
    let operations: BTreeSet<(Cloud, String, String, bool)> = calls
        .iter()
        .filter(|call| call.who != "snowflake")
        .map(|call| (call.cloud, call.service.clone(), call.operation.clone(), call.mutating))
        .collect();
    assert!(operations.len() > 35 && operations.iter().any(|(_, _, operation, _)| operation == "CREATE STAGE"));
    drop((clean, model));
    // Each operation meets one of these; which one goes round, so that neighbours differ.
    let changing = [
        Kind::DropAnswer,
        Kind::Throttle { retry_after: None },
        Kind::Failure { status: 500, effect: true },
        Kind::Reset,
        Kind::Failure { status: 503, effect: false },
    ];
    let reading = [Kind::Unreachable, Kind::Throttle { retry_after: None }, Kind::HalfAnswer, Kind::CutBody];
    let operations: Vec<_> = operations.into_iter().enumerate().collect();
    let half = operations.len().div_ceil(2);
    std::thread::scope(|scope| {
        for part in operations.chunks(half) {
            let (changing, reading) = (&changing, &reading);
            scope.spawn(move || {
                for (number, (cloud, service, operation, mutating)) in part {
                    let kinds: &[Kind] = if *mutating { changing } else { reading };
                    let kind = kinds[number % kinds.len()].clone();
                    let case = format!("{} on {service} {operation}", kind.name());
                    let (world, model) = world();
                    let rule = Rule::new(kind).cloud(*cloud).service(service).operation(operation).times(1);
                    world.clouds().set_faults(rule);
                    drop(world.try_apply(&model, Mode::Apply));
                    let struck = world.clouds().calls().iter().filter(|call| call.fault.is_some()).count();
                    assert_eq!(struck, 1, "{case}");
                    is_whole(&world, &model, &case);
                }
            });
        }
    });
}

#[test]
fn what_iam_has_not_spread_yet_is_waited_for() {
    let (world, model) = world();
    let lag = Span::between(Duration::from_millis(1200), Duration::from_millis(1500));
    world.clouds().set_faults(Rule::new(Kind::IamNotPropagated(lag)));
    world.apply(&model, Mode::Apply);
    let calls = world.clouds().calls();
    let refused = |call: &Entry| call.operation == "CreateRole" && call.code == "MalformedPolicyDocument";
    assert!(calls.iter().any(refused), "the role's trust names a user that IAM has just learned of: {calls:#?}");
    let assumed: Vec<u16> =
        calls.iter().filter(|call| call.operation == "AssumeRole").map(|call| call.status).collect();
    assert!(assumed.contains(&403) && assumed.last() == Some(&200), "{assumed:?}");
    assert!(calls.iter().filter(|call| call.operation == "AssumeRole").all(|call| call.who == "snowflake"));
    is_whole(&world, &model, "iam_not_propagated");
}

#[test]
fn reads_that_lag_behind_create_nothing_twice() {
    let (world, _model) = applied();
    world.clouds().set_faults(Rule::new(Kind::StaleReads(lasting(3600))).service("/^(iam|s3)$/"));
    let mut changed = SPEC.replace(r#"allow = ["list", "read"]"#, r#"allow = ["list", "read", "write"]"#);
    let wider = world.read(&changed).unwrap();
    world.try_apply(&wider, Mode::Apply).unwrap();
    // The change is made, but a read does not see it yet: it is planned again, and nothing else is.
    let again = world.plan(&wider, Mode::Apply);
    let planned = format!("{:?}", again.steps);
    assert!(planned.contains("PutRolePolicy") && !planned.contains("Create"), "{planned}");
    world.apply(&wider, Mode::Apply);
    is_whole(&world, &wider, "a change that is not seen");

    // What is new is not seen either: it is planned as new, refused because it is there, and never made twice.
    changed.push_str("[bucket.new]\nname = \"acme-faulty-new\"\n[iam_role.new]\nname = \"faulty-new\"\ntrust = [{ service = \"ec2.amazonaws.com\" }]\n");
    let Ok(more) = world.read(&changed) else { panic!("{:?}", world.read(&changed).err()) };
    world.clouds().set_faults(Rule::new(Kind::StaleReads(lasting(3600))).service("/^(iam|s3|tagging)$/"));
    drop(world.try_apply(&more, Mode::Apply));
    drop(world.try_apply(&more, Mode::Apply));
    let made = world.clouds().calls();
    let made = made
        .iter()
        .filter(|call| call.operation == "CreateRole" && call.resource == "faulty-new" && call.status == 200);
    assert_eq!(made.count(), 1);
    is_whole(&world, &more, "what is new is not seen");
}

#[test]
fn what_is_gone_but_still_seen_is_destroyed_without_complaint() {
    let (world, model) = applied();
    world.clouds().set_faults(Rule::new(Kind::StaleReads(lasting(3600))).service("iam"));
    world.apply(&model, Mode::Destroy);
    world.apply(&model, Mode::Destroy);
    world.clouds().set_faults(Plan::default());
    assert!(world.plan(&model, Mode::Destroy).steps.is_empty());
}

#[test]
fn what_cannot_be_seen_is_not_taken_for_absent() {
    let (world, model) = applied();
    for (service, operation) in
        [("iam", "GetRole"), ("s3", "HeadBucket"), ("s3", "GetBucketTagging"), ("kms", "DescribeKey")]
    {
        world.clouds().set_faults(Rule::new(Kind::Hidden).service(service).operation(operation));
        let struck = || world.clouds().calls().iter().filter(|call| call.fault.is_some()).count();
        let before = struck();
        let planned = world.try_plan(&model, Mode::Apply);
        if struck() > before {
            let why = planned.map(|plan| format!("{:?}", plan.steps)).unwrap_err();
            assert!(
                why.contains("AccessDenied") && why.contains("Hidden") || why.contains("cannot tell"),
                "{service}:{operation}: {why}"
            );
        }
    }
    // A stage that the role may not see: it is planned as new, and Snowflake refuses to make it.
    world.clouds().set_faults(Rule::new(Kind::Hidden).resource("*.FILES"));
    let before = world.clouds().calls().len();
    world.try_apply(&model, Mode::Apply).unwrap_err();
    let made = world.clouds().calls();
    let made = made[before..].iter().filter(|call| call.mutating && call.code.is_empty() && call.status == 200);
    assert_eq!(made.count(), 0, "nothing was made");
    is_whole(&world, &model, "hidden");
}

#[test]
fn a_full_show_is_narrowed_or_refused() {
    let (world, model) = applied();
    let full = |pattern: &str| Rule::new(Kind::ShowCap { rows: 10_000 }).sql(pattern);
    world.clouds().set_faults(full("SHOW STAGES IN ACCOUNT"));
    let plan = world.plan(&model, Mode::Apply);
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    let narrower = world.clouds().calls();
    assert!(narrower.iter().any(|call| call.operation == "SHOW STAGES" && call.resource == "FAULTY"), "asked again");
    world.clouds().set_faults(full("SHOW STAGES*"));
    let refused = world.try_plan(&model, Mode::Apply).map(|_| ()).unwrap_err();
    assert!(refused.contains("10000 rows"), "{refused}");
    // Fewer rows than are counted: asked again, and if they stay away refused.
    let short = || Rule::new(Kind::Missing { rows: 1, show: true }).sql("SHOW STAGES*");
    world.clouds().set_faults(short().times(1));
    assert!(world.plan(&model, Mode::Apply).steps.is_empty());
    world.clouds().set_faults(short());
    let refused = world.try_plan(&model, Mode::Apply).map(|_| ()).unwrap_err();
    assert!(refused.contains("where the server promised"), "{refused}");
}

#[test]
fn a_session_that_ends_or_answers_late_changes_no_plan() {
    let (world, model) = world();
    let always = || {
        Plan::seeded(3)
            .with(Rule::new(Kind::SessionExpired).operation("CREATE DATABASE").times(1))
            .with(Rule::new(Kind::SessionGone { master_expired: false }).operation("CREATE STAGE").times(1))
            .with(Rule::new(Kind::SessionGone { master_expired: true }).operation("SHOW DATABASES").times(1))
            .with(Rule::new(Kind::InProgress { polls: 3 }).operation("/^(SHOW|CREATE)/"))
            .with(Rule::new(Kind::Chunked { inline: 0, rows: 1, key_only: false }).operation("SHOW*"))
            .with(Rule::status(503).path("/chunks/*").every(2).times(3))
            .with(Rule::new(Kind::Throttle { retry_after: Some(1) }).operation("DESC*").times(2))
    };
    world.clouds().set_faults(always());
    world.apply(&model, Mode::Apply);
    let plan = world.plan(&model, Mode::Apply);
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    let calls = world.clouds().calls();
    let codes: BTreeSet<&str> = calls.iter().map(|call| call.code.as_str()).collect();
    assert!(["390112", "390111", "390114", "running"].iter().all(|code| codes.contains(code)), "{codes:?}");
    let made =
        calls.iter().filter(|call| call.operation == "CREATE STAGE" && matches!(call.code.as_str(), "" | "running"));
    assert_eq!(made.count(), 1, "no statement is run twice");
}

#[test]
fn who_hammers_is_throttled_until_time_passes() {
    let world = World::new();
    let rate = Rate { per_second: 15.0, burst: 5.0 };
    world.clouds().set_faults(Rule::new(Kind::Throttle { retry_after: None }).service("s3").beyond(rate));
    let s3 = || {
        let config = world.s3().config().to_builder().retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled());
        aws_sdk_s3::Client::from_conf(config.build())
    };
    let throttled = |count: usize| {
        let s3 = s3();
        (0..count).filter(|_| world.wait(s3.list_buckets().send()).is_err()).count()
    };
    let refused = throttled(12);
    assert!((1..=7).contains(&refused), "{refused} of 12");
    world.clouds().clock().advance(Duration::from_secs(1)).unwrap();
    assert_eq!(throttled(4), 0);
    let calls = world.clouds().calls();
    let slow = calls.iter().find(|call| call.fault.is_some()).unwrap();
    assert_eq!((slow.status, slow.code.as_str(), slow.fault.as_deref()), (503, "SlowDown", Some("throttle")));
}

#[test]
fn the_same_calls_meet_the_same_faults() {
    let run = |seed: u64| {
        let world = World::new();
        let plan = Plan::seeded(seed)
            .with(Rule::new(Kind::Failure { status: 500, effect: false }).cloud(Cloud::Aws).probability(0.3))
            .with(Rule::new(Kind::Failure { status: 503, effect: true }).operation("CREATE*").every(3))
            .with(Rule::refuse("002003", "Injected.").operation("SHOW*").probability(0.5));
        world.clouds().set_faults(plan);
        let (s3, session) = (world.s3(), world.session());
        for number in 0..12 {
            drop(world.wait(s3.create_bucket().bucket(format!("acme-{number}")).send()));
            drop(world.wait(s3.list_buckets().send()));
            let create = snowssi::model::Text::new("CREATE DATABASE")
                .name(&format!("D{number}").parse::<snowssi::model::Ident>().unwrap());
            drop(world.wait(session.query(&create)));
            drop(world.wait(session.query(&snowssi::model::Text::new("SHOW DATABASES"))));
        }
        let calls = world.clouds().calls();
        calls
            .into_iter()
            .map(|call| (call.seq, call.operation, call.resource, call.status, call.code, call.fault))
            .collect::<Vec<_>>()
    };
    let first = run(1);
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
    let struck = first.iter().filter(|call| call.5.is_some()).count();
    assert!(struck > 8 && struck < first.len() / 2, "{struck} of {}", first.len());
}

#[test]
fn no_secret_is_written_down() {
    let (world, _model) = applied();
    world.sql("CREATE STAGE FAULTY.PUBLIC.OWN URL = 's3://acme-faulty/' CREDENTIALS = (AWS_KEY_ID = 'canaryid' AWS_SECRET_KEY = 'canary')");
    let text: String = world.clouds().calls().iter().map(|call| serde_json::to_string(call).unwrap()).collect();
    assert!(text.contains("CREATE STAGE FAULTY.PUBLIC.OWN URL = '***'"), "{text}");
    for secret in ["canary", "arn:aws:iam::aws", "Statement", "SandboxPassword", crate::world::SECRET] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}

/// Runs the program in a directory.
fn snowssi(dir: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snowssi"))
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("HOME", dir)
        .output()
        .unwrap()
}

#[test]
fn the_command_line_takes_a_file_of_faults_and_tells_the_calls() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("snowssi.toml"), SPEC).unwrap();
    std::fs::write(dir.path().join("denied.toml"), "[[fault]]\nkind = \"refuse\"\noperation = \"GetCallerIdentity\"\nstatus = 403\ncode = \"InvalidClientTokenId\"\n").unwrap();
    std::fs::write(dir.path().join("wrong.toml"), "[[fault]]\nkind = \"refuze\"\n").unwrap();
    let ran = |words: &[&str]| {
        let output = snowssi(dir.path(), words);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), text)
    };
    let (code, text) = ran(&["plan", "--fault", "denied.toml"]);
    assert!(code == 1 && text.contains("--sandbox"), "{code}: {text}");
    let (code, text) = ran(&["plan", "--sandbox", "--fault", "wrong.toml"]);
    assert!(code == 1 && text.contains("wrong.toml:2:8") && text.contains("did you mean `refuse`?"), "{code}: {text}");
    let (code, text) = ran(&["plan", "--sandbox", "--fault", "denied.toml"]);
    assert!(code == 8 && text.contains("InvalidClientTokenId"), "{code}: {text}");
    let (code, text) = ran(&["sandbox", "calls"]);
    assert!(code == 0 && text.contains("sts:GetCallerIdentity") && text.contains("refuse"), "{code}: {text}");
    let (_, text) = ran(&["sandbox", "calls", "--mutating"]);
    assert_eq!(text, "0 calls\n", "a plan changes nothing");
    let (code, text) = ran(&["sandbox", "sql", "SHOW DATABASES", "--fault", "denied.toml"]);
    assert_eq!(code, 0, "{text}");
    let (_, text) = ran(&["sandbox", "calls", "--json", "--tail", "1"]);
    let last: Entry = serde_json::from_str(&text).unwrap();
    assert_eq!((last.operation.as_str(), last.who.as_str()), ("SHOW DATABASES", "SANDBOX/ACCOUNTADMIN"));
    ran(&["sandbox", "calls", "--clear"]);
    assert_eq!(ran(&["sandbox", "calls"]).1, "0 calls\n");
}

#[test]
fn the_examples_of_the_documentation_are_plans() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut shown = BTreeSet::new();
    for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        let plan = read("docs/faults.md", block).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(!plan.rules().is_empty(), "{block}");
        let kind = block.lines().filter_map(|line| line.strip_prefix("kind = \"")?.strip_suffix('"'));
        shown.extend(kind.map(str::to_owned));
    }
    assert_eq!(shown, kinds().map(str::to_owned).collect::<BTreeSet<_>>(), "each kind has an example");
    let fields = [
        "seq",
        "at_ms",
        "cloud",
        "who",
        "service",
        "operation",
        "resource",
        "statement",
        "region",
        "mutating",
        "status",
        "code",
        "fault",
        "took_ms",
    ];
    assert!(fields.iter().all(|field| text.contains(&format!("| `{field}` |"))), "the log's fields are told");
}

//! The event pipeline of the examples is a chain: a file put into one bucket arrives in the other. Every link of it is broken once, behind
//! the program's back. Then the file must not arrive, the right error must stand where Snowflake shows it, nothing else may move, the plan
//! must see what is wrong, and after mending the file must arrive.

mod breaks;
mod hands;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::primitives::ByteStream;
use snowssi::plan::{Mode, Plan};
use snowssi::spec::Model;

use crate::world::World;

const SPEC: &str = include_str!("../../examples/event-pipeline/snowssi.toml");
const INBOUND: &str = "acme-events-inbound";
const OUTBOUND: &str = "acme-events-outbound";

/// Where Snowflake shows what went wrong, and what it says there.
#[derive(Clone, Copy, Debug)]
enum Shows {
    /// The history of the directory's files.
    Files(&'static str),
    /// The history of the task: code and a part of the message.
    Task(&'static str, &'static str),
    /// Nowhere: nothing happened that could go wrong.
    Nothing,
    /// The link is not on the way of the file.
    Arrives,
}

/// How the pipeline is mended.
#[derive(Clone, Copy, Debug)]
enum Mend {
    /// `snowssi apply` does it, and the plan names these.
    Apply(&'static [&'static str]),
    /// It is nothing that a spec says, so the plan is empty; somebody undoes it.
    ByHand(fn(&World)),
    /// The plan refuses, saying this; somebody undoes it, and `snowssi apply` does the rest.
    Refused(&'static str, fn(&World)),
}

/// One way to break the chain.
struct Break {
    name: &'static str,
    how: fn(&World),
    shows: Shows,
    mend: Mend,
}

fn put(world: &World, key: &str) {
    let body = ByteStream::from_static(b"1,2\n");
    world.wait(world.s3().put_object().bucket(INBOUND).key(key).body(body).send()).unwrap();
}

fn keys(world: &World, bucket: &str) -> BTreeSet<String> {
    let listed = world.wait(world.s3().list_objects_v2().bucket(bucket).send()).unwrap();
    listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
}

fn set(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// What the task's history says of its newest run: state, code, message.
fn history(world: &World) -> Option<(String, String, String)> {
    let sql = "SELECT STATE, ERROR_CODE, ERROR_MESSAGE FROM TABLE(EVENTS.INFORMATION_SCHEMA.TASK_HISTORY()) \
               WHERE NAME = 'COPY_FILES' ORDER BY SCHEDULED_TIME DESC";
    let rows = world.ask(sql).unwrap_or_default();
    let cell = |row: &[Option<String>], at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    rows.first().map(|row| (cell(row, 0), cell(row, 1), cell(row, 2)))
}

fn addresses(plan: &Plan) -> BTreeSet<String> {
    plan.resources.iter().map(|change| change.address.to_string()).collect()
}

/// Breaks one link and mends it again. Gives what was not as expected.
fn check(whole: &World, model: &Model, one: &Break) -> Vec<String> {
    let world = whole.fork();
    let mut wrong = Vec::new();
    (one.how)(&world);
    if keys(&world, INBOUND).is_empty() {
        put(&world, "a.csv");
    }
    let report = world.tick(3);
    let failed = |part: &str| report.files.iter().any(|file| file.message.contains(part));
    let arrived = keys(&world, OUTBOUND);
    let expected = if matches!(one.shows, Shows::Arrives) { set(&["a.csv"]) } else { set(&[]) };
    if arrived != expected || keys(&world, INBOUND) != set(&["a.csv"]) {
        wrong.push(format!("the outbound bucket has {arrived:?}, the inbound one {:?}", keys(&world, INBOUND)));
    }
    let errors: Vec<_> = report.runs.iter().filter_map(|run| run.error.clone()).collect();
    let as_said = match one.shows {
        Shows::Files(part) => failed(part) && report.runs.is_empty(),
        Shows::Task(code, part) => {
            let told = |(had, message): &(String, String)| had.as_str() == code && message.contains(part);
            let kept =
                history(&world).is_some_and(|(state, code, message)| state == "FAILED" && told(&(code, message)));
            errors.iter().any(told) && kept
        }
        Shows::Nothing => {
            report.runs.is_empty() && report.files.iter().all(|file| file.status.starts_with("REGISTERED"))
        }
        Shows::Arrives => errors.is_empty(),
    };
    if !as_said {
        wrong.push(format!("expected {:?}\n      report {report:?}\n      history {:?}", one.shows, history(&world)));
    }

    match (one.mend, world.try_plan(model, Mode::Apply)) {
        (Mend::Apply(named), Ok(plan)) => {
            if addresses(&plan) != set(named) || !plan.denials.is_empty() {
                wrong.push(format!(
                    "expected a plan for {named:?}, it is for {:?} {:?}",
                    addresses(&plan),
                    plan.denials
                ));
            }
        }
        (Mend::ByHand(undo), Ok(plan)) => {
            if !plan.is_empty() {
                wrong.push(format!("the plan is not empty any more: {:?}", addresses(&plan)));
            }
            undo(&world);
        }
        (Mend::Refused(part, undo), Err(problem)) => {
            if !problem.contains(part) {
                wrong.push(format!("the plan refuses with {problem}"));
            }
            undo(&world);
        }
        (Mend::Refused(part, undo), Ok(plan)) => {
            if !plan.denials.iter().any(|denial| format!("{denial:?}").contains(part)) {
                wrong.push(format!("expected a refusal, the plan is for {:?} {:?}", addresses(&plan), plan.denials));
            }
            undo(&world);
        }
        (mend, Err(problem)) => wrong.push(format!("expected {mend:?}, there is no plan: {problem}")),
    }
    if let Err(problem) = world.try_apply(model, Mode::Apply) {
        wrong.push(format!("not mended: {problem}"));
    }
    put(&world, "b.csv");
    let report = world.tick(3);
    let arrived = keys(&world, OUTBOUND);
    if arrived != set(&["a.csv", "b.csv"]) {
        wrong.push(format!("after mending the outbound bucket has {arrived:?}\n      report {report:?}"));
    }
    match world.try_plan(model, Mode::Apply) {
        Ok(plan) if plan.is_empty() => {}
        Ok(plan) => wrong.push(format!("after mending a plan is left for {:?}", addresses(&plan))),
        Err(problem) => wrong.push(format!("after mending there is no plan: {problem}")),
    }
    wrong
}

#[test]
fn a_chain_without_any_one_link_moves_nothing() {
    let whole = World::new();
    let model = whole.read(SPEC).unwrap();
    whole.apply(&model, Mode::Apply);
    assert!(whole.plan(&model, Mode::Apply).is_empty());

    let world = whole.fork();
    put(&world, "a.csv");
    let report = world.tick(3);
    assert_eq!(keys(&world, OUTBOUND), set(&["a.csv"]), "{report:?}");
    assert_eq!(history(&world).map(|(state, ..)| state).as_deref(), Some("SUCCEEDED"));

    let next = AtomicUsize::new(0);
    let (dir, text) = (whole.state(), SPEC);
    let work = || {
        let (whole, mut wrong) = (World::of(&dir), Vec::new());
        let model = whole.read(text).unwrap();
        while let Some(one) = breaks::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = catch_unwind(AssertUnwindSafe(|| check(&whole, &model, one)));
            let found = found.unwrap_or_else(|panic| vec![format!("{:?}", panic.downcast_ref::<String>())]);
            if !found.is_empty() {
                wrong.push(format!("{}:\n    {}", one.name, found.join("\n    ")));
            }
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), breaks::ALL.len(), wrong.join("\n"));
}

const STATEMENTS: [&str; 5] = [
    "ALTER STAGE EVENTS.FILES.INBOUND REFRESH",
    "LIST @EVENTS.FILES.INBOUND",
    "COPY FILES INTO @EVENTS.FILES.OUTBOUND FROM @EVENTS.FILES.INBOUND",
    "BEGIN USE WAREHOUSE EVENTS; COPY INTO EVENTS.FILES.T FROM @EVENTS.FILES.INBOUND; END",
    "CREATE STAGE EVENTS.FILES.MORE URL = 's3://acme-events-inbound/' STORAGE_INTEGRATION = EVENTS DIRECTORY = (ENABLE = TRUE)",
];

/// What each statement that reaches S3 says when a link is broken: code, and a part of the message.
#[test]
fn every_statement_shows_the_refusal() {
    let whole = World::new();
    let model = whole.read(SPEC).unwrap();
    whole.apply(&model, Mode::Apply);
    put(&whole, "a.csv");
    whole.sql("CREATE TABLE EVENTS.FILES.T (A INT, B INT)");
    // Each works before.
    let world = whole.fork();
    for statement in STATEMENTS {
        world.sql(statement);
    }
    let table = [
        ("external ID in other case", "003167", "Error assuming AWS_ROLE:\nUser: arn:aws:iam::"),
        (
            "role deleted",
            "003167",
            "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/",
        ),
        (
            "role may not list",
            "091003",
            "s3:ListBucket on resource: \"arn:aws:s3:::acme-events-inbound\" because no identity-based policy",
        ),
        (
            "inbound location not allowed any more",
            "003127",
            "Location 's3://acme-events-inbound/' is not allowed by integration EVENTS.",
        ),
        (
            "inbound location blocked",
            "003127",
            "Location 's3://acme-events-inbound/' is not allowed by integration EVENTS.",
        ),
    ];
    for (name, code, part) in table {
        let one = breaks::ALL.iter().find(|one| one.name == name).unwrap();
        let world = whole.fork();
        (one.how)(&world);
        for statement in STATEMENTS {
            let (had, message) = world.ask(statement).unwrap_err();
            assert!(had == code && message.contains(part), "{name}: {statement}: {had} {message}");
        }
        let check =
            "SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION('EVENTS', 's3://acme-events-inbound/', 'a.csv', 'list')";
        let told = world.ask(check).map_or_else(|(_, message)| message, |rows| rows[0][0].clone().unwrap());
        let part: String = part.replace('\n', "\\n").replace('"', "\\\"");
        assert!(told.contains(&part) || told.contains(&part.replace("\\n", "\n")), "{name}: {told}");
        assert_eq!(keys(&world, INBOUND), set(&["a.csv"]), "{name}");
        assert_eq!(keys(&world, OUTBOUND), set(&[]), "{name}");
    }
}

//! The pure planner and the spec loader, by number of objects. `cargo bench` prints the times; `docs/benchmarks.md` keeps them.

#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on stops")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use snowssi::kind::{Cx, Gifts};
use snowssi::model::{Fact, Facts};
use snowssi::observe::{self, Live};
use snowssi::plan::{Adopt, Mode, Options};
use snowssi::spec::{Inputs, Model};

/// Objects of one pipeline of the generator.
const EACH: usize = 12;

/// Event pipelines by number, each with objects of its own.
fn spec(pipelines: usize) -> String {
    let one =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/event-pipeline/snowssi.toml"));
    let one = one.expect("the example is there");
    let mut text = "[stack]\nname = \"bench\"\n".to_owned();
    let body = one.split("[kms_key.pipeline]").nth(1).expect("the example begins with its key");
    let body = format!("[kms_key.pipeline]{}", body.split("[output.inbound]").next().unwrap_or_default());
    for n in 0..pipelines {
        let own = body
            .replace("acme-events", &format!("acme-events{n}"))
            .replace("alias/events", &format!("alias/events{n}"))
            .replace("snowflake-events", &format!("snowflake-events{n}"))
            .replace("\"EVENTS\"", &format!("\"EVENTS{n}\""));
        let mut labelled = own;
        for label in [
            "kms_key.pipeline",
            "bucket.data",
            "iam_role.snowflake",
            "storage_integration.s3",
            "database.events",
            "schema.files",
            "warehouse.events",
            "stage.data",
            "stream.inbound",
            "task.copy",
        ] {
            labelled = labelled.replace(label, &format!("{label}{n}"));
        }
        writeln!(text, "{labelled}").expect("memory");
    }
    text
}

fn load(pipelines: usize) -> Model {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("snowssi.toml");
    std::fs::write(&path, spec(pipelines)).expect("the spec is written");
    let inputs = Inputs { vars: Vec::new(), var_files: Vec::new(), env: &|_| None };
    match snowssi::spec::load(&path, &inputs, snowssi::kind::all()) {
        Ok(model) => model,
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

/// Everything as wanted.
fn settled(model: &Model) -> Live {
    let context = model.offline_context();
    let mut facts = Facts::default();
    for (at, name, value) in model.batches.iter().flat_map(|batch| batch.known(&context)) {
        facts.learn(Fact::new(&at, name), value);
    }
    let gifts = Gifts::new(model.batches.iter().flat_map(|batch| batch.gifts(&context)).collect(), &facts);
    let cx = Cx { context: &context, facts: &facts, gifts: &gifts };
    Live { batches: model.batches.iter().map(|batch| batch.settled(cx)).collect() }
}

fn plan(model: &Model, live: &Live) -> usize {
    let context = model.offline_context();
    let options = Options {
        context: &context,
        entries: &std::collections::BTreeMap::new(),
        mode: Mode::Apply,
        targets: &[],
        replace: &[],
        adopt: &Adopt::All,
        allow_destroy: &[],
        empty_buckets: &[],
        lookups: &[],
        moves: &snowssi::plan::Moves::default(),
    };
    snowssi::plan::plan(live, &options).expect("a plan").resources.len()
}

fn planner(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10);
    for pipelines in [8, 83, 833] {
        let objects = pipelines * EACH;
        let model = load(pipelines);
        let nothing = observe::nothing(&model.batches);
        group.bench_function(BenchmarkId::new("create all", objects), |b| b.iter(|| plan(&model, black_box(&nothing))));
        let settled = settled(&model);
        group.bench_function(BenchmarkId::new("no change", objects), |b| b.iter(|| plan(&model, black_box(&settled))));
    }
    group.finish();
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    for pipelines in [1, 83] {
        group.bench_function(BenchmarkId::new("spec", pipelines * EACH), |b| b.iter(|| load(black_box(pipelines))));
    }
    group.finish();
}

criterion_group!(benches, planner);
criterion_main!(benches);

//! A world for tests: embedded clouds in a directory of their own, and the stages of the program called one by one.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use snowssi::apply::{End, Outcome, Patience, Stop};
use snowssi::cloud::aws::{AwsOptions, Caller};
use snowssi::cloud::snowflake::transport::Transport;
use snowssi::cloud::snowflake::{Pace, SessionOptions, Who};
use snowssi::cloud::{Aws, Cloud, Session};
use snowssi::model::{Address, Call, Context, Region, Secret};
use snowssi::plan::{Adopt, EntryOptions, Mode, Options, Plan};
use snowssi::sandbox::Embedded;
use snowssi::spec::{Inputs, Model};

/// What every secret is, wherever a spec says it is to be found: 32 bytes in Base64.
pub(crate) const SECRET: &str = "Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LWNhbmE=";

/// Nobody waits for real seconds here.
const PACE: Pace = Pace::with_second(Duration::from_millis(20));

/// Embedded clouds.
pub(crate) struct World {
    secrets: Arc<AtomicUsize>,
    dir: tempfile::TempDir,
    embedded: Embedded,
    runtime: tokio::runtime::Runtime,
    /// Who calls; it never changes.
    identity: OnceCell<(Caller, Who)>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap())
    }

    fn at(dir: tempfile::TempDir) -> Self {
        let embedded = Embedded::open(&dir.path().join("clouds")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { dir, embedded, runtime, secrets: Arc::default(), identity: OnceCell::new() }
    }

    /// Another world, as this one is now. What happens in one does not touch the other.
    pub(crate) fn fork(&self) -> Self {
        Self::of(&self.state())
    }

    /// Where the state of the clouds is kept.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("clouds")
    }

    /// Closes the clouds and leaves the directory in which their state is, as `clouds`.
    pub(crate) fn leave(self) -> tempfile::TempDir {
        self.dir
    }

    /// A world with the state of another one.
    pub(crate) fn of(clouds: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(clouds, &dir.path().join("clouds"));
        Self::at(dir)
    }

    /// Loads a spec from its text.
    ///
    /// # Errors
    /// Its problems.
    pub(crate) fn read(&self, text: &str) -> Result<Model, String> {
        let path = self.dir.path().join("snowssi.toml");
        std::fs::write(&path, text).unwrap();
        try_load(&path)
    }

    /// What an apply of this spec would do.
    pub(crate) fn plan(&self, model: &Model, mode: Mode) -> Plan {
        self.try_plan(model, mode).unwrap()
    }

    /// What an apply of this spec would do.
    ///
    /// # Errors
    /// Why there is no plan.
    pub(crate) fn try_plan(&self, model: &Model, mode: Mode) -> Result<Plan, String> {
        let (cloud, context) = self.open(model);
        self.runtime.block_on(make(model, &cloud, &context, mode))
    }

    /// Plans and applies; every step must succeed. Gives the plan.
    pub(crate) fn apply(&self, model: &Model, mode: Mode) -> Plan {
        self.try_apply(model, mode).unwrap()
    }

    /// Plans and applies. Gives the plan.
    ///
    /// # Errors
    /// Why there is no plan, or what failed.
    pub(crate) fn try_apply(&self, model: &Model, mode: Mode) -> Result<Plan, String> {
        let (cloud, context) = self.open(model);
        self.runtime.block_on(async {
            let plan = make(model, &cloud, &context, mode).await?;
            if !plan.denials.is_empty() {
                return Err(format!("{:?}", plan.denials));
            }
            let (events, _heard) = tokio::sync::mpsc::unbounded_channel();
            let (_stop, stopped) = tokio::sync::watch::channel(Stop::No);
            let patience = Patience { budget: Duration::from_secs(5) };
            let outcome: Outcome = snowssi::apply::apply(&plan, cloud, patience, events, stopped).await;
            if outcome.is_complete() {
                return Ok(plan);
            }
            let failed: Vec<_> = outcome.ends.iter().filter(|end| matches!(end, End::Failed(_))).collect();
            Err(format!("{failed:?}"))
        })
    }

    /// Runs a statement behind the program's back.
    pub(crate) fn sql(&self, statement: &str) {
        let done = self.runtime.block_on(self.embedded.sql(statement, "ACCOUNTADMIN"));
        done.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }

    /// Makes an AWS call behind the program's back.
    pub(crate) fn call(&self, call: &Call) {
        let aws = self.runtime.block_on(Aws::open(self.aws(None))).unwrap();
        self.runtime.block_on(aws.call(call)).unwrap_or_else(|error| panic!("{call:?}: {error:?}"));
    }

    /// S3 itself, for what the program never does.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let snowssi::cloud::aws::Embedded { http_client, credentials } = self.embedded.aws();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_s3::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .http_client(http_client);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// IAM itself.
    pub(crate) fn iam(&self) -> aws_sdk_iam::Client {
        let snowssi::cloud::aws::Embedded { http_client, credentials } = self.embedded.aws();
        let config = aws_sdk_iam::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_iam::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .http_client(http_client);
        aws_sdk_iam::Client::from_conf(config.build())
    }

    /// Secrets Manager itself.
    pub(crate) fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        let snowssi::cloud::aws::Embedded { http_client, credentials } = self.embedded.aws();
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_secretsmanager::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .http_client(http_client);
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }

    /// KMS itself.
    pub(crate) fn kms(&self) -> aws_sdk_kms::Client {
        let snowssi::cloud::aws::Embedded { http_client, credentials } = self.embedded.aws();
        let config = aws_sdk_kms::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_kms::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .http_client(http_client);
        aws_sdk_kms::Client::from_conf(config.build())
    }

    /// What a statement answers, or its error.
    ///
    /// # Errors
    /// Code and message.
    pub(crate) fn ask(&self, statement: &str) -> Result<Vec<Vec<Option<String>>>, (String, String)> {
        let answer = self.runtime.block_on(self.embedded.sql(statement, "ACCOUNTADMIN"));
        answer.map(|answer| answer.rows).map_err(|error| (error.code.to_owned(), error.message))
    }

    /// Lets time pass in both clouds.
    pub(crate) fn tick(&self, minutes: u64) -> snowssi::sandbox::flow::Report {
        self.runtime.block_on(self.embedded.tick(Duration::from_secs(60 * minutes))).unwrap()
    }

    /// The clouds themselves: what is to go wrong in them, and what was asked of them.
    pub(crate) fn clouds(&self) -> &Embedded {
        &self.embedded
    }

    /// A session with Snowflake, beside those that plans and applies open.
    pub(crate) fn session(&self) -> Session {
        let transport = Transport::InProcess(self.embedded.wire());
        let options = SessionOptions { pace: PACE, ..SessionOptions::default() };
        Session::open(self.embedded.connection(), &transport, options).unwrap()
    }

    /// Runs something to its end.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// How often secrets were fetched to be sent.
    pub(crate) fn fetched(&self) -> usize {
        self.secrets.load(Ordering::Relaxed)
    }

    fn aws(&self, region: Option<Region>) -> AwsOptions {
        AwsOptions {
            region: region.or_else(|| "us-east-1".parse().ok()),
            profile: None,
            assume_role: None,
            endpoint_url: None,
            concurrency: 16,
            stats: Arc::default(),
            embedded: Some(self.embedded.aws()),
        }
    }

    /// Opens both clouds anew, as a new run of the program does.
    pub(crate) fn open(&self, model: &Model) -> (Arc<Cloud>, Context) {
        let options = self.aws(model.aws.as_ref().and_then(|aws| aws.region.clone()));
        let fetched = Arc::clone(&self.secrets);
        let secrets = Arc::new(move |_: &_| {
            fetched.fetch_add(1, Ordering::Relaxed);
            Ok(Secret::new(SECRET))
        });
        self.runtime.block_on(async {
            let aws = Aws::open(options).await.unwrap();
            let transport = Transport::InProcess(self.embedded.wire());
            let session = SessionOptions { secrets, pace: PACE, ..SessionOptions::default() };
            let session = Session::open(self.embedded.connection(), &transport, session).unwrap();
            let (caller, who) = if let Some(identity) = self.identity.get() {
                identity.clone()
            } else {
                let identity = (aws.caller().await.unwrap(), session.who().await.unwrap());
                self.identity.get_or_init(|| identity).clone()
            };
            let mut context = model.offline_context();
            context.account = caller.account;
            context.partition = caller.partition;
            context.snowflake_role = who.role;
            (Arc::new(Cloud { aws: Some(aws), snowflake: Some(session) }), context)
        })
    }
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (entry, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).unwrap();
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            std::fs::copy(&entry, target).unwrap();
        }
    }
}

/// Loads a spec from a file.
pub(crate) fn load(path: &Path) -> Model {
    try_load(path).unwrap_or_else(|problems| panic!("{problems}"))
}

fn try_load(path: &Path) -> Result<Model, String> {
    let inputs = Inputs { vars: Vec::new(), var_files: Vec::new(), env: &|_| None };
    snowssi::spec::load(path, &inputs, snowssi::kind::all()).map_err(|problems| problems.render(false))
}

async fn make(model: &Model, cloud: &Cloud, context: &Context, mode: Mode) -> Result<Plan, String> {
    let entries: BTreeMap<Address, EntryOptions> = model
        .entries
        .iter()
        .map(|(at, info)| {
            let depends_on = info.depends_on.clone();
            (at.clone(), EntryOptions { adopt: info.adopt, protect: false, depends_on })
        })
        .collect();
    let everything: Vec<Address> = model.entries.keys().cloned().collect();
    let options = Options {
        context,
        entries: &entries,
        mode,
        targets: &[],
        replace: &[],
        adopt: &Adopt::Named(Vec::new()),
        allow_destroy: &everything,
        empty_buckets: &[],
        lookups: &[],
        moves: &snowssi::plan::Moves::default(),
    };
    if let (Mode::Destroy, Some(aws)) = (mode, &cloud.aws) {
        aws.read_exactly();
    }
    let live = snowssi::observe::observe(&model.batches, cloud, context).await.map_err(|error| format!("{error:?}"))?;
    snowssi::plan::plan(&live, &options).map_err(|problems| format!("{problems:?}"))
}

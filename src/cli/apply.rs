//! `snowssi apply` and `snowssi destroy`: plan, ask, run, read back, summarise.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::args::{ApplyArgs, CloudArgs, DestroyArgs, RunArgs, ScopeArgs, SpecArgs};
use super::failure::{Exit, Failure};
use super::open::{self, Opened};
use super::out::Out;
use super::signal::Signals;
use super::{load, plan};
use crate::apply::{Cause, End, Outcome, Patience, Stop};
use crate::cloud::Class;
use crate::model::BucketName;
use crate::plan::{Mode, Plan, ResourceChange};
use crate::spec::Model;
use crate::view;

/// `snowssi apply`.
pub(super) async fn apply(args: &ApplyArgs, out: &Out) -> Result<Exit, Failure> {
    let job = Job {
        spec: &args.spec,
        cloud: &args.cloud,
        scope: args.scope.clone(),
        run: &args.run,
        mode: Mode::Apply,
        empty: &[],
    };
    let begin = Instant::now();
    let model = load::model(&args.spec, out)?;
    let opened = open::open(&model, &args.cloud, out).await?;
    let exit = job.perform(&model, &opened, out).await;
    opened.close().await;
    if args.cloud.stats {
        out.status(&opened.stats(begin.elapsed()));
    }
    exit
}

/// `snowssi destroy`.
pub(super) async fn destroy(args: &DestroyArgs, out: &Out) -> Result<Exit, Failure> {
    let scope = ScopeArgs {
        target: args.target.clone(),
        allow_destroy: args.allow_destroy.clone(),
        show_operations: args.show_operations,
        ..ScopeArgs::default()
    };
    let job = Job {
        spec: &args.spec,
        cloud: &args.cloud,
        scope,
        run: &args.run,
        mode: Mode::Destroy,
        empty: &args.empty_bucket,
    };
    let begin = Instant::now();
    let model = load::model(&args.spec, out)?;
    let opened = open::open(&model, &args.cloud, out).await?;
    let exit = job.perform(&model, &opened, out).await;
    opened.close().await;
    if args.cloud.stats {
        out.status(&opened.stats(begin.elapsed()));
    }
    exit
}

/// What both commands do.
struct Job<'a> {
    spec: &'a SpecArgs,
    cloud: &'a CloudArgs,
    scope: ScopeArgs,
    run: &'a RunArgs,
    mode: Mode,
    empty: &'a [BucketName],
}

impl Job<'_> {
    async fn perform(&self, model: &Model, opened: &Opened, out: &Out) -> Result<Exit, Failure> {
        // What is about to be changed is looked at itself, not in lists that may be minutes old.
        if let Some(aws) = &opened.cloud.aws {
            aws.read_exactly();
        }
        let wanted = plan::make(model, opened, &self.scope, self.mode, self.empty).await?;
        plan::show(&wanted, self.scope.show_operations, out);
        if !wanted.denials.is_empty() {
            return Err(Failure::new(Exit::Denied, "nothing was changed: parts of the plan are denied (see above)"));
        }
        if wanted.is_empty() {
            return Ok(Exit::Success);
        }
        if !self.run.auto_approve {
            self.ask()?;
        }
        let outcome = self.execute(&wanted, opened, out).await;
        let summary =
            view::outcome::text(&wanted, &outcome, self.mode, &model.sources.redact(&self.resume()), out.style());
        out.result(&summary);
        if !outcome.is_complete() {
            return Ok(exit_of(&outcome));
        }
        self.verify(&wanted, model, opened, out).await
    }

    /// Asks for a `yes`. Without a terminal nobody can answer, so nothing is done.
    fn ask(&self) -> Result<(), Failure> {
        let what = if self.mode == Mode::Destroy { "destroy all of this" } else { "apply this plan" };
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new(Exit::Error, format!("cannot ask whether to {what}: this is not a terminal"))
                .hint("give --auto-approve if the plan is approved already"));
        }
        eprint(&format!("\nDo you want to {what}? Only `yes` is a yes: "));
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        match read {
            Ok(_) if answer.trim() == "yes" => Ok(()),
            _ => Err(Failure::new(Exit::Error, "not approved; nothing was changed")),
        }
    }

    async fn execute(&self, wanted: &Plan, opened: &Opened, out: &Out) -> Outcome {
        let patience = Patience { budget: Duration::from_secs(self.run.wait) };
        let (events, heard) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(Stop::No);
        let printer = out.clone();
        let signals = tokio::spawn(listen(stop, printer.clone(), Arc::clone(&opened.cloud)));
        let progress = view::progress::show(wanted, heard, out.is_interactive(), |line| printer.status(line));
        let work = crate::apply::apply(wanted, Arc::clone(&opened.cloud), patience, events, stopped);
        let (outcome, ()) = futures::join!(work, progress);
        signals.abort();
        outcome
    }

    /// Reads everything back: nothing of what was applied may be left to do. What a cloud has not made visible yet gets a little time.
    async fn verify(&self, wanted: &Plan, model: &Model, opened: &Opened, out: &Out) -> Result<Exit, Failure> {
        let deadline = Instant::now() + Duration::from_secs(self.run.wait.min(30));
        let mut pause = Duration::from_millis(250);
        loop {
            // Without what was asked for: it is done, and an address that is destroyed can no longer be named.
            let scope = ScopeArgs { adopt: self.scope.adopt.clone(), ..ScopeArgs::default() };
            let again = plan::make(model, opened, &scope, self.mode, &[]).await;
            let rest = match again {
                Ok(plan) => left(plan, wanted),
                // Everything a destroy left behind may be gone by name too.
                Err(failure) => return Err(Failure { exit: Exit::Unverified, ..failure }),
            };
            if rest.is_empty() {
                return Ok(Exit::Success);
            }
            if Instant::now() + pause >= deadline {
                out.problems(&view::plan::text(&rest, view::plan::Detail { operations: false }, out.message_style()));
                return Err(Failure::new(
                    Exit::Unverified,
                    "everything was applied, but what was read back is not what was wanted (see above)",
                )
                .hint("plan again in a minute; if it still shows the same, please report it with the spec"));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(4));
        }
    }

    fn resume(&self) -> String {
        let verb = if self.mode == Mode::Destroy { "destroy" } else { "apply" };
        super::resume::command(verb, self.spec, self.cloud, &self.scope, self.run, self.empty)
    }
}

/// What is still to be done to the objects that a plan was about.
fn left(now: Plan, wanted: &Plan) -> Plan {
    let of_ours = |change: &ResourceChange| {
        wanted.resources.iter().any(|done| done.address == change.address || done.id == change.id)
    };
    Plan { resources: now.resources.into_iter().filter(of_ours).collect(), ..now }
}

/// The first Ctrl-C stops the scheduling; the second ends the process at once.
async fn listen(stop: watch::Sender<Stop>, out: Out, cloud: Arc<crate::cloud::Cloud>) {
    let Ok(mut signals) = Signals::listen() else { return };
    signals.next().await;
    out.warning("stopping: what is under way is finished and restored; press Ctrl-C again to stop at once");
    let _nobody_listens = stop.send(Stop::Soon);
    signals.next().await;
    if let Some(session) = &cloud.snowflake {
        session.abort_all().await;
    }
    #[expect(clippy::exit, reason = "the user asked twice; there is nothing left to clean up that may take time")]
    std::process::exit(Exit::Partial as i32);
}

fn exit_of(outcome: &Outcome) -> Exit {
    let cannot = |end: &End| {
        matches!(end, End::Failed(error) if matches!(&error.cause,
            Cause::Cloud(refusal) if matches!(refusal.class, Class::Authentication | Class::Unreachable)))
    };
    match (outcome.changed, outcome.interrupted) {
        (true, _) => Exit::Partial,
        (false, true) => Exit::Interrupted,
        (false, false) if outcome.ends.iter().any(cannot) => Exit::Unreachable,
        (false, false) => Exit::Error,
    }
}

/// A question goes where messages go; the answer is read from the same terminal.
fn eprint(text: &str) {
    use std::io::Write;
    let mut to = std::io::stderr().lock();
    drop(to.write_all(text.as_bytes()).and_then(|()| to.flush()));
}

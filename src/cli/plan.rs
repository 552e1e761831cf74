//! `snowssi plan`.

use std::time::Instant;

use super::args::{PlanArgs, ScopeArgs};
use super::failure::{Exit, Failure};
use super::open::Opened;
use super::out::Out;
use super::{load, open};
use crate::model::{Address, BucketName, Change, Shown};
use crate::observe;
use crate::plan::{Adopt, Mode, Options, Plan};
use crate::spec::{Model, Sources};
use crate::view;

/// Plans and shows.
pub(super) async fn run(args: &PlanArgs, out: &Out) -> Result<Exit, Failure> {
    let begin = Instant::now();
    let model = load::model(&args.spec, out)?;
    let opened = open::open(&model, &args.cloud, out).await?;
    let mode = if args.destroy { Mode::Destroy } else { Mode::Apply };
    if let Some(aws) = opened.cloud.aws.as_ref().filter(|_| args.destroy || !args.scope.replace.is_empty()) {
        aws.read_exactly();
    }
    let plan = make(&model, &opened, &args.scope, mode, &[]).await?;
    show(&plan, args.scope.show_operations, out);
    opened.close().await;
    if args.cloud.stats {
        out.status(&opened.stats(begin.elapsed()));
    }
    if !plan.denials.is_empty() {
        return Ok(Exit::Denied);
    }
    Ok(if args.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Success })
}

/// Observes and plans.
pub(super) async fn make(
    model: &Model,
    opened: &Opened,
    scope: &ScopeArgs,
    mode: Mode,
    empty_buckets: &[BucketName],
) -> Result<Plan, Failure> {
    let entries = load::entries(model);
    let adopt = adopt(scope)?;
    let crate::spec::Moves { moved, removed } = model.moves.clone();
    let moves = crate::plan::Moves { moved, removed };
    let options = Options {
        context: &opened.context,
        entries: &entries,
        mode,
        targets: &scope.target,
        replace: &scope.replace,
        adopt: &adopt,
        allow_destroy: &scope.allow_destroy,
        empty_buckets,
        lookups: &[],
        moves: &moves,
    };
    super::validate::names(model, &opened.context)?;
    let (live, lookups) = futures::join!(
        observe::observe(&model.batches, &opened.cloud, &opened.context),
        observe::look_up(&model.lookups, &opened.cloud, &opened.context),
    );
    let (live, lookups) = match (live, lookups) {
        (Ok(live), Ok(lookups)) => (live, lookups),
        (live, lookups) => {
            return Err(Failure::clouds(live.err().into_iter().chain(lookups.err()).flatten().collect()));
        }
    };
    let options = Options { lookups: &lookups, ..options };
    let mut plan = crate::plan::plan(&live, &options)?;
    plan.resources
        .iter_mut()
        .flat_map(|resource| &mut resource.changes)
        .for_each(|change| hide(change, &model.sources));
    Ok(plan)
}

/// Hides both sides of a change if one of them holds a sensitive value: the other is a former one, or gives it away by what differs.
fn hide(change: &mut Change, sources: &Sources) {
    let sensitive = |shown: &Shown| {
        let text = match shown {
            Shown::Text(value) | Shown::Lines(value) => value.to_string(),
            Shown::List(values) => values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            Shown::Bool(_) | Shown::Int(_) | Shown::Sensitive => return false,
        };
        sources.redact(&text) != text
    };
    if change.before.iter().chain(&change.after).any(sensitive) {
        change.before = change.before.take().map(|_| Shown::Sensitive);
        change.after = change.after.take().map(|_| Shown::Sensitive);
    }
}

/// Prints a plan as the result of the command.
pub(super) fn show(plan: &Plan, operations: bool, out: &Out) {
    out.result(&view::plan::text(plan, view::plan::Detail { operations }, out.style()));
}

fn adopt(scope: &ScopeArgs) -> Result<Adopt, Failure> {
    if scope.adopt.iter().any(|given| given == "*") {
        return Ok(Adopt::All);
    }
    let parse = |given: &String| {
        given.parse::<Address>().map_err(|error| Failure::new(Exit::Error, format!("--adopt: {error}")))
    };
    scope.adopt.iter().map(parse).collect::<Result<_, _>>().map(Adopt::Named)
}

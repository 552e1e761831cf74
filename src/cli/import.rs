//! `snowssi import`: brings objects that exist under a spec. Nothing in a cloud is changed, and no file is written unless all went well.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::args::{ImportArgs, ScopeArgs};
use super::failure::{Exit, Failure, Message};
use super::open::{self, Opened, Sides};
use super::out::Out;
use super::{load, plan};
use crate::import::follow::{self, Lead};
use crate::import::{Known, Read, Refused, Settings, Wish, terraform};
use crate::kind::{Side, by_name};
use crate::model::{Action, Address};
use crate::observe::{self, Live};
use crate::plan::{Mode, Plan};
use crate::spec::{Draft, Model};
use crate::view::escape::clean;

/// The name under which entries are checked that go to standard output.
const UNNAMED: &str = "imported.toml";

/// Reads, writes, and says what an apply would do.
pub(super) async fn run(args: &ImportArgs, out: &Out) -> Result<Exit, Failure> {
    let target = args.out.clone().unwrap_or_else(|| PathBuf::from(UNNAMED));
    if args.out.is_some() {
        may_be_written(&target, args)?;
    }
    let state = state(args)?;
    let model = model(args, &target, String::new(), out)?;
    let opened = open::sides(&model, &sides(args, &state, &model), &args.cloud, out).await?;
    let found = find(args, &state, &model, &opened, out).await;
    let done = match found {
        Ok((reads, live)) => finish(args, &target, &opened, &reads, &live, out).await,
        Err(failure) => Err(failure),
    };
    opened.close().await;
    done
}

/// What a Terraform state leads to.
fn state(args: &ImportArgs) -> Result<terraform::Found, Failure> {
    let Some(path) = &args.from_terraform else { return Ok(terraform::Found::default()) };
    let failed = |why: String| Failure::new(Exit::Error, clean(&format!("cannot read {}: {why}", path.display())));
    let meta = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !meta.is_file() || meta.len() > terraform::LARGEST {
        return Err(failed(format!("it is no file of at most {} bytes", terraform::LARGEST)));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    terraform::read(&text).map_err(|why| {
        failed(why).hint("`terraform state pull > state.json` writes the state of any backend to a file")
    })
}

/// The spec as it would be with this text in the file that is to be written.
fn model(args: &ImportArgs, target: &Path, text: String, out: &Out) -> Result<Model, Failure> {
    let path = args.stack.is_none().then_some(args.spec.path.as_path());
    let text = match (&args.stack, text.is_empty()) {
        (Some(stack), true) => crate::import::write(
            &[],
            &[],
            Some(&Settings { stack: stack.clone(), region: args.region.as_ref().map(ToString::to_string) }),
        ),
        _ => text,
    };
    load::with_draft(path, &args.spec, Some(&Draft { path: target.to_owned(), text }), out)
}

/// A file that is there is not overwritten by accident, and the spec itself never.
fn may_be_written(target: &Path, args: &ImportArgs) -> Result<(), Failure> {
    let shown = target.display();
    let same = |one: &Path, other: &Path| {
        one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
    };
    let spec = &args.spec.path;
    if args.stack.is_none() && (same(target, spec) || same(target, &spec.join("snowssi.toml"))) {
        return Err(Failure::new(Exit::Error, format!("{shown} is the spec itself"))
            .hint("write to a file beside it, and name that in the spec: `include = [\"imported.toml\"]`"));
    }
    if target.exists() && !args.force {
        return Err(Failure::new(Exit::Error, format!("{shown} is there already"))
            .hint("choose another name, or give --force to overwrite it"));
    }
    Ok(())
}

/// The clouds that are asked.
fn sides(args: &ImportArgs, state: &terraform::Found, model: &Model) -> Sides {
    let of =
        |side: Side| args.objects.iter().any(|wish| by_name(wish.at.kind()).is_some_and(|kind| kind.side() == side));
    let mut sides = open::used(model);
    let led = |side: Side| state.leads.iter().any(|lead| by_name(lead.kind).is_some_and(|kind| kind.side() == side));
    sides.aws |= of(Side::Aws) || led(Side::Aws) || !args.integration.is_empty();
    sides.snowflake |= led(Side::Snowflake);
    sides.snowflake |= of(Side::Snowflake) || !args.integration.is_empty() || !args.schema.is_empty();
    sides
}

/// Everything that is asked for and everything that hangs together with it.
async fn find(
    args: &ImportArgs,
    state: &terraform::Found,
    model: &Model,
    opened: &Opened,
    out: &Out,
) -> Result<(Vec<Read>, Live), Failure> {
    let (cloud, context) = (&opened.cloud, &opened.context);
    let live = if model.entries.is_empty() {
        Live { batches: Vec::new() }
    } else {
        observe::observe(&model.batches, cloud, context).await.map_err(Failure::clouds)?
    };
    let asked = &args.objects;
    let mut taken: BTreeSet<(String, String)> =
        model.entries.keys().filter(|at| at.module().is_root()).map(place).collect();
    refuse(asked.iter().filter_map(|wish| unfit(wish, asked, &taken)).collect())?;
    taken.extend(asked.iter().map(|wish| place(&wish.at)));
    let found = leads(args, state, &live, opened).await?;
    for (place, why) in &state.left {
        out.warning(&clean(&format!("{place} of the state is left out: {why}")));
    }
    let wishes: Vec<Wish> = asked.iter().cloned().chain(follow::addressed(found, &taken)).collect();
    if wishes.is_empty() {
        return Err(Failure::new(Exit::Error, "there is nothing to import").hint(
            "name objects as `stage.landing=DB.S.LANDING`, or give --integration, --schema or --from-terraform",
        ));
    }
    let (mut reads, mut refused) =
        crate::import::read(&wishes, &live, cloud, context).await.map_err(Failure::clouds)?;
    // What is of the stack already keeps its address.
    let remembered = follow::remembered(&reads, &context.stack);
    let free = |at: &Address, new: &Address| {
        at != new && !taken.contains(&place(new)) && !asked.iter().any(|wish| wish.at == *at)
    };
    let renamed: Vec<Wish> = wishes
        .iter()
        .map(|wish| match remembered.get(&wish.at).filter(|new| free(&wish.at, new)) {
            Some(new) => Wish { at: new.clone(), name: wish.name.clone() },
            None => wish.clone(),
        })
        .collect();
    let unique = renamed.iter().map(|wish| &wish.at).collect::<BTreeSet<_>>().len() == renamed.len();
    if renamed != wishes && unique {
        (reads, refused) = crate::import::read(&renamed, &live, cloud, context).await.map_err(Failure::clouds)?;
    }
    for one in &reads {
        if let Some(mark) = one.mark.as_ref().filter(|mark| mark.stack != context.stack) {
            let why =
                format!("it belongs to the stack `{}`, as `{}`: an object has one owner", mark.stack, mark.address);
            refused.push(Refused { wish: Wish { at: one.at.clone(), name: one.id.name.clone() }, why });
        }
    }
    let is_asked = |one: &Refused| asked.iter().any(|wish| wish.at == one.wish.at);
    let (fatal, left): (Vec<_>, Vec<_>) = refused.into_iter().partition(is_asked);
    refuse(fatal)?;
    let gone: BTreeSet<Address> = left.iter().map(|one| one.wish.at.clone()).collect();
    for Refused { wish, why } in &left {
        out.warning(&clean(&format!("{} {} is left out: {why}", wish.at.kind().replace('_', " "), wish.name)));
    }
    reads.retain(|one| !gone.contains(&one.at));
    if reads.is_empty() {
        return Err(Failure::new(Exit::Error, "nothing that was found can be imported"));
    }
    Ok((reads, live))
}

fn place(at: &Address) -> (String, String) {
    (at.kind().to_owned(), at.label().to_owned())
}

/// What is wrong with a wish before anything is read.
fn unfit(wish: &Wish, all: &[Wish], taken: &BTreeSet<(String, String)>) -> Option<Refused> {
    let why = if by_name(wish.at.kind()).is_none() {
        format!("there is no kind `{}`", wish.at.kind())
    } else if wish.at.key().is_some() || !wish.at.module().is_root() || wish.at.is_data() {
        "an imported entry has no `for_each` and stands in no module, so its address is `kind.label`".to_owned()
    } else if taken.contains(&place(&wish.at)) {
        "the spec has an entry of this address already".to_owned()
    } else if all.iter().filter(|other| other.at == wish.at).count() > 1 {
        "this address is given more than once".to_owned()
    } else {
        return None;
    };
    Some(Refused { wish: wish.clone(), why })
}

fn refuse(all: Vec<Refused>) -> Result<(), Failure> {
    if all.is_empty() {
        return Ok(());
    }
    let message = |Refused { wish, why }: Refused| Message {
        text: clean(&format!("cannot import {} as {}: {why}", wish.name, wish.at)),
        hints: Vec::new(),
    };
    Err(Failure { exit: Exit::Error, messages: all.into_iter().map(message).collect(), rendered: String::new() })
}

/// What `--integration` and `--schema` lead to and no entry declares yet.
async fn leads(
    args: &ImportArgs,
    state: &terraform::Found,
    live: &Live,
    opened: &Opened,
) -> Result<BTreeSet<Lead>, Failure> {
    let (cloud, context) = (&opened.cloud, &opened.context);
    let mut all: BTreeSet<Lead> = BTreeSet::new();
    for schema in &args.schema {
        all.extend(follow::in_schema(schema, cloud.snowflake()?).await?);
        if args.with_database {
            all.insert(Lead::new("database", schema.database.written()));
        }
    }
    for integration in &args.integration {
        all.insert(Lead::new("storage_integration", integration.written()));
        all.extend(follow::in_snowflake(integration, cloud.snowflake()?).await?);
    }
    // In AWS one object leads to the next: integration, role, policy; integration, bucket, key.
    let mut new = if args.integration.is_empty() { BTreeSet::new() } else { all.clone() };
    while !new.is_empty() {
        let wishes = follow::addressed(new, &BTreeSet::new());
        let (reads, _) = crate::import::read(&wishes, live, cloud, context).await.map_err(Failure::clouds)?;
        let next = follow::in_aws(&reads, cloud.aws()?, context).await?;
        new = next.difference(&all).cloned().collect();
        all.extend(new.iter().cloned());
    }
    all.extend(state.leads.iter().cloned());
    let declared: BTreeSet<_> = live.batches.iter().flat_map(|batch| batch.ids(context)).map(|(_, id)| id).collect();
    let is_declared = |lead: &Lead| {
        let wishes = follow::addressed([lead.clone()], &BTreeSet::new());
        wishes.iter().any(|wish| crate::import::id(wish, context).is_some_and(|id| declared.contains(&id)))
    };
    all.retain(|lead| !is_declared(lead));
    Ok(all)
}

/// Writes the entries, if they can be loaded and planned beside the spec, and says what an apply would do.
async fn finish(
    args: &ImportArgs,
    target: &Path,
    opened: &Opened,
    reads: &[Read],
    live: &Live,
    out: &Out,
) -> Result<Exit, Failure> {
    let context = &opened.context;
    let beside: Vec<Known> =
        live.batches.iter().flat_map(|batch| crate::import::known(batch.as_ref(), context)).collect();
    let aws = opened.cloud.aws.is_some();
    let settings = args
        .stack
        .as_ref()
        .map(|stack| Settings { stack: stack.clone(), region: aws.then(|| context.region.to_string()) });
    let text = crate::import::write(reads, &beside, settings.as_ref());
    let whole = self::model(args, target, text.clone(), out)?;
    // What else the spec declares and nobody has marked yet is not the question here.
    let scope = ScopeArgs { adopt: vec!["*".to_owned()], ..ScopeArgs::default() };
    let plan = plan::make(&whole, opened, &scope, Mode::Apply, &[]).await?;
    let fresh = !target.exists();
    match &args.out {
        None => out.reveal(&text),
        Some(file) => write(file, &text)
            .map_err(|error| Failure::new(Exit::Error, format!("cannot write {}: {error}", file.display())))?,
    }
    tell(args, plan, reads, fresh, out);
    Ok(Exit::Success)
}

/// Writes a file as a whole or not at all.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let beside = file.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, file));
    if written.is_err() {
        drop(std::fs::remove_file(&beside));
    }
    written
}

/// Says what was read, and what an apply would change of it.
fn tell(args: &ImportArgs, mut plan: Plan, reads: &[Read], fresh: bool, out: &Out) {
    let imported: BTreeSet<&Address> = reads.iter().map(|one| &one.at).collect();
    plan.resources.retain(|resource| imported.contains(&resource.address));
    let only_mark = |resource: &crate::plan::ResourceChange| {
        resource.action == Action::Adopt && resource.changes.iter().all(|change| change.field == "mark")
    };
    let adopted = plan.resources.iter().filter(|resource| only_mark(resource)).count();
    plan.resources.retain(|resource| !only_mark(resource));
    let objects = if reads.len() == 1 { "1 object".to_owned() } else { format!("{} objects", reads.len()) };
    let place = args.out.as_ref().map_or_else(|| "written".to_owned(), |file| format!("written to {}", file.display()));
    out.status(&format!("{objects} {place}."));
    if adopted > 0 {
        out.status(&format!("An apply adopts {adopted}: it marks them as this stack's and leaves them as they are."));
    }
    if plan.resources.is_empty() {
        out.status("It changes nothing else of what was imported.");
    } else {
        plan.steps.clear();
        plan.notes.clear();
        plan.denials.clear();
        let different = plan.resources.len();
        out.warning(&format!(
            "an apply would also change {different} of them, where an entry cannot say what is there:"
        ));
        let text = crate::view::plan::text(&plan, crate::view::plan::Detail { operations: false }, out.message_style());
        out.status(text.trim_end());
    }
    if let (None, Some(file), true) = (&args.stack, &args.out, fresh) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        out.status(&format!("Now add `include = [\"{name}\"]` to the beginning of the spec."));
    }
}

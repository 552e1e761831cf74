//! `snowssi output`: the values the spec exports, as they are now.

use super::args::OutputArgs;
use super::failure::{Exit, Failure};
use super::out::Out;
use super::{load, open};
use crate::model::{Fact, Facts};
use crate::observe;
use crate::view::escape::clean;

/// Reads what is live and prints the outputs.
pub(super) async fn run(args: &OutputArgs, out: &Out) -> Result<Exit, Failure> {
    let model = load::model(&args.spec, out)?;
    if let Some(name) = args.name.as_ref().filter(|name| !model.outputs.iter().any(|output| output.name == **name)) {
        let names: Vec<&str> = model.outputs.iter().map(|output| output.name.as_str()).collect();
        let text = format!("the spec has no output `{name}`");
        return Err(Failure::new(Exit::Error, text).hint(format!("it has: {}", names.join(", "))));
    }
    let facts = if model.outputs.iter().all(|output| output.value.as_known().is_some()) {
        Facts::default()
    } else {
        let opened = open::open(&model, &args.cloud, out).await?;
        let facts = facts(&model, &opened).await?;
        opened.close().await;
        facts
    };
    let mut shown = serde_json::Map::new();
    for output in &model.outputs {
        let value = output.value.resolve(&facts);
        if args.name.as_ref().is_some_and(|name| *name != output.name) {
            continue;
        }
        match (&args.name, args.json) {
            (_, true) => drop(shown.insert(output.name.clone(), serde_json::json!(value.as_known()))),
            (Some(_), false) => {
                let Some(text) = value.as_known() else {
                    let text = format!("`{}` is not known yet: what tells it does not exist", output.name);
                    return Err(Failure::new(Exit::Error, text).hint("apply first"));
                };
                out.reveal(&format!("{}\n", clean(text)));
            }
            (None, false) if output.sensitive => out.result(&format!("{} = (sensitive)\n", output.name)),
            (None, false) => out.result(&format!("{} = {}\n", output.name, clean(&value.to_string()))),
        }
    }
    if args.json {
        out.reveal(&format!("{:#}\n", serde_json::Value::Object(shown)));
    }
    Ok(Exit::Success)
}

async fn facts(model: &crate::spec::Model, opened: &open::Opened) -> Result<Facts, Failure> {
    let live = observe::observe(&model.batches, &opened.cloud, &opened.context).await.map_err(Failure::clouds)?;
    let lookups = observe::look_up(&model.lookups, &opened.cloud, &opened.context).await.map_err(Failure::clouds)?;
    let mut facts = Facts::default();
    crate::plan::learn(&lookups, &opened.context, &mut facts);
    for batch in &live.batches {
        for (at, name, value) in batch.known(&opened.context).into_iter().chain(batch.facts()) {
            facts.learn(Fact::new(&at, name), value);
        }
    }
    Ok(facts)
}

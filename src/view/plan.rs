//! A plan as text, with Terraform's symbols and last line.

use similar::{ChangeTag, TextDiff};

use super::escape::{clean, line};
use super::{Label, Style};
use crate::apply::describe;
use crate::model::{Act, Action, Address, Call, Change, Effect, Mark, Shown};
use crate::plan::{Plan, ResourceChange, Step};

/// How much to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Also every statement and call, in order.
    pub operations: bool,
}

/// The whole plan. The last line is the count.
pub fn text(plan: &Plan, detail: Detail, style: Style) -> String {
    let mut out = String::new();
    for resource in &plan.resources {
        out.push_str(&one(resource, style));
        out.push('\n');
    }
    let follow_ups = follow_ups(&plan.steps);
    if !follow_ups.is_empty() {
        out.push_str(&style.paint(Label::Heading, "Then:"));
        out.push('\n');
        follow_ups.iter().for_each(|text| out.push_str(&format!("  {}\n", line(text))));
        out.push('\n');
    }
    if detail.operations && !plan.steps.is_empty() {
        out.push_str(&operations(&plan.steps, style));
    }
    for note in &plan.notes {
        out.push_str(&format!("{} {}\n", style.paint(Label::Change, "Note:"), line(note)));
    }
    for denial in &plan.denials {
        out.push_str(&format!("{} {}\n", style.paint(Label::Danger, "Denied:"), line(&denial.reason)));
    }
    out.push_str(&style.paint(Label::Heading, &counts(plan)));
    out.push('\n');
    out
}

/// `Plan: A to add, C to change, D to destroy.` or `No changes.`
pub fn counts(plan: &Plan) -> String {
    if plan.is_empty() {
        return "No changes.".to_owned();
    }
    let counts = plan.counts();
    let adopt = if counts.adopt > 0 { format!("{} to adopt, ", counts.adopt) } else { String::new() };
    let forget = if counts.forget > 0 { format!("{} to forget, ", counts.forget) } else { String::new() };
    format!("Plan: {adopt}{forget}{} to add, {} to change, {} to destroy.", counts.add, counts.change, counts.destroy)
}

fn one(resource: &ResourceChange, style: Style) -> String {
    let ResourceChange { address, id, action, changes, reason, breaks } = resource;
    let (symbol, label, verb) = match action {
        Action::Keep => (" ", Label::Quiet, "will be kept"),
        Action::Create => ("+", Label::Add, "will be created"),
        Action::Update => ("~", Label::Change, "will be changed in place"),
        Action::Adopt => ("~", Label::Change, "will be adopted: it exists and carries no mark"),
        Action::Replace => ("-/+", Label::Danger, "must be replaced"),
        Action::Delete => ("-", Label::Danger, "will be destroyed"),
        Action::Forget => (".", Label::Change, "will be forgotten: it stays as it is, and belongs to no stack"),
    };
    let because = reason.as_ref().map(|why| format!(": {}", line(why))).unwrap_or_default();
    let heading = format!("# {address} {verb}{because}");
    let mut out = format!("  {}\n", style.paint(Label::Heading, &heading));
    out.push_str(&format!("{:>3} {}\n", style.paint(label, &format!("{symbol:>3}")), line(&id.to_string())));
    let name = id.to_string();
    let shown: Vec<&Change> = changes.iter().filter(|change| worth_showing(*action, &name, change)).collect();
    for change in
        changes.iter().filter(|change| change.field == "mark" && !matches!(action, Action::Create | Action::Forget))
    {
        out.push_str(&owner(change, address, style));
    }
    let changes = shown;
    let width = changes.iter().map(|change| change.field.chars().count()).max().unwrap_or_default();
    for change in changes {
        out.push_str(&field(change, width, *action, style));
    }
    for what in breaks {
        out.push_str(&format!("      {} {}\n", style.paint(Label::Danger, "!"), line(what)));
    }
    out
}

/// A destroyed object is told by its name, a new one by everything that is set: defaults are shown because they are what is created, and
/// the secure ones are what a reviewer looks for. What the line above says already (name, schema, alias) is not repeated. The mark has a
/// line of its own.
fn worth_showing(action: Action, name: &str, change: &Change) -> bool {
    let told = || {
        let is_name = matches!(change.field.as_str(), "name" | "schema" | "database" | "alias" | "path");
        is_name && matches!(&change.after, Some(Shown::Text(value)) if name.contains(&value.to_string()))
    };
    match action {
        Action::Delete | Action::Forget => false,
        Action::Create => change.field != "mark" && !told(),
        Action::Keep | Action::Update | Action::Adopt | Action::Replace => change.field != "mark",
    }
}

/// What a changed mark means: whose the object was, and what of that changes.
fn owner(change: &Change, address: &Address, style: Style) -> String {
    let mark = |shown: &Option<Shown>| match shown {
        Some(Shown::Text(value)) => Mark::split(&value.to_string()).1,
        _ => None,
    };
    let text = match (mark(&change.before), mark(&change.after)) {
        (None, Some(after)) => format!("takes it over for the stack `{}`", after.stack),
        (Some(before), Some(after)) => {
            let mut parts = Vec::new();
            if before.address != after.address {
                parts.push(format!("renamed in the spec: {} is now {address}", before.address));
            }
            if before.protect != after.protect {
                let protect = if after.protect { "becomes protected" } else { "is not protected any more" };
                parts.push(protect.to_owned());
            }
            parts.join("; ")
        }
        (_, None) => "its mark changes".to_owned(),
    };
    format!("      {} {}\n", style.paint(Label::Change, "~"), line(&text))
}

fn field(change: &Change, width: usize, action: Action, style: Style) -> String {
    let Change { field, before, after, effect } = change;
    let forces = *effect == Effect::Replaces && action == Action::Replace;
    let forces = match effect {
        _ if forces => style.paint(Label::Danger, "  # forces replacement"),
        Effect::LosesData => style.paint(Label::Danger, "  # loses data"),
        Effect::InPlace | Effect::Replaces => String::new(),
    };
    let (symbol, label) = match (before, after) {
        (None, _) => ("+", Label::Add),
        (_, None) => ("-", Label::Danger),
        (Some(_), Some(_)) => ("~", Label::Change),
    };
    let head = format!("      {} {field:<width$} =", style.paint(label, symbol));
    if let (Some(Shown::Lines(_)), _) | (_, Some(Shown::Lines(_))) = (before, after) {
        return format!("{head}{forces}\n{}", lines(before.as_ref(), after.as_ref(), style));
    }
    match (before, after) {
        (Some(Shown::List(before)), Some(Shown::List(after))) => {
            let gone = before.iter().filter(|value| !after.contains(value)).map(|value| ('-', Label::Danger, value));
            let new = after.iter().filter(|value| !before.contains(value)).map(|value| ('+', Label::Add, value));
            let rows: String = gone
                .chain(new)
                .map(|(symbol, label, value)| {
                    style.paint(label, &format!("          {symbol} {}", quoted(&value.to_string(), value))) + "\n"
                })
                .collect();
            let rows = if rows.is_empty() { "          (another order)\n".to_owned() } else { rows };
            format!("{head} [{forces}\n{rows}        ]\n")
        }
        (None, Some(value @ Shown::List(values))) if values.len() > 1 || value_text(value).chars().count() > 60 => {
            let rows: String = values
                .iter()
                .map(|value| {
                    style.paint(Label::Add, &format!("          + {}", quoted(&value.to_string(), value))) + "\n"
                })
                .collect();
            format!("{head} [{forces}\n{rows}        ]\n")
        }
        (None, Some(value)) => format!("{head} {}{forces}\n", value_text(value)),
        (Some(value), None) => format!("{head} {} -> (unset){forces}\n", value_text(value)),
        (Some(before), Some(after)) => format!("{head} {} -> {}{forces}\n", value_text(before), value_text(after)),
        (None, None) => String::new(),
    }
}

/// Longer texts: the whole text where one side is missing, else a line diff with some context.
fn lines(before: Option<&Shown>, after: Option<&Shown>, style: Style) -> String {
    let text = |shown: Option<&Shown>| match shown {
        Some(Shown::Lines(value)) => clean(&value.to_string()),
        Some(other) => value_text(other),
        None => String::new(),
    };
    let (before, after) = (text(before), text(after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut out = String::new();
    for (index, group) in diff.grouped_ops(3).iter().enumerate() {
        if index > 0 {
            out.push_str("            ...\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (symbol, label) = match change.tag() {
                ChangeTag::Delete => ('-', Label::Danger),
                ChangeTag::Insert => ('+', Label::Add),
                ChangeTag::Equal => (' ', Label::Quiet),
            };
            let row = format!("          {symbol} {}", change.value().trim_end_matches('\n'));
            out.push_str(&style.paint(label, row.trim_end()));
            out.push('\n');
        }
    }
    out
}

fn value_text(value: &Shown) -> String {
    match value {
        Shown::Text(value) | Shown::Lines(value) => quoted(&value.to_string(), value),
        Shown::Bool(value) => value.to_string(),
        Shown::Int(value) => value.to_string(),
        Shown::Sensitive => "(sensitive)".to_owned(),
        Shown::List(values) => {
            let values: Vec<String> = values.iter().map(|value| quoted(&value.to_string(), value)).collect();
            format!("[{}]", values.join(", "))
        }
    }
}

fn quoted(text: &str, value: &crate::model::Val) -> String {
    let wholly_unknown = value.as_known().is_none() && value.pieces().len() == 1;
    // A Snowflake name brings its own quotes.
    let is_name = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    if wholly_unknown || is_name { line(text) } else { format!("\"{}\"", line(text)) }
}

/// What runs besides creating, changing and destroying objects: the handshakes. In a sentence each; every statement and call is with
/// `--show-operations`.
fn follow_ups(steps: &[Step]) -> Vec<String> {
    let named = steps.iter().filter(|step| step.serves.iter().all(|(_, part)| !part.is_empty() && part != "removal"));
    named
        .map(|step| {
            format!("{}: {}", served(step), step.ops.iter().map(|op| purpose(&op.act)).collect::<Vec<_>>().join("; "))
        })
        .collect()
}

fn purpose(act: &Act) -> String {
    match act {
        Act::Aws(call @ Call::MergeBucketNotification { .. }) => {
            format!("merge the stack's entries into the bucket's notifications ({})", call.operation())
        }
        Act::Sql(_) | Act::Aws(_) | Act::Wait(_) => describe(act),
    }
}

/// The addresses a step serves.
pub fn served(step: &Step) -> String {
    let name = |(address, part): &(Address, String)| {
        if part.is_empty() { address.to_string() } else { format!("{address} ({part})") }
    };
    step.serves.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn operations(steps: &[Step], style: Style) -> String {
    let mut out = style.paint(Label::Heading, "Operations:") + "\n";
    for (index, step) in steps.iter().enumerate() {
        let after: Vec<String> = step.after.iter().map(|first| (first + 1).to_string()).collect();
        let after = if after.is_empty() { String::new() } else { format!(" (after {})", after.join(", ")) };
        out.push_str(&format!("  {}. {}{after}\n", index + 1, served(step)));
        for op in &step.ops {
            let text = match &op.act {
                Act::Sql(text) => text.to_string(),
                Act::Aws(call) => call_text(call),
                Act::Wait(_) => describe(&op.act),
            };
            for (row, text) in clean(&text).lines().enumerate() {
                out.push_str(if row == 0 { "     " } else { "       " });
                out.push_str(&style.paint(Label::Quiet, text));
                out.push('\n');
            }
        }
    }
    out.push('\n');
    out
}

/// A call with its arguments, as JSON.
fn call_text(call: &crate::model::Call) -> String {
    format!("{} {}", call.operation(), call.shown())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, LiveId, Val};

    fn plan(resource: ResourceChange) -> Plan {
        Plan {
            resources: vec![resource],
            steps: vec![],
            denials: vec![],
            notes: vec![],
            facts: crate::model::Facts::default(),
        }
    }

    fn change(field: &str, before: Option<Shown>, after: Option<Shown>) -> Change {
        Change { field: field.into(), before, after, effect: Effect::InPlace }
    }

    #[test]
    fn shows_symbols_unknowns_diffs_and_the_count() {
        let address: crate::model::Address = "stage.in".parse().unwrap();
        let fact = Val::later(Fact::new(&address, "arn"));
        let lines = |text: &str| Some(Shown::Lines(text.into()));
        let resource = ResourceChange {
            address: address.clone(),
            id: LiveId::new("stage", "\"A\u{1b}\""),
            action: Action::Update,
            changes: vec![
                change("url", Some("s3://a/".into()), Some("s3://b/".into())),
                change("key", None, Some(fact.into())),
                change("as", lines("a\nb\n"), lines("a\nc\n")),
            ],
            reason: None,
            breaks: vec![],
        };
        let text = text(&plan(resource), Detail { operations: false }, Style::Plain);
        let want = "  # stage.in will be changed in place\n  ~ stage \"A\\u{1b}\"\n      ~ url = \"s3://a/\" -> \"s3://b/\"\n      \
                    + key = (known after apply)\n      ~ as  =\n            a\n          - b\n          + c\n\n\
                    Plan: 0 to add, 1 to change, 0 to destroy.\n";
        assert_eq!(text, want);
    }

    fn created(action: Action, changes: Vec<Change>) -> String {
        let address: Address = "task.new".parse().unwrap();
        let id = LiveId::new("task", "\"DB\".\"S\".\"T\"");
        one(&ResourceChange { address, id, action, changes, reason: None, breaks: vec![] }, Style::Plain)
    }

    #[test]
    fn a_new_object_is_named_once() {
        let text = created(
            Action::Create,
            vec![
                change("schema", None, Some("\"DB\".\"S\"".into())),
                change("name", None, Some("\"T\"".into())),
                change("warehouse", None, Some("\"T\"".into())),
                change("mark", None, Some("[snowssi:a/task.new]".into())),
                change("after", None, Some(Shown::List(vec!["b".into(), "c".into()]))),
            ],
        );
        let want = "  # task.new will be created\n  + task \"DB\".\"S\".\"T\"\n      + warehouse = \"T\"\n      + after     = [\n          \
                    + \"b\"\n          + \"c\"\n        ]\n";
        assert_eq!(text, want);
    }

    #[test]
    fn a_changed_mark_says_what_it_means() {
        let mark = |text: &str| Some(Shown::from(text));
        let adopted = created(Action::Adopt, vec![change("mark", None, mark("[snowssi:a/task.new protected]"))]);
        assert!(adopted.ends_with("      ~ takes it over for the stack `a`\n"), "{adopted}");
        let moved = vec![change("mark", mark("[snowssi:a/task.old]"), mark("[snowssi:a/task.new protected]"))];
        let moved = created(Action::Update, moved);
        assert!(moved.ends_with("~ renamed in the spec: task.old is now task.new; becomes protected\n"), "{moved}");
    }
}

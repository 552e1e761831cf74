//! `snowssi explain`: the reference in the terminal.

use super::failure::{Exit, Failure};
use super::out::Out;
use crate::kind::reference::{Row, cloud, known, prose, rows};
use crate::kind::{self, AnyKind};
use crate::view::Label;

/// The widest line of a text.
const WIDTH: usize = 100;

/// Explains a kind, or one of its fields with what is inside of it; without a name lists the kinds.
pub(super) fn run(what: Option<&str>, out: &Out) -> Result<Exit, Failure> {
    let Some(what) = what else {
        let widest = kind::all().iter().map(|kind| kind.name().len()).max().unwrap_or_default();
        for kind in kind::all() {
            out.result(&format!("{:widest$}  {}\n", kind.name(), prose(kind.about())));
        }
        return Ok(Exit::Success);
    };
    let (name, field) = what.split_once('.').map_or((what, None), |(name, field)| (name, Some(field)));
    let Some(kind) = kind::by_name(name) else {
        let failure = Failure::new(Exit::Error, format!("there is no kind `{name}`"));
        return Err(hint(failure, name, kind::all().iter().map(|kind| kind.name())));
    };
    match field {
        None => whole(kind, out),
        Some(field) => {
            let all = rows(kind);
            let inside = |row: &&Row| {
                bare(&row.name).strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let found: Vec<&Row> = all.iter().filter(inside).collect();
            if found.is_empty() {
                let failure = Failure::new(Exit::Error, format!("`{name}` has no field `{field}`"));
                let names: Vec<String> = all.iter().map(|row| bare(&row.name)).collect();
                return Err(hint(failure, field, names.iter().map(String::as_str)));
            }
            found.into_iter().for_each(|row| one(row, out));
        }
    }
    Ok(Exit::Success)
}

/// A field's name without the signs of lists.
fn bare(name: &str) -> String {
    name.replace("[]", "")
}

fn whole(kind: &dyn AnyKind, out: &Out) {
    let heading = |text: &str| out.style().paint(Label::Heading, text);
    out.result(&format!("{} ({})\n\n{}\n", heading(kind.name()), cloud(kind), wrapped(&prose(kind.about()), "  ")));
    if kind.protected() {
        out.result("  Protected unless the entry says `protect = false`.\n");
    }
    out.result(&format!("\n{}\n\n", heading("Example")));
    kind.example().trim().lines().for_each(|line| out.result(&format!("  {line}\n").replace("  \n", "\n")));
    out.result(&format!("\n{}\n\n", heading("Fields")));
    rows(kind).iter().for_each(|row| one(row, out));
    if !kind.attributes().is_empty() {
        out.result(&format!("\n{}\n\n", heading("Attributes")));
    }
    for attribute in kind.attributes() {
        let text = format!(
            "{} Known {}.",
            prose(attribute.about).trim_end_matches('.').to_owned() + ".",
            known(attribute.from)
        );
        out.result(&format!("  {}.LABEL.{}\n{}\n", kind.name(), attribute.name, wrapped(&text, "      ")));
    }
}

fn one(row: &Row, out: &Out) {
    let Row { name, of, required, about } = row;
    let must = if *required { ", required" } else { "" };
    out.result(&format!(
        "  {}  {}{must}\n{}\n",
        out.style().paint(Label::Add, name),
        of.replace('`', ""),
        wrapped(about, "      ")
    ));
}

/// A text in lines that are not too long.
fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines
            .last_mut()
            .filter(|line| line.is_empty() || line.chars().count() + word.chars().count() < WIDTH - indent.len());
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n")
}

/// The nearest name there is.
fn hint<'a>(failure: Failure, given: &str, names: impl Iterator<Item = &'a str>) -> Failure {
    match names.min_by_key(|name| strsim::damerau_levenshtein(name, given)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure,
    }
}

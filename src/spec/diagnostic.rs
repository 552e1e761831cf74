//! What is wrong with a spec, and where.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::json;

use super::source::{Location, Sources, floor};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be planned.
    Error,
    /// Worth knowing.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name of the sort of finding, such as `unknown-key`.
    pub code: &'static str,
    /// One clause: what is wrong.
    pub summary: String,
    /// What stands at the marked place; may be empty.
    pub detail: String,
    /// The place.
    pub primary: Location,
    /// Other places that belong to it, each with what it is.
    pub related: Vec<(Location, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, primary: Location, summary: impl Into<String>) -> Self {
        let summary = summary.into();
        Self {
            severity: Severity::Error,
            code,
            summary,
            detail: String::new(),
            primary,
            related: Vec::new(),
            help: None,
        }
    }

    /// Adds what stands at the marked place.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do, if there is something.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn related(mut self, at: Location, what: impl Into<String>) -> Self {
        self.related.push((at, what.into()));
        self
    }
}

/// All findings of a run, in the order of their places, each once. Holds the texts they point into.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    sources: Sources,
}

/// How many findings are shown; the others are counted.
const SHOWN: usize = 20;
/// Longer source lines are not printed, only their place.
const LONGEST_LINE: usize = 400;
/// Of a longer marked range only the first lines are printed.
const MOST_LINES: usize = 6;

impl Diagnostics {
    /// Sorts, drops repetitions and hides sensitive values.
    pub(super) fn new(list: Vec<Diagnostic>, sources: Sources) -> Self {
        let mut list: Vec<Diagnostic> = list
            .into_iter()
            .map(|mut one| {
                one.summary = sources.redact(&one.summary);
                one.detail = sources.redact(&one.detail);
                one.related.iter_mut().for_each(|(_, what)| *what = sources.redact(what));
                one.help = one.help.map(|help| sources.redact(&help));
                one
            })
            .collect();
        list.sort_by(|a, b| {
            (a.primary, a.severity, a.code, &a.summary).cmp(&(b.primary, b.severity, b.code, &b.summary))
        });
        list.dedup_by(|a, b| a.primary == b.primary && a.summary == b.summary);
        Self { list, sources }
    }

    /// The findings, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|one| one.severity == Severity::Error)
    }

    /// The texts the findings point into.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// For people: each finding with its place, the source line, the marked range and what to do.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for one in self.list.iter().take(SHOWN) {
            out.push_str(renderer.render(&[self.group(one)]).trim_end());
            out.push_str("\n\n");
        }
        if let Some(more @ 1..) = self.list.len().checked_sub(SHOWN) {
            let _ = writeln!(out, "and {more} more");
        }
        out
    }

    fn group(&self, one: &Diagnostic) -> Group<'static> {
        let level = match one.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(one.summary.clone()).id(one.code);
        let mut group = self.place(Group::with_title(title), one.primary, &one.detail, true);
        for (at, what) in &one.related {
            group = self.place(group, *at, what, false);
        }
        match &one.help {
            Some(help) => group.element(Level::HELP.message(help.clone())),
            None => group,
        }
    }

    fn place(&self, group: Group<'static>, at: Location, label: &str, primary: bool) -> Group<'static> {
        let path = self.sources.path(at.file).display().to_string();
        let (line, column) = self.sources.line_column(at);
        let text = self.sources.shown(at.file);
        let (start, end) = (floor(&text, at.start), floor(&text, at.end).max(floor(&text, at.start)));
        let first = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let mut last = text[first..].match_indices('\n').map(|(at, _)| first + at);
        let last = last.find(|at| *at + 1 >= end.max(start + 1)).unwrap_or(text.len()).max(start);
        let excerpt: Vec<&str> = text[first..last].split('\n').take(MOST_LINES).collect();
        if excerpt.iter().any(|line| line.len() > LONGEST_LINE) || text.is_empty() {
            return group.element(Origin::path(path).line(line).char_column(column));
        }
        let excerpt = excerpt.join("\n");
        let span = start - first..(end - first).min(excerpt.len()).max(start - first);
        let kind = if primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(span).label((!label.is_empty()).then(|| label.to_owned()));
        group.element(Snippet::source(excerpt).path(path).line_start(line).annotation(annotation))
    }

    /// For machines: an array of objects.
    pub fn to_json(&self) -> serde_json::Value {
        let place = |at: Location| {
            let (line, column) = self.sources.line_column(at);
            let (end_line, end_column) = self.sources.line_column(Location { start: at.end, ..at });
            json!({
                "file": self.sources.path(at.file).display().to_string(),
                "line": line, "column": column, "end_line": end_line, "end_column": end_column,
            })
        };
        let one = |one: &Diagnostic| {
            json!({
                "severity": match one.severity { Severity::Error => "error", Severity::Warning => "warning" },
                "code": one.code,
                "summary": one.summary,
                "detail": one.detail,
                "at": place(one.primary),
                "related": one.related.iter().map(|(at, what)| json!({ "at": place(*at), "what": what })).collect::<Vec<_>>(),
                "help": one.help,
            })
        };
        self.list.iter().map(one).collect()
    }
}

/// Without colour, as [`Diagnostics::render`] prints it.
impl std::fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// Findings while they are being made.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) list: Vec<Diagnostic>,
    pub(super) sources: Sources,
}

impl Report {
    /// Adds a finding.
    pub(super) fn add(&mut self, one: Diagnostic) {
        self.list.push(one);
    }
}

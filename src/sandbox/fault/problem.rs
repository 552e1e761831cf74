//! What is wrong with a file of faults, and where.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The marked part of the text, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub summary: String,
    /// What to do.
    pub help: Option<String>,
}

impl Problem {
    pub(super) fn new(span: Range<usize>, summary: impl Into<String>) -> Self {
        Self { span, summary: summary.into(), help: None }
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All mistakes of a file.
#[derive(Clone, Debug)]
pub struct Problems {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) list: Vec<Problem>,
}

impl Problems {
    /// The mistakes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// For people: each mistake with file, line and column, the line, the marked part and what to do.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let render = |problem: &Problem| {
            let end = problem.span.end.min(self.text.len());
            let span = problem.span.start.min(end)..end;
            let marked = AnnotationKind::Primary.span(span);
            let snippet = Snippet::source(self.text.as_str()).path(self.path.as_str()).annotation(marked);
            let mut group = Level::ERROR.primary_title(problem.summary.as_str()).id("fault").element(snippet);
            if let Some(help) = &problem.help {
                group = group.element(Level::HELP.message(help.as_str()));
            }
            renderer.render(&[group]).trim_end().to_owned() + "\n\n"
        };
        self.list.iter().map(render).collect()
    }
}

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

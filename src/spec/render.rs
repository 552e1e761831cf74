//! One template to one value, or to one finding at the place in the template that is to blame.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use super::diagnostic::Diagnostic;
use super::scope::{Run, Scope, Trace};
use super::source::Location;
use super::template::{self, Pass};
use super::world::{Frame, Poisoned, World, plain_words};
use super::{suggest, text};
use crate::model::val::token;

/// Why there is no value.
enum Failure {
    /// Something it needs has failed, which is reported already.
    Poisoned,
    /// This.
    Found {
        problem: Box<Diagnostic>,
        /// Whether it looked at a value that is known only after apply before it failed.
        later: bool,
    },
}

impl World {
    /// Renders a template. A text that is exactly one expression keeps the expression's type.
    ///
    /// If the template looks at values that are known only after apply, it is rendered a second time with an ordinary text in their
    /// place. A template that only places them gives the same with either; any other is refused, for its outcome would be wrong.
    pub(super) fn render(self: &Arc<Self>, text: &str, at: Location, frame: &Frame) -> Result<Json, Poisoned> {
        let (value, later) = match self.run(text, at, frame, Pass::Tokens) {
            Ok(done) => done,
            Err(Failure::Poisoned) => return Err(Poisoned),
            Err(Failure::Found { problem, later }) => {
                let transformed = later && self.run(text, at, frame, Pass::Probe).is_ok();
                let known = || Diagnostic::error("known-after-apply", problem.primary, token::Broken.to_string());
                self.add(if transformed { known() } else { *problem });
                return Err(Poisoned);
            }
        };
        if !later {
            return Ok(value);
        }
        let only_placed = every_text(&value, &|text| token::split(text).is_ok())
            && self.run(text, at, frame, Pass::Probe).is_ok_and(|(probe, _)| probe == template::probed_json(&value));
        if only_placed {
            return Ok(value);
        }
        self.add(Diagnostic::error("known-after-apply", at, token::Broken.to_string()));
        Err(Poisoned)
    }

    /// Runs a template once; also tells whether it looked at a value that is known only after apply.
    fn run(self: &Arc<Self>, text: &str, at: Location, frame: &Frame, pass: Pass) -> Result<(Json, bool), Failure> {
        let run = Run::new(self.clone(), frame.clone(), at, pass);
        let root = minijinja::Value::from_object(Scope::root(run.clone()));
        let sole = template::sole_expression(text).and_then(|(start, inner)| {
            let expression = self.engine.compile_expression_owned(inner.to_owned()).ok()?;
            Some((start, inner, expression))
        });
        let (shift, whole, value) = match sole {
            Some((start, inner, expression)) => {
                let value = expression.eval(root).and_then(|value| template::json_of(&value));
                let before = start + inner.len() - inner.trim_start().len();
                (start, before..before + inner.trim().len(), value)
            }
            None => (0, 0..text.len(), self.engine.render_str(text, root).map(Json::String)),
        };
        let trace = run.trace();
        let later = trace.later;
        if trace.poisoned {
            return Err(Failure::Poisoned);
        }
        let error = match value {
            Ok(value) if trace.fault.is_none() => return Ok((value, later)),
            Ok(_) => None,
            Err(error) => Some(error),
        };
        let range =
            error.as_ref().and_then(minijinja::Error::range).map(|range| range.start + shift..range.end + shift);
        let (code, summary, help, named) = self.blame(error.as_ref(), trace);
        let range = named.and_then(|path| mention(text, &path)).or(range).unwrap_or(whole);
        let place = match range {
            range if range == (0..text.len()) => at,
            range => self.report(|report| text::within(report.sources.text(at.file), at, text, &range)),
        };
        let problem = Box::new(Diagnostic::error(code, place, plain_words(&summary)).maybe_help(help));
        Err(Failure::Found { problem, later })
    }

    /// What went wrong: code, summary, help, and the name that is to blame.
    fn blame(
        &self,
        error: Option<&minijinja::Error>,
        trace: Trace,
    ) -> (&'static str, String, Option<String>, Option<String>) {
        if let Some(fault) = trace.fault {
            return ("unknown-reference", fault.summary, fault.help, Some(fault.path));
        }
        let undefined = error.is_some_and(|error| error.kind() == minijinja::ErrorKind::UndefinedError);
        match (trace.missing, error) {
            (Some(name), Some(_)) if undefined => {
                let help = suggest::help(&name, "name", self.roots());
                ("unknown-reference", format!("there is no `{name}`"), help, Some(name))
            }
            (_, Some(error)) => {
                let (code, summary, help) = template::explain(error);
                (code, summary, help, None)
            }
            (_, None) => ("template", "this template fails".into(), None, None),
        }
    }
}

/// Where a template first speaks of a name, as a whole word.
fn mention(text: &str, path: &str) -> Option<Range<usize>> {
    let from = text.find("{{").into_iter().chain(text.find("{%")).min()?;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let inside = text.get(from..)?;
    let (at, _) = inside.match_indices(path).find(|(at, _)| {
        let before = inside[..*at].chars().next_back();
        let after = inside[*at + path.len()..].chars().next();
        !before.is_some_and(|c| word(c) || c == '.') && !after.is_some_and(word)
    })?;
    Some(from + at..from + at + path.len())
}

fn every_text(json: &Json, holds: &dyn Fn(&str) -> bool) -> bool {
    match json {
        Json::String(text) => holds(text),
        Json::Array(items) => items.iter().all(|item| every_text(item, holds)),
        Json::Object(map) => map.iter().all(|(key, value)| holds(key) && every_text(value, holds)),
        _ => true,
    }
}

//! The only printer. Results go to standard output; progress, warnings and errors to standard error. A closed pipe is no error. What the
//! spec calls sensitive is hidden in all of it.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, OnceLock};

use super::args::ColourChoice;
use crate::spec::Sources;
use crate::view::{Label, Style};

/// Where output goes, and how it looks.
#[derive(Clone, Debug)]
pub struct Out {
    stdout: Style,
    stderr: Style,
    quiet: bool,
    /// Knows what is sensitive, once a spec is loaded.
    hidden: Arc<OnceLock<Sources>>,
}

impl Out {
    /// Decides on colours: `--color`, then `NO_COLOR`, then whether it is a terminal.
    pub fn new(choice: ColourChoice, no_color: bool, quiet: bool) -> Self {
        let style = |terminal: bool| match choice {
            ColourChoice::Always => Style::Colour,
            ColourChoice::Auto if terminal && !no_color => Style::Colour,
            ColourChoice::Auto | ColourChoice::Never => Style::Plain,
        };
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Self { stdout: style(out), stderr: style(err), quiet, hidden: Arc::default() }
    }

    /// From now on hides what these know to be sensitive.
    pub fn hide(&self, sources: &Sources) {
        // A process loads one spec.
        drop(self.hidden.set(sources.clone()));
    }

    fn safe(&self, text: &str) -> String {
        self.hidden.get().map_or_else(|| text.to_owned(), |sources| sources.redact(text))
    }

    /// How results look.
    pub fn style(&self) -> Style {
        self.stdout
    }

    /// How messages look.
    pub fn message_style(&self) -> Style {
        self.stderr
    }

    /// Whether standard error is a terminal.
    pub fn is_interactive(&self) -> bool {
        std::io::stderr().is_terminal() && !self.quiet
    }

    /// Prints a result.
    pub fn result(&self, text: &str) {
        write(&mut std::io::stdout().lock(), &self.safe(text));
    }

    /// Prints a result that was asked for by name, sensitive or not.
    pub fn reveal(&self, text: &str) {
        write(&mut std::io::stdout().lock(), text);
    }

    /// Prints a message that `--quiet` hides.
    pub fn status(&self, text: &str) {
        if !self.quiet {
            write(&mut std::io::stderr().lock(), &format!("{}\n", self.safe(text)));
        }
    }

    /// Prints a warning.
    pub fn warning(&self, text: &str) {
        let label = self.stderr.paint(Label::Change, "Warning:");
        write(&mut std::io::stderr().lock(), &format!("{label} {}\n", self.safe(text)));
    }

    /// Prints an error and what can be done about it.
    pub fn error(&self, text: &str, hints: &[String]) {
        let mut all = format!("{} {text}\n", self.stderr.paint(Label::Danger, "Error:"));
        for hint in hints {
            all.push_str(&format!("  {} {hint}\n", self.stderr.paint(Label::Heading, "hint:")));
        }
        write(&mut std::io::stderr().lock(), &self.safe(&all));
    }

    /// Prints text that is an error message already.
    pub fn problems(&self, text: &str) {
        write(&mut std::io::stderr().lock(), &self.safe(text));
    }
}

/// Writes what can be written: if nobody listens any more there is nobody to tell.
fn write(to: &mut impl Write, text: &str) {
    drop(to.write_all(text.as_bytes()).and_then(|()| to.flush()));
}

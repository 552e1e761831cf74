//! What went wrong, what can be done about it, and the exit code. All errors become a [`Failure`] here and nowhere else.

use crate::cloud::{Class, CloudError};
use crate::plan::Problem;

/// The contract with the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Success.
    Success = 0,
    /// An error before anything was changed.
    Error = 1,
    /// `plan --detailed-exitcode`: there are changes.
    Changes = 2,
    /// An apply stopped part way: something was changed.
    Partial = 3,
    /// A protected object, or a policy.
    Denied = 5,
    /// Applied, but what was read back is not what was wanted.
    Unverified = 7,
    /// Could not authenticate to a cloud, or not reach it.
    Unreachable = 8,
    /// Interrupted before anything was changed.
    Interrupted = 130,
}

/// A failure, ready to be printed.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong; several lines if several things did.
    pub messages: Vec<Message>,
    /// Text that is laid out already (diagnostics with source lines); printed before the messages.
    pub rendered: String,
}

/// One message with its hints.
#[derive(Debug)]
pub struct Message {
    /// What went wrong.
    pub text: String,
    /// What to do.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure with one message.
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, messages: vec![Message { text: text.into(), hints: Vec::new() }], rendered: String::new() }
    }

    /// Adds what to do to the last message.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(last) = self.messages.last_mut() {
            last.hints.push(hint.into());
        }
        self
    }

    /// A failure whose text is laid out already.
    pub fn rendered(exit: Exit, rendered: String) -> Self {
        Self { exit, messages: Vec::new(), rendered }
    }

    /// What clouds refused, all at once.
    pub fn clouds(errors: Vec<CloudError>) -> Self {
        let cannot = |error: &CloudError| matches!(error.class, Class::Authentication | Class::Unreachable);
        let exit = if errors.iter().any(cannot) { Exit::Unreachable } else { Exit::Error };
        let message = |error: CloudError| Message {
            hints: crate::cloud::error::advice(&error).into_iter().collect(),
            text: crate::view::escape::clean(&error.to_string()),
        };
        Self { exit, messages: errors.into_iter().map(message).collect(), rendered: String::new() }
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        Self::clouds(vec![error])
    }
}

/// Why no plan could be made.
impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        let messages = problems.into_iter().map(|problem| Message { hints: hints(&problem), text: describe(&problem) });
        Self { exit: Exit::Error, messages: messages.collect(), rendered: String::new() }
    }
}

fn describe(problem: &Problem) -> String {
    let at = match problem {
        Problem::Unmarked { address, .. }
        | Problem::OtherStack { address, .. }
        | Problem::MovedOnto { address, .. }
        | Problem::NotFound { address, .. }
        | Problem::Hidden { address, .. }
        | Problem::Untold { address, .. } => format!("{address}: "),
        Problem::NoSuchAddress { .. } | Problem::Cycle(_) => String::new(),
    };
    crate::view::escape::clean(&format!("{at}{problem}"))
}

fn hints(problem: &Problem) -> Vec<String> {
    match problem {
        Problem::Unmarked { address, .. } => vec![
            format!("if this stack shall own it, set `adopt = true` in [{address}] or give --adopt={address}"),
            "if it belongs to somebody else, choose another name".to_owned(),
        ],
        Problem::OtherStack { .. } => {
            vec!["take it out of one of the two specs: an object has one owner".to_owned()]
        }
        Problem::NotFound { address, .. } => vec![format!(
            "{address} is only looked up: it must be there already; if this stack shall own it, declare it as [{}.{}]",
            address.kind(),
            address.label()
        )],
        Problem::MovedOnto { from, .. } => vec![
            format!("take the [[moved]] out if both are wanted under names of their own, or to have {from} destroyed"),
            format!("or give {from} up with [[removed]], and it stays without an owner"),
        ],
        Problem::Hidden { .. } => vec![
            "use a role that can see it (one with MANAGE GRANTS sees everything), or grant this role a privilege on it"
                .to_owned(),
            "if you know that it does not exist, set `unseen = \"absent\"` in [snowflake]".to_owned(),
        ],
        Problem::NoSuchAddress { nearest, .. } => {
            nearest.iter().map(|near| format!("did you mean `{near}`?")).collect()
        }
        Problem::Untold { fact, .. } => vec![format!(
            "if {of} was made before what it depends on (an auto-refreshed stage before its bucket), create it anew: --replace {of}",
            of = fact.of
        )],
        Problem::Cycle(_) => vec!["please report this with the spec that shows it".to_owned()],
    }
}

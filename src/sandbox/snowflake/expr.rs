//! Values of arguments that are the same for all rows of a query.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Val {
    Null,
    Text(String),
    Number(f64),
    Bool(bool),
    /// A date or a time, in milliseconds since the epoch.
    Moment(i64),
}

impl Val {
    /// As text, for functions.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Moment(ms) => jiff::Timestamp::from_millisecond(*ms).ok().map(|at| at.to_string()),
        }
    }
}

//! Labels instead of colours: text says what a piece is, this file says how that looks. Everything reads correctly without colour.

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Something comes into being.
    Add,
    /// Something changes.
    Change,
    /// Something goes away, or an error.
    Danger,
    /// A heading.
    Heading,
    /// Something of less weight.
    Quiet,
}

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// No escape codes at all.
    Plain,
    /// ANSI colours.
    Colour,
}

impl Style {
    /// The text with its label.
    pub fn paint(self, label: Label, text: &str) -> String {
        let code = match label {
            Label::Add => "32",
            Label::Change => "33",
            Label::Danger => "31",
            Label::Heading => "1",
            Label::Quiet => "2",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

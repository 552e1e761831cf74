//! JSON whose keys keep the order they are given in, and its layout for people.

use serde::{Serialize, Serializer};

use crate::model::Val;
use crate::model::val::Piece;
use crate::model::val::token;

pub(super) enum Json {
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
    /// A text in which the facts that are not known travel as tokens.
    pub(super) fn val(val: &Val) -> Self {
        Self::Text(with_tokens(val))
    }
}

impl Json {
    /// The layout for people: indented by two spaces, one value a line, but a chain of containers that each hold one value stays on its
    /// line: `"Condition": { "Bool": { "aws:SecureTransport": ["false"] } }`. The form of a value depends on what it holds, never on its
    /// width, so that a line diff shows just what changes.
    pub(super) fn lines(&self) -> serde_json::Result<String> {
        let mut out = String::new();
        self.put(&mut out, 0)?;
        Ok(out)
    }

    fn put(&self, out: &mut String, depth: usize) -> serde_json::Result<()> {
        let (open, close, length) = match self {
            Self::Text(text) => {
                out.push_str(&serde_json::to_string(text)?);
                return Ok(());
            }
            Self::List(items) => ('[', ']', items.len()),
            Self::Map(pairs) => ('{', '}', pairs.len()),
        };
        let one_line = depth > 0 && self.is_chain();
        let pad = if matches!(self, Self::Map(_)) && length > 0 { " " } else { "" };
        out.push(open);
        let entries: Vec<(Option<&str>, &Self)> = match self {
            Self::Text(_) => Vec::new(),
            Self::List(items) => items.iter().map(|item| (None, item)).collect(),
            Self::Map(pairs) => pairs.iter().map(|(key, value)| (Some(key.as_str()), value)).collect(),
        };
        for (index, (key, value)) in entries.into_iter().enumerate() {
            if one_line {
                out.push_str(pad);
            } else {
                let comma = if index > 0 { "," } else { "" };
                out.push_str(&format!("{comma}\n{:1$}", "", 2 * (depth + 1)));
            }
            if let Some(key) = key {
                out.push_str(&format!("{}: ", serde_json::to_string(key)?));
            }
            value.put(out, depth + 1)?;
        }
        if one_line {
            out.push_str(pad);
        } else {
            out.push_str(&format!("\n{:1$}", "", 2 * depth));
        }
        out.push(close);
        Ok(())
    }

    /// Whether it holds nothing, or one value that is a text or a chain itself.
    fn is_chain(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::List(items) => items.len() < 2 && items.iter().all(Self::is_chain),
            Self::Map(pairs) => pairs.len() < 2 && pairs.iter().all(|(_, value)| value.is_chain()),
        }
    }
}

/// A text in which every fact that is not known is a token.
pub(super) fn with_tokens(val: &Val) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Lit(text) => text.clone(),
        Piece::Later(fact) => token::of(fact),
    };
    val.pieces().iter().map(piece).collect()
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(pairs) => serializer.collect_map(pairs.iter().map(|(key, value)| (key, value))),
        }
    }
}

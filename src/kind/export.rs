//! Fields of an entry while a live object is written down as one, for [`super::Kind::export`].

use serde_json::Value as Json;

use super::Fields;

/// Fields in the order in which they are written. What is as it would be anyway is left out.
#[derive(Debug, Default)]
pub(crate) struct Export(Fields);

impl Export {
    /// An entry that begins with the fields that name it.
    pub(crate) fn of(fields: Fields) -> Self {
        Self(fields)
    }

    /// A field that is always there.
    #[must_use]
    pub(crate) fn field(mut self, name: &'static str, value: impl Into<Json>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// A field, if it is set.
    #[must_use]
    pub(crate) fn set(self, name: &'static str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// A field, unless it has its default.
    #[must_use]
    pub(crate) fn unless<T: Into<Json> + PartialEq>(self, default: &T, name: &'static str, value: T) -> Self {
        if value == *default { self } else { self.field(name, value) }
    }

    /// A text, unless it is empty.
    #[must_use]
    pub(crate) fn text(self, name: &'static str, text: &str) -> Self {
        self.set(name, (!text.is_empty()).then_some(text))
    }

    /// A list or table, unless it is empty.
    #[must_use]
    pub(crate) fn filled(self, name: &'static str, value: Json) -> Self {
        let empty =
            value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(serde_json::Map::is_empty);
        self.set(name, (!empty).then_some(value))
    }

    /// More fields.
    #[must_use]
    pub(crate) fn and(mut self, fields: impl IntoIterator<Item = (&'static str, Json)>) -> Self {
        self.0.extend(fields);
        self
    }

    /// All of them.
    pub(crate) fn done(self) -> Fields {
        self.0
    }
}

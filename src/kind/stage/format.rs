//! The format of a stage's files: the name of a file format, or a type and options of its own. Going from one to the other is an
//! `ALTER`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::cloud::Rows;
use crate::kind::file_format::Inline;
use crate::kind::{Field, Problem};
use crate::model::{ObjectName, Text};

/// The format of a stage's files: either `name`, or `type` and the options of a `file_format`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct FileFormat {
    /// The full name of a file format.
    pub name: Option<ObjectName>,
    /// `type` and options, as a `file_format` has them.
    #[serde(flatten)]
    pub options: serde_json::Map<String, serde_json::Value>,
}

impl FileFormat {
    pub(super) fn check(&self) -> Vec<Problem> {
        let under = |problem: Problem| {
            let dot = if problem.field.is_empty() { "" } else { "." };
            Problem { field: format!("file_format{dot}{}", problem.field), ..problem }
        };
        if self.name.is_none() {
            return Inline::read(&self.options).err().into_iter().flatten().map(under).collect();
        }
        let beside = |option: &String| {
            let message = format!("a format that is named has its own `{option}`");
            Problem::new(&format!("file_format.{option}"), message).hint("remove it, or remove `name`")
        };
        self.options.keys().map(beside).collect()
    }
}

/// The canonical format of a stage.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Format {
    Named(ObjectName),
    Inline(Inline),
}

impl Default for Format {
    fn default() -> Self {
        Self::Inline(Inline::default())
    }
}

impl Format {
    /// What the spec says; [`FileFormat::check`] has refused what cannot be read.
    pub(super) fn wanted(spec: Option<&FileFormat>) -> Self {
        match spec {
            Some(FileFormat { name: Some(name), options: _ }) => Self::Named(name.clone()),
            Some(FileFormat { name: None, options }) => Self::Inline(Inline::read(options).unwrap_or_default()),
            None => Self::default(),
        }
    }

    /// What `DESC STAGE` shows: one row with a name, or a row for each option.
    pub(super) fn live(rows: &Rows, want: &Self) -> Result<Self, String> {
        let of_format = rows.iter().filter(|row| {
            row.get("parent_property").is_some_and(|parent| parent.eq_ignore_ascii_case("STAGE_FILE_FORMAT"))
        });
        let pair = |row: crate::cloud::Row<'_>| {
            let name = row.get("property")?.to_ascii_uppercase();
            Some((name, row.get("property_value").unwrap_or_default().to_owned()))
        };
        let shown: BTreeMap<String, String> = of_format.filter_map(pair).collect();
        match (shown.get("FORMAT_NAME").filter(|name| !name.is_empty()), want) {
            // The quotes in the name come with backslashes.
            (Some(name), _) => {
                let parsed = name.replace("\\\"", "\"").parse();
                parsed.map(Self::Named).map_err(|error| format!("its format `{name}` is not a name: {error}"))
            }
            (None, Self::Inline(want)) => Inline::live(&shown, Some(want)).map(Self::Inline),
            (None, Self::Named(_)) => Inline::live(&shown, None).map(Self::Inline),
        }
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn name(&self) -> Option<&ObjectName> {
        match self {
            Self::Named(name) => Some(name),
            Self::Inline(_) => None,
        }
    }

    pub(super) fn fields(&self) -> Vec<Field> {
        match self {
            Self::Named(name) => vec![Field::in_place("file_format.name", Some(name.to_string()))],
            Self::Inline(inline) => inline.fields("file_format"),
        }
    }

    /// `FILE_FORMAT = ( … )`: it replaces the whole format, options that are not named get their defaults.
    pub(super) fn clause(&self) -> Text {
        let inside = match self {
            Self::Named(name) => Text::new("FORMAT_NAME =").literal(name.to_string()),
            Self::Inline(inline) => inline.clauses(),
        };
        Text::new("FILE_FORMAT = (").then(inside).word(")")
    }
}

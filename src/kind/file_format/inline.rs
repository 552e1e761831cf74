//! A format that has no name: it is written inside another object, such as a stage.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::options::{self, Choice};
use super::{FileType, Spec, check_exclusions, check_types, check_values, wanted};
use crate::kind::setting::{Value, Values, clause};
use crate::kind::{Field, Problem};
use crate::model::Text;

/// A type with all its options.
#[derive(Clone, Debug, PartialEq)]
pub struct Inline {
    kind: FileType,
    options: Values,
}

/// CSV, with the defaults of Snowflake: what a stage has that names no format.
impl Default for Inline {
    fn default() -> Self {
        let options = Choice::of(FileType::Csv).map(|choice| (choice.field, choice.default(FileType::Csv)));
        Self { kind: FileType::Csv, options: options.collect() }
    }
}

impl Inline {
    /// Reads `type` and options as a file format has them.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(fields: &Map<String, Json>) -> Result<Self, Vec<Problem>> {
        let mut fields = fields.clone();
        for field in ["schema", "name", "comment"] {
            if fields.contains_key(field) {
                return Err(vec![Problem::new(field, format!("a format without a name of its own has no `{field}`"))]);
            }
        }
        fields.insert("schema".into(), "NO.SCHEMA".into());
        fields.insert("name".into(), "NO_NAME".into());
        let spec: Spec = serde_path_to_error::deserialize(Json::Object(fields)).map_err(|error| {
            let field = error.path().to_string();
            let field = if field == "." { "" } else { field.as_str() };
            vec![Problem::new(field, error.inner().to_string())]
        })?;
        let problems = [check_types(&spec), check_values(&spec), check_exclusions(&spec)].concat();
        if problems.is_empty() { Ok(Self { kind: spec.kind, options: wanted(&spec) }) } else { Err(problems) }
    }

    /// Reads the properties a `DESC` shows, by name. `want` tells apart what is shown alike: an escape sequence may be shown as one
    /// character, as the sequence, or with its backslash doubled, and a list of one empty text as an empty list.
    ///
    /// # Errors
    /// A type this program does not know.
    pub fn live(shown: &BTreeMap<String, String>, want: Option<&Self>) -> Result<Self, String> {
        let word = shown.get("TYPE").map_or("CSV", String::as_str);
        let kind = FileType::read(word).ok_or_else(|| format!("its format has the unknown type `{word}`"))?;
        let wanted = want.filter(|want| want.kind == kind).map(|want| &want.options);
        let none = Values::new();
        let unknown = wanted.unwrap_or(&none);
        let read = |single: bool| -> Values {
            let text = |text: &str| if single { text.replace("\\\\", "\\") } else { text.to_owned() };
            let json = |(name, value): (&String, &String)| {
                let list = || value.strip_prefix('[')?.strip_suffix(']');
                let json = match list().filter(|_| name == "NULL_IF") {
                    Some("") => Json::Array(Vec::new()),
                    Some(items) => items.split(", ").map(|item| Json::String(text(item))).collect(),
                    None if value.is_empty() => Json::Null,
                    None => Json::String(text(value)),
                };
                (name.clone(), json)
            };
            options::live(kind, &shown.iter().map(json).collect(), unknown)
        };
        let (doubled, single) = (read(false), read(true));
        let choose = |choice: &Choice| {
            let readings = [doubled.get(choice.field), single.get(choice.field)];
            let default = choice.default(kind);
            let wanted = unknown.get(choice.field).unwrap_or(&default);
            let alike = |value: &Value| matches!((value, wanted), (Value::List(have), Value::List(want)) if have.is_empty() && *want == [""]);
            let fits = |value: &&Value| **value == *wanted || alike(value);
            let value = match readings.into_iter().flatten().find(fits) {
                Some(_) => wanted.clone(),
                None => readings
                    .into_iter()
                    .flatten()
                    .find(|value| **value == default)
                    .or(readings[1])
                    .unwrap_or(&default)
                    .clone(),
            };
            (choice.field, value)
        };
        Ok(Self { kind, options: Choice::of(kind).map(choose).collect() })
    }

    /// The type and the options, under a field of the object it is in. An option that has its default shows as not set.
    pub fn fields(&self, under: &str) -> Vec<Field> {
        let mut fields = vec![Field::in_place(format!("{under}.type"), Some(self.kind.word()))];
        fields.extend(
            self.changed().map(|(name, value)| Field::in_place(format!("{under}.{name}"), Some(value.shown()))),
        );
        fields
    }

    /// `TYPE = …` and the options that do not have their defaults.
    pub fn clauses(&self) -> Text {
        let text = Text::new("TYPE =").word(self.kind.word());
        self.changed().fold(text, |text, (name, value)| text.then(clause(name, value)))
    }

    /// The type and the options that do not have their defaults, as a table of a spec.
    pub fn export(&self) -> Map<String, Json> {
        let options = options::exported(self.kind, &self.options);
        let kind = ("type", self.kind.word().into());
        [kind].into_iter().chain(options).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn changed(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let set =
            |choice: &'static Choice| Some((choice.field, self.options.get(choice.field)?, choice.default(self.kind)));
        let set = Choice::of(self.kind).filter_map(set);
        set.filter(|(_, value, default)| *value != default).map(|(name, value, _)| (name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Inline, Vec<Problem>> {
        Inline::read(&toml::from_str(toml).unwrap())
    }

    fn live(shown: &[(&str, &str)], want: Option<&Inline>) -> Inline {
        let shown = shown.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Inline::live(&shown, want).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_as_wanted() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            (
                "",
                &[
                    ("TYPE", "CSV"),
                    ("RECORD_DELIMITER", "\\n"),
                    ("NULL_IF", "[\\\\N]"),
                    ("ESCAPE_UNENCLOSED_FIELD", "\\\\"),
                ],
            ),
            ("type = 'csv'\nskip_header = 1", &[("TYPE", "CSV"), ("SKIP_HEADER", "1"), ("RECORD_DELIMITER", "\\\\n")]),
            ("field_delimiter = '\\t'", &[("TYPE", "CSV"), ("FIELD_DELIMITER", "\\t")]),
            ("field_delimiter = '\\t'", &[("TYPE", "CSV"), ("FIELD_DELIMITER", "\\\\t")]),
            ("field_optionally_enclosed_by = '\"'", &[("TYPE", "CSV"), ("FIELD_OPTIONALLY_ENCLOSED_BY", "\\\"")]),
            ("null_if = ['', 'a']", &[("TYPE", "CSV"), ("NULL_IF", "[, a]")]),
            ("null_if = ['']", &[("TYPE", "CSV"), ("NULL_IF", "[]")]),
            ("null_if = []", &[("TYPE", "CSV"), ("NULL_IF", "[]")]),
            (
                "type = 'JSON'\nstrip_outer_array = true",
                &[("TYPE", "JSON"), ("STRIP_OUTER_ARRAY", "true"), ("NULL_IF", "[]")],
            ),
            ("type = 'PARQUET'\ncompression = 'snappy'", &[("TYPE", "PARQUET"), ("COMPRESSION", "SNAPPY")]),
        ];
        for (toml, shown) in cases {
            let want = read(toml).unwrap();
            assert_eq!(live(shown, Some(&want)), want, "{toml}");
        }
        assert_eq!(live(&[("TYPE", "CSV"), ("FILE_EXTENSION", "")], None), Inline::default());
        assert_ne!(
            live(&[("FILE_EXTENSION", "")], read("file_extension = 'x'").ok().as_ref()),
            read("file_extension = 'x'").unwrap()
        );
    }

    #[test]
    fn differences_are_seen() {
        let want = read("skip_header = 1").unwrap();
        for shown in [("SKIP_HEADER", "0"), ("FIELD_DELIMITER", "|"), ("NULL_IF", "[a]"), ("TRIM_SPACE", "true")] {
            assert_ne!(live(&[("TYPE", "CSV"), ("SKIP_HEADER", "1"), shown], Some(&want)), want, "{shown:?}");
        }
        assert_ne!(live(&[("TYPE", "JSON")], Some(&want)), want);
        assert!(Inline::live(&BTreeMap::from([("TYPE".into(), "CUSTOM".into())]), None).is_err());
    }

    #[test]
    fn refuses_what_a_file_format_refuses() {
        for toml in ["comment = 'x'", "schema = 'A.B'", "no_such = 1", "type = 'JSON'\nskip_header = 1", "type = 'DOC'"]
        {
            assert!(read(toml).is_err(), "{toml}");
        }
    }

    #[test]
    fn writes_what_differs_from_the_defaults() {
        assert_eq!(Inline::default().clauses().to_string(), "TYPE = CSV");
        let text = read("skip_header = 1\nnull_if = ['a']\nmulti_line = true").unwrap().clauses().to_string();
        assert_eq!(text, "TYPE = CSV SKIP_HEADER = 1 NULL_IF = ('a')");
    }
}

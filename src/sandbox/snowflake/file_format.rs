//! File formats, named and inline: their options by type, and how Snowflake prints them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::parse::{Name, Parser};
use super::props::{Props, Value};
use super::show::{Beyond, DESCRIBE, Filter, SHOW, Sheet, timestamp};
use super::state::{Body, Id, Kind};

/// A format: its type and the options that differ from the defaults of the type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileFormat {
    /// `CSV`, `JSON`, …
    pub(super) kind: String,
    options: BTreeMap<String, Json>,
}

/// How an option is written and printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    Boolean,
    Integer,
    List,
}

struct Opt {
    key: &'static str,
    sort: Sort,
    default: Json,
}

const COMPRESSIONS: &[&str] = &["AUTO", "GZIP", "BZ2", "BROTLI", "ZSTD", "DEFLATE", "RAW_DEFLATE", "NONE"];
const PARQUET_COMPRESSIONS: &[&str] = &["AUTO", "LZO", "SNAPPY", "NONE"];
const BINARY: &[&str] = &["HEX", "BASE64", "UTF8"];
const TYPES: &[&str] = &["CSV", "JSON", "AVRO", "ORC", "PARQUET", "XML"];

fn opt(key: &'static str, sort: Sort, default: impl Into<Json>) -> Opt {
    Opt { key, sort, default: default.into() }
}

/// The options of a type, in the order in which DESC prints them.
fn options(kind: &str) -> Vec<Opt> {
    use Sort::{Boolean, Integer, List, Text, Word};
    let compression = || opt("COMPRESSION", Word(COMPRESSIONS), "AUTO");
    let replace = || opt("REPLACE_INVALID_CHARACTERS", Boolean, false);
    let formats = || {
        ["DATE_FORMAT", "TIME_FORMAT", "TIMESTAMP_FORMAT"].map(|key| opt(key, Text, "AUTO")).into_iter().chain([opt(
            "BINARY_FORMAT",
            Word(BINARY),
            "HEX",
        )])
    };
    let mut all = Vec::new();
    match kind {
        "CSV" => {
            all.extend([
                opt("RECORD_DELIMITER", Text, "\n"),
                opt("FIELD_DELIMITER", Text, ","),
                opt("FILE_EXTENSION", Text, Json::Null),
                opt("SKIP_HEADER", Integer, 0),
                opt("PARSE_HEADER", Boolean, false),
            ]);
            all.extend(formats());
            all.extend([
                opt("ESCAPE", Text, "NONE"),
                opt("ESCAPE_UNENCLOSED_FIELD", Text, "\\"),
                opt("TRIM_SPACE", Boolean, false),
                opt("FIELD_OPTIONALLY_ENCLOSED_BY", Text, "NONE"),
                opt("NULL_IF", List, json!(["\\N"])),
                compression(),
                opt("ERROR_ON_COLUMN_COUNT_MISMATCH", Boolean, true),
                opt("VALIDATE_UTF8", Boolean, true),
                opt("SKIP_BLANK_LINES", Boolean, false),
                replace(),
                opt("EMPTY_FIELD_AS_NULL", Boolean, true),
                opt("SKIP_BYTE_ORDER_MARK", Boolean, true),
                opt("ENCODING", Text, "UTF8"),
                opt("MULTI_LINE", Boolean, true),
            ]);
        }
        "JSON" => {
            all.push(opt("FILE_EXTENSION", Text, Json::Null));
            all.extend(formats());
            all.extend([
                opt("TRIM_SPACE", Boolean, false),
                opt("MULTI_LINE", Boolean, true),
                opt("NULL_IF", List, json!([])),
                compression(),
                opt("ENABLE_OCTAL", Boolean, false),
                opt("ALLOW_DUPLICATE", Boolean, false),
                opt("STRIP_OUTER_ARRAY", Boolean, false),
                opt("STRIP_NULL_VALUES", Boolean, false),
                opt("IGNORE_UTF8_ERRORS", Boolean, false),
                replace(),
                opt("SKIP_BYTE_ORDER_MARK", Boolean, true),
            ]);
        }
        "AVRO" => {
            all.extend([opt("TRIM_SPACE", Boolean, false), opt("NULL_IF", List, json!([])), compression(), replace()]);
        }
        "ORC" => all.extend([opt("TRIM_SPACE", Boolean, false), replace(), opt("NULL_IF", List, json!([]))]),
        "PARQUET" => all.extend([
            opt("TRIM_SPACE", Boolean, false),
            opt("NULL_IF", List, json!([])),
            opt("COMPRESSION", Word(PARQUET_COMPRESSIONS), "AUTO"),
            opt("BINARY_AS_TEXT", Boolean, true),
            opt("USE_LOGICAL_TYPE", Boolean, false),
            opt("USE_VECTORIZED_SCANNER", Boolean, false),
            replace(),
        ]),
        _ => all.extend([
            compression(),
            opt("IGNORE_UTF8_ERRORS", Boolean, false),
            opt("PRESERVE_SPACE", Boolean, false),
            opt("STRIP_OUTER_ELEMENT", Boolean, false),
            opt("DISABLE_SNOWFLAKE_DATA", Boolean, false),
            opt("DISABLE_AUTO_CONVERT", Boolean, false),
            replace(),
            opt("SKIP_BYTE_ORDER_MARK", Boolean, true),
        ]),
    }
    all
}

impl Default for FileFormat {
    fn default() -> Self {
        Self { kind: "CSV".to_owned(), options: BTreeMap::new() }
    }
}

impl FileFormat {
    /// Reads a format out of a property list: TYPE (CSV when it is not there) and the options of that type.
    pub(super) fn read(props: &mut Props) -> Fallible<Self> {
        let kind = props.choice("TYPE", TYPES)?.unwrap_or_else(|| "CSV".to_owned());
        let mut format = Self { kind, options: BTreeMap::new() };
        format.set(props)?;
        Ok(format)
    }

    /// Sets options of the format's own type.
    fn set(&mut self, props: &mut Props) -> Fallible<()> {
        if self.kind == "PARQUET" && props.has("SNAPPY_COMPRESSION") {
            if props.has("COMPRESSION") {
                return Err(fail::bad_combination(("COMPRESSION", "…"), ("SNAPPY_COMPRESSION", "…")));
            }
            let snappy = props.boolean("SNAPPY_COMPRESSION")?.unwrap_or(true);
            self.options.insert("COMPRESSION".into(), if snappy { "SNAPPY".into() } else { "NONE".into() });
        }
        for Opt { key, sort, .. } in options(&self.kind) {
            if !props.has(key) {
                continue;
            }
            let value = match sort {
                Sort::Boolean => props.boolean(key)?.map(Json::from),
                Sort::Integer => props.number(key, 0..=u64::MAX)?.map(Json::from),
                Sort::Word(words) => props.choice(key, words)?.map(Json::from),
                Sort::Text => props.loose(key)?.map(|text| match text.to_uppercase().as_str() {
                    word @ ("AUTO" | "NONE") => Json::from(word),
                    _ => Json::from(text),
                }),
                Sort::List => list(props.any(key), key)?,
            };
            if let Some(value) = value {
                self.options.insert(key.to_owned(), value);
            }
        }
        let on = |key: &str| self.options.get(key).is_some_and(|value| *value != json!(false) && *value != json!(0));
        if on("PARSE_HEADER") && on("SKIP_HEADER") {
            return Err(fail::bad_combination(("PARSE_HEADER", "true"), ("SKIP_HEADER", "1")));
        }
        if on("IGNORE_UTF8_ERRORS") && on("REPLACE_INVALID_CHARACTERS") {
            return Err(fail::bad_combination(("IGNORE_UTF8_ERRORS", "true"), ("REPLACE_INVALID_CHARACTERS", "true")));
        }
        Ok(())
    }

    /// The value of an option: as set, else the default of the type; null for what the type does not have.
    pub(super) fn option(&self, key: &str) -> Json {
        let default = || options(&self.kind).into_iter().find(|option| option.key == key).map(|option| option.default);
        self.options.get(key).cloned().or_else(default).unwrap_or_default()
    }

    /// The rows that DESC prints: property, type, value, default.
    pub(super) fn rows(&self) -> Vec<[String; 4]> {
        let mut rows = vec![["TYPE".to_owned(), "String".to_owned(), self.kind.clone(), "CSV".to_owned()]];
        for Opt { key, sort, default } in options(&self.kind) {
            let value = self.options.get(key).unwrap_or(&default);
            let kind = match sort {
                Sort::Text | Sort::Word(_) => "String",
                Sort::Boolean => "Boolean",
                Sort::Integer => "Integer",
                Sort::List => "List",
            };
            rows.push([key.to_owned(), kind.to_owned(), printed(value), printed(&default)]);
        }
        rows
    }

    /// The JSON of all options, as SHOW prints it.
    fn json(&self) -> String {
        let mut members = vec![format!("\"TYPE\":{}", Json::from(self.kind.as_str()))];
        for Opt { key, default, .. } in options(&self.kind) {
            members.push(format!("\"{key}\":{}", self.options.get(key).unwrap_or(&default)));
        }
        format!("{{{}}}", members.join(","))
    }
}

/// The format that a statement gives: by name, which takes USAGE, or inline.
pub(super) fn given(cx: &Context<'_>, props: &mut Props, what: &str) -> Fallible<Option<FileFormat>> {
    Ok(Some(match props.any("FILE_FORMAT") {
        None => return Ok(None),
        Some(Value::Name(name, _)) => named(cx, &name, what)?,
        Some(Value::Text(text)) => named(cx, &Name::read(&text)?, what)?,
        Some(Value::Props(mut inner)) => {
            let format = match inner.name("FORMAT_NAME")? {
                Some(name) => named(cx, &name, what)?,
                None => FileFormat::read(&mut inner)?,
            };
            inner.finish()?;
            format
        }
        Some(Value::List(values)) if values.is_empty() => FileFormat::default(),
        Some(_) => return Err(fail::bad_value("(", "FILE_FORMAT")),
    }))
}

/// A format by its name.
pub(super) fn named(cx: &Context<'_>, name: &Name, what: &str) -> Fallible<FileFormat> {
    let id = cx.object_with(Kind::FileFormat, name, &["USAGE"], what)?;
    cx.see().file_format(id).cloned().ok_or_else(fail::nowhere)
}

fn list(value: Option<Value>, key: &str) -> Fallible<Option<Json>> {
    let text = |value: Value| match value {
        Value::Text(text) | Value::Number(text) | Value::Name(_, text) => Some(Json::from(text)),
        _ => None,
    };
    match value {
        None => Ok(None),
        Some(Value::List(values)) => values
            .into_iter()
            .map(|v| text(v).ok_or_else(|| fail::bad_value("(", key)))
            .collect::<Fallible<Vec<_>>>()
            .map(Json::from)
            .map(Some),
        Some(other) => Ok(text(other).map(|one| json!([one]))),
    }
}

/// A value as DESC prints it: control characters, backslashes and quotes escaped once.
fn printed(value: &Json) -> String {
    let escaped = |text: &str| {
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
    };
    match value {
        Json::String(text) => escaped(text),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| item.as_str().map(escaped).unwrap_or_default()).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// `CREATE [OR REPLACE] FILE FORMAT …`.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let comment = props.text("COMMENT")?;
    let format = FileFormat::read(&mut props)?;
    props.finish()?;
    let slot = match cx.claim(Kind::FileFormat, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    cx.put(&slot, comment, Body::FileFormat(format));
    Ok(created("File format", &slot.name))
}

/// `ALTER FILE FORMAT n SET …`, after the name. The type cannot be altered.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    cx.demand(id, &[])?;
    p.need("SET")?;
    let mut props = Props::read(p)?;
    if props.is_empty() {
        return Err(p.unexpected());
    }
    p.end()?;
    let comment = props.text("COMMENT")?;
    let Some(mut format) = cx.see().file_format(id).cloned() else { return Err(fail::nowhere()) };
    if let Some(kind) = props.choice("TYPE", TYPES)?
        && kind != format.kind
    {
        return Err(fail::bad_property(&kind, "TYPE"));
    }
    format.set(&mut props)?;
    props.finish()?;
    let state = cx.edit();
    if let Some(old) = state.file_format_mut(id) {
        *old = format;
    }
    if let (Some(comment), Some(object)) = (comment, state.objects.get_mut(&id)) {
        object.comment = comment;
    }
    Ok(executed())
}

/// `SHOW FILE FORMATS`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::FileFormat, false)?;
    let columns = [
        "created_on:timestamp",
        "name",
        "database_name",
        "schema_name",
        "type",
        "owner",
        "comment",
        "format_options",
        "owner_role_type",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in filter.objects(cx, Kind::FileFormat, Beyond::Cut)? {
        let Some(format) = cx.see().file_format(object.id) else { continue };
        let (database, schema) = cx.see().container_names(object);
        sheet.row([
            timestamp(object.created),
            (&object.name).into(),
            database.into(),
            schema.into(),
            (&format.kind).into(),
            cx.see().role_name(object.owner).into(),
            (&object.comment).into(),
            format.json().into(),
            "ROLE".into(),
        ]);
    }
    Ok(sheet.done())
}

/// `DESC FILE FORMAT n`.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> Fallible<ResultSet> {
    let Some(format) = cx.see().file_format(id) else { return Err(fail::nowhere()) };
    let mut sheet = Sheet::new(DESCRIBE, &["property", "property_type", "property_value", "property_default"]);
    for [property, kind, value, default] in format.rows() {
        sheet.row([property.into(), kind.into(), value.into(), default.into()]);
    }
    Ok(sheet.done())
}

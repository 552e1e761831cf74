//! File formats: how files of a stage are read and written.
//!
//! An option that is not set has its documented default, so a live format that differs from it is found and set back. `SHOW FILE FORMATS`
//! tells all options at once, and unlike `DESC` it tells `NULL_IF = ()` from `NULL_IF = ('')`.
//!
//! Statements: `SHOW FILE FORMATS`, `CREATE`, `ALTER` and `DROP FILE FORMAT`. Privileges: CREATE FILE FORMAT on the schema, OWNERSHIP to
//! change it.

mod inline;
mod options;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

pub use self::inline::Inline;
use self::options::{Choice, OPTIONS};
use super::container::{comment_clause, comment_field};
use super::export::Export;
use super::setting::{Value, Values, clause};
use super::words::words;
use super::{Attribute, Cx, Entry, Field, Fields, Kind, Part, Problem, Ref, Side, Source, qualified, show};
use crate::cloud::{Cloud, CloudError, Row, Which};
use crate::model::{
    Address, Context, Diff, Found, Ident, LiveId, Mark, ObjectName, Observed, Op, SchemaName, Seen, Text,
};

/// The kind.
pub struct FileFormat;

/// A named file format. An option that is not set has the default that is named with it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its schema, `DATABASE.SCHEMA`.
    pub schema: SchemaName,
    /// Its name, unique in the schema.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// `CSV`, `JSON`, `AVRO`, `ORC`, `PARQUET` or `XML`. Default: `CSV`. A change needs a new file format.
    #[serde(default = "csv", rename = "type")]
    pub kind: FileType,
    /// All but ORC: `AUTO`, `GZIP`, `BZ2`, `BROTLI`, `ZSTD`, `DEFLATE`, `RAW_DEFLATE` or `NONE`; Parquet: `AUTO`, `LZO`, `SNAPPY` or `NONE`.
    /// Default: `AUTO`.
    pub compression: Option<Compression>,
    /// CSV: what ends a record, or `NONE`. Default: a line end.
    pub record_delimiter: Option<String>,
    /// CSV: what separates fields, or `NONE`. Default: `,`.
    pub field_delimiter: Option<String>,
    /// CSV, JSON: the extension of unloaded files. Default: `NONE`, chosen by type and compression.
    pub file_extension: Option<String>,
    /// CSV: whether the first line names the columns. Default: false.
    pub parse_header: Option<bool>,
    /// CSV: how many lines at the start are skipped. Default: 0.
    pub skip_header: Option<i64>,
    /// CSV: whether blank lines are skipped. Default: false.
    pub skip_blank_lines: Option<bool>,
    /// CSV, JSON: the format of dates, or `AUTO`. Default: `AUTO`.
    pub date_format: Option<String>,
    /// CSV, JSON: the format of times, or `AUTO`. Default: `AUTO`.
    pub time_format: Option<String>,
    /// CSV, JSON: the format of timestamps, or `AUTO`. Default: `AUTO`.
    pub timestamp_format: Option<String>,
    /// CSV, JSON: `HEX`, `BASE64` or `UTF8`. Default: `HEX`.
    pub binary_format: Option<BinaryFormat>,
    /// CSV: the character that escapes others in any field, or `NONE`. Default: `NONE`.
    pub escape: Option<String>,
    /// CSV: the character that escapes others in fields without quotes, or `NONE`. Default: a backslash.
    pub escape_unenclosed_field: Option<String>,
    /// All but XML: whether blanks around values are removed. Default: false.
    pub trim_space: Option<bool>,
    /// CSV: `'`, `"` or `NONE`. Default: `NONE`.
    pub field_optionally_enclosed_by: Option<String>,
    /// All but XML: texts that mean NULL, in this order. Default: `\N` for CSV, else none.
    pub null_if: Option<Vec<String>>,
    /// CSV: whether a wrong number of fields is an error. Default: true.
    pub error_on_column_count_mismatch: Option<bool>,
    /// Whether invalid UTF-8 becomes the replacement character. Default: false.
    pub replace_invalid_characters: Option<bool>,
    /// CSV: whether an empty field is NULL. Default: true.
    pub empty_field_as_null: Option<bool>,
    /// CSV, JSON, XML: whether a byte order mark is skipped. Default: true.
    pub skip_byte_order_mark: Option<bool>,
    /// CSV: the character set, such as `ISO88591`. Default: `UTF8`.
    pub encoding: Option<String>,
    /// CSV, JSON: whether a record may go over several lines. Default: true.
    pub multi_line: Option<bool>,
    /// JSON: whether octal numbers are read. Default: false.
    pub enable_octal: Option<bool>,
    /// JSON: whether names may repeat in an object. Default: false.
    pub allow_duplicate: Option<bool>,
    /// JSON: whether the outer array is removed, each element becoming a row. Default: false.
    pub strip_outer_array: Option<bool>,
    /// JSON: whether fields that are null are removed. Default: false.
    pub strip_null_values: Option<bool>,
    /// JSON, XML: whether invalid UTF-8 is replaced instead of being an error. Default: false.
    pub ignore_utf8_errors: Option<bool>,
    /// Parquet: whether binary columns are read as text. Default: true.
    pub binary_as_text: Option<bool>,
    /// Parquet: whether logical types are used. Default: false.
    pub use_logical_type: Option<bool>,
    /// Parquet: whether the vectorized scanner is used. Default: false.
    pub use_vectorized_scanner: Option<bool>,
    /// XML: whether blanks in contents are kept. Default: false.
    pub preserve_space: Option<bool>,
    /// XML: whether the outer element is removed, each inner one becoming a row. Default: false.
    pub strip_outer_element: Option<bool>,
    /// XML: whether Snowflake's semi-structured tags are not recognised. Default: false.
    pub disable_snowflake_data: Option<bool>,
    /// XML: whether numbers and flags are kept as text. Default: false.
    pub disable_auto_convert: Option<bool>,
}

fn csv() -> FileType {
    FileType::Csv
}

words! {
    /// The type of a file.
    FileType { Csv = "CSV", Json = "JSON", Avro = "AVRO", Orc = "ORC", Parquet = "PARQUET", Xml = "XML" }
}

words! {
    /// How files are compressed.
    Compression {
        Auto = "AUTO",
        Gzip = "GZIP",
        Bz2 = "BZ2",
        Brotli = "BROTLI",
        Zstd = "ZSTD",
        Deflate = "DEFLATE",
        RawDeflate = "RAW_DEFLATE",
        Lzo = "LZO",
        Snappy = "SNAPPY",
        None = "NONE",
    }
}

words! {
    /// How binary values are written in text.
    BinaryFormat { Hex = "HEX", Base64 = "BASE64", Utf8 = "UTF8" | "UTF-8" }
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: ObjectName,
    comment: String,
    mark: Option<Mark>,
    kind: FileType,
    /// All options of the type.
    options: Values,
}

impl Kind for FileFormat {
    const NAME: &'static str = "file_format";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str = "A named file format: how the files of a stage are read and written.";
    const EXAMPLE: &'static str = r#"
[database.raw]
name = "RAW"

[schema.events]
database = "RAW"
name = "EVENTS"

[file_format.lines]
schema = "RAW.EVENTS"
name = "LINES"
type = "JSON"
strip_outer_array = true
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "Its name", from: Source::Field("name") },
            Attribute { name: "schema", about: "Its schema", from: Source::Field("schema") },
            qualified::FQN,
        ]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        LiveId::new(Self::NAME, name(spec))
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        [check_types(spec), check_values(spec), check_exclusions(spec)].concat()
    }

    fn want(entry: &Entry<Spec>, _cx: Cx<'_>) -> Props {
        Props {
            name: name(&entry.spec),
            comment: entry.spec.comment.clone(),
            mark: Some(entry.mark.clone()),
            kind: entry.spec.kind,
            options: wanted(&entry.spec),
        }
    }

    /// An option that has its default shows as not set.
    fn fields(props: &Props) -> Vec<Field> {
        let Props { name: _, comment, mark: _, kind, options } = props;
        let field = |choice: &Choice| {
            let value = options.get(choice.field).filter(|value| **value != choice.default(*kind));
            Field::in_place(choice.field, value.map(Value::shown))
        };
        let mut fields = vec![comment_field(comment), Field::replaces("type", Some(kind.word()))];
        fields.extend(Choice::of(*kind).map(field));
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        qualified::home(&props.name.schema)
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let names: Vec<ObjectName> = entries.iter().map(|entry| name(&entry.spec)).collect();
        let listing = show::objects(cloud.snowflake()?, "SHOW FILE FORMATS", &names).await?;
        gather(entries, context, &listing.index(show::object_of)?)
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        let mut text = Text::new("CREATE FILE FORMAT").name(&want.name).word("TYPE =").word(want.kind.word());
        for choice in Choice::of(want.kind) {
            if let Some(value) = want.options.get(choice.field).filter(|value| **value != choice.default(want.kind)) {
                text = text.then(clause(choice.field, value));
            }
        }
        vec![Part::main(vec![Op::sql(text.then(comment_clause(&want.comment, want.mark.as_ref())))])]
    }

    /// There is no UNSET: an option goes back by setting its default.
    fn alter(_at: &Address, want: &Props, _have: &Props, changed: &Diff) -> Vec<Part> {
        let mut set = Text::default();
        for choice in Choice::of(want.kind).filter(|choice| changed.has(choice.field)) {
            if let Some(value) = want.options.get(choice.field) {
                set = set.then(clause(choice.field, value));
            }
        }
        if changed.has("comment") || changed.has("mark") {
            set = set.then(comment_clause(&want.comment, want.mark.as_ref()));
        }
        vec![Part::main(vec![Op::sql(Text::new("ALTER FILE FORMAT").name(&want.name).word("SET").then(set))])]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP FILE FORMAT").name(&have.name))])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![
            format!("pipes that name {name} stop, and stages and statements that name it fail until it is there again"),
            format!("external tables that use {name} break, or keep Snowflake from dropping it"),
        ]
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        qualified::named(name)
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props { name, comment, mark: _, kind, options } = have;
        let fields = Export::of(qualified::exported(name)).text("comment", comment);
        fields.unless(&"CSV", "type", kind.word()).and(options::exported(*kind, options)).done()
    }
}

fn name(spec: &Spec) -> ObjectName {
    spec.schema.object(&spec.name)
}

/// The options that the spec sets, whatever its type.
fn set(spec: &Spec) -> Values {
    let Spec {
        schema: _,
        name: _,
        comment: _,
        kind: _,
        compression,
        record_delimiter,
        field_delimiter,
        file_extension,
        parse_header,
        skip_header,
        skip_blank_lines,
        date_format,
        time_format,
        timestamp_format,
        binary_format,
        escape,
        escape_unenclosed_field,
        trim_space,
        field_optionally_enclosed_by,
        null_if,
        error_on_column_count_mismatch,
        replace_invalid_characters,
        empty_field_as_null,
        skip_byte_order_mark,
        encoding,
        multi_line,
        enable_octal,
        allow_duplicate,
        strip_outer_array,
        strip_null_values,
        ignore_utf8_errors,
        binary_as_text,
        use_logical_type,
        use_vectorized_scanner,
        preserve_space,
        strip_outer_element,
        disable_snowflake_data,
        disable_auto_convert,
    } = spec;
    let words =
        [("compression", compression.map(Compression::word)), ("binary_format", binary_format.map(BinaryFormat::word))];
    let texts = [
        ("record_delimiter", record_delimiter),
        ("field_delimiter", field_delimiter),
        ("file_extension", file_extension),
        ("date_format", date_format),
        ("time_format", time_format),
        ("timestamp_format", timestamp_format),
        ("escape", escape),
        ("escape_unenclosed_field", escape_unenclosed_field),
        ("field_optionally_enclosed_by", field_optionally_enclosed_by),
        ("encoding", encoding),
    ];
    let flags = [
        ("parse_header", parse_header),
        ("skip_blank_lines", skip_blank_lines),
        ("trim_space", trim_space),
        ("error_on_column_count_mismatch", error_on_column_count_mismatch),
        ("replace_invalid_characters", replace_invalid_characters),
        ("empty_field_as_null", empty_field_as_null),
        ("skip_byte_order_mark", skip_byte_order_mark),
        ("multi_line", multi_line),
        ("enable_octal", enable_octal),
        ("allow_duplicate", allow_duplicate),
        ("strip_outer_array", strip_outer_array),
        ("strip_null_values", strip_null_values),
        ("ignore_utf8_errors", ignore_utf8_errors),
        ("binary_as_text", binary_as_text),
        ("use_logical_type", use_logical_type),
        ("use_vectorized_scanner", use_vectorized_scanner),
        ("preserve_space", preserve_space),
        ("strip_outer_element", strip_outer_element),
        ("disable_snowflake_data", disable_snowflake_data),
        ("disable_auto_convert", disable_auto_convert),
    ];
    let words = words.into_iter().filter_map(|(field, word)| Some((field, Value::from(word?))));
    let texts = texts.into_iter().filter_map(|(field, text)| Some((field, options::text(field, text.as_deref()?)?)));
    let flags = flags.into_iter().filter_map(|(field, flag)| Some((field, Value::Bool((*flag)?))));
    let mut out: Values = words.chain(texts).chain(flags).collect();
    out.extend(skip_header.map(|lines| ("skip_header", Value::Int(lines))));
    out.extend(null_if.as_deref().map(|texts| ("null_if", Choice::list(texts))));
    out
}

/// All options of the type, with their defaults where the spec is silent.
fn wanted(spec: &Spec) -> Values {
    let set = set(spec);
    let value = |choice: &Choice| set.get(choice.field).cloned().unwrap_or_else(|| choice.default(spec.kind));
    Choice::of(spec.kind).map(|choice| (choice.field, value(choice))).collect()
}

fn check_types(spec: &Spec) -> Vec<Problem> {
    let set = set(spec);
    let foreign = OPTIONS.iter().filter(|choice| set.contains_key(choice.field) && !choice.types.contains(&spec.kind));
    let problem = |choice: &Choice| {
        let types: Vec<&str> = choice.types.iter().map(|kind| kind.word()).collect();
        let message = format!("`{}` is an option of {}, not of {}", choice.field, types.join(", "), spec.kind);
        Problem::new(choice.field, message).hint("remove it or change `type`")
    };
    foreign.map(problem).collect()
}

fn check_values(spec: &Spec) -> Vec<Problem> {
    let mut out = Vec::new();
    if spec.skip_header.is_some_and(|lines| lines < 0) {
        out.push(Problem::new("skip_header", "a number of lines is not negative"));
    }
    if let Some(text) = &spec.field_optionally_enclosed_by
        && !["'", "\"", "\\'", "\\\""].contains(&text.as_str())
        && !text.eq_ignore_ascii_case("NONE")
    {
        let problem = Problem::new("field_optionally_enclosed_by", format!("`{text}` is not a quote"));
        out.push(problem.hint("write `'`, `\"` or `NONE`"));
    }
    if let Some(compression) = spec.compression {
        let parquet_only = matches!(compression, Compression::Lzo | Compression::Snappy);
        let both = matches!(compression, Compression::Auto | Compression::None);
        if !both && parquet_only != (spec.kind == FileType::Parquet) {
            let message = format!("{} files are not compressed with {compression}", spec.kind);
            out.push(Problem::new("compression", message).hint("write `AUTO`"));
        }
    }
    out
}

fn check_exclusions(spec: &Spec) -> Vec<Problem> {
    let mut out = Vec::new();
    if spec.parse_header == Some(true) && spec.skip_header.is_some_and(|lines| lines > 0) {
        let problem = Problem::new("skip_header", "`parse_header` and `skip_header` exclude each other");
        out.push(problem.hint("remove `skip_header`: the header is not read as data"));
    }
    if spec.ignore_utf8_errors == Some(true) && spec.replace_invalid_characters == Some(true) {
        let message = "`ignore_utf8_errors` and `replace_invalid_characters` exclude each other";
        out.push(Problem::new("ignore_utf8_errors", message).hint("keep `replace_invalid_characters`"));
    }
    out
}

/// Reads all rows. A format of a type this program does not know is hidden if it is declared, and else left out.
fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<ObjectName, Row<'_>>,
) -> Result<Observed<Props>, CloudError> {
    let declared: BTreeMap<ObjectName, Values> =
        entries.iter().map(|entry| (name(&entry.spec), wanted(&entry.spec))).collect();
    let mut found = BTreeMap::new();
    for (name, row) in rows {
        let (comment, mark) = show::comment(row.get("comment"));
        let wanted = declared.get(name);
        if wanted.is_none() && mark.is_none() {
            continue;
        }
        if let Some(kind) = row.get("type").and_then(FileType::read) {
            let options = options::live(kind, &shown(name, row)?, wanted.unwrap_or(&Values::new()));
            let props = Props { name: name.clone(), comment, mark, kind, options };
            found.insert(name.clone(), Found { props, facts: BTreeMap::new() });
        }
    }
    let unknown = |name: &ObjectName| rows.contains_key(name) && !found.contains_key(name);
    let unknown: Vec<ObjectName> = declared.keys().filter(|name| unknown(name)).cloned().collect();
    let mut out = show::observed::<FileFormat, _>(entries, context, name, found);
    for entry in entries.iter().filter(|entry| unknown.contains(&name(&entry.spec))) {
        let why = format!("file format {} is there with a type this version does not know", name(&entry.spec));
        out.declared.insert(entry.at.clone(), Seen::Hidden(why));
    }
    Ok(out)
}

fn shown(name: &ObjectName, row: &Row<'_>) -> Result<serde_json::Map<String, serde_json::Value>, CloudError> {
    let text = row.get("format_options").unwrap_or("{}");
    serde_json::from_str(text).map_err(|error| {
        let message = format!("the options of {name} are not a JSON object: {error}");
        CloudError::unexpected(Which::Snowflake, "SHOW FILE FORMATS", message)
    })
}

#[cfg(test)]
mod tests;

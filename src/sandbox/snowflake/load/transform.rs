//! `COPY INTO t FROM (SELECT $1:a::int, METADATA$FILENAME FROM @stage)`: what may stand in the brackets, and which files it is about.
//!
//! The query itself is computed by the engine of all queries; here is only what a COPY refuses of it.

use super::super::context::Context;
use super::super::fail::{self, Fallible};
use super::super::lex::Tok;
use super::super::parse::StagePath;

/// A query over the files of one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transform {
    pub(super) sql: String,
    pub(super) stage: StagePath,
    /// `FILE_FORMAT => …` after the stage: a name, as written.
    pub(super) file_format: Option<String>,
    pub(super) pattern: Option<String>,
    /// The greatest number of a field that it names.
    pub(super) width: usize,
}

/// The functions that a COPY computes (Snowflake documentation, "Transform data during a load"), and those that tell the time, which
/// public examples use.
const FUNCTIONS: &[&str] = &[
    "ARRAY_CONSTRUCT",
    "ARRAY_SIZE",
    "ASCII",
    "CAST",
    "CEIL",
    "CHAR",
    "CHECK_JSON",
    "CHECK_XML",
    "CHR",
    "CONCAT",
    "CONVERT_TIMEZONE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "DATE",
    "ENDSWITH",
    "EQUAL_NULL",
    "FLOOR",
    "GET",
    "GET_PATH",
    "HEX_DECODE_STRING",
    "HEX_ENCODE",
    "IFF",
    "IFNULL",
    "IS_ARRAY",
    "IS_BOOLEAN",
    "IS_DECIMAL",
    "IS_INTEGER",
    "IS_NULL_VALUE",
    "IS_OBJECT",
    "IS_TIME",
    "IS_TIMESTAMP_LTZ",
    "IS_TIMESTAMP_NTZ",
    "IS_TIMESTAMP_TZ",
    "LEN",
    "LENGTH",
    "LPAD",
    "LTRIM",
    "MD5",
    "MD5_HEX",
    "NULLIF",
    "NVL",
    "NVL2",
    "OBJECT_CONSTRUCT",
    "PARSE_IP",
    "PARSE_JSON",
    "PARSE_URL",
    "PARSE_XML",
    "RANDOM",
    "REGEXP_REPLACE",
    "REGEXP_SUBSTR",
    "REPLACE",
    "REVERSE",
    "RPAD",
    "RTRIM",
    "SPLIT",
    "SPLIT_PART",
    "STARTSWITH",
    "SUBSTR",
    "SUBSTRING",
    "SYSDATE",
    "TIME",
    "TO_ARRAY",
    "TO_BINARY",
    "TO_BOOLEAN",
    "TO_CHAR",
    "TO_DATE",
    "TO_DECFLOAT",
    "TO_DECIMAL",
    "TO_DOUBLE",
    "TO_NUMBER",
    "TO_NUMERIC",
    "TO_OBJECT",
    "TO_TIME",
    "TO_TIMESTAMP",
    "TO_TIMESTAMP_LTZ",
    "TO_TIMESTAMP_NTZ",
    "TO_TIMESTAMP_TZ",
    "TO_VARCHAR",
    "TO_VARIANT",
    "TRIM",
    "TRY_CAST",
    "TRY_HEX_DECODE_STRING",
    "TRY_TO_BINARY",
    "TRY_TO_BOOLEAN",
    "TRY_TO_DATE",
    "TRY_TO_DECFLOAT",
    "TRY_TO_DECIMAL",
    "TRY_TO_DOUBLE",
    "TRY_TO_NUMBER",
    "TRY_TO_NUMERIC",
    "TRY_TO_TIME",
    "TRY_TO_TIMESTAMP",
    "TRY_TO_TIMESTAMP_LTZ",
    "TRY_TO_TIMESTAMP_NTZ",
    "TRY_TO_TIMESTAMP_TZ",
    "UNICODE",
    "UUID_STRING",
    "XMLGET",
];

/// Words before a bracket that are no functions.
const OTHERS: [&str; 8] = ["IN", "AND", "OR", "NOT", "WHEN", "THEN", "ELSE", "LIKE"];

impl Transform {
    /// Reads a query and refuses what a COPY does not compute.
    pub(super) fn read(cx: &Context<'_>, sql: &str) -> Fallible<Self> {
        let mut parser = cx.parser(sql)?;
        let p = &mut parser;
        p.need("SELECT")?;
        let mut width = 0;
        let mut depth = 0_usize;
        // Whether what came last ends a value, so that a sign after it computes with it.
        let mut value = false;
        // Whether a type or a key comes next: they may read like functions and clauses.
        let mut typed = false;
        loop {
            let next_opens = p.peek_at(1) == Some(&Tok::Mark("("));
            match p.peek() {
                None => return Err(p.unexpected()),
                Some(Tok::Word(word)) if depth == 0 && !typed && word.eq_ignore_ascii_case("FROM") => break,
                Some(Tok::Word(word)) => {
                    let upper = word.to_uppercase();
                    if !typed && matches!(upper.as_str(), "SELECT" | "DISTINCT" | "TOP" | "OVER" | "FROM") {
                        return Err(simple_only());
                    }
                    if next_opens && !typed && !OTHERS.contains(&upper.as_str()) && !FUNCTIONS.contains(&upper.as_str())
                    {
                        return Err(not_in_copy(&upper));
                    }
                    width = width.max(upper.strip_prefix('$').and_then(|digits| digits.parse().ok()).unwrap_or(0));
                    value = !OTHERS.contains(&upper.as_str()) && upper != "CASE";
                    typed = upper == "AS";
                }
                Some(Tok::Mark(mark)) => {
                    match *mark {
                        "(" | "[" => depth += 1,
                        ")" | "]" => depth = depth.checked_sub(1).ok_or_else(|| p.unexpected())?,
                        sign @ ("*" | "/" | "%") => {
                            return Err(if value { not_in_copy(sign) } else { simple_only() });
                        }
                        sign @ ("+" | "-") if value => return Err(not_in_copy(sign)),
                        _ => {}
                    }
                    value = matches!(*mark, ")" | "]");
                    typed = matches!(*mark, "::" | ":" | ".");
                }
                Some(_) => (value, typed) = (true, false),
            }
            p.advance();
        }
        p.need("FROM")?;
        if !matches!(p.peek(), Some(Tok::Stage(_) | Tok::Text(_))) {
            return Err(simple_only());
        }
        let stage = p.stage_path()?;
        let (mut file_format, mut pattern) = (None, None);
        if p.mark("(") {
            loop {
                let key = p.ident()?;
                p.need_mark("=>")?;
                match (key.as_str(), p.peek()) {
                    ("FILE_FORMAT", Some(Tok::Text(_))) => file_format = Some(p.text()?),
                    ("FILE_FORMAT", _) => {
                        let from = p.mark_place();
                        p.name()?;
                        file_format = Some(p.between(from, p.mark_place()).to_owned());
                    }
                    ("PATTERN", _) => pattern = Some(p.text()?),
                    _ => return Err(p.unexpected()),
                }
                if p.mark(")") {
                    break;
                }
                p.need_mark(",")?;
            }
        }
        let clause = [
            "WHERE", "GROUP", "ORDER", "LIMIT", "JOIN", "UNION", "HAVING", "QUALIFY", "FETCH", "LEFT", "INNER", "CROSS",
        ];
        if !p.at_end() && !clause.iter().any(|word| p.is(word)) && !p.is_mark(",") {
            p.eat("AS");
            p.ident()?;
        }
        if !p.at_end() {
            return Err(simple_only());
        }
        Ok(Self { sql: sql.to_owned(), stage, file_format, pattern, width })
    }
}

fn simple_only() -> super::super::answer::SqlError {
    let text = "SQL compilation error:\nCOPY statement only supports simple SELECT from stage statements for import.";
    fail::error("002098", "0A000", text)
}

fn not_in_copy(function: &str) -> super::super::answer::SqlError {
    fail::error("002099", "0A000", format!("SQL Compilation error: Function '{function}' not supported within a COPY"))
}

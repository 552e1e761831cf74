//! Bind variables: their values are put into the statement, since engines take statements only.

use serde_json::{Map, Value};

use super::literal::literal;
use super::split::untouched;
use crate::sandbox::snowflake::answer::SqlError;

/// A statement with its values in it.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) sql: String,
    /// How many places for values it has.
    pub(super) places: usize,
}

/// The statement with its values in place of `?`, `:1` and `:name`.
///
/// Where Snowflake takes no values, as in most DDL, the places stay as they are, which is not SQL.
pub(super) fn put_in(sql: &str, bindings: Option<&Map<String, Value>>) -> Result<Bound, SqlError> {
    put_in_or(sql, bindings, None)
}

/// The same for a statement that is only described: values may come later, and NULL stands for them.
pub(super) fn put_in_described(sql: &str, bindings: Option<&Map<String, Value>>) -> Result<Bound, SqlError> {
    put_in_or(sql, bindings, Some("NULL"))
}

fn put_in_or(sql: &str, bindings: Option<&Map<String, Value>>, unset: Option<&str>) -> Result<Bound, SqlError> {
    let none = Map::new();
    let bindings = bindings.unwrap_or(&none);
    let rows = bindings.values().filter_map(|binding| binding.get("value")?.as_array()).map(Vec::len).max();
    match rows {
        Some(rows) => rows_of(sql, bindings, rows),
        None => one(sql, bindings, takes_values(sql), unset),
    }
}

/// The words that begin statements which take values anywhere.
const TAKERS: [&str; 12] =
    ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "CALL", "COPY", "VALUES", "SET", "EXPLAIN", "LIST"];

fn takes_values(sql: &str) -> bool {
    let words = words(sql);
    let is = |at: usize, wanted: &str| words.get(at).is_some_and(|word| word == wanted);
    match words.first().map(String::as_str) {
        Some(first) if TAKERS.contains(&first) => true,
        // A query makes the table.
        Some("CREATE") => {
            words.iter().take(5).any(|word| word == "TABLE") && words.windows(2).any(|pair| pair == ["AS", "SELECT"])
        }
        Some("EXECUTE") => is(1, "IMMEDIATE"),
        _ => false,
    }
}

/// The bare words of a statement, in upper case.
fn words(sql: &str) -> Vec<String> {
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        let (skipped, _) = untouched(rest);
        let word = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'))).unwrap_or(rest.len());
        if skipped == 0 && word > 0 {
            words.extend(rest.get(..word).map(str::to_uppercase));
        }
        at += skipped.max(word).max(if skipped.max(word) == 0 {
            rest.chars().next().map_or(1, char::len_utf8)
        } else {
            0
        });
    }
    words
}

/// Values of one row. Outside `anywhere`, only `IDENTIFIER(?)` takes one.
fn one(sql: &str, bindings: &Map<String, Value>, anywhere: bool, instead: Option<&str>) -> Result<Bound, SqlError> {
    let value = |name: &str| match (bindings.get(name), instead) {
        (Some(binding), _) => literal(binding),
        (None, Some(instead)) => Ok(instead.to_owned()),
        (None, None) => Err(unset(name)),
    };
    let (mut out, mut rest, mut places) = (String::with_capacity(sql.len()), sql, 0);
    while let Some(first) = rest.chars().next() {
        let (skipped, _) = untouched(rest);
        if skipped > 0 {
            out.push_str(rest.get(..skipped).unwrap_or(rest));
            rest = rest.get(skipped..).unwrap_or_default();
            continue;
        }
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        let here = || anywhere || in_identifier(&out);
        match first {
            '?' => {
                places += 1;
                if here() && (!bindings.is_empty() || instead.is_some()) {
                    out.push_str(&value(&places.to_string())?);
                } else {
                    out.push('?');
                }
                rest = after;
            }
            ':' if !bindings.is_empty() && stands_alone(&out) && here() => {
                let length = after.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(after.len());
                let name = after.get(..length).unwrap_or_default();
                let number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
                match key(bindings, name) {
                    Some(known) => {
                        places += 1;
                        out.push_str(&value(known)?);
                        rest = after.get(length..).unwrap_or_default();
                    }
                    None if number => return Err(unset(name)),
                    None => {
                        out.push(':');
                        rest = after;
                    }
                }
            }
            _ => {
                out.push(first);
                rest = after;
            }
        }
    }
    Ok(Bound { sql: out, places })
}

fn unset(name: &str) -> SqlError {
    let message = format!("SQL compilation error:\nBind variable {name} not set.");
    SqlError { code: "002049", sql_state: "42601", message }
}

/// The name as it was sent; names of variables have no case.
fn key<'a>(bindings: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    bindings.keys().map(String::as_str).find(|key| !name.is_empty() && key.eq_ignore_ascii_case(name))
}

/// Whether a colon here begins a variable: after a name or a bracket it leads into a value, and two of them cast.
fn stands_alone(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '"' | ')' | ']' | ':'))
}

fn in_identifier(before: &str) -> bool {
    let Some(before) = before.trim_end().strip_suffix('(') else { return false };
    let before = before.trim_end();
    let word = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
    before.get(word..).is_some_and(|word| word.eq_ignore_ascii_case("IDENTIFIER"))
}

/// `INSERT … VALUES (?, ?)` with many values for each place: as many rows.
fn rows_of(sql: &str, bindings: &Map<String, Value>, rows: usize) -> Result<Bound, SqlError> {
    let refuse = |why: &str| SqlError {
        code: "000002",
        sql_state: "0A000",
        message: format!("Unsupported feature 'bind arrays {why}'."),
    };
    let row = |row: usize| -> Result<Map<String, Value>, SqlError> {
        let value = |binding: &Value| {
            let values = binding.get("value").and_then(Value::as_array).filter(|values| values.len() == rows);
            let value = values.and_then(|values| values.get(row)).ok_or_else(|| refuse("of different lengths"))?;
            let mut binding = binding.clone();
            if let Some(slot) = binding.get_mut("value") {
                *slot = value.clone();
            }
            Ok(binding)
        };
        bindings.iter().map(|(name, binding)| Ok((name.clone(), value(binding)?))).collect()
    };
    let text = sql.trim_end().trim_end_matches(';').trim_end();
    let insert = words(text).first().is_some_and(|word| word == "INSERT");
    let (head, group) = values_of(text).filter(|_| insert).ok_or_else(|| refuse("outside INSERT … VALUES (…)"))?;
    let (mut out, mut places) = (head.to_owned(), 0);
    for number in 0..rows {
        let bound = one(group, &row(number)?, true, None)?;
        places = bound.places;
        out.push_str(if number == 0 { " " } else { ", " });
        out.push_str(bound.sql.trim());
    }
    Ok(Bound { sql: out, places })
}

/// What stands before and what after the last VALUES, if that is one group in brackets.
fn values_of(sql: &str) -> Option<(&str, &str)> {
    let (mut at, mut found) = (0, None);
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        let (skipped, _) = untouched(rest);
        let word = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'))).unwrap_or(rest.len());
        if skipped == 0 && rest.get(..word).is_some_and(|word| word.eq_ignore_ascii_case("VALUES")) {
            found = Some(at + word);
        }
        at += if skipped > 0 { skipped } else { word.max(1) };
        while !sql.is_char_boundary(at) {
            at += 1;
        }
    }
    let (head, group) = sql.split_at_checked(found?)?;
    let group = group.trim();
    (group.starts_with('(') && group.ends_with(')')).then_some((head, group))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::snowflake::lex::{self, Tok};
    use serde_json::json;

    fn bound(sql: &str, bindings: &Value) -> Result<String, SqlError> {
        put_in(sql, bindings.as_object()).map(|bound| bound.sql)
    }

    #[test]
    fn values_stand_where_variables_stood() {
        let bindings = json!({
            "1": { "type": "TEXT", "value": "it's ? \\" },
            "2": { "type": "FIXED", "value": "-5" },
            "3": { "type": "ANY", "value": null },
            "Who": { "type": "TEXT", "value": "me" },
        });
        for (sql, expected) in [
            ("SELECT ?, ?, ?", r"SELECT 'it''s ? \\', (-5), NULL"),
            ("SELECT :2, '?' || :1", r"SELECT (-5), '?' || 'it''s ? \\'"),
            ("SELECT :who, a:who, a::who, [1]:who", "SELECT 'me', a:who, a::who, [1]:who"),
            (
                "SELECT x::number, \"a?\" -- ?\n, $$?$$, ? /* ? */",
                "SELECT x::number, \"a?\" -- ?\n, $$?$$, 'it''s ? \\\\' /* ? */",
            ),
            (r"SELECT 'a\'?', ''?", r"SELECT 'a\'?', '''it''s ? \\'"),
            ("-- first\nCREATE TABLE t AS SELECT ?", "-- first\nCREATE TABLE t AS SELECT 'it''s ? \\\\'"),
            // Where no values are taken.
            ("CREATE DATABASE D COMMENT = ?", "CREATE DATABASE D COMMENT = ?"),
            ("SHOW DATABASES LIKE :1", "SHOW DATABASES LIKE :1"),
            ("USE DATABASE identifier ( ? )", "USE DATABASE identifier ( 'it''s ? \\\\' )"),
        ] {
            assert_eq!(bound(sql, &bindings).unwrap(), expected, "{sql}");
        }
        assert_eq!(put_in("SELECT ?", None).unwrap().sql, "SELECT ?");
        assert_eq!(put_in("SELECT ?, ?", None).unwrap().places, 2);
        assert_eq!(bound("SELECT :9", &bindings).unwrap_err().code, "002049");
        let described = put_in_described("INSERT INTO t VALUES (?, '?')", None).unwrap();
        assert_eq!((described.sql.as_str(), described.places), ("INSERT INTO t VALUES (NULL, '?')", 1));
    }

    #[test]
    fn arrays_of_values_are_rows() {
        let bindings = json!({
            "1": { "type": "FIXED", "value": ["1", "2"] },
            "2": { "type": "TEXT", "value": ["values (", null] },
        });
        assert_eq!(
            bound("INSERT INTO values_ (a, b) values (?, upper(?));", &bindings).unwrap(),
            "INSERT INTO values_ (a, b) values (1, upper('values (')), (2, upper(NULL))"
        );
        for sql in ["UPDATE t SET a = ?, b = ?", "INSERT INTO t SELECT ?, ?", "INSERT INTO t VALUES (?, ?), (?, ?) x"] {
            assert_eq!(bound(sql, &bindings).unwrap_err().code, "000002", "{sql}");
        }
        let uneven = json!({
            "1": { "type": "FIXED", "value": ["1", "2"] },
            "2": { "type": "FIXED", "value": ["1"] },
        });
        assert_eq!(bound("INSERT INTO t VALUES (?, ?)", &uneven).unwrap_err().code, "000002");
    }

    proptest::proptest! {
        #[test]
        fn a_text_never_leaves_its_quotes(text in ".{0,20}") {
            let sql = bound("SELECT ?", &json!({ "1": { "type": "TEXT", "value": text } })).unwrap();
            let tokens: Vec<Tok> = lex::tokens(&sql).unwrap().into_iter().map(|token| token.tok).collect();
            proptest::prop_assert_eq!(tokens, [Tok::Word("SELECT".to_owned()), Tok::Text(text)]);
        }

        #[test]
        fn nothing_makes_it_fail(sql in "[a-z?:1'\"$/*() é-]{0,40}") {
            let _ = bound(&sql, &json!({ "1": { "type": "TEXT", "value": "x" } }));
            let _ = bound(&format!("insert into t values {sql}"), &json!({ "1": { "type": "TEXT", "value": ["x"] } }));
        }
    }
}

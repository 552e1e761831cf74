//! Bind variables: their values are put into the statement, since engines take statements only.

use serde_json::Value;

use crate::sandbox::snowflake::answer::SqlError;

/// The statement with its values in place of `?` and `:1`.
pub(super) fn put_in(sql: &str, bindings: Option<&Value>) -> Result<String, SqlError> {
    let Some(bindings) = bindings.and_then(Value::as_object).filter(|bindings| !bindings.is_empty()) else {
        return Ok(sql.to_owned());
    };
    let value = |name: &str| match bindings.get(name) {
        Some(binding) => literal(binding),
        None => Err(SqlError {
            code: "002049",
            sql_state: "42601",
            message: format!("SQL compilation error:\nBind variable {name} not set."),
        }),
    };
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    let mut next = 1;
    while let Some(first) = rest.chars().next() {
        let skipped = untouched(rest);
        if skipped > 0 {
            out.push_str(rest.get(..skipped).unwrap_or(rest));
            rest = rest.get(skipped..).unwrap_or_default();
            continue;
        }
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        match first {
            '?' => {
                out.push_str(&value(&next.to_string())?);
                next += 1;
                rest = after;
            }
            ':' if digits > 0 && !out.ends_with(':') => {
                out.push_str(&value(after.get(..digits).unwrap_or_default())?);
                rest = after.get(digits..).unwrap_or_default();
            }
            _ => {
                out.push(first);
                rest = after;
            }
        }
    }
    Ok(out)
}

/// How many bytes at the beginning are a quoted text or a comment, in which nothing is a variable.
fn untouched(sql: &str) -> usize {
    for (open, close) in [("--", "\n"), ("//", "\n"), ("/*", "*/"), ("$$", "$$")] {
        if let Some(inner) = sql.strip_prefix(open) {
            return inner.find(close).map_or(sql.len(), |end| open.len() + end + close.len());
        }
    }
    let Some(quote @ (b'\'' | b'"')) = sql.bytes().next() else { return 0 };
    let mut escaped = false;
    for (at, byte) in sql.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quote == b'\'' => escaped = true,
            // A doubled quote ends one text and begins another, which comes to the same.
            _ if byte == quote => return at + 1,
            _ => {}
        }
    }
    sql.len()
}

fn literal(binding: &Value) -> Result<String, SqlError> {
    let kind = binding.get("type").and_then(Value::as_str).unwrap_or_default();
    match (kind, binding.get("value")) {
        (_, None | Some(Value::Null)) => Ok("NULL".to_owned()),
        ("FIXED" | "REAL" | "BOOLEAN", Some(Value::String(text)))
            if text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) =>
        {
            Ok(text.clone())
        }
        ("TEXT" | "ANY", Some(Value::String(text))) => {
            Ok(format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")))
        }
        _ => Err(SqlError {
            code: "000002",
            sql_state: "0A000",
            message: format!("Unsupported feature 'bind variable of type {kind}'."),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_stand_where_variables_stood() {
        let bindings = json!({
            "1": { "type": "TEXT", "value": "it's ? \\" },
            "2": { "type": "FIXED", "value": "-5" },
            "3": { "type": "ANY", "value": null },
        });
        for (sql, expected) in [
            ("SELECT ?, ?, ?", r"SELECT 'it''s ? \\', -5, NULL"),
            ("SELECT :2, '?' || :1", r"SELECT -5, '?' || 'it''s ? \\'"),
            (
                "SELECT x::number, \"a?\" -- ?\n, $$?$$, ? /* ? */",
                "SELECT x::number, \"a?\" -- ?\n, $$?$$, 'it''s ? \\\\' /* ? */",
            ),
            (r"SELECT 'a\'?', ''?", r"SELECT 'a\'?', '''it''s ? \\'"),
        ] {
            assert_eq!(put_in(sql, Some(&bindings)).unwrap(), expected, "{sql}");
        }
        assert_eq!(put_in("SELECT ?", None).unwrap(), "SELECT ?");
        assert_eq!(put_in("SELECT :9", Some(&bindings)).unwrap_err().code, "002049");
    }
}

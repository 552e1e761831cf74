//! The SQL a user gives to a task: when two conditions are the same, which streams a condition asks about, and whether a body consumes them.

use sqlparser::tokenizer::Token;

use crate::kind::code::{name, solid, word};
use crate::model::{Ident, ObjectName, SchemaName, ident};

/// Whether two conditions of `WHEN` mean the same: words fold, white space has no meaning, streams are compared as names.
pub(super) fn same_condition(one: &str, other: &str, home: &SchemaName) -> bool {
    one == other || condition(one, home).is_some_and(|one| condition(other, home).is_some_and(|other| one == other))
}

/// The streams named in `SYSTEM$STREAM_HAS_DATA`. Names without a schema are those of the task's own.
pub(crate) fn streams(when: &str, home: &SchemaName) -> Vec<ObjectName> {
    let names = asked(when).into_iter().filter_map(|name| ObjectName::within(&name, home).ok());
    names.collect()
}

/// The functions of the `SYSTEM$` family and others that a condition calls, in upper case.
pub(super) fn calls(when: &str) -> Vec<String> {
    let tokens = solid(when).unwrap_or_default();
    let call = |pair: &[Token]| match pair {
        [Token::Word(word), Token::LParen] => Some(word.value.to_ascii_uppercase()),
        _ => None,
    };
    tokens.windows(2).filter_map(call).collect()
}

/// A stream whose data starts a triggered task although the task's body never consumes it: the task would start for ever, once in
/// every minimum interval.
///
/// A stream's offset moves only if it is read inside a statement that changes data and is committed: INSERT, MERGE, UPDATE, DELETE,
/// CREATE TABLE … AS, COPY INTO. That `COPY FILES … FROM (SELECT … FROM stream)` moves it is not documented, so it does not count.
/// Where the body calls what cannot be seen from here (a procedure, dynamic SQL), nothing is claimed.
pub fn never_consumes(when: &str, body: &str) -> Option<String> {
    let tokens = solid(body)?;
    let words: Vec<Option<String>> = tokens.iter().map(word).collect();
    let has = |word: &str| words.iter().flatten().any(|other| other == word);
    if has("CALL") || has("EXECUTE") || has("IDENTIFIER") {
        return None;
    }
    let reads: Vec<Vec<Ident>> = tokens.split(|token| *token == Token::SemiColon).flat_map(consumed).collect();
    asked(when).into_iter().find(|name| {
        let Ok(stream) = ident::parts(name) else { return false };
        !reads.iter().any(|read| read.iter().rev().zip(stream.iter().rev()).all(|(one, other)| one == other))
    })
}

fn condition(when: &str, home: &SchemaName) -> Option<Vec<String>> {
    let tokens = solid(when)?;
    let piece = |(at, token): (usize, &Token)| match token {
        Token::SingleQuotedString(text) if argument(&tokens, at) => {
            ObjectName::within(text, home).map_or_else(|_| format!("'{text}'"), |name| name.to_string())
        }
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
        token => token.to_string(),
    };
    Some(tokens.iter().enumerate().map(piece).collect())
}

/// The arguments of `SYSTEM$STREAM_HAS_DATA`, as written.
fn asked(when: &str) -> Vec<String> {
    let tokens = solid(when).unwrap_or_default();
    let name = |(at, token): (usize, &Token)| match token {
        Token::SingleQuotedString(text) if argument(&tokens, at) => Some(text.clone()),
        _ => None,
    };
    tokens.iter().enumerate().filter_map(name).collect()
}

/// Whether the token at this place is the argument of `SYSTEM$STREAM_HAS_DATA`.
fn argument(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(2).and_then(|from| tokens.get(from..at));
    matches!(before, Some([Token::Word(word), Token::LParen]) if word.value.eq_ignore_ascii_case("SYSTEM$STREAM_HAS_DATA"))
}

/// The names a statement reads and, by being committed, consumes; none if it is of another sort.
fn consumed(statement: &[Token]) -> Vec<Vec<Ident>> {
    let words: Vec<Option<String>> = statement.iter().map(word).collect();
    let has = |word: &str| words.iter().flatten().any(|other| other == word);
    let follows = |one: &str, next: &str| {
        words.windows(2).any(|pair| matches!(pair, [Some(a), Some(b)] if a == one && b == next))
    };
    let creates = has("CREATE") && has("TABLE") && has("AS");
    let changes = ["INSERT", "MERGE", "UPDATE", "DELETE"].into_iter().any(has) || follows("COPY", "INTO") || creates;
    if !changes {
        return Vec::new();
    }
    let mut reads = Vec::new();
    for (at, token) in statement.iter().enumerate() {
        let keyword = words.get(at).and_then(Option::as_deref);
        if matches!(keyword, Some("FROM" | "JOIN" | "USING")) || *token == Token::Comma {
            reads.extend(name(statement.get(at + 1..).unwrap_or_default()));
        }
    }
    reads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_equal_by_meaning() {
        let home: SchemaName = "d.s".parse().unwrap();
        let base = "SYSTEM$STREAM_HAS_DATA('D.S.X')";
        let equal = [
            "system$stream_has_data( 'x' )",
            "System$Stream_Has_Data('\"D\".\"S\".\"X\"')",
            "SYSTEM$STREAM_HAS_DATA('s.x')",
        ];
        for other in equal {
            assert!(same_condition(base, other, &home), "{other}");
        }
        for other in ["SYSTEM$STREAM_HAS_DATA('\"x\"')", "NOT SYSTEM$STREAM_HAS_DATA('D.S.X')", "OTHER('D.S.X')"] {
            assert!(!same_condition(base, other, &home), "{other}");
        }
        let returned = |text: &str| format!("SYSTEM$GET_PREDECESSOR_RETURN_VALUE('T') = '{text}'");
        assert!(!same_condition(&returned("a"), &returned("A"), &home));
        let both = "SYSTEM$STREAM_HAS_DATA('x') or system$stream_has_data('e.f.\"g\"')";
        let names: Vec<String> = streams(both, &home).iter().map(ToString::to_string).collect();
        assert_eq!(names, [r#""D"."S"."X""#, r#""E"."F"."g""#]);
        assert_eq!(calls("SYSTEM$STREAM_HAS_DATA('x') AND f (1)"), ["SYSTEM$STREAM_HAS_DATA", "F"]);
    }

    #[test]
    fn finds_streams_that_are_never_consumed() {
        let when = "SYSTEM$STREAM_HAS_DATA('D.S.X')";
        let never = [
            "COPY FILES INTO @D.S.OUT FROM @D.S.IN",
            "COPY FILES INTO @out FROM (SELECT relative_path FROM D.S.X)",
            "SELECT * FROM D.S.X",
            "INSERT INTO t SELECT * FROM D.S.Y",
            "INSERT INTO D.S.X SELECT 1",
            "BEGIN SELECT * FROM D.S.X; INSERT INTO t VALUES ('D.S.X'); END",
            "INSERT INTO t SELECT 1 -- FROM D.S.X\n",
            "INSERT INTO t SELECT * FROM E.S.X",
        ];
        for body in never {
            assert_eq!(never_consumes(when, body).as_deref(), Some("D.S.X"), "{body}");
        }
        let consumes = [
            "INSERT INTO t SELECT CASE WHEN a THEN 1 ELSE 2 END FROM x",
            "MERGE INTO t USING d.s.x AS s ON t.a = s.a WHEN MATCHED THEN UPDATE SET a = 1",
            "insert into t select * from y join \"D\".\"S\".\"X\" on true",
            "INSERT INTO t SELECT * FROM y, S.X",
            "COPY INTO @out FROM (SELECT * FROM x)",
            "BEGIN COPY FILES INTO @o FROM @i; CREATE TEMPORARY TABLE z AS SELECT * FROM x WHERE 1=0; END",
            "CALL handle()",
            "EXECUTE IMMEDIATE $$ INSERT INTO t SELECT * FROM x $$",
            "SELECT 'unfinished",
        ];
        for body in consumes {
            assert_eq!(never_consumes(when, body), None, "{body}");
        }
        assert_eq!(never_consumes("TRUE", "SELECT 1"), None);
    }
}

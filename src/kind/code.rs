//! The SQL that users give for Snowflake to keep, in tokens: when two texts are the same, and which objects a text names.

use sqlparser::dialect::SnowflakeDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use crate::model::{Ident, ObjectName, SchemaName};

/// Whether two bodies differ at most in white space outside quotes and comments. Case counts, and so does everything inside quotes.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || squeezed(one).is_some_and(|one| squeezed(other).is_some_and(|other| one == other))
}

/// The tables, views and stages that a text names where relations stand; stages come with `@` before them. Names without a schema are those of
/// `home`. It may find too much (the name of a common table expression), never too little but for what is hidden in strings.
pub(super) fn named(sql: &str, home: &SchemaName) -> Named {
    let tokens = solid(sql).unwrap_or_default();
    let mut out = Named::default();
    // For each open bracket, whether a comma is one between relations: those between columns name nothing.
    let mut lists = vec![false];
    for (at, token) in tokens.iter().enumerate() {
        let rest = tokens.get(at + 1..).unwrap_or_default();
        let within = |rest: &[Token]| within(&name(rest)?, home);
        match token {
            Token::AtSign => out.stages.extend(within(rest)),
            Token::LParen => lists.push(false),
            Token::RParen => drop(lists.pop()),
            Token::Comma if lists.last() == Some(&true) => out.relations.extend(within(rest)),
            token => {
                let word = word(token).unwrap_or_default();
                if BEFORE_RELATIONS.contains(&word.as_str()) {
                    out.relations.extend(within(rest));
                }
                let listed =
                    if word == "FROM" { Some(true) } else { ENDS_RELATIONS.contains(&word.as_str()).then_some(false) };
                if let (Some(list), Some(listed)) = (lists.last_mut(), listed) {
                    *list = listed;
                }
            }
        }
    }
    out
}

/// The table that a COPY INTO fills. Names without a schema are those of `home`.
pub(super) fn filled(sql: &str, home: &SchemaName) -> Option<ObjectName> {
    let tokens = solid(sql)?;
    let at = tokens.iter().position(|token| word(token).is_some_and(|word| word == "INTO"))?;
    within(&name(tokens.get(at + 1..)?)?, home)
}

/// Words that a relation may follow.
const BEFORE_RELATIONS: [&str; 6] = ["FROM", "INTO", "JOIN", "TABLE", "UPDATE", "USING"];

/// Words after which a comma is not one between relations any more.
const ENDS_RELATIONS: [&str; 12] =
    ["CONNECT", "GROUP", "HAVING", "LIMIT", "ON", "ORDER", "QUALIFY", "SELECT", "SET", "UNION", "VALUES", "WHERE"];

/// Objects that a text names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) relations: std::collections::BTreeSet<ObjectName>,
    pub(super) stages: std::collections::BTreeSet<ObjectName>,
}

fn within(parts: &[Ident], home: &SchemaName) -> Option<ObjectName> {
    let object = |database: &Ident, schema: &Ident, name: &Ident| {
        SchemaName { database: database.clone(), schema: schema.clone() }.object(name)
    };
    match parts {
        [name] => Some(home.object(name)),
        [schema, name] => Some(object(&home.database, schema, name)),
        [database, schema, name] => Some(object(database, schema, name)),
        _ => None,
    }
}

/// The first stage that a text names, and the path under it.
pub(crate) fn staged(sql: &str, home: &SchemaName) -> Option<(ObjectName, String)> {
    let all = tokens(sql)?;
    let at = all.iter().position(|token| *token == Token::AtSign)?;
    let rest = all.get(at + 1..)?;
    let parts = name(rest)?;
    // A name of n parts is n words with dots between them.
    let path = rest.get(parts.len() * 2 - 1..)?.iter();
    let path: String = path
        .take_while(|token| {
            !matches!(token, Token::Whitespace(_) | Token::LParen | Token::RParen | Token::Comma | Token::EOF)
        })
        .map(ToString::to_string)
        .collect();
    Some((within(&parts, home)?, path.trim_start_matches('/').to_owned()))
}

/// Whether this word stands anywhere in a text, outside quotes and comments.
pub(super) fn has_word(sql: &str, wanted: &str) -> bool {
    solid(sql).unwrap_or_default().iter().filter_map(word).any(|word| word == wanted)
}

/// Whether the first word, after comments and opening brackets, is one of these.
pub(super) fn begins_with(sql: &str, words: &[&str]) -> bool {
    let tokens = solid(sql).unwrap_or_default();
    let first = tokens.iter().find(|token| **token != Token::LParen);
    first.and_then(word).is_some_and(|first| words.contains(&first.as_str()))
}

/// What stands behind the first `AS` outside brackets: the query of a `CREATE VIEW … AS …`.
pub(super) fn behind_as(sql: &str) -> Option<String> {
    let tokens = tokens(sql)?;
    let mut depth = 0_i32;
    let at = tokens.iter().position(|token| {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        depth == 0 && word(token).is_some_and(|word| word == "AS")
    })?;
    Some(tokens.get(at + 1..)?.iter().map(ToString::to_string).collect())
}

fn tokens(sql: &str) -> Option<Vec<Token>> {
    Tokenizer::new(&SnowflakeDialect, sql).with_unescape(false).tokenize().ok()
}

/// All tokens but white space and comments.
pub(super) fn solid(sql: &str) -> Option<Vec<Token>> {
    let is_solid = |token: &Token| !matches!(token, Token::Whitespace(_));
    Some(tokens(sql)?.into_iter().filter(is_solid).collect())
}

/// The tokens, with every run of white space as one blank. Comments stay.
fn squeezed(sql: &str) -> Option<Vec<Token>> {
    let blank = Token::Whitespace(Whitespace::Space);
    let mut out: Vec<Token> = Vec::new();
    for token in tokens(sql)? {
        let token = match token {
            Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab) => blank.clone(),
            token => token,
        };
        if token != blank || out.last().is_some_and(|last| *last != blank) {
            out.push(token);
        }
    }
    out.pop_if(|last| *last == blank);
    Some(out)
}

/// The dotted name the tokens begin with.
pub(super) fn name(tokens: &[Token]) -> Option<Vec<Ident>> {
    let mut parts = Vec::new();
    let mut rest = tokens;
    loop {
        let [Token::Word(word), after @ ..] = rest else { return None };
        let stored =
            if word.quote_style.is_some() { word.value.replace("\"\"", "\"") } else { word.value.to_uppercase() };
        parts.push(Ident::stored(stored).ok()?);
        match after {
            [Token::Period, after @ ..] => rest = after,
            _ => return Some(parts),
        }
    }
}

pub(super) fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_equal_but_for_white_space_outside_quotes_and_comments() {
        let equal = [
            ("SELECT 1", "SELECT 1"),
            ("SELECT  1\n  FROM t", "SELECT 1 FROM\tt"),
            ("BEGIN\n  INSERT INTO a SELECT * FROM s;\nEND", "BEGIN INSERT INTO a SELECT * FROM s; END"),
            ("SELECT 'a  b' -- c\n, 2", "SELECT   'a  b' -- c\n, 2"),
        ];
        for (one, other) in equal {
            assert!(same(one, other), "{one} | {other}");
        }
        let different = [
            ("SELECT 'a  b'", "SELECT 'a b'"),
            ("SELECT \"a  b\"", "SELECT \"a b\""),
            ("SELECT $$a  b$$", "SELECT $$a b$$"),
            ("SELECT 1 -- a  b\n", "SELECT 1 -- a b\n"),
            ("SELECT a", "SELECT A"),
            ("SELECT 1", "SELECT 2"),
            ("SELECT 'a", "SELECT  'a"),
        ];
        for (one, other) in different {
            assert!(!same(one, other), "{one} | {other}");
        }
    }

    #[test]
    fn finds_what_a_text_names() {
        let home: SchemaName = "d.s".parse().unwrap();
        let found = named(
            "COPY INTO t FROM (SELECT $1 FROM @x.land/in/ (FILE_FORMAT => 'f'), u JOIN e.f.\"g\" ON 1 = 1)",
            &home,
        );
        let text = |names: &std::collections::BTreeSet<ObjectName>| -> Vec<String> {
            names.iter().map(ToString::to_string).collect()
        };
        assert_eq!(text(&found.relations), [r#""D"."S"."T""#, r#""D"."S"."U""#, r#""E"."F"."g""#]);
        assert_eq!(text(&found.stages), [r#""D"."X"."LAND""#]);
        let found = named("SELECT a, b.c, d FROM t, u WHERE a IN (1, 2) ORDER BY a, v", &home);
        assert_eq!(text(&found.relations), [r#""D"."S"."T""#, r#""D"."S"."U""#], "columns are no relations");
        let filled = |sql: &str| filled(sql, &home).map(|name| name.to_string());
        assert_eq!(filled("COPY INTO e.t (a, b) FROM @x").as_deref(), Some(r#""D"."E"."T""#));
        assert_eq!(filled("COPY INTO @x FROM t"), None);
    }

    #[test]
    fn finds_the_query_of_a_view() {
        let text = "create or replace view V (A, B) COMMENT = 'x AS y' as\n select a as b, 'q''s' from t";
        assert_eq!(behind_as(text).unwrap().trim(), "select a as b, 'q''s' from t");
        assert_eq!(behind_as("CREATE VIEW V"), None);
    }
}

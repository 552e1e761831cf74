//! What a statement is about, told from its words alone, and the statement without what may be secret in it. It is never refused here:
//! any text is some statement.

/// Longer statements are cut in the log.
const LONGEST: usize = 240;
/// What stands in the place of a literal.
const HIDDEN: &str = "'***'";

/// A piece of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// A word or a number, as written.
    Word(String),
    /// A name in quotes, without them.
    Quoted(String),
    /// A text.
    Literal,
    /// Any other character.
    Mark(char),
}

impl Piece {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found.eq_ignore_ascii_case(word))
    }
}

/// Takes a statement apart; comments are left out. An open quote reaches to the end, so that nothing behind it shows.
fn pieces(sql: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let after = |mark: &str, from: usize| {
            rest.get(from..).and_then(|tail| tail.find(mark)).map_or(rest.len(), |at| from + at + mark.len())
        };
        let end = if c.is_whitespace() {
            c.len_utf8()
        } else if rest.starts_with("--") || rest.starts_with("//") && !out.ends_with(&[Piece::Mark(':')]) {
            after("\n", 2)
        } else if rest.starts_with("/*") {
            after("*/", 2)
        } else if rest.starts_with("$$") {
            out.push(Piece::Literal);
            after("$$", 2)
        } else if c == '\'' {
            out.push(Piece::Literal);
            text_end(rest)
        } else if c == '"' {
            let end = name_end(rest);
            let inner = rest.get(1..end).unwrap_or_default();
            out.push(Piece::Quoted(inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\"")));
            end
        } else if is_word(c) {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            out.push(Piece::Word(rest.get(..end).unwrap_or_default().to_owned()));
            end
        } else {
            out.push(Piece::Mark(c));
            c.len_utf8()
        };
        rest = rest.get(end..).unwrap_or_default();
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Where a text ends: a doubled quote and one behind a backslash belong to it.
fn text_end(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\'' if chars.peek().is_some_and(|(_, next)| *next == '\'') => drop(chars.next()),
            '\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Where a quoted name ends: a doubled quote belongs to it.
fn name_end(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '"' && chars.next_if(|(_, next)| *next == '"').is_none() {
            return at + 1;
        }
    }
    rest.len()
}

/// A statement for people to read: in one line, cut if it is long, without comments, and without the literals, which may hold secrets.
/// What is given to a property that has a secret's name is hidden even without quotes.
pub fn without_literals(sql: &str) -> String {
    let mut out = String::new();
    let mut secret = false;
    let mut last = String::new();
    for piece in pieces(sql) {
        let (text, joined) = match piece {
            Piece::Literal => (HIDDEN.to_owned(), false),
            Piece::Quoted(name) => (format!("\"{}\"", name.replace('"', "\"\"")), false),
            Piece::Word(_) if secret && last == "=" => (HIDDEN.to_owned(), false),
            Piece::Word(word) => (word, false),
            Piece::Mark(mark) => (mark.to_string(), matches!(mark, '.' | ',' | ')' | ';' | ':')),
        };
        let tight = joined || last.ends_with(['.', '(', '@', ':', '/']) || (text == "/" && last != "=");
        if !(out.is_empty() || tight) {
            out.push(' ');
        }
        out.push_str(&text);
        secret = is_secret(&text) || (secret && (text == "=" || last == "="));
        if secret && last == "=" && text != "=" {
            secret = false;
        }
        last = text;
        if out.chars().count() > LONGEST {
            out = out.chars().take(LONGEST).collect();
            out.push('…');
            break;
        }
    }
    out
}

fn is_secret(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    ["PASSWORD", "SECRET", "TOKEN", "CREDENTIAL", "_KEY", "PASSPHRASE", "PASSCODE", "SAS"]
        .iter()
        .any(|name| word.contains(name))
}

/// What stands between the verb and the name of what is created.
const ADJECTIVES: [&str; 14] = [
    "OR",
    "REPLACE",
    "ALTER",
    "TEMPORARY",
    "TEMP",
    "TRANSIENT",
    "VOLATILE",
    "LOCAL",
    "GLOBAL",
    "SECURE",
    "TERSE",
    "RECURSIVE",
    "CONTACT",
    "FUTURE",
];

/// Types of objects that have more than one word.
const TYPES: [&[&str]; 26] = [
    &["STORAGE", "INTEGRATION"],
    &["NOTIFICATION", "INTEGRATION"],
    &["SECURITY", "INTEGRATION"],
    &["API", "INTEGRATION"],
    &["CATALOG", "INTEGRATION"],
    &["EXTERNAL", "ACCESS", "INTEGRATION"],
    &["STORAGE", "INTEGRATIONS"],
    &["NOTIFICATION", "INTEGRATIONS"],
    &["FILE", "FORMAT"],
    &["FILE", "FORMATS"],
    &["EXTERNAL", "TABLE"],
    &["EXTERNAL", "TABLES"],
    &["EXTERNAL", "VOLUME"],
    &["DYNAMIC", "TABLE"],
    &["ICEBERG", "TABLE"],
    &["EVENT", "TABLE"],
    &["MATERIALIZED", "VIEW"],
    &["DATABASE", "ROLE"],
    &["RESOURCE", "MONITOR"],
    &["NETWORK", "POLICY"],
    &["NETWORK", "RULE"],
    &["MASKING", "POLICY"],
    &["ROW", "ACCESS", "POLICY"],
    &["SESSION", "POLICY"],
    &["PASSWORD", "POLICY"],
    &["USER", "FUNCTIONS"],
];

/// The class of a statement, such as `CREATE STAGE`, and the full name of what it is about as it is written, in upper case unless quoted.
/// Both may be empty.
pub fn about(sql: &str) -> (String, String) {
    let all = pieces(sql);
    let mut at = all.as_slice();
    let Some((Piece::Word(verb), rest)) = at.split_first() else { return (String::new(), String::new()) };
    let verb = verb.to_ascii_uppercase();
    at = rest;
    let name_after = |words: &[&str]| {
        let found = all.iter().position(|piece| words.iter().any(|word| piece.is(word)));
        found.and_then(|found| all.get(found + 1..)).map(|tail| name(skip(tail, &["TABLE"]))).unwrap_or_default()
    };
    match verb.as_str() {
        "CREATE" | "ALTER" | "DROP" | "UNDROP" | "DESC" | "DESCRIBE" | "SHOW" | "TRUNCATE" | "USE" | "EXECUTE"
        | "COMMENT" => {
            let verb = if verb == "DESCRIBE" { "DESC".to_owned() } else { verb };
            at = skip(at, if verb == "COMMENT" { &["IF", "EXISTS", "ON"] } else { &ADJECTIVES });
            let (kind, tail) = kind(at);
            let tail = skip(tail, &["IF", "NOT", "EXISTS"]);
            let name = match verb.as_str() {
                "SHOW" => scope(tail),
                _ => name(tail),
            };
            (format!("{verb} {kind}").trim_end().to_owned(), name)
        }
        "COPY" | "INSERT" | "MERGE" => (format!("{verb} INTO"), name_after(&["INTO"])),
        "DELETE" => (verb, name_after(&["FROM"])),
        "UPDATE" | "CALL" | "LIST" | "LS" | "REMOVE" | "RM" | "PUT" | "GET" => {
            let verb = match verb.as_str() {
                "LS" => "LIST".to_owned(),
                "RM" => "REMOVE".to_owned(),
                _ => verb,
            };
            (verb, name(at))
        }
        "GRANT" | "REVOKE" => {
            let on = all.iter().position(|piece| piece.is("ON"));
            let target = on.and_then(|on| all.get(on + 1..)).map(|tail| name(kind(skip(tail, &["ALL", "FUTURE"])).1));
            (verb, target.unwrap_or_default())
        }
        "SELECT" | "WITH" => match at.first() {
            Some(Piece::Word(function)) if function.to_ascii_uppercase().starts_with("SYSTEM$") => {
                (format!("SELECT {}", function.to_ascii_uppercase()), String::new())
            }
            _ => ("SELECT".to_owned(), String::new()),
        },
        _ => (verb, String::new()),
    }
}

/// Whether statements of a class change something.
pub(super) fn changes(class: &str) -> bool {
    let (verb, what) = class.split_once(' ').unwrap_or((class, ""));
    // A function that acts.
    let acts = ["ENABLE", "RESUME", "CANCEL", "ABORT", "CONVERT", "SET_"].iter().any(|word| what.contains(word));
    if verb == "SELECT" {
        return what.starts_with("SYSTEM$") && acts;
    }
    !["SHOW", "DESC", "LIST", "USE", "EXPLAIN", "GET", "SET", "UNSET", ""].contains(&verb)
}

fn skip<'p>(mut at: &'p [Piece], words: &[&str]) -> &'p [Piece] {
    while let Some((piece, rest)) = at.split_first() {
        if !words.iter().any(|word| piece.is(word)) {
            break;
        }
        at = rest;
    }
    at
}

/// The type of object that comes first, in upper case, and what follows it.
fn kind(at: &[Piece]) -> (String, &[Piece]) {
    let begins = |words: &&&[&str]| words.len() <= at.len() && words.iter().zip(at).all(|(word, piece)| piece.is(word));
    let length = TYPES.iter().find(begins).map_or(1, |words| words.len());
    let words: Vec<String> = at
        .iter()
        .take(length)
        .map_while(|piece| match piece {
            Piece::Word(word) => Some(word.to_ascii_uppercase()),
            _ => None,
        })
        .collect();
    let rest = at.get(words.len()..).unwrap_or_default();
    (words.join(" "), rest)
}

/// A name of up to three parts, or a stage.
fn name(at: &[Piece]) -> String {
    let mut out = String::new();
    let mut dot = true;
    for piece in at {
        match piece {
            Piece::Mark('@') if out.is_empty() => out.push('@'),
            Piece::Mark('.') if !dot => {
                out.push('.');
                dot = true;
            }
            Piece::Word(word) if dot => {
                out.push_str(&word.to_ascii_uppercase());
                dot = false;
            }
            Piece::Quoted(word) if dot => {
                out.push_str(word);
                dot = false;
            }
            _ => break,
        }
    }
    out
}

/// Where a `SHOW` looks.
fn scope(at: &[Piece]) -> String {
    let Some(found) = at.iter().position(|piece| piece.is("IN") || piece.is("ON") || piece.is("TO")) else {
        return String::new();
    };
    let tail = at.get(found + 1..).unwrap_or_default();
    if tail.first().is_some_and(|piece| piece.is("ACCOUNT")) {
        return String::new();
    }
    let inner = name(skip(tail, &["DATABASE", "SCHEMA", "ROLE", "USER"]));
    if inner.is_empty() { name(kind(tail).1) } else { inner }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_statements_are_about() {
        for (sql, class, object, mutating) in [
            (
                "CREATE OR REPLACE STAGE IF NOT EXISTS db.s.\"My Stage\" URL = 's3://x'",
                "CREATE STAGE",
                "DB.S.My Stage",
                true,
            ),
            ("create storage integration EVENTS type = external_stage", "CREATE STORAGE INTEGRATION", "EVENTS", true),
            ("SHOW STAGES LIKE 'a' IN SCHEMA d.\"s\"", "SHOW STAGES", "D.s", false),
            ("SHOW TASKS IN ACCOUNT", "SHOW TASKS", "", false),
            ("SHOW GRANTS ON DATABASE d", "SHOW GRANTS", "D", false),
            ("DESCRIBE INTEGRATION e", "DESC INTEGRATION", "E", false),
            ("ALTER TASK IF EXISTS d.s.t RESUME", "ALTER TASK", "D.S.T", true),
            ("COPY INTO d.s.t FROM @d.s.st", "COPY INTO", "D.S.T", true),
            ("LIST @d.s.st/in/", "LIST", "@D.S.ST", false),
            ("GRANT USAGE ON WAREHOUSE w TO ROLE r", "GRANT", "W", true),
            ("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('d.s.t')", "SELECT SYSTEM$TASK_DEPENDENTS_ENABLE", "", true),
            (
                "SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION('a')",
                "SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION",
                "",
                false,
            ),
            ("SELECT a FROM t", "SELECT", "", false),
            ("-- nothing\n/* or this */ COMMENT ON TABLE d.s.t IS 'x'", "COMMENT TABLE", "D.S.T", true),
            ("EXECUTE TASK d.s.t", "EXECUTE TASK", "D.S.T", true),
            ("", "", "", false),
        ] {
            let (found, name) = about(sql);
            assert_eq!((found.as_str(), name.as_str(), changes(&found)), (class, object, mutating), "{sql}");
        }
    }

    #[test]
    fn literals_and_comments_do_not_show() {
        for (sql, shown) in [
            ("CREATE STAGE a.b URL='s3://b/' -- canary\n", "CREATE STAGE a.b URL = '***'"),
            ("SELECT 'it''s \\' canary', $$canary$$, \"a\"\"b\"", "SELECT '***', '***', \"a\"\"b\""),
            ("SELECT 1 /* canary */ + 'canary", "SELECT 1 + '***'"),
            (
                "ALTER USER u SET PASSWORD = canary MUST_CHANGE_PASSWORD = true",
                "ALTER USER u SET PASSWORD = '***' MUST_CHANGE_PASSWORD = '***'",
            ),
            ("COPY INTO t FROM @s/in/", "COPY INTO t FROM @s/in/"),
            (
                "CREATE TASK t WAREHOUSE = w AS INSERT INTO a SELECT 1",
                "CREATE TASK t WAREHOUSE = w AS INSERT INTO a SELECT 1",
            ),
        ] {
            assert_eq!(without_literals(sql), shown);
        }
        assert!(without_literals(&"SELECT a, ".repeat(100)).chars().count() < LONGEST + 2);
    }

    proptest! {
        #[test]
        fn no_text_of_any_form_shows(before in "[A-Za-z =(,]{0,12}", text in "[a-z' \\\\\n$]{0,12}", after in "[A-Za-z ,')]{0,8}") {
            let literal = format!("'{}canary{}'", text.replace('\\', "\\\\").replace('\'', "''"), "");
            let shown = without_literals(&format!("{before}{literal}{after}"));
            prop_assert!(!shown.contains("canary"), "{}", shown);
        }

        #[test]
        fn any_text_is_some_statement(sql in ".{0,60}") {
            let _ = (about(&sql), without_literals(&sql));
        }
    }
}

//! Expressions of SQL that a user gives for a column's default or a clustering key: whether they are one, and when two are the same.

use sqlparser::dialect::SnowflakeDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Whether a text is one expression and nothing else.
///
/// # Errors
/// Why it is not, a sentence without a period.
pub(super) fn check(text: &str) -> Result<(), String> {
    let parsed = Parser::new(&SnowflakeDialect {}).try_with_sql(text).and_then(|mut parser| {
        parser.parse_expr()?;
        parser.expect_token(&Token::EOF)
    });
    parsed.map(drop).map_err(|_| format!("`{text}` is not an expression of SQL"))
}

/// The canonical form: words in upper case, no white space that has no meaning, no brackets around the whole, none behind a function without
/// arguments (Snowflake gives `CURRENT_TIMESTAMP` back with or without them).
pub(super) fn canonical(text: &str) -> String {
    let Ok(tokens) = Tokenizer::new(&SnowflakeDialect {}, text.trim()).with_unescape(false).tokenize() else {
        return text.trim().to_owned();
    };
    let mut solid: Vec<Token> =
        tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_) | Token::EOF)).collect();
    while encloses(&solid) {
        solid = solid.split_off(1);
        solid.pop();
    }
    let mut out = String::new();
    let mut rest = solid.as_slice();
    while let [token, after @ ..] = rest {
        rest = after;
        if let ([Token::LParen, Token::RParen, after @ ..], Token::Word(_)) = (rest, token) {
            rest = after;
        }
        let piece = match token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
            other => other.to_string(),
        };
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '\'' || c == '"');
        if word(out.chars().last()) && word(piece.chars().next()) {
            out.push(' ');
        }
        out.push_str(&piece);
    }
    out
}

/// Whether the first token is a bracket that the last one closes.
fn encloses(tokens: &[Token]) -> bool {
    let [Token::LParen, inside @ .., Token::RParen] = tokens else { return false };
    let mut depth = 0_i32;
    for token in inside {
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    !inside.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_expression_and_nothing_else() {
        for good in ["0", "'a, b'", "CURRENT_TIMESTAMP()", "CAST('x' AS VARCHAR)", "-1.5", "A::DATE", "TRUE"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "0, B INT", "1; DROP TABLE T", "'open", "1) X ("] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_means_the_same_is_equal() {
        for (one, other) in [
            ("current_timestamp()", "CURRENT_TIMESTAMP"),
            (" ( 0 ) ", "0"),
            ("cast( 'x'  as varchar )", "CAST('x' AS VARCHAR)"),
            ("to_date(a)", "TO_DATE(A)"),
        ] {
            assert_eq!(canonical(one), canonical(other));
        }
        for (one, other) in [("'a'", "'A'"), ("\"a\"", "A"), ("1", "2"), ("(a)+(b)", "a)+(b")] {
            assert_ne!(canonical(one), canonical(other));
        }
    }
}

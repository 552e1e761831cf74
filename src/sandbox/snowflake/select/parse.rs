//! Queries as a syntax tree.
//!
//! The tokens are the ones of the simulator's own lexer, so that comments, strings and stages read alike everywhere. A stage becomes a
//! word quoted with backticks, which no text can contain.

use sqlparser::ast::{Expr, Query, Statement};
use sqlparser::dialect::SnowflakeDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Word};

use crate::sandbox::snowflake::answer::SqlError;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::lex::{self, Tok};

/// The quote of a stage's word.
pub(super) const STAGE: char = '`';

/// How many operators may follow each other without a comma between them: each makes the tree one level deeper.
const LONGEST_CHAIN: usize = 800;

/// A text and its tokens.
pub(super) struct Source<'a> {
    text: &'a str,
    tokens: Vec<lex::Token>,
    spanned: Vec<TokenWithSpan>,
}

impl<'a> Source<'a> {
    /// Reads a text; with `folds`, quoted names fold like others.
    pub(super) fn new(text: &'a str, folds: bool) -> Fallible<Self> {
        let tokens = lex::tokens(text)?;
        check_chains(&tokens)?;
        let mut places = Places { text, byte: 0, line: 1, column: 1 };
        let mut spanned = Vec::with_capacity(tokens.len());
        let mut after_dot = false;
        for token in &tokens {
            let start = places.at(token.start);
            let end = places.at(token.end);
            let tok = match &token.tok {
                // `t.$1`
                Tok::Word(word) if after_dot && word.starts_with('$') => Token::make_word(word, None),
                tok => converted(tok, folds),
            };
            spanned.push(TokenWithSpan::new(tok, Span::new(start, end)));
            after_dot = token.tok == Tok::Mark(".");
        }
        Ok(Self { text, tokens, spanned })
    }

    /// The whole text as one query.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method's lifetime is not general enough")]
    pub(super) fn query(&self) -> Fallible<Query> {
        self.read(|parser| parser.parse_query()).map(|query| *query)
    }

    /// The whole text as one expression.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method's lifetime is not general enough")]
    pub(super) fn expr(&self) -> Fallible<Expr> {
        self.read(|parser| parser.parse_expr())
    }

    /// The whole text as one statement.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method's lifetime is not general enough")]
    pub(super) fn statement(&self) -> Fallible<Statement> {
        self.read(|parser| parser.parse_statement())
    }

    fn read<T>(&self, read: impl FnOnce(&mut Parser<'_>) -> Result<T, ParserError>) -> Fallible<T> {
        let mut parser = Parser::new(&SnowflakeDialect {}).with_tokens_with_locations(self.spanned.clone());
        let found = read(&mut parser).map_err(|error| self.complaint(&error))?;
        while parser.consume_token(&Token::SemiColon) {}
        let next = parser.peek_token();
        if next.token == Token::EOF { Ok(found) } else { Err(self.unexpected(next.span.start)) }
    }

    /// What Snowflake says of a text that does not parse.
    fn complaint(&self, error: &ParserError) -> SqlError {
        match error {
            ParserError::RecursionLimitExceeded => fail::beyond("expressions nested this deeply"),
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => match place_in(text) {
                Some(place) => self.unexpected(place),
                None => self.unexpected(Location::empty()),
            },
        }
    }

    fn unexpected(&self, place: Location) -> SqlError {
        let found = self.spanned.iter().position(|token| token.span.start == place);
        let (start, shown) = match found.and_then(|at| self.tokens.get(at)) {
            Some(token) => (token.start, self.text.get(token.start..token.end).unwrap_or_default()),
            None => (self.text.trim_end().len(), "<EOF>"),
        };
        let (line, position) = lex::place(self.text, start);
        fail::syntax(line, position, shown)
    }

    /// The texts of the items of the SELECT whose keyword stands here.
    pub(super) fn items(&self, select: Location) -> Vec<&'a str> {
        let Some(at) = self.spanned.iter().position(|token| token.span.start == select) else { return Vec::new() };
        let mut items = Vec::new();
        let (mut depth, mut from, mut to) = (0_usize, None, 0);
        for token in self.tokens.iter().skip(at + 1) {
            match &token.tok {
                Tok::Mark("(" | "[" | "{") => depth += 1,
                Tok::Mark(")" | "]" | "}") if depth > 0 => depth -= 1,
                Tok::Mark(")" | ";") if depth == 0 => break,
                Tok::Mark(",") if depth == 0 => {
                    items.extend(from.take().and_then(|from| self.text.get(from..to)));
                    continue;
                }
                Tok::Word(word) if depth == 0 && ends_items(word) => break,
                Tok::Word(word)
                    if depth == 0
                        && from.is_none()
                        && items.is_empty()
                        && (word.eq_ignore_ascii_case("DISTINCT") || word.eq_ignore_ascii_case("ALL")) =>
                {
                    continue;
                }
                _ => {}
            }
            from = from.or(Some(token.start));
            to = token.end;
        }
        items.extend(from.and_then(|from| self.text.get(from..to)));
        items
    }
}

fn ends_items(word: &str) -> bool {
    ["FROM", "WHERE", "UNION", "INTERSECT", "EXCEPT", "MINUS", "ORDER", "LIMIT", "GROUP", "HAVING", "QUALIFY", "FETCH"]
        .iter()
        .any(|end| word.eq_ignore_ascii_case(end))
}

/// Lines and columns of rising byte offsets, both counted from 1.
struct Places<'a> {
    text: &'a str,
    byte: usize,
    line: u64,
    column: u64,
}

impl Places<'_> {
    fn at(&mut self, byte: usize) -> Location {
        for c in self.text.get(self.byte..byte).unwrap_or_default().chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.byte = byte;
        Location::new(self.line, self.column)
    }
}

/// `… at Line: 1, Column: 8`.
fn place_in(message: &str) -> Option<Location> {
    let (_, rest) = message.rsplit_once("Line: ")?;
    let (line, column) = rest.split_once(", Column: ")?;
    Some(Location::new(line.parse().ok()?, column.trim().parse().ok()?))
}

/// Chains of operators make trees deep, and deep trees exhaust the stack of whoever walks them.
fn check_chains(tokens: &[lex::Token]) -> Fallible<()> {
    let mut run = 0_usize;
    for token in tokens {
        match &token.tok {
            Tok::Mark("," | "(" | "=>") => {}
            Tok::Mark(")") => run += 1,
            Tok::Mark(_) => run += 2,
            Tok::Word(word) if is_operator(word) => run += 2,
            _ => continue,
        }
        if matches!(token.tok, Tok::Mark(",")) {
            run = 0;
        }
        if run > 2 * LONGEST_CHAIN {
            return Err(fail::beyond(&format!("more than {LONGEST_CHAIN} operators in one expression")));
        }
    }
    Ok(())
}

fn is_operator(word: &str) -> bool {
    [
        "AND",
        "OR",
        "NOT",
        "IS",
        "IN",
        "BETWEEN",
        "LIKE",
        "ILIKE",
        "RLIKE",
        "UNION",
        "INTERSECT",
        "EXCEPT",
        "MINUS",
        "JOIN",
    ]
    .iter()
    .any(|operator| word.eq_ignore_ascii_case(operator))
}

fn converted(tok: &Tok, folds: bool) -> Token {
    let quoted = |value: String, quote| {
        Token::Word(Word { value, quote_style: Some(quote), keyword: sqlparser::keywords::Keyword::NoKeyword })
    };
    match tok {
        // `$1`, a column of a file or a relation by its place.
        Tok::Word(word) if word.starts_with('$') => Token::Placeholder(word.clone()),
        Tok::Word(word) => Token::make_word(word, None),
        Tok::Quoted(name) if folds => quoted(name.to_uppercase(), '"'),
        Tok::Quoted(name) => quoted(name.clone(), '"'),
        Tok::Text(text) => Token::SingleQuotedString(text.clone()),
        Tok::Number(digits) => Token::Number(digits.clone(), false),
        Tok::Stage(raw) => quoted(raw.clone(), STAGE),
        Tok::Mark(mark) => match *mark {
            "=>" => Token::RArrow,
            "::" => Token::DoubleColon,
            "||" => Token::StringConcat,
            "<=" => Token::LtEq,
            ">=" => Token::GtEq,
            "<>" | "!=" => Token::Neq,
            "(" => Token::LParen,
            ")" => Token::RParen,
            "," => Token::Comma,
            ";" => Token::SemiColon,
            "." => Token::Period,
            "=" => Token::Eq,
            "*" => Token::Mul,
            "+" => Token::Plus,
            "-" => Token::Minus,
            "/" => Token::Div,
            "<" => Token::Lt,
            ">" => Token::Gt,
            ":" => Token::Colon,
            "%" => Token::Mod,
            "?" => Token::Placeholder("?".to_owned()),
            "[" => Token::LBracket,
            "]" => Token::RBracket,
            "{" => Token::LBrace,
            "}" => Token::RBrace,
            "!" => Token::ExclamationMark,
            "~" => Token::Tilde,
            other => Token::CustomBinaryOperator(other.to_owned()),
        },
    }
}

//! JSON as Snowflake reads it out of files: one document after the other, with its words for what is wrong.
//!
//! Its known leniency is kept where it is documented (a comma before a closing bracket); what is undocumented is refused.

use std::collections::BTreeMap;

use super::variant::Variant;

/// Documents nested more deeply than this are refused: the reader calls itself once for each level.
const DEEPEST: usize = 256;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Without `Error parsing JSON: ` before it.
    pub(super) message: String,
    /// The byte at which it shows.
    pub(super) at: usize,
}

/// A cursor over a text of JSON.
pub(super) struct Reader<'a> {
    text: &'a str,
    pub(super) at: usize,
    /// `ALLOW_DUPLICATE`: the last value of a key counts.
    duplicates: bool,
}

type Read<T> = Result<T, Fault>;

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, duplicates: bool) -> Self {
        Self { text, at: 0, duplicates }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Passes a mark after blanks.
    pub(super) fn mark(&mut self, mark: char) -> bool {
        self.blanks();
        let found = self.peek() == Some(mark);
        if found {
            self.at += mark.len_utf8();
        }
        found
    }

    pub(super) fn fault<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(Fault { message: message.into(), at: self.at })
    }

    /// One value, after blanks.
    pub(super) fn value(&mut self, depth: usize) -> Read<Variant> {
        self.blanks();
        if depth > DEEPEST {
            return self.fault(format!("nested more than {DEEPEST} levels deep"));
        }
        match self.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.list(depth),
            Some('"') => self.string().map(Variant::Text),
            Some(c) if c == '-' || c.is_ascii_digit() => self.number(),
            Some(c @ (',' | '}' | ']' | ':')) => {
                let name = match c {
                    ',' => "comma".to_owned(),
                    ':' => "colon".to_owned(),
                    other => other.to_string(),
                };
                self.fault(format!("misplaced {name}"))
            }
            Some(c) if c.is_alphabetic() || c == '_' => self.word(),
            Some(c) => self.fault(format!("invalid character outside of a string: '{c}'")),
            None => self.fault("incomplete value"),
        }
    }

    fn object(&mut self, depth: usize) -> Read<Variant> {
        self.bump();
        let mut members = BTreeMap::new();
        loop {
            if self.mark('}') {
                return Ok(Variant::Object(members));
            }
            match self.peek() {
                None => return self.fault("incomplete object value"),
                Some('"') => {}
                Some(',') => return self.fault("misplaced comma"),
                Some(c @ (']' | '[' | '{')) => return self.fault(format!("misplaced {c}")),
                Some(c) if c.is_alphanumeric() || c == '_' || c == '-' => {
                    return self.fault("object attribute name without quotes");
                }
                Some(c) => return self.fault(format!("invalid character outside of a string: '{c}'")),
            }
            let key = self.string()?;
            if members.contains_key(&key) && !self.duplicates {
                // It shows at the quote that closes the key.
                self.at -= 1;
                return self.fault(format!("duplicate object attribute \"{key}\""));
            }
            if !self.mark(':') {
                return match self.peek() {
                    None => self.fault("incomplete object value"),
                    Some('}') => self.fault("misplaced }"),
                    Some(_) => self.fault("missing colon"),
                };
            }
            self.blanks();
            if self.peek().is_none() {
                return self.fault("incomplete object value");
            }
            let value = self.value(depth + 1)?;
            members.insert(key, value);
            if !self.mark(',') && self.peek() != Some('}') {
                return match self.peek() {
                    None => self.fault("incomplete object value"),
                    Some(']') => self.fault("misplaced ]"),
                    Some(_) => self.fault("missing comma"),
                };
            }
        }
    }

    fn list(&mut self, depth: usize) -> Read<Variant> {
        self.bump();
        let mut items = Vec::new();
        while let Some(item) = self.item(depth)? {
            items.push(item);
        }
        Ok(Variant::List(items))
    }

    /// The next element of the list that the cursor is in, with the comma after it; nothing when the list has ended.
    pub(super) fn item(&mut self, depth: usize) -> Read<Option<Variant>> {
        if self.mark(']') {
            return Ok(None);
        }
        if self.peek().is_none() {
            return self.fault("incomplete array value");
        }
        let item = self.value(depth + 1)?;
        if !self.mark(',') && self.peek() != Some(']') {
            return match self.peek() {
                None => self.fault("incomplete array value"),
                Some('}') => self.fault("misplaced }"),
                Some(_) => self.fault("missing comma"),
            };
        }
        Ok(Some(item))
    }

    fn word(&mut self) -> Read<Variant> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        self.at += end;
        match word {
            "null" => Ok(Variant::Null),
            "true" => Ok(Variant::Bool(true)),
            "false" => Ok(Variant::Bool(false)),
            _ => self.fault(format!("unknown keyword \"{word}\"")),
        }
    }

    fn number(&mut self) -> Read<Variant> {
        let rest = self.rest();
        let end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.')).unwrap_or(rest.len());
        let literal = rest.get(..end).unwrap_or_default();
        let start = self.at;
        self.at += end;
        if literal == "-" {
            return self.fault("no number after a sign");
        }
        if is_json_number(literal)
            && let Some(number) = Variant::number(literal)
        {
            return Ok(number);
        }
        let exponent = literal.to_ascii_lowercase();
        if exponent.ends_with('e') || exponent.ends_with("e+") || exponent.ends_with("e-") {
            return self.fault(format!("missing decimal exponent digits: '{literal}'"));
        }
        self.at = start;
        self.fault(format!("garbage in the numeric literal: {literal} "))
    }

    fn string(&mut self) -> Read<String> {
        self.bump();
        let mut text = String::new();
        loop {
            match self.bump() {
                None => return self.fault("unfinished string"),
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(c) if c < ' ' && c != '\t' => {
                    self.at -= 1;
                    return self.fault("invalid character in a string");
                }
                Some(c) => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> Read<char> {
        match self.bump() {
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some(c @ ('"' | '\\' | '/')) => Ok(c),
            Some('u') => {
                let first = self.code_unit()?;
                if !(0xD800..0xDC00).contains(&first) {
                    return Ok(char::from_u32(first).unwrap_or('\u{fffd}'));
                }
                if !self.rest().starts_with("\\u") {
                    return Ok('\u{fffd}');
                }
                self.at += 2;
                let second = self.code_unit()?;
                let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400);
                Ok(low.and_then(|low| char::from_u32(0x10000 + ((first - 0xD800) << 10) + low)).unwrap_or('\u{fffd}'))
            }
            Some(_) => self.fault("invalid escape sequence in a string"),
            None => self.fault("unfinished string"),
        }
    }

    fn code_unit(&mut self) -> Read<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return self.fault("invalid unicode escape sequence in a string");
        };
        self.at += 4;
        Ok(unit)
    }
}

/// `-? (0 | [1-9] digits) (. digits)? ([eE] [+-]? digits)?`
fn is_json_number(literal: &str) -> bool {
    let unsigned = literal.strip_prefix('-').unwrap_or(literal);
    let (number, exponent) = unsigned
        .find(['e', 'E'])
        .map_or((unsigned, None), |at| (unsigned.get(..at).unwrap_or_default(), unsigned.get(at + 1..)));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    digits(whole) && (whole == "0" || !whole.starts_with('0')) && fraction.is_none_or(digits) && exponent_ok
}

/// A text that is one document, as `PARSE_JSON` takes it; nothing but blanks is NULL.
pub(super) fn document(text: &str) -> Result<Option<Variant>, String> {
    let mut reader = Reader::new(text, false);
    reader.blanks();
    if reader.peek().is_none() {
        return Ok(None);
    }
    let placed = |fault: Fault| {
        let characters = text.get(..fault.at).map_or(0, |before| before.chars().count());
        format!("{}, pos {}", fault.message, characters + 1)
    };
    let value = reader.value(0).map_err(placed)?;
    reader.blanks();
    match reader.peek() {
        None => Ok(Some(value)),
        Some('{' | '[' | '"') => Err("more than one document in the input".to_owned()),
        Some(_) => Err("garbage after valid input document".to_owned()),
    }
}

//! `KEY = value` lists, the way nearly every statement carries its options: separated by blanks or commas, values possibly nested.

use super::answer::SqlError;
use super::fail::{self, Fallible};
use super::lex::Tok;
use super::parse::{Name, Parser};

/// A value as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A bare word or a name.
    Name(Name, String),
    /// A string.
    Text(String),
    /// A number, with its sign.
    Number(String),
    /// `(a, b)`.
    List(Vec<Value>),
    /// `(A = 1 B = 2)`.
    Props(Props),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Prop {
    key: String,
    value: Value,
    complaint: SqlError,
    value_complaint: SqlError,
}

/// Options that have been read and not yet been asked for. What is left at the end is unknown to the statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Props(Vec<Prop>);

impl Props {
    /// Reads options up to the first token that starts none.
    pub(super) fn read(p: &mut Parser<'_>) -> Fallible<Self> {
        let mut props = Self::default();
        loop {
            let starts = matches!(p.peek(), Some(Tok::Word(_))) && matches!(p.peek_at(1), Some(Tok::Mark("=")));
            if !starts {
                return Ok(props);
            }
            let complaint = p.unexpected();
            let key = p.word().unwrap_or_default();
            if props.has(&key) {
                return Err(complaint);
            }
            p.advance();
            p.advance();
            let value_complaint = p.unexpected();
            let value = value(p)?;
            props.0.push(Prop { key, value, complaint, value_complaint });
            let place = p.mark_place();
            if p.mark(",") && !matches!((p.peek(), p.peek_at(1)), (Some(Tok::Word(_)), Some(Tok::Mark("=")))) {
                p.back_to(place);
                return Ok(props);
            }
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|prop| prop.key == key)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, key: &str) -> Option<Prop> {
        let at = self.0.iter().position(|prop| prop.key == key)?;
        Some(self.0.remove(at))
    }

    /// A string.
    pub(super) fn text(&mut self, key: &str) -> Fallible<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Prop { value: Value::Text(text), .. }) => Ok(Some(text)),
            Some(prop) => Err(prop.value_complaint),
        }
    }

    /// A string, a bare word or a number, as text in its own case.
    pub(super) fn loose(&mut self, key: &str) -> Fallible<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Prop { value: Value::Text(text) | Value::Number(text) | Value::Name(_, text), .. }) => Ok(Some(text)),
            Some(prop) => Err(prop.value_complaint),
        }
    }

    /// One of a few words, in upper case, bare or quoted; else 001008.
    pub(super) fn choice(&mut self, key: &str, choices: &[&str]) -> Fallible<Option<String>> {
        let Some(found) = self.loose(key)? else { return Ok(None) };
        let upper = found.to_uppercase();
        if choices.contains(&upper.as_str()) { Ok(Some(upper)) } else { Err(fail::bad_value(&found, key)) }
    }

    /// TRUE or FALSE, quoted or not.
    pub(super) fn boolean(&mut self, key: &str) -> Fallible<Option<bool>> {
        match self.take(key) {
            None => Ok(None),
            Some(Prop { value: Value::Name(_, text) | Value::Text(text), value_complaint, .. }) => {
                match text.to_uppercase().as_str() {
                    "TRUE" => Ok(Some(true)),
                    "FALSE" => Ok(Some(false)),
                    _ => Err(value_complaint),
                }
            }
            Some(prop) => Err(prop.value_complaint),
        }
    }

    /// A number within a range; else 001008.
    pub(super) fn number(&mut self, key: &str, range: std::ops::RangeInclusive<u64>) -> Fallible<Option<u64>> {
        match self.take(key) {
            None => Ok(None),
            Some(Prop { value: Value::Number(digits), .. }) => match digits.parse::<u64>() {
                Ok(number) if range.contains(&number) => Ok(Some(number)),
                _ => Err(fail::bad_value(&digits, key)),
            },
            Some(prop) => Err(prop.value_complaint),
        }
    }

    /// A name of an object: an identifier, or a string that holds one.
    pub(super) fn name(&mut self, key: &str) -> Fallible<Option<Name>> {
        match self.take(key) {
            None => Ok(None),
            Some(Prop { value: Value::Name(name, _), .. }) => Ok(Some(name)),
            Some(Prop { value: Value::Text(text), .. }) => Name::read(&text).map(Some),
            Some(prop) => Err(prop.value_complaint),
        }
    }

    /// A list of strings.
    pub(super) fn texts(&mut self, key: &str) -> Fallible<Option<Vec<String>>> {
        match self.take(key) {
            None => Ok(None),
            Some(Prop { value: Value::List(values), value_complaint, .. }) => values
                .into_iter()
                .map(|value| match value {
                    Value::Text(text) => Ok(text),
                    _ => Err(value_complaint.clone()),
                })
                .collect::<Fallible<_>>()
                .map(Some),
            Some(prop) => Err(prop.value_complaint),
        }
    }

    /// A list of names of one part.
    pub(super) fn names(&mut self, key: &str) -> Fallible<Option<Vec<String>>> {
        match self.take(key) {
            None => Ok(None),
            Some(Prop { value: Value::List(values), value_complaint, .. }) => values
                .into_iter()
                .map(|value| match value {
                    Value::Name(name, _) if name.0.len() == 1 => Ok(name.last().to_owned()),
                    _ => Err(value_complaint.clone()),
                })
                .collect::<Fallible<_>>()
                .map(Some),
            Some(prop) => Err(prop.value_complaint),
        }
    }

    /// A nested list of options; `()` is an empty one.
    pub(super) fn nested(&mut self, key: &str) -> Fallible<Option<Props>> {
        match self.take(key) {
            None => Ok(None),
            Some(Prop { value: Value::Props(props), .. }) => Ok(Some(props)),
            Some(Prop { value: Value::List(values), .. }) if values.is_empty() => Ok(Some(Self::default())),
            Some(prop) => Err(prop.value_complaint),
        }
    }

    /// Whatever is there.
    pub(super) fn any(&mut self, key: &str) -> Option<Value> {
        self.take(key).map(|prop| prop.value)
    }

    /// The keys not yet asked for.
    pub(super) fn keys(&self) -> Vec<String> {
        self.0.iter().map(|prop| prop.key.clone()).collect()
    }

    /// Every option must have been asked for.
    pub(super) fn finish(self) -> Fallible<()> {
        self.0.into_iter().next().map_or(Ok(()), |prop| Err(prop.complaint))
    }
}

fn value(p: &mut Parser<'_>) -> Fallible<Value> {
    match p.peek() {
        Some(Tok::Text(_)) => p.text().map(Value::Text),
        Some(Tok::Number(digits)) => {
            let digits = digits.clone();
            p.advance();
            Ok(Value::Number(digits))
        }
        Some(Tok::Mark("-")) => {
            p.advance();
            match p.peek() {
                Some(Tok::Number(digits)) => {
                    let negative = format!("-{digits}");
                    p.advance();
                    Ok(Value::Number(negative))
                }
                _ => Err(p.unexpected()),
            }
        }
        Some(Tok::Mark("(")) => {
            p.advance();
            bracket(p)
        }
        Some(Tok::Word(word)) if word.eq_ignore_ascii_case("NULL") => {
            p.advance();
            Ok(Value::Name(Name(vec!["NULL".into()]), "NULL".into()))
        }
        Some(Tok::Word(_) | Tok::Quoted(_)) => {
            let from = p.mark_place();
            let name = p.name()?;
            let written = p.between(from, p.mark_place()).to_owned();
            Ok(Value::Name(name, written))
        }
        _ => Err(p.unexpected()),
    }
}

fn bracket(p: &mut Parser<'_>) -> Fallible<Value> {
    if matches!((p.peek(), p.peek_at(1)), (Some(Tok::Word(_)), Some(Tok::Mark("=")))) {
        let props = Props::read(p)?;
        p.need_mark(")")?;
        return Ok(Value::Props(props));
    }
    let mut values = Vec::new();
    if !p.mark(")") {
        loop {
            values.push(value(p)?);
            if p.mark(")") {
                break;
            }
            p.need_mark(",")?;
        }
    }
    Ok(Value::List(values))
}

/// Keys of an UNSET, separated by commas.
pub(super) fn unset_keys(p: &mut Parser<'_>) -> Fallible<Vec<(String, SqlError)>> {
    let mut keys = Vec::new();
    loop {
        let complaint = p.unexpected();
        let Some(key) = p.word() else { return Err(complaint) };
        p.advance();
        keys.push((key, complaint));
        if !p.mark(",") && !matches!(p.peek(), Some(Tok::Word(_))) {
            return Ok(keys);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Fallible<Props> {
        let mut p = Parser::new(source)?;
        let props = Props::read(&mut p)?;
        p.end()?;
        Ok(props)
    }

    #[test]
    fn blanks_and_commas_separate() {
        for source in ["A = 1 B = (C = TRUE D = 'x') E = ('p', 'q')", "a=1, b=(c=true, d='x'), e=('p','q')"] {
            let mut props = read(source).unwrap();
            assert_eq!(props.number("A", 0..=9).unwrap(), Some(1));
            let mut nested = props.nested("B").unwrap().unwrap();
            assert_eq!(nested.boolean("C").unwrap(), Some(true));
            assert_eq!(nested.text("D").unwrap().as_deref(), Some("x"));
            assert_eq!(props.texts("E").unwrap().unwrap(), ["p", "q"]);
            props.finish().unwrap();
        }
    }

    #[test]
    fn unknown_keys_wrong_types_and_repetitions_are_refused_at_their_place() {
        let error =
            read("A = 1\n  BOGUS = 2").and_then(|mut p| p.number("A", 0..=9).and_then(|_| p.finish())).unwrap_err();
        assert!(error.message.ends_with("syntax error line 2 at position 2 unexpected 'BOGUS'."), "{}", error.message);
        let error = read("A = x").unwrap().text("A").unwrap_err();
        assert!(error.message.contains("position 4 unexpected 'x'"), "{}", error.message);
        assert_eq!(read("A = 1 A = 2").unwrap_err().code, "001003");
        assert_eq!(read("A = (B = 1").unwrap_err().code, "001003");
        assert_eq!(read("A = 10").unwrap().number("A", 0..=9).unwrap_err().code, "001008");
    }
}

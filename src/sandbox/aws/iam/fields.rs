//! The parameters of a request, with the shapes IAM checks before anything else.

use std::collections::BTreeMap;

use super::super::wire::{Asked, Refused, form, refused};
use super::super::xml::Node;

/// The parameters, by name.
pub(in crate::sandbox::aws) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads the form in a request's body.
    pub(in crate::sandbox::aws) fn read(asked: &Asked) -> Result<Self, Refused> {
        let text = std::str::from_utf8(&asked.body).map_err(|_| invalid("the request is not text"))?;
        Ok(Self(form(text).into_iter().collect()))
    }

    /// A parameter that may be missing.
    pub(in crate::sandbox::aws) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that must be there.
    pub(in crate::sandbox::aws) fn need(&self, name: &str) -> Result<&str, Refused> {
        self.get(name).ok_or_else(|| {
            let field = lower_first(name);
            invalid(format!(
                "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    /// A name of at most so many characters of `[\w+=,.@-]`.
    pub(super) fn name(&self, field: &str, longest: usize) -> Result<&str, Refused> {
        let name = self.need(field)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if name.is_empty() || name.len() > longest {
            let bound = if name.is_empty() { "greater than or equal to 1" } else { "less than or equal to" };
            let longest = if name.is_empty() { String::new() } else { format!(" {longest}") };
            return Err(constraint(field, name, &format!("Member must have length {bound}{longest}")));
        }
        if !name.chars().all(fits) {
            let message = format!(
                "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
                lower_first(field)
            );
            return Err(invalid(message));
        }
        Ok(name)
    }

    /// A path: `/`, or text between two slashes; `/` if it is not given.
    pub(super) fn path(&self, field: &str) -> Result<&str, Refused> {
        let path = self.get(field).unwrap_or("/");
        let between = path.starts_with('/') && path.ends_with('/') && path.len() <= 512;
        if !between || path.contains("//") || !path.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(invalid(
                "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
                 characters and/or / characters.",
            ));
        }
        Ok(path)
    }

    /// A description of at most 1,000 characters of Latin-1.
    pub(super) fn description(&self) -> Result<Option<String>, Refused> {
        let Some(text) = self.get("Description") else { return Ok(None) };
        let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
        if text.chars().count() > 1000 {
            return Err(constraint("Description", text, "Member must have length less than or equal to 1000"));
        }
        if !text.chars().all(fits) {
            let rule = "Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*";
            return Err(constraint("Description", text, rule));
        }
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// A session length of 3,600 to 43,200 seconds; an hour if it is not given.
    pub(super) fn max_session(&self) -> Result<u32, Refused> {
        let Some(text) = self.get("MaxSessionDuration") else { return Ok(3600) };
        match text.parse::<u32>() {
            Ok(seconds @ 3600..=43200) => Ok(seconds),
            Ok(0..3600) => {
                Err(constraint("MaxSessionDuration", text, "Member must have value greater than or equal to 3600"))
            }
            _ => Err(constraint("MaxSessionDuration", text, "Member must have value less than or equal to 43200")),
        }
    }

    /// The tags of a request, checked: at most 50, no key twice, no `aws:`.
    pub(super) fn tags(&self) -> Result<BTreeMap<String, String>, Refused> {
        let mut tags = BTreeMap::new();
        for at in 1.. {
            let Some(key) = self.get(&format!("Tags.member.{at}.Key")) else { break };
            let value = self.get(&format!("Tags.member.{at}.Value")).unwrap_or_default();
            let fits = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c));
            if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || !fits(key) || !fits(value)
            {
                return Err(constraint(&format!("tags.{at}.member.key"), key, "Member must be a tag"));
            }
            if key.to_ascii_lowercase().starts_with("aws:") {
                return Err(refused(400, "InvalidInput", "System tags cannot be added/updated by requester"));
            }
            let twice = tags.keys().any(|had: &String| had.to_lowercase() == key.to_lowercase());
            if twice {
                let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
                return Err(refused(400, "InvalidInput", message));
            }
            tags.insert(key.to_owned(), value.to_owned());
        }
        if tags.len() > 50 {
            return Err(constraint("Tags", "[…]", "Member must have length less than or equal to 50"));
        }
        Ok(tags)
    }

    /// The texts of a list parameter.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        (1..).map_while(|at| self.get(&format!("{name}.member.{at}"))).map(str::to_owned).collect()
    }

    /// One page of a list, with `IsTruncated` and `Marker` put into the result. A marker names the first item of the next page.
    pub(super) fn page<'a, T>(
        &self,
        items: impl Iterator<Item = (&'a str, T)>,
        mut show: impl FnMut(T) -> Node,
        result: Node,
        list: &str,
    ) -> Result<Node, Refused> {
        let size = match self.get("MaxItems").map(str::parse::<usize>) {
            None => 100,
            Some(Ok(size @ 1..=1000)) => size,
            Some(_) => {
                return Err(constraint(
                    "MaxItems",
                    self.need("MaxItems")?,
                    "Member must have value between 1 and 1000",
                ));
            }
        };
        let from = match self.get("Marker") {
            None => String::new(),
            Some(marker) => decode_marker(marker).ok_or_else(|| invalid(format!("Invalid Marker: {marker}")))?,
        };
        let mut rest = items.filter(|(key, _)| *key >= from.as_str());
        let page = Node::new(list).extend(rest.by_ref().take(size).map(|(_, item)| show(item)));
        let next = rest.next().map(|(key, _)| encode_marker(key));
        Ok(result.with(page).put("IsTruncated", next.is_some()).put_some("Marker", next))
    }
}

fn encode_marker(key: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(key)
}

fn decode_marker(marker: &str) -> Option<String> {
    use base64::Engine as _;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(marker).ok()?).ok()
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}

/// A `ValidationError` with a free message.
pub(super) fn invalid(message: impl Into<String>) -> Refused {
    refused(400, "ValidationError", message)
}

fn constraint(field: &str, value: &str, rule: &str) -> Refused {
    let field = lower_first(field);
    let message =
        format!("1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: {rule}");
    invalid(message)
}

//! XML as S3, IAM and STS speak it: elements with text or children, no attributes that matter.

use std::fmt::Write as _;

use quick_xml::events::Event;
use serde::{Deserialize, Serialize};

/// One element.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Node {
    /// Its name, without a namespace prefix.
    pub(super) name: String,
    /// Its text, unescaped.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) text: String,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) kids: Vec<Node>,
}

impl Node {
    /// An empty element.
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// An element that holds text.
    #[expect(clippy::needless_pass_by_value, reason = "so that numbers, flags and texts can be given as they are")]
    pub(super) fn leaf(name: impl Into<String>, text: impl ToString) -> Self {
        Self { name: name.into(), text: text.to_string(), kids: Vec::new() }
    }

    /// This element with one more child.
    #[must_use]
    pub(super) fn with(mut self, kid: Self) -> Self {
        self.kids.push(kid);
        self
    }

    /// This element with one more child that holds text.
    #[must_use]
    pub(super) fn put(self, name: &str, text: impl ToString) -> Self {
        self.with(Self::leaf(name, text))
    }

    /// This element with one more child, if there is a text for it.
    #[must_use]
    pub(super) fn put_some(self, name: &str, text: Option<impl ToString>) -> Self {
        match text {
            Some(text) => self.put(name, text),
            None => self,
        }
    }

    /// This element with more children.
    #[must_use]
    pub(super) fn extend(mut self, kids: impl IntoIterator<Item = Self>) -> Self {
        self.kids.extend(kids);
        self
    }

    /// The first child of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.kids.iter().find(|kid| kid.name == name)
    }

    /// The children of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.kids.iter().filter(move |kid| kid.name == name)
    }

    /// The text of the first child of a name.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|kid| kid.text.as_str())
    }

    /// Reads a document.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let mut reader = quick_xml::Reader::from_reader(text);
        let mut open: Vec<Self> = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) => open.push(Self::new(local(start.local_name().as_ref())?)),
                Event::Empty(start) => {
                    let node = Self::new(local(start.local_name().as_ref())?);
                    close(&mut open, node)?;
                }
                Event::End(_) => {
                    let mut node = open.pop().ok_or("an element ends that did not begin")?;
                    if !node.kids.is_empty() {
                        node.text.clear();
                    }
                    close(&mut open, node)?;
                }
                Event::Text(text) => push_text(&mut open, &text.decode().map_err(|error| error.to_string())?),
                Event::CData(text) => push_text(&mut open, &text.decode().map_err(|error| error.to_string())?),
                Event::GeneralRef(entity) => {
                    let name = entity.decode().map_err(|error| error.to_string())?;
                    let text = match entity.resolve_char_ref().map_err(|error| error.to_string())? {
                        Some(c) => c.to_string(),
                        None => quick_xml::escape::resolve_predefined_entity(&name)
                            .ok_or_else(|| format!("unknown entity &{name};"))?
                            .to_owned(),
                    };
                    push_text(&mut open, &text);
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        match (open.pop(), open.is_empty()) {
            (Some(mut top), true) if top.kids.len() == 1 => top.kids.pop().ok_or_else(|| "no element".into()),
            _ => Err("the document does not hold exactly one whole element".into()),
        }
    }

    /// The document, with a namespace on its root.
    pub(super) fn document(&self, namespace: &str) -> Vec<u8> {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.write(&mut out, namespace);
        out.into_bytes()
    }

    fn write(&self, out: &mut String, namespace: &str) {
        let name = &self.name;
        if namespace.is_empty() {
            let _ = write!(out, "<{name}>");
        } else {
            let _ = write!(out, "<{name} xmlns=\"{namespace}\">");
        }
        for c in self.text.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\r' => out.push_str("&#13;"),
                c => out.push(c),
            }
        }
        self.kids.iter().for_each(|kid| kid.write(out, ""));
        let _ = write!(out, "</{name}>");
    }
}

fn local(name: &[u8]) -> Result<String, String> {
    String::from_utf8(name.to_vec()).map_err(|error| error.to_string())
}

fn push_text(open: &mut [Node], text: &str) {
    if let Some(node) = open.last_mut() {
        node.text.push_str(text);
    }
}

fn close(open: &mut [Node], node: Node) -> Result<(), String> {
    open.last_mut().ok_or("an element ends that did not begin")?.kids.push(node);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_prefixes_entities_and_empty_elements() {
        let node = Node::parse(b"<?xml version=\"1.0\"?><a:B xmlns:a=\"x\"><K>1 &lt;&#38; 2</K> <E/></a:B>").unwrap();
        assert_eq!(node, Node::new("B").put("K", "1 <& 2").with(Node::new("E")));
        for bad in ["", "<a>", "<a></b>", "<a/><b/>", "text", "<a>&who;</a>"] {
            assert!(Node::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "[ -~äß\n]{0,20}", other in "[&<>\"']{1,5}") {
            let node = Node::new("A").put("B", &text).with(Node::new("C").put("D", &other));
            prop_assert_eq!(Node::parse(&node.document("http://x")).unwrap(), node);
        }
    }
}

//! Specs, good and bad, over two small kinds.

mod good;
mod mistakes;
mod modules;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::{Diagnostics, Inputs, Model, load};
use crate::cloud::{Cloud, CloudError};
use crate::kind::batch::Typed;
use crate::kind::{AnyKind, Attribute, Cx, Entry, Field, Fields, Kind, Part, Problem, Ref, Side, Source};
use crate::model::{Address, Context, Diff, LiveId, Mark, Observed, SecretRef, Val};

/// A thing that holds data.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by Debug in the tests")]
struct BoxSpec {
    /// What it is called.
    name: String,
    comment: Option<Val>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    size: Option<u32>,
    #[serde(default)]
    open: bool,
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default = "default_prefix")]
    prefix: String,
}

fn default_prefix() -> String {
    "in/".into()
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by Debug in the tests")]
struct Rule {
    allow: Vec<Verb>,
    to: Option<Val>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Verb {
    List,
    Read,
}

/// A thing that does something.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by Debug in the tests")]
struct JobSpec {
    /// What it is called.
    name: String,
    #[serde(rename = "as")]
    text: Option<Val>,
    from: Option<Val>,
    password: Option<SecretRef>,
}

fn url(ask: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let name = ask("name").ok_or("it has no name")?;
    if name.contains(' ') {
        Err(format!("`{name}` has a space"))
    } else {
        Ok(format!("box://{name}/{}", ask("prefix").unwrap_or_default()))
    }
}

macro_rules! kind {
    ($name:ident, $spec:ty, $kind:literal, $protected:literal, $attributes:expr, |$s:ident| $check:expr) => {
        #[derive(Debug)]
        struct $name;
        impl Kind for $name {
            const NAME: &'static str = $kind;
            const SIDE: Side = Side::Aws;
            const PROTECTED: bool = $protected;
            const ABOUT: &'static str = "A thing.";
            const EXAMPLE: &'static str = "";
            type Spec = $spec;
            type Props = String;
            fn attributes() -> &'static [Attribute] {
                $attributes
            }
            fn id(spec: &$spec, _: &Context) -> LiveId {
                LiveId::new($kind, &spec.name)
            }
            fn check($s: &$spec) -> Vec<Problem> {
                $check
            }
            fn want(entry: &Entry<$spec>, _: Cx<'_>) -> String {
                format!("{:?}", entry.spec)
            }
            fn fields(props: &String) -> Vec<Field> {
                vec![Field::in_place("all", Some(Val::known(props.clone())))]
            }
            fn mark(_: &String) -> Option<&Mark> {
                None
            }
            fn set_mark(_: &mut String, _: Option<Mark>) {}
            fn refs(_: &String) -> Vec<Ref> {
                Vec::new()
            }
            async fn observe(_: &[Entry<$spec>], _: &Cloud, _: &Context) -> Result<Observed<String>, CloudError> {
                Ok(Observed::default())
            }
            fn create(_: &Address, _: &String) -> Vec<Part> {
                Vec::new()
            }
            fn alter(_: &Address, _: &String, _: &String, _: &Diff) -> Vec<Part> {
                Vec::new()
            }
            fn delete(_: &String) -> Vec<Part> {
                Vec::new()
            }
            fn named(name: &str, _: &Context) -> Result<Fields, String> {
                Ok(vec![("name", name.into())])
            }
            fn export(_: &String, _: &Context) -> Fields {
                Vec::new()
            }
        }
    };
}

const fn attribute(name: &'static str, from: Source) -> Attribute {
    Attribute { name, about: "", from }
}

kind!(
    BoxKind,
    BoxSpec,
    "box",
    true,
    &const {
        [
            attribute("name", Source::Field("name")),
            attribute("size", Source::Field("size")),
            attribute("prefix", Source::Field("prefix")),
            attribute("url", Source::Computed(url)),
            attribute("arn", Source::Fact),
        ]
    },
    |spec| if spec.size == Some(13) {
        vec![Problem::new("size", "13 brings bad luck").hint("take 12")]
    } else {
        Vec::new()
    }
);
kind!(JobKind, JobSpec, "job", false, &const { [attribute("name", Source::Field("name"))] }, |_spec| Vec::new());

static BOX: Typed<BoxKind> = Typed::NEW;
static JOB: Typed<JobKind> = Typed::NEW;

fn kinds() -> [&'static dyn AnyKind; 2] {
    [&BOX, &JOB]
}

/// A directory with a spec and other files.
struct Case {
    dir: tempfile::TempDir,
    vars: Vec<(String, String)>,
    env: BTreeMap<String, String>,
    var_files: Vec<PathBuf>,
}

fn case(spec: &str) -> Case {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("snowssi.toml"), spec).unwrap();
    Case { dir, vars: Vec::new(), env: BTreeMap::new(), var_files: Vec::new() }
}

impl Case {
    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.dir.path().join(name), text).unwrap();
        self
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.into(), value.into()));
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    fn var_file(mut self, name: &str) -> Self {
        self.var_files.push(self.dir.path().join(name));
        self
    }

    fn load(&self) -> Result<Model, Diagnostics> {
        let env = |name: &str| self.env.get(name).cloned();
        let inputs = Inputs { vars: self.vars.clone(), var_files: self.var_files.clone(), env: &env };
        load(self.dir.path(), &inputs, &kinds())
    }

    /// The rendered diagnostics, without the directory's path.
    #[track_caller]
    fn fails(&self) -> String {
        let text = self.load().map(drop).expect_err("the spec is wrong").render(false);
        text.replace(&format!("{}/", self.dir.path().display()), "")
    }

    #[track_caller]
    fn works(&self) -> Model {
        self.load().unwrap_or_else(|problems| panic!("{problems}"))
    }
}

const STACK: &str = "[stack]\nname = \"s\"\n";

fn with_stack(rest: &str) -> Case {
    case(&format!("{STACK}{rest}"))
}

/// What each entry was decoded to.
fn wanted(model: &Model) -> BTreeMap<String, String> {
    let context = context();
    let facts = crate::model::Facts::default();
    let cx = Cx { context: &context, facts: &facts, gifts: &crate::kind::Gifts::default() };
    let fields = model.batches.iter().flat_map(|batch| batch.fields(cx));
    fields.map(|(at, fields)| (at.to_string(), format!("{:?}", fields[0].value))).collect()
}

fn context() -> Context {
    Context {
        stack: "s".into(),
        account: "111122223333".parse().unwrap(),
        partition: crate::model::Partition::Aws,
        region: "us-east-1".parse().unwrap(),
        sight: crate::model::context::Sight::Full,
        snowflake_role: String::new(),
    }
}

#[track_caller]
fn says(case: &Case, parts: &[&str]) {
    let text = case.fails();
    for part in parts {
        assert!(text.contains(part), "missing {part:?} in:\n{text}");
    }
}

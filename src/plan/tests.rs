//! The planner on a toy world: boxes that lie in other boxes, and tell their ID.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::cloud::{Cloud, CloudError};
use crate::kind::Side;
use crate::kind::{Attribute, Cx, Entry, Field, Fields, Kind, OnReplace, Part, Problem as SpecProblem, Ref, batch};
use crate::model::op::From;
use crate::model::{Diff, Found, LiveId, Mark, Observed, Seen, Text, Val};

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
struct BoxSpec {
    name: String,
    size: i64,
    shape: String,
    inside: Option<String>,
    label: Option<Val>,
}

#[derive(Clone, Debug, PartialEq)]
struct BoxProps {
    name: String,
    size: i64,
    shape: String,
    inside: Option<String>,
    label: Option<Val>,
    mark: Option<Mark>,
}

struct Boxes;

impl Kind for Boxes {
    const NAME: &'static str = "box";
    const SIDE: Side = Side::Aws;
    const ABOUT: &'static str = "A box.";
    const EXAMPLE: &'static str = "";
    type Spec = BoxSpec;
    type Props = BoxProps;

    fn attributes() -> &'static [Attribute] {
        &[]
    }
    fn id(spec: &BoxSpec, _: &Context) -> LiveId {
        LiveId::new("box", &spec.name)
    }
    fn check(_: &BoxSpec) -> Vec<SpecProblem> {
        Vec::new()
    }
    fn want(entry: &Entry<BoxSpec>, cx: Cx<'_>) -> BoxProps {
        let BoxSpec { name, size, shape, inside, label } = entry.spec.clone();
        let label = label.map(|label| label.resolve(cx.facts));
        BoxProps { name, size, shape, inside, label, mark: Some(entry.mark.clone()) }
    }
    fn fields(props: &BoxProps) -> Vec<Field> {
        let BoxProps { name: _, size, shape, inside, label, mark: _ } = props;
        vec![
            Field::in_place("size", Some(*size)),
            Field::replaces("shape", Some(shape.as_str())),
            Field::in_place("inside", inside.as_deref()),
            Field::in_place("label", label.clone()),
        ]
    }
    fn mark(props: &BoxProps) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut BoxProps, mark: Option<Mark>) {
        props.mark = mark;
    }
    fn refs(props: &BoxProps) -> Vec<Ref> {
        // What is round is bound to the box it lies in; what is loose can be put into another one.
        let on_replace = if props.shape == "loose" { OnReplace::Relink } else { OnReplace::Replace };
        let of = |name: &String| Ref { to: LiveId::new("box", name), why: "it lies in it", on_replace };
        props.inside.iter().map(of).collect()
    }
    async fn observe(_: &[Entry<BoxSpec>], _: &Cloud, _: &Context) -> Result<Observed<BoxProps>, CloudError> {
        unreachable!("the planner does no I/O")
    }
    fn create(at: &Address, want: &BoxProps) -> Vec<Part> {
        let text = want
            .label
            .iter()
            .fold(Text::new("CREATE").literal(want.name.as_str()), |text, label| text.literal(label.clone()));
        vec![Part::main(vec![Op::sql(text).learns(Fact::new(at, "id"), From::Property("ID".into()))])]
    }
    fn alter(_: &Address, want: &BoxProps, _: &BoxProps, changed: &Diff) -> Vec<Part> {
        let mut text = Text::new("ALTER").literal(want.name.as_str());
        for change in changed.changes() {
            text = text.literal(change.field.as_str());
        }
        text = want.label.iter().fold(text, |text, label| text.literal(label.clone()));
        vec![Part::main(vec![Op::sql(text)])]
    }
    fn delete(have: &BoxProps) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP").literal(have.name.as_str()))])]
    }
    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        Ok(vec![("name", name.into())])
    }
    fn export(have: &BoxProps, _: &Context) -> Fields {
        vec![("name", have.name.as_str().into()), ("size", have.size.into()), ("shape", have.shape.as_str().into())]
    }
}

fn context() -> Context {
    Context {
        stack: "toys".into(),
        account: "123456789012".parse().unwrap(),
        partition: crate::model::Partition::Aws,
        region: "us-east-1".parse().unwrap(),
        sight: crate::model::context::Sight::Full,
        snowflake_role: String::new(),
    }
}

fn at(label: &str) -> Address {
    format!("box.{label}").parse().unwrap()
}

fn mark(label: &str) -> Mark {
    Mark { stack: "toys".into(), address: at(label), protect: false }
}

/// `label name size shape inside`, `-` for nothing.
fn entry(text: &str) -> Entry<BoxSpec> {
    let words: Vec<&str> = text.split(' ').collect();
    let [label, name, size, shape, inside] = words[..] else { panic!("{text}") };
    let inside = (inside != "-").then(|| inside.to_owned());
    let spec = BoxSpec { name: name.into(), size: size.parse().unwrap(), shape: shape.into(), inside, label: None };
    Entry { at: at(label), mark: mark(label), spec }
}

fn props(entry: &Entry<BoxSpec>) -> BoxProps {
    let facts = Facts::default();
    Boxes::want(entry, Cx { context: &context(), facts: &facts, gifts: &crate::kind::Gifts::default() })
}

fn found(entry: &Entry<BoxSpec>) -> Found<BoxProps> {
    Found { props: props(entry), facts: BTreeMap::from([("id", format!("id-of-{}", entry.spec.name))]) }
}

/// What a test sets up: what is wanted, what is live (by entries of their own), and the options.
#[derive(Default)]
struct Setup {
    want: Vec<Entry<BoxSpec>>,
    live: Vec<Entry<BoxSpec>>,
    hidden: Vec<Address>,
    entries: BTreeMap<Address, EntryOptions>,
    destroy: bool,
    targets: Vec<Address>,
    replace: Vec<Address>,
    allow_destroy: Vec<Address>,
}

impl Setup {
    fn new(want: &[&str], live: &[&str]) -> Self {
        let entries = |texts: &[&str]| texts.iter().map(|text| entry(text)).collect();
        Self { want: entries(want), live: entries(live), ..Self::default() }
    }

    fn plan(&self) -> Result<Plan, Vec<Problem>> {
        let mut observed = Observed::default();
        for wanted in &self.want {
            let seen = self.live.iter().find(|live| live.spec.name == wanted.spec.name);
            let seen = match seen {
                _ if self.hidden.contains(&wanted.at) => Seen::Hidden("no rights".into()),
                Some(live) => Seen::Present(found(live)),
                None => Seen::Absent,
            };
            observed.declared.insert(wanted.at.clone(), seen);
        }
        for live in &self.live {
            if !self.want.iter().any(|wanted| wanted.spec.name == live.spec.name) {
                observed.others.insert(Boxes::id(&live.spec, &context()), found(live));
            }
        }
        let live = Live { batches: vec![batch::live::<Boxes>(self.want.clone(), observed)] };
        let options = Options {
            context: &context(),
            entries: &self.entries,
            mode: if self.destroy { Mode::Destroy } else { Mode::Apply },
            targets: &self.targets,
            replace: &self.replace,
            adopt: &Adopt::Named(Vec::new()),
            allow_destroy: &self.allow_destroy,
            empty_buckets: &[],
            lookups: &[],
            moves: &super::Moves::default(),
        };
        plan(&live, &options)
    }

    fn told(&self) -> (Vec<String>, Vec<String>) {
        let plan = self.plan().unwrap();
        let resources = plan.resources.iter().map(|r| format!("{:?} {}", r.action, r.address)).collect();
        let ops = plan.steps.iter().flat_map(|step| &step.ops).map(|op| crate::apply::describe(&op.act)).collect();
        (resources, ops)
    }
}

#[test]
fn creates_in_order_and_is_quiet_afterwards() {
    let boxes = ["a a 1 round b", "b b 1 round -"];
    let (resources, ops) = Setup::new(&boxes, &[]).told();
    assert_eq!(resources, ["Create box.a", "Create box.b"]);
    assert_eq!(ops, ["CREATE 'b'", "CREATE 'a'"]);
    assert!(Setup::new(&boxes, &boxes).plan().unwrap().is_empty());
}

#[test]
fn finds_exactly_what_differs() {
    let (resources, ops) = Setup::new(&["a a 2 round -", "b b 1 round -"], &["a a 1 round -", "b b 1 round -"]).told();
    assert_eq!((resources, ops), (vec!["Update box.a".into()], vec!["ALTER 'a' 'size'".into()]));
}

#[test]
fn a_replacement_takes_along_what_is_bound_to_it() {
    let live = ["a a 1 round b", "b b 1 round -"];
    let (resources, ops) = Setup::new(&["a a 1 round b", "b b 1 square -"], &live).told();
    assert_eq!(resources, ["Replace box.a", "Replace box.b"]);
    assert_eq!(ops, ["DROP 'a'", "DROP 'b'", "CREATE 'b'", "CREATE 'a'"].map(String::from).map(|op| op));
}

#[test]
fn orphans_go_and_what_refers_to_them_goes_first() {
    let (resources, ops) = Setup::new(&["c c 1 round -"], &["a a 1 round b", "b b 1 round -", "c c 1 round -"]).told();
    assert_eq!(resources, ["Delete box.a", "Delete box.b"]);
    assert_eq!(ops, ["DROP 'a'", "DROP 'b'"]);
}

#[test]
fn an_orphan_goes_only_after_it_is_no_longer_referred_to() {
    let (_, ops) = Setup::new(&["a a 1 round -"], &["a a 1 round b", "b b 1 round -"]).told();
    assert_eq!(ops, ["ALTER 'a' 'inside'", "DROP 'b'"]);
}

#[test]
fn another_name_is_a_replacement() {
    let setup = Setup::new(&["a new 1 round -"], &["a old 1 round -"]);
    let (resources, ops) = setup.told();
    assert_eq!((resources, ops), (vec!["Replace box.a".into()], vec!["DROP 'old'".into(), "CREATE 'new'".into()]));
    let fields = |setup: &Setup| -> Vec<String> {
        setup.plan().unwrap().resources[0].changes.iter().map(|change| change.field.clone()).collect()
    };
    assert_eq!(fields(&setup), ["name"], "what stays the same is not shown");
    let setup = Setup::new(&["a new 2 square -"], &["a old 1 round -"]);
    assert_eq!(fields(&setup), ["name", "size", "shape"]);
}

#[test]
fn what_moves_from_the_old_name_to_the_new_one_finds_both() {
    let live = ["a a 1 loose old", "b old 1 round -"];
    let (_, ops) = Setup::new(&["a a 1 loose new", "b new 1 round -"], &live).told();
    assert_eq!(ops, ["CREATE 'new'", "ALTER 'a' 'inside'", "DROP 'old'"]);
}

#[test]
fn unknown_is_not_absent_and_foreign_is_not_ours() {
    let mut setup = Setup::new(&["a a 1 round -"], &[]);
    setup.hidden.push(at("a"));
    assert!(matches!(setup.plan().unwrap_err()[..], [Problem::Hidden { .. }]));
    let mut setup = Setup::new(&["a a 1 round -"], &["a a 1 round -"]);
    setup.live[0].mark.stack = "others".into();
    assert!(matches!(setup.plan().unwrap_err()[..], [Problem::OtherStack { .. }]));
    setup.destroy = true;
    let plan = setup.plan().unwrap();
    assert!(plan.is_empty() && plan.notes.len() == 1, "{:?}", plan.notes);
}

#[test]
fn protection_survives_the_spec() {
    let mut setup = Setup::new(&[], &["a a 1 round -"]);
    setup.live[0].mark.protect = true;
    assert_eq!(setup.plan().unwrap().denials.len(), 1);
    setup.allow_destroy = vec![at("a")];
    assert_eq!(setup.plan().unwrap().denials, []);
    let mut setup = Setup::new(&["a a 1 square -"], &["a a 1 round -"]);
    setup.entries.insert(at("a"), EntryOptions { protect: true, ..EntryOptions::default() });
    assert_eq!(setup.plan().unwrap().denials.len(), 1);
}

#[test]
fn facts_are_known_only_of_what_stays() {
    let label = Val::later(Fact::new(&at("b"), "id"));
    let mut setup = Setup::new(&["a a 1 round -", "b b 1 round -"], &["b b 1 round -"]);
    setup.want[0].spec.label = Some(label.clone());
    assert_eq!(setup.told().1, ["CREATE 'a' 'id-of-b'"]);
    setup.want[1].spec.shape = "square".into();
    assert_eq!(setup.told().1, ["DROP 'b'", "CREATE 'b'", "CREATE 'a' '(known after apply)'"]);
    let steps = setup.plan().unwrap().steps;
    assert_eq!(steps.last().unwrap().after, [steps.len() - 2]);
}

#[test]
fn targets_bring_what_they_need() {
    let mut setup = Setup::new(&["a a 1 round b", "b b 1 round -", "c c 1 round -"], &[]);
    setup.targets = vec![at("a")];
    assert_eq!(setup.told().1, ["CREATE 'b'", "CREATE 'a'"]);
    setup.targets = vec![at("nothing")];
    assert!(matches!(setup.plan().unwrap_err()[..], [Problem::NoSuchAddress { .. }]));
}

#[test]
fn destroying_is_the_other_way_round() {
    let boxes = ["a a 1 round b", "b b 1 round c", "c c 1 round -"];
    let mut setup = Setup::new(&boxes, &boxes);
    setup.destroy = true;
    assert_eq!(setup.told().1, ["DROP 'a'", "DROP 'b'", "DROP 'c'"]);
}

#[test]
fn depends_on_orders_what_nothing_else_orders() {
    let mut setup = Setup::new(&["a a 1 round -", "b b 1 round -"], &[]);
    let depends_on = vec![at("b")];
    setup.entries.insert(at("a"), EntryOptions { depends_on, ..EntryOptions::default() });
    assert_eq!(setup.told().1, ["CREATE 'b'", "CREATE 'a'"]);
}

proptest! {
    /// Every step comes after those it waits for, and planning twice gives the same.
    #[test]
    fn order_and_determinism(sizes in prop::collection::vec((0i64..3, 0i64..3, 0usize..2), 1..12)) {
        let text = |i: usize, size: i64| {
            let inside = if i == 0 { "-".to_owned() } else { format!("n{}", i / 2) };
            format!("l{i} n{i} {size} round {inside}")
        };
        let want: Vec<String> = sizes.iter().enumerate().map(|(i, (want, ..))| text(i, *want)).collect();
        let live: Vec<String> = sizes.iter().enumerate().filter(|(_, (.., there))| *there == 1)
            .map(|(i, (_, live, _))| text(i, *live)).collect();
        let texts = |list: &[String]| list.iter().map(|text| entry(text)).collect::<Vec<_>>();
        let setup = Setup { want: texts(&want), live: texts(&live), ..Setup::default() };
        let plan = setup.plan().unwrap();
        for (index, step) in plan.steps.iter().enumerate() {
            prop_assert!(step.after.iter().all(|first| *first < index));
        }
        prop_assert_eq!(&plan, &setup.plan().unwrap());
    }
}

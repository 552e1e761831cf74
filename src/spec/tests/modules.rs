//! Modules: inputs, outputs, instances, and what is wrong with them.

use super::*;

const FEED: &str = r#"
[stack]
name = "of its own, which means nothing here"

[variable.name]
description = "What the feed is called"
pattern = "^[a-z]+$"

[variable.size]
type = "int"
default = 3

[variable.key]
default = "none"

[local]
full = "{{ stack.name }}-{{ var.name }}"

[box.data]
for_each = ["in", "out"]
name = "{{ local.full }}-{{ each.key }}"
size = "{{ var.size }}"
rules = [{ allow = ["read"], to = "{{ var.key }}" }]

[job.copy]
name = "{{ local.full }}"
as = { file = "copy.sql" }
from = "{{ box.data.in.arn }}"
depends_on = ["box.data.out"]

[output.url]
value = "{{ box.data.in.url }}"

[output.arn]
value = "{{ box.data.out.arn }}"

[output.size]
value = "{{ var.size }}"
"#;

fn with_feed(spec: &str) -> Case {
    let case = with_stack(spec);
    std::fs::create_dir(case.dir.path().join("feed")).unwrap();
    case.file("feed/snowssi.toml", FEED).file("feed/copy.sql", "copy {{ box.data.out.url }}")
}

fn addresses(model: &Model) -> Vec<String> {
    model.entries.keys().map(ToString::to_string).collect()
}

#[test]
fn a_module_is_its_entries_behind_its_name() {
    let case = with_feed(
        r#"
[module.feed]
source = "./feed"
name = "orders"
key = "{{ box.own.arn }}"
depends_on = ["box.own"]

[box.own]
name = "own"
size = "{{ module.feed.size }}"
rules = [{ allow = [], to = "{{ module.feed.arn }}/*" }]

[job.j]
name = "{{ module.feed.url }}"
depends_on = ["module.feed"]
"#,
    );
    let model = case.works();
    let inside = ["module.feed.box.data.in", "module.feed.box.data.out", "module.feed.job.copy"];
    assert_eq!(addresses(&model), [&["box.own", "job.j"], &inside[..]].concat());
    let wanted = wanted(&model);
    assert!(wanted["module.feed.box.data.in"].contains("s-orders-in"), "{wanted:?}");
    assert!(wanted["module.feed.box.data.in"].contains("box.own.arn"), "{wanted:?}");
    assert!(wanted["box.own"].contains("size: Some(3)"), "{wanted:?}");
    assert!(wanted["box.own"].contains("module.feed.box.data.out.arn"), "{wanted:?}");
    assert!(wanted["job.j"].contains("box://s-orders-in/in/"), "{wanted:?}");
    assert!(wanted["module.feed.job.copy"].contains("copy box://s-orders-out"), "{wanted:?}");
    let after = |at: &str| -> Vec<String> {
        model.entries[&at.parse().unwrap()].depends_on.iter().map(ToString::to_string).collect()
    };
    assert_eq!(after("job.j"), inside);
    assert_eq!(after("module.feed.box.data.in"), ["box.own"]);
    assert_eq!(after("module.feed.job.copy"), ["box.own", "module.feed.box.data.out"]);
    let place = model.locate(&"module.feed.box.data.in".parse().unwrap(), "size");
    assert!(model.sources.path(place.file).ends_with("feed/snowssi.toml"));
}

#[test]
fn a_module_has_instances() {
    let case = with_feed(
        r#"
[module.feed]
source = "feed"
for_each = { eu = 1, us = 2 }
name = "{{ each.key }}"
size = "{{ each.value }}"

[job.j]
name = "{{ module.feed.eu.url }} {% for key in module.feed %}{{ module.feed[key].size }}{% endfor %}"
depends_on = ["module.feed:us"]
"#,
    );
    let model = case.works();
    assert_eq!(addresses(&model).len(), 7);
    assert!(addresses(&model).contains(&"module.feed:us.box.data.out".into()));
    assert!(wanted(&model)["job.j"].contains("box://s-eu-in/in/ 12"));
    assert_eq!(model.entries[&"job.j".parse().unwrap()].depends_on.len(), 3);
}

#[test]
fn modules_use_modules() {
    let spec = "[module.outer]\nsource = \"./outer\"\n[job.j]\nname = \"{{ module.outer.url }}\"\n";
    let case = with_feed(spec);
    std::fs::create_dir(case.dir.path().join("outer")).unwrap();
    let outer =
        "[module.inner]\nsource = \"../feed\"\nname = \"deep\"\n[output.url]\nvalue = \"{{ module.inner.url }}\"\n";
    let model = case.file("outer/snowssi.toml", outer).works();
    assert!(addresses(&model).contains(&"module.outer.module.inner.job.copy".into()));
    assert!(wanted(&model)["job.j"].contains("box://s-deep-in/in/"));
}

#[test]
fn what_is_wrong_with_a_module() {
    let used = "[module.feed]\nsource = \"./feed\"\n";
    let mistakes: &[(&str, &[&str])] = &[
        (used, &["this module needs the input `name`", "snowssi.toml:3:9", "declared here", "What the feed is called"]),
        (&format!("{used}name = \"a\"\nnme = 1\n"), &["the module `feed` has no input `nme`", "did you mean `name`?"]),
        (&format!("{used}name = 3\n"), &["the variable `name` is a string, and `3` is not", "snowssi.toml:5:8"]),
        (&format!("{used}name = \"A\"\n"), &["cannot be `A`", "feed/snowssi.toml", "the rule"]),
        (&format!("{used}name = \"a\"\nsize = \"x\"\n"), &["the variable `size` is an integer"]),
        (&format!("{used}name = \"{{{{ box.b.arn }}}}\"\n[box.b]\nname = \"b\"\n"), &["must be known while planning"]),
        (
            &format!("{used}name = \"a\"\nsize = \"{{{{ box.b.arn }}}}\"\n[box.b]\nname = \"b\"\n"),
            &["is an integer, and `(known"],
        ),
        ("[module.feed]\nname = \"a\"\n", &["`module.feed` needs the key `source`", "snowssi:snowpipe"]),
        ("[module.feed]\nsource = \"./fed\"\n", &["cannot read `./fed`", "a source is a directory"]),
        ("[module.feed]\nsource = \"../\"\n", &["lies outside the spec's directory"]),
        ("[module.feed]\nsource = \"/etc\"\n", &["lies outside the spec's directory"]),
        ("[module.feed]\nsource = \"{{ var.x }}\"\n", &["read before templates are filled in"]),
        (
            "[module.feed]\nsource = \"snowssi:snowpip\"\n",
            &["there is no ready-made spec `snowpip`", "did you mean `snowpipe`?"],
        ),
        ("[module.feed]\nsource = \".\"\n", &["this module uses itself", "snowssi.toml:4:10"]),
        ("[module]\nfeed = 3\n", &["`module` needs a label before its keys"]),
        (
            &format!("{used}name = \"{{{{ module.feed.url }}}}\"\n"),
            &["these values need each other", "module.feed.url"],
        ),
        (
            &format!("{used}name = \"a\"\n[job.j]\nname = \"{{{{ module.feed.ur }}}}\"\n"),
            &["`module.feed` has no output `ur`", "did you mean `url`?"],
        ),
        (
            &format!("{used}name = \"a\"\n[job.j]\nname = \"{{{{ module.fed.url }}}}\"\n"),
            &["there is no `module.fed` here", "did you mean `feed`?"],
        ),
        (
            &format!("{used}name = \"a\"\nfor_each = [\"x\"]\n[job.j]\nname = \"{{{{ module.feed.url }}}}\"\n"),
            &["`module.feed` has a `for_each`", "write `module.feed.x.url`"],
        ),
        (
            &format!(
                "{used}name = \"a\"\ndepends_on = [\"job.j\"]\n[job.j]\nname = \"j\"\ndepends_on = [\"module.feed\"]\n"
            ),
            &["wait for each other"],
        ),
        (
            &format!("{used}name = \"a\"\n[job.j]\nname = \"j\"\ndepends_on = [\"module.fed\"]\n"),
            &["there is no `module.fed`"],
        ),
    ];
    for (spec, parts) in mistakes {
        says(&with_feed(spec), parts);
    }
}

#[test]
fn what_is_wrong_inside_of_a_module_is_told_where_it_stands() {
    let case = with_stack("[module.m]\nsource = \"./m\"\n");
    std::fs::create_dir(case.dir.path().join("m")).unwrap();
    let inner = "[box.a]\nname = \"{{ var.x }}\"\n[job.j]\nname = \"{{ box.b.name }}\"\nas = { file = \"../../x\" }\n";
    says(
        &case.file("m/snowssi.toml", inner),
        &["there is no variable `x`", "m/snowssi.toml:2:12", "there is no `box.b` in this module", "lies outside"],
    );
}

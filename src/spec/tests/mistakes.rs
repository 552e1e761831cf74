//! What does not load, and what is said about it.

use std::fmt::Write as _;
use std::path::Path;

use super::*;

/// Specs with the texts that must be in their diagnostics.
const MISTAKES: &[(&str, &[&str])] = &[
    (
        "[box.a]\nname = \"{{ var.nme }}\"\n[variable.name]\ndefault = \"x\"",
        &["there is no variable `nme`", "snowssi.toml:4:12", "did you mean `name`?"],
    ),
    ("[box.a]\nname = \"x{{ local.b }}\"\n", &["there is no local `b`", "snowssi.toml:4:13"]),
    ("[box.a]\nname = \"{{ boks.b.name }}\"\n", &["there is no `boks`", "did you mean `box`?"]),
    (
        "[box.a]\nname = \"a\"\n[job.j]\nname = \"{{ box.b.name }}\"\n",
        &["there is no `box.b` in this spec", "snowssi.toml:6:12", "`a`"],
    ),
    (
        "[box.a]\nname = \"a\"\n[job.j]\nname = \"{{ box.a.nam }}\"\n",
        &["`box` has no attribute `nam`", "did you mean `name`?"],
    ),
    ("[box.a]\nname = \"a\"\n[job.j]\nname = \"{{ box.a.size }}\"\n", &["`box.a` does not set `size`"]),
    (
        "[box.a]\nname = \"{{ 'x' | uper }}\"\n",
        &["there is no filter `uper`", "did you mean `upper`?", "snowssi.toml:4"],
    ),
    ("[box.a]\nname = \"{{ rnge(3) }}\"\n", &["there is no", "rnge", "did you mean `range`?"]),
    ("[box.a]\nname = \"{{ 'x' \"\n", &["this template is not Jinja", "snowssi.toml:4"]),
    ("[box.a]\nname = \"{{ each.key }}\"\n", &["`each` exists only in an entry with `for_each`"]),
    (
        "[box.a]\nname = \"a\"\n[job.j]\nname = \"{{ box.a.arn | upper }}\"\n",
        &["known only after apply", "snowssi.toml:6:8"],
    ),
    (
        "[box.a]\nname = \"a\"\n[job.j]\nname = \"{{ (box.a.arn | split(':'))[0] }}\"\n",
        &["known only after apply", "snowssi.toml:6"],
    ),
    ("[box.a]\nname = \"a\"\n[job.j]\nname = \"x{{ box.a.arn | length }}\"\n", &["known only after apply"]),
    (
        "[box.a]\nname = \"a\"\n[job.j]\nname = \"x{% if 'z' in box.a.arn ~ '' %}y{% endif %}\"\n",
        &["known only after apply"],
    ),
    (
        "[box.a]\nfor_each = [\"x\", \"y\"]\nname = \"a\"\n[job.j]\nname = \"{{ box.a.name }}\"\n",
        &["has a `for_each`", "write `box.a.x.name`; its keys are: x, y"],
    ),
    (
        "[box.a]\nfor_each = [\"x\"]\nname = \"a\"\n[job.j]\nname = \"{{ box.a.z.name }}\"\n",
        &["`box.a` has no instance `z`"],
    ),
    ("[box.a]\nfor_each = [\"x y\"]\nname = \"a\"\n", &["`x y` cannot be a key of `for_each`", "snowssi.toml:4:12"]),
    ("[box.a]\nfor_each = 3\nname = \"a\"\n", &["`for_each` is a list or a table, not 3"]),
    ("[box.a]\nname = \"{{ [1, 2] }} x\"\n", &["a list cannot be placed in a text"]),
    (
        "[box.a]\nname = \"a\"\nsize = \"many\"\n",
        &["`size`: invalid type: string \"many\", expected an integer", "snowssi.toml:5:8"],
    ),
    (
        "[box.a]\nname = \"a\"\nrules = [{ allow = [\"list\", \"reed\"] }]\n",
        &["`rules[0].allow[1]`: unknown variant `reed`", "snowssi.toml:5:29"],
    ),
    (
        "[box.a]\nname = \"a\"\nrules = [{ alow = [\"list\"] }]\n",
        &["`rules` has no key `alow`", "did you mean `allow`?", "`rules` needs the key `allow`"],
    ),
    (
        "[box.a]\nsize = \"x\"\nopen = 3\n",
        &["`box` needs the key `name`", "`name`: What it is called.", "`size`: invalid type", "`open`: invalid type"],
    ),
    ("[boxx.a]\nname = \"a\"\n", &["there is no kind `boxx`", "did you mean `box`?", "snowssi.toml:3:2"]),
    ("[box]\nname = \"a\"\n", &["`box` needs a label"]),
    ("[job.j]\nname = \"j\"\npassword = \"hunter2\"\n", &["`password` is a secret", "a secret is given by reference"]),
    ("[job.j]\nname = \"j\"\nas = { file = \"no.sql\" }\n", &["cannot read `no.sql`", "snowssi.toml:5:15"]),
    ("[job.j]\nname = \"j\"\nas = { file = \"/etc/hostname\" }\n", &["lies outside the spec's directory"]),
    (
        "[box.a]\nname = \"a\"\ndepends_on = [\"box.b\"]\n",
        &["there is no `box.b` in this spec", "did you mean `box.a`?", "snowssi.toml:5:15"],
    ),
    ("[box.a]\nname = \"a\"\nprotect = \"maybe\"\n", &["`protect` is `true` or `false`"]),
    ("[box.\"a b\"]\nname = \"a\"\n", &["`a b` cannot be a label"]),
    ("[variable.x]\n", &["the variable `x` has no value", "--var x=…", "SNOWSSI_VAR_x"]),
    (
        "[variable.x]\ntype = \"int\"\ndefault = \"a\"\n",
        &["the variable `x` is an integer, and `a` is not", "snowssi.toml:5:11"],
    ),
    ("[variable.x]\ntype = \"integer\"\n", &["`type`: unknown variant `integer`"]),
    ("[aws]\nregoin = \"us-east-1\"\n", &["[aws] has no key `regoin`", "did you mean `region`?"]),
    ("[aws]\nregion = \"us\"\n", &["`region`: `us` is not an AWS region"]),
    (
        "[box.a]\nname = \"a b\"\n[job.j]\nname = \"{{ box.a.url }}\"\n",
        &["`box.a.url` cannot be told: `a b` has a space", "asked for here"],
    ),
    ("x = [1\n", &["this is not TOML"]),
    ("[box.a]\nname = \"a\"\n[box.a]\nname = \"b\"\n", &["this is not TOML"]),
];

#[test]
fn a_diagnostic_shows_the_place_and_what_to_do() {
    let text = with_stack("\n[box.a]\nname = \"a\"\nsise = 3\n").fails();
    let expected = "\
error[unknown-key]: `box` has no key `sise`
 --> snowssi.toml:6:1
  |
6 | sise = 3
  | ^^^^
  |
  = help: did you mean `size`?";
    assert_eq!(text.trim_end(), expected, "\n{text}");
}

#[test]
fn each_mistake_is_found_at_its_place() {
    let mut wrong = String::new();
    for (spec, parts) in MISTAKES {
        let text = with_stack(spec).fails();
        for part in parts.iter().filter(|part| !text.contains(**part)) {
            let _ = writeln!(wrong, "missing {part:?} for\n{spec}\n{text}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    says(&case("[box.a]\nname = \"a\"\n"), &["the spec has no [stack]"]);
    says(&case("[stack]\nname = \"A b\"\n"), &["`A b` cannot be the name of a stack", "snowssi.toml:2:8"]);
}

#[test]
fn circles_are_told_once_with_every_edge() {
    let text = with_stack("[local]\na = \"{{ local.b }}\"\nb = \"{{ local.c }}\"\nc = \"x{{ local.a }}\"\n").fails();
    assert_eq!(text.matches("error[").count(), 1, "{text}");
    for part in ["`local.a` -> `local.b` -> `local.c` -> `local.a`", "snowssi.toml:4:5", "`local.c` needs `local.a`"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let text = with_stack(
        "[box.a]\nname = \"a\"\ndepends_on = [\"job.j\"]\n[job.j]\nname = \"j\"\ndepends_on = [\"box.a\"]\n[job.k]\nname = \"k\"\ndepends_on = [\"job.k\"]\n",
    )
    .fails();
    assert_eq!(text.matches("error[").count(), 2, "{text}");
    assert!(text.contains("`box.a` -> `job.j` -> `box.a`") && text.contains("`job.k` -> `job.k`"), "{text}");
    let mut chain = String::new();
    for at in 0..100 {
        let _ = writeln!(chain, "a{at} = \"{{{{ local.a{} }}}}\"", at + 1);
    }
    says(&with_stack(&format!("[local]\n{chain}a100 = \"x\"\n")), &["more than 40 deep"]);
}

#[test]
fn garbage_is_refused_quickly() {
    let started = std::time::Instant::now();
    for unit in ["\u{1}x[", "[[", "a=", "{{", "\"", "]\n", "x.y.z = {", "é"] {
        let text = case(&unit.repeat((1 << 20) / unit.len())).fails();
        assert!(text.len() < 40_000, "{unit:?}: {}", text.len());
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    assert!(
        load(Path::new("/nowhere/x"), &Inputs { vars: vec![], var_files: vec![], env: &|_| None }, &kinds()).is_err()
    );
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]

    #[test]
    fn any_text_gives_a_model_or_diagnostics(text in "(\\PC|\n){0,200}") {
        if let Err(problems) = case(&text).load() {
            proptest::prop_assert!(!problems.render(true).is_empty());
            problems.to_json();
        }
    }

    #[test]
    fn any_template_gives_a_model_or_diagnostics(inner in "[a-z .|()'{}%0-9\\[\\]~+*-]{0,40}") {
        let spec = format!("[box.a]\nname = '''{{{{ {inner} }}}}'''\n[local]\nx = 1\n").replace("''''", "'''");
        if let Err(problems) = with_stack(&spec).load() {
            proptest::prop_assert!(!problems.render(false).is_empty());
        }
    }
}

#[test]
fn plain_texts_take_no_value_that_comes_later() {
    let text = with_stack("[box.a]\nname = \"a\"\ntags = { x = \"1\", y = \"{{ box.b.arn }}\" }\nsize = \"{{ box.b.arn }}\"\n[box.b]\nname = \"b\"\n").fails();
    for part in [
        "`tags.y` must be known while planning",
        "snowssi.toml:5:23",
        "`size`: this must be known while planning",
        "snowssi.toml:6:8",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains(['\u{E0F0}', '\u{E0F1}']) && !text.contains("e0f0"), "{text}");
}

#[test]
fn every_mistake_is_told_once_in_order_and_only_so_many_are_shown() {
    let mut spec = String::new();
    for at in 0..30 {
        let _ = writeln!(spec, "[box.a{at}]\nname = \"{{{{ var.x }}}}\"");
    }
    let problems = with_stack(&spec).load().map(drop).unwrap_err();
    let starts: Vec<usize> = problems.iter().map(|one| one.primary.start).collect();
    assert!(starts.len() == 30 && starts.is_sorted(), "{starts:?}");
    assert!(problems.render(false).ends_with("and 10 more\n"));
    let json = problems.to_json();
    assert_eq!((&json[0]["at"]["line"], &json[0]["at"]["column"]), (&4.into(), &12.into()));
    assert_eq!(json[0]["summary"], "there is no variable `x`");
}

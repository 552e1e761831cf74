//! What loads.

use std::fmt::Write as _;

use super::*;

#[test]
fn a_whole_spec_loads() {
    let case = case(
        r#"
[stack]
name = "events-{{ var.env }}"

[aws]
region = "us-east-1"

[variable.env]
default = "dev"
one_of = ["dev", "prod"]

[variable.limits]
type = "map"
default = { small = 1, large = 10 }

[local]
base = "{{ stack.name }}-{{ aws.region }}"

[box.data]
for_each = ["inbound", "outbound"]
name = "{{ each.key }}-{{ local.base }}"
size = "{{ var.limits.large }}"
open = "{{ var.env == 'dev' }}"
tags = { env = "{{ var.env | upper }}" }
rules = [{ allow = ["list", "read"], to = "{{ box.one.arn }}/*" }]

[box.one]
name = "one"
protect = false
depends_on = ["box.data"]

[job.copy]
name = "copy"
as = "copy from {{ box.data.inbound.url }} $1 $$ ${aws:x} {{ box.data['outbound'].name }} {{ box.one.arn }}"
password = { env = "PW" }

[output.where]
value = "at {{ box.one.arn }}"
"#,
    );
    let model = case.works();
    assert_eq!(model.stack, "events-dev");
    assert_eq!(model.batches.iter().map(|batch| batch.kind()).collect::<Vec<_>>(), ["box", "job"]);
    let wanted = wanted(&model);
    let inbound = &wanted["box.data.inbound"];
    for part in
        ["inbound-events-dev-us-east-1", "size: Some(10)", "open: true", "\\\"DEV\\\"", "[List, Read]", "box.one.arn"]
    {
        assert!(inbound.contains(part), "{part} in {inbound}");
    }
    let copy = &wanted["job.copy"];
    for part in [
        "box://inbound-events-dev-us-east-1/in/ $1 $$ ${aws:x} outbound-events-dev-us-east-1 ",
        "<box.one.arn>",
        "Env(\\\"PW\\\")",
    ] {
        assert!(copy.contains(part), "{part} in {copy}");
    }
    let info = |at: &str| model.entries[&at.parse::<Address>().unwrap()].clone();
    assert_eq!(
        info("box.one").depends_on.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["box.data.inbound", "box.data.outbound"]
    );
    assert!(!info("box.one").protect && info("box.data.inbound").protect && !info("job.copy").protect);
    assert_eq!(model.outputs[0].value.to_string(), "at (known after apply)");
    assert!(model.check().is_empty());
}

#[test]
fn variables_come_from_the_nearest_source() {
    let spec = "[variable.x]\ndefault = \"default\"\n[box.a]\nname = \"{{ var.x }}\"\n";
    let name = |case: &Case| wanted(&case.works())["box.a"].clone();
    assert!(name(&with_stack(spec)).contains("\"default"));
    let env = with_stack(spec).env("SNOWSSI_VAR_x", "env");
    assert!(name(&env).contains("\\\"env\\\""));
    let files =
        env.file("a.toml", "x = \"first\"").file("b.toml", "x = \"second\"").var_file("a.toml").var_file("b.toml");
    assert!(name(&files).contains("\\\"second\\\""));
    assert!(name(&files.var("x", "var")).contains("\\\"var\\\""));
    says(&with_stack(spec).var("y", "1"), &["the spec has no variable `y`", "--> --var:1:1"]);
    says(&with_stack(spec).file("a.toml", "z = 1").var_file("a.toml"), &["the spec has no variable `z`", "a.toml:1:5"]);
}

#[test]
fn variables_are_converted_and_checked() {
    let spec = "[variable.n]\ntype = \"int\"\n[variable.l]\ntype = \"list\"\ndefault = []\n[box.a]\nname = \"a\"\nsize = \"{{ var.n }}\"\n[box.b]\nfor_each = \"{{ var.l }}\"\nname = \"{{ each.value }}\"\n";
    let model = with_stack(spec).var("n", "7").var("l", "[\"p\", \"q\"]").works();
    assert!(wanted(&model)["box.a"].contains("size: Some(7)"));
    assert!(wanted(&model).contains_key("box.b.q"));
    says(&with_stack(spec).var("n", "x"), &["the variable `n` is an integer, and `x` is not"]);
    let rules = "[variable.e]\none_of = [\"dev\", \"prod\"]\npattern = \"[a-z]+\"\n";
    says(&with_stack(rules).var("e", "test"), &["the variable `e` cannot be `test`", "it is one of `dev`, `prod`"]);
    says(&with_stack("[variable.e]\npattern = \"[a-z]+\"\n").var("e", "ab1"), &["the whole value must match `[a-z]+`"]);
}

#[test]
fn sensitive_values_are_never_shown() {
    let spec = "[variable.pw]\nsensitive = true\n[box.a]\nname = \"a\"\nsize = \"{{ var.pw }}\"\n[output.o]\nvalue = \"x {{ var.pw }}\"\n";
    let case = with_stack(spec).var("pw", "hunter2");
    let text = case.fails();
    assert!(!text.contains("hunter2") && text.contains("(sensitive)") && text.contains("sensitive = true"), "{text}");
    let problems = case.load().map(drop).unwrap_err();
    assert!(!format!("{problems:?}").contains("hunter2") && !problems.to_json().to_string().contains("hunter2"));
    let written = with_stack("[variable.pw]\nsensitive = true\ndefault = \"hunter2\"\npattern = \"x\"\n").fails();
    assert!(!written.contains("hunter2"), "{written}");
}

#[test]
fn files_are_included_and_read_beside_the_spec() {
    let case = case("include = [\"more.toml\"]\n[stack]\nname = \"s\"\n[variable.t]\ndefault = \"T\"\n")
        .file("more.toml", "[job.j]\nname = \"j\"\nas = { file = \"copy.sql\" }\n")
        .file("copy.sql", "copy into {{ var.t }} from $1;\n");
    assert!(wanted(&case.works())["job.j"].contains("copy into T from $1;\\\\n"));
    let bad = case.file("copy.sql", "select 1;\ncopy into {{ var.s }};\n");
    says(&bad, &["there is no variable `s`", "copy.sql:2:14"]);
    let twice = with_stack("[box.a]\nname = \"a\"\n").file("more.toml", "[box.a]\nname = \"b\"\n");
    let spec = format!("include = [\"more.toml\"]\n{STACK}[box.a]\nname = \"a\"\n");
    says(&twice.file("snowssi.toml", &spec), &["`box.a` is declared twice", "first here"]);
    let circle =
        with_stack("").file("snowssi.toml", "include = [\"b.toml\"]").file("b.toml", "include = [\"snowssi.toml\"]");
    says(&circle, &["this file includes itself", "b.toml:1:12"]);
    says(&with_stack("").file("snowssi.toml", "include = [\"../x\"]"), &["snowssi.toml:1:12"]);
}

#[test]
fn later_stages_can_point_at_fields() {
    let model = with_stack("[box.a]\nname = \"a\"\nsize = 13\n[box.b]\nname = \"a\"\n").works();
    let text = model.check().render(false);
    assert!(text.contains("snowssi.toml:5:8") && text.contains("take 12"), "{text}");
    let text = crate::spec::duplicates(&model, &context()).render(false);
    assert!(text.contains("this is box a, as `box.a` is") && text.contains("snowssi.toml:7:8"), "{text}");
}

#[test]
fn instances_can_be_walked() {
    let spec = r#"
[variable.zones]
type = "map"
default = { a = { size = 1 }, b = { size = 2 } }
[box.data]
for_each = "{{ var.zones }}"
name = "n-{{ each.key }}"
size = "{{ each.value.size }}"
[box.all]
name = "all"
comment = "{% for key in box.data %}{{ box.data[key].name }}={{ box.data[key].size }};{% endfor %}"
rules = [{ allow = ["read"], to = "{{ box.data | join('+') }}" }]
[box.arns]
name = "arns"
comment = """{% for key in box.data %}
{{ box.data[key].arn }}
{% endfor %}"""
"#;
    let wanted = wanted(&with_stack(spec).works());
    assert!(wanted["box.all"].contains("n-a=1;n-b=2;") && wanted["box.all"].contains("a+b"), "{}", wanted["box.all"]);
    assert!(wanted["box.arns"].contains("<box.data.a.arn>") && wanted["box.arns"].contains("<box.data.b.arn>"));
}

#[test]
fn texts_keep_what_is_not_a_template() {
    let spec = "[job.j]\nname = \"j\"\nas = '''\nselect $1, $$x$$, '${aws:PrincipalTag/x}', '%', '#}';\n'''\n";
    let wanted = wanted(&with_stack(spec).works());
    assert!(wanted["job.j"].contains("$1, $$x$$, '${aws:PrincipalTag/x}', '%', '#}';\\\\n"), "{}", wanted["job.j"]);
}

#[test]
fn thousands_of_entries_load_quickly() {
    let mut spec = String::from("[variable.env]\ndefault = \"dev\"\n");
    for at in 0..1000 {
        let _ = write!(
            spec,
            "[box.b{at}]\nname = \"b{at}-{{{{ var.env }}}}\"\n[job.j{at}]\nname = \"j{at}\"\nas = \"{{{{ box.b{at}.url }}}} {{{{ box.b{at}.arn }}}}\"\n"
        );
    }
    let started = std::time::Instant::now();
    assert_eq!(with_stack(&spec).works().entries.len(), 2000);
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

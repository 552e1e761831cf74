//! What is done to whole graphs, and what is wrong with them.

use super::super::*;
use crate::kind::trial;
use crate::model::{Act, Op};

const ROOT: &str = "schedule = '5 MINUTES'";
const AFTER_R: &str = "after = ['D.S.R']";
const FINAL_R: &str = "finalize = 'D.S.R'";

fn entry(name: &str, fields: &str) -> Entry<Spec> {
    let entry = trial::entry::<Task>(&format!("schema = 'D.S'\nname = '{name}'\nas = 'SELECT 1'\n{fields}"));
    let at = Address::new("task", &name.to_lowercase(), None).unwrap();
    Entry { mark: Mark { address: at.clone(), ..entry.mark }, at, ..entry }
}

/// The statements that lead from live tasks to wanted ones, one list a unit. Live tasks that begin with `F` belong to others. What
/// comes back if the unit fails stands behind `/`.
fn plan(live: &[(&str, &str)], want: &[(&str, &str)]) -> Vec<Vec<String>> {
    let entries: Vec<Entry<Spec>> = want.iter().map(|(name, fields)| entry(name, fields)).collect();
    let targets: BTreeMap<ObjectName, (Address, Props)> =
        entries.iter().map(|entry| (entry.spec.full_name(), (entry.at.clone(), wanted(entry)))).collect();
    let lives: BTreeMap<ObjectName, (Address, LiveId, Props)> = live
        .iter()
        .map(|(name, fields)| {
            let entry = entry(name, fields);
            let id = Task::id(&entry.spec, &trial::context());
            (entry.spec.full_name(), (entry.at.clone(), id, wanted(&entry)))
        })
        .collect();
    let ids: BTreeMap<&ObjectName, LiveId> = targets.keys().map(|name| (name, LiveId::new("task", name))).collect();
    let (mut drafts, mut others) = (Vec::new(), Vec::new());
    for (name, (at, target)) in &targets {
        let have = lives.get(name).map(|(_, _, have)| have);
        let parts = match have {
            None => Task::create(at, target),
            Some(have) => {
                let changed = trial::diff::<Task>(target, have);
                if changed.is_empty() {
                    others.push((&ids[name], have));
                    continue;
                }
                Task::alter(at, target, have, &changed)
            }
        };
        drafts.push(Drafted { at, id: &ids[name], want: Some(target), have, parts });
    }
    for (name, (at, id, have)) in lives.iter().filter(|(name, _)| !targets.contains_key(name)) {
        if name.name.as_str().starts_with('F') {
            others.push((id, have));
        } else {
            drafts.push(Drafted { at, id, want: None, have: Some(have), parts: Task::delete(have) });
        }
    }
    let short = |act: &Act| {
        let Act::Sql(text) = act else { panic!("not a statement") };
        let text = text.to_string().replace("\"D\".\"S\".", "").replace(['"'], "");
        let cut = text.find(" COMMENT =").filter(|_| text.starts_with("CREATE"));
        cut.map_or(text.clone(), |at| text[..at].to_owned())
    };
    let statement = |op: &Op| match &op.undo {
        Some(undo) => format!("{} / {}", short(&op.act), short(undo)),
        None => short(&op.act),
    };
    Task::weave(drafts, &others).iter().map(|unit| unit.ops.iter().map(statement).collect()).collect()
}

fn one(live: &[(&str, &str)], want: &[(&str, &str)]) -> Vec<String> {
    let mut units = plan(live, want);
    assert_eq!(units.len(), 1, "{units:#?}");
    units.remove(0)
}

/// How a root is suspended so that it comes back.
const SUSPEND_R: &str = "ALTER TASK R SUSPEND / ALTER TASK IF EXISTS R RESUME";

#[test]
fn a_single_task() {
    assert_eq!(one(&[], &[("R", ROOT)]), ["CREATE TASK R SCHEDULE = '5 MINUTES'", "ALTER TASK R RESUME"]);
    assert_eq!(one(&[], &[("R", &format!("{ROOT}\nstarted = false"))]), ["CREATE TASK R SCHEDULE = '5 MINUTES'"]);
    let comment = format!("{ROOT}\nuser_task_timeout_ms = 5");
    let expected = [SUSPEND_R, "ALTER TASK R SET USER_TASK_TIMEOUT_MS = 5", "ALTER TASK R RESUME"];
    assert_eq!(one(&[("R", ROOT)], &[("R", &comment)]), expected);
    let expected = [SUSPEND_R, "DROP TASK IF EXISTS R"];
    assert_eq!(one(&[("R", ROOT)], &[]), expected);
}

#[test]
fn only_what_should_run_is_resumed() {
    let off = format!("{ROOT}\nstarted = false");
    assert_eq!(one(&[("R", ROOT)], &[("R", &off)]), ["ALTER TASK R SUSPEND"], "and nothing resumes it");
    assert_eq!(one(&[("R", &off)], &[("R", ROOT)]), ["ALTER TASK R RESUME"]);
    let changed = format!("{off}\nuser_task_timeout_ms = 5");
    assert_eq!(one(&[("R", &off)], &[("R", &changed)]), ["ALTER TASK R SET USER_TASK_TIMEOUT_MS = 5"]);
    let child_off = format!("{AFTER_R}\nstarted = false");
    let expected = [SUSPEND_R, "ALTER TASK A SUSPEND", "ALTER TASK R RESUME"];
    assert_eq!(one(&[("R", ROOT), ("A", AFTER_R)], &[("R", ROOT), ("A", &child_off)]), expected);
    let expected = [SUSPEND_R, "ALTER TASK A RESUME", "ALTER TASK R RESUME"];
    assert_eq!(one(&[("R", ROOT), ("A", &child_off)], &[("R", ROOT), ("A", AFTER_R)]), expected);
    let expected = ["ALTER TASK A RESUME"];
    assert_eq!(
        one(&[("R", &off), ("A", &child_off)], &[("R", &off), ("A", AFTER_R)]),
        expected,
        "the root stays suspended"
    );
}

#[test]
fn a_change_to_a_child_suspends_its_running_root_once() {
    let live = [("R", ROOT), ("A", AFTER_R), ("B", "after = ['D.S.A']"), ("Z", ROOT)];
    let timeout = "user_task_timeout_ms = 5";
    let (a, b) = (format!("{AFTER_R}\n{timeout}"), format!("after = ['D.S.A']\n{timeout}"));
    let want = [("R", ROOT), ("A", a.as_str()), ("B", b.as_str()), ("Z", ROOT)];
    let expected = [
        SUSPEND_R,
        "ALTER TASK A SET USER_TASK_TIMEOUT_MS = 5",
        "ALTER TASK B SET USER_TASK_TIMEOUT_MS = 5",
        "ALTER TASK R RESUME",
    ];
    assert_eq!(one(&live, &want), expected);
}

#[test]
fn children_come_and_go() {
    let live = [("R", ROOT), ("A", AFTER_R)];
    let expected = [SUSPEND_R, "CREATE TASK B SCHEDULE", "ALTER TASK B RESUME", "ALTER TASK R RESUME"];
    let added = one(&live, &[("R", ROOT), ("A", AFTER_R), ("B", "after = ['D.S.A', 'D.S.R']")]);
    assert_eq!(added[0], expected[0]);
    assert!(added[1].starts_with("CREATE TASK B"), "{added:?}");
    assert_eq!(added[2..], expected[2..]);
    let expected = [SUSPEND_R, "DROP TASK IF EXISTS A", "ALTER TASK R RESUME"];
    assert_eq!(one(&live, &[("R", ROOT)]), expected);
    let live = [("R", ROOT), ("A", AFTER_R), ("B", "after = ['D.S.A']")];
    let expected = [
        SUSPEND_R,
        "ALTER TASK B ADD AFTER R",
        "ALTER TASK B REMOVE AFTER A",
        "DROP TASK IF EXISTS A",
        "ALTER TASK R RESUME",
    ];
    assert_eq!(one(&live, &[("R", ROOT), ("B", AFTER_R)]), expected, "B keeps running and is never a root");
    let expected = [SUSPEND_R, "DROP TASK IF EXISTS B", "DROP TASK IF EXISTS A", "DROP TASK IF EXISTS R"];
    assert_eq!(one(&live, &[]), expected);
}

#[test]
fn a_new_graph_is_built_from_its_root_and_started_from_its_leaves() {
    let want = [("R", ROOT), ("B", AFTER_R), ("A", "after = ['D.S.B']"), ("C", FINAL_R)];
    let statements = one(&[], &want);
    let names: Vec<&str> = statements.iter().map(|text| text.split_whitespace().nth(2).unwrap()).collect();
    assert_eq!(names[..4], ["R", "B", "A", "C"], "{statements:?}");
    let resumed = ["ALTER TASK C RESUME", "ALTER TASK A RESUME", "ALTER TASK B RESUME", "ALTER TASK R RESUME"];
    assert_eq!(statements[4..], resumed);
}

#[test]
fn a_child_becomes_a_root_and_a_root_a_child() {
    let live = [("R", ROOT), ("A", AFTER_R)];
    let expected = [
        SUSPEND_R,
        "ALTER TASK A REMOVE AFTER R",
        "ALTER TASK A SET SCHEDULE = '5 MINUTES'",
        "ALTER TASK A RESUME",
        "ALTER TASK R RESUME",
    ];
    let mut split = one(&live, &[("R", ROOT), ("A", ROOT)]);
    split[3..].sort();
    assert_eq!(split, expected);
    let suspend_a = "ALTER TASK A SUSPEND / ALTER TASK IF EXISTS A RESUME";
    let expected = [
        SUSPEND_R,
        suspend_a,
        "ALTER TASK A UNSET SCHEDULE",
        "ALTER TASK A ADD AFTER R",
        "ALTER TASK A RESUME",
        "ALTER TASK R RESUME",
    ];
    assert_eq!(one(&[("R", ROOT), ("A", ROOT)], &[("R", ROOT), ("A", AFTER_R)]), expected);
    let turned = one(&live, &[("A", ROOT), ("R", "after = ['D.S.A']")]);
    let expected = [
        SUSPEND_R,
        "ALTER TASK A REMOVE AFTER R",
        "ALTER TASK A SET SCHEDULE = '5 MINUTES'",
        "ALTER TASK R UNSET SCHEDULE",
        "ALTER TASK R ADD AFTER A",
        "ALTER TASK R RESUME",
        "ALTER TASK A RESUME",
    ];
    assert_eq!(turned, expected);
}

#[test]
fn scheduled_becomes_triggered() {
    let triggered = "when = \"SYSTEM$STREAM_HAS_DATA('ST')\"\nwarehouse = 'w'";
    let expected = [
        SUSPEND_R,
        "ALTER TASK R UNSET SCHEDULE",
        "ALTER TASK R MODIFY WHEN SYSTEM$STREAM_HAS_DATA('ST')",
        "ALTER TASK R RESUME",
    ];
    let warehouse = format!("{ROOT}\nwarehouse = 'w'");
    assert_eq!(one(&[("R", &warehouse)], &[("R", triggered)]), expected);
}

#[test]
fn finalizers_change_places() {
    let live = [("R", ROOT), ("C", FINAL_R)];
    let swapped = one(&live, &[("R", ROOT), ("B", FINAL_R)]);
    assert_eq!(swapped[..2], [SUSPEND_R, "DROP TASK IF EXISTS C"]);
    assert!(swapped[2].starts_with("CREATE TASK B"));
    assert_eq!(swapped[3..], ["ALTER TASK B RESUME", "ALTER TASK R RESUME"]);
    let child = one(&live, &[("R", ROOT), ("A", FINAL_R), ("C", AFTER_R)]);
    let unset = child.iter().position(|text| text == "ALTER TASK C UNSET FINALIZE").unwrap();
    let create = child.iter().position(|text| text.starts_with("CREATE TASK A")).unwrap();
    assert!(unset < create, "{child:?}");
    assert!(child.contains(&"ALTER TASK C RESUME".to_owned()), "it was a root in between: {child:?}");
    assert_eq!(child.last().unwrap(), "ALTER TASK R RESUME");
}

#[test]
fn a_root_of_somebody_else_is_suspended_and_comes_back() {
    let live = [("FR", ROOT), ("FX", "after = ['D.S.FR']"), ("A", "after = ['D.S.FR']")];
    let timeout = "after = ['D.S.FR']\nuser_task_timeout_ms = 5";
    let suspend = "ALTER TASK FR SUSPEND / ALTER TASK IF EXISTS FR RESUME";
    let expected = [suspend, "ALTER TASK A SET USER_TASK_TIMEOUT_MS = 5", "ALTER TASK FR RESUME"];
    assert_eq!(one(&live, &[("A", timeout)]), expected);
    let off = format!("{ROOT}\nstarted = false");
    let live = [("FR", off.as_str()), ("A", "after = ['D.S.FR']")];
    let expected = ["ALTER TASK A SET USER_TASK_TIMEOUT_MS = 5"];
    assert_eq!(one(&live, &[("A", timeout)]), expected, "it was suspended and stays so");
    let live = [("FR", ROOT)];
    let added = one(&live, &[("A", "after = ['D.S.FR']")]);
    assert_eq!((added[0].as_str(), added[3].as_str()), (suspend, "ALTER TASK FR RESUME"), "{added:?}");
}

#[test]
fn graphs_do_not_wait_for_each_other() {
    let timeout = format!("{ROOT}\nuser_task_timeout_ms = 5");
    let units = plan(&[("R", ROOT), ("Z", ROOT), ("Y", ROOT)], &[("R", &timeout), ("Z", &timeout), ("Y", ROOT)]);
    assert_eq!(units.len(), 2);
    assert!(units.iter().flatten().all(|text| !text.contains("TASK Y")), "{units:?}");
}

#[test]
fn a_replaced_task_is_not_there_any_more_when_it_is_created() {
    let entry = entry("R", ROOT);
    let (want, id) = (wanted(&entry), Task::id(&entry.spec, &trial::context()));
    let parts = Task::create(&entry.at, &want);
    let draft = Drafted { at: &entry.at, id: &id, want: Some(&want), have: Some(&want), parts };
    let units = Task::weave(vec![draft], &[]);
    let statements: Vec<String> = units[0].ops.iter().map(|op| format!("{:?}", op.act)).collect();
    assert!(statements[0].contains("CREATE TASK") && statements[1].contains("RESUME"), "{statements:?}");
    assert_eq!(units[0].serves, [(entry.at, id, "")]);
}

#[test]
fn what_is_wrong_between_tasks() {
    let found = |tasks: &[(&str, &str)]| -> Vec<String> {
        let entries: Vec<Entry<Spec>> = tasks.iter().map(|(name, fields)| entry(name, fields)).collect();
        let tasks: Vec<(Address, &Spec)> = entries.iter().map(|entry| (entry.at.clone(), &entry.spec)).collect();
        let line = |(at, problem): &(Address, Problem)| format!("{at} {}: {}", problem.field, problem.message);
        graph_problems(&tasks).iter().map(line).collect()
    };
    assert_eq!(found(&[("R", ROOT), ("A", AFTER_R), ("B", "after = ['D.S.A', 'D.S.R']"), ("C", FINAL_R)]), [""; 0]);
    assert_eq!(found(&[("A", "after = ['D.S.SOMEWHERE_ELSE']"), ("C", "finalize = 'D.S.SOMEWHERE_ELSE'")]), [""; 0]);
    let cycle = found(&[
        ("A", "after = ['D.S.C']"),
        ("B", "after = ['D.S.A']"),
        ("C", "after = ['D.S.B']"),
        ("E", "after = ['D.S.A']"),
    ]);
    assert_eq!(cycle.len(), 1, "{cycle:?}");
    assert!(
        cycle[0].starts_with("task.a after: these tasks wait for each other") && cycle[0].contains("\"C\""),
        "{cycle:?}"
    );
    let roots = found(&[("R", ROOT), ("Q", ROOT), ("A", "after = ['D.S.R', 'D.S.Q']"), ("B", "after = ['D.S.A']")]);
    assert_eq!(roots.len(), 1, "only where the graphs join: {roots:?}");
    assert!(roots[0].starts_with("task.a after: a graph has one root task"), "{roots:?}");
    let finalizers = found(&[("R", ROOT), ("B", FINAL_R), ("C", FINAL_R)]);
    assert_eq!(finalizers.len(), 1);
    assert!(finalizers[0].starts_with("task.c finalize:"), "{finalizers:?}");
    let child = found(&[("R", ROOT), ("A", AFTER_R), ("C", "finalize = 'D.S.A'")]);
    assert!(child.len() == 1 && child[0].contains("is not a root task"), "{child:?}");
    let after = found(&[("R", ROOT), ("C", FINAL_R), ("A", "after = ['D.S.C']")]);
    assert!(after.iter().any(|text| text.starts_with("task.a after: nothing runs after a finalizer")), "{after:?}");
    let names: Vec<String> = (0..101).map(|n| format!("T{n}")).collect();
    let mut many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), AFTER_R)).collect();
    many.push(("R", ROOT));
    assert!(found(&many).iter().any(|text| text.starts_with("task.r : 101 tasks")));
}

//! Tasks in an account in the process: what is written is accepted in the order it is written, and read back as wanted.

use super::super::*;
use crate::kind::trial::account::Account;
use crate::kind::{show, trial};
use crate::model::{Found, Seen};

type Step<'a> = &'a [(&'a str, &'a str)];

fn entry(name: &str, fields: &str) -> Entry<Spec> {
    let body = if fields.contains("as =") { "" } else { "as = 'SELECT 1'" };
    let entry = trial::entry::<Task>(&format!("schema = 'D.S'\nname = '{name}'\n{body}\n{fields}"));
    let at = Address::new("task", &name.to_lowercase(), None).unwrap();
    Entry { mark: Mark { address: at.clone(), ..entry.mark }, at, ..entry }
}

fn observe(account: &mut Account, entries: &[Entry<Spec>]) -> Observed<Props> {
    let listing = show::Listing::from(account.sql("SHOW TASKS IN ACCOUNT"));
    let rows = listing.index(show::object_of).unwrap();
    let setting = entries.iter().filter(|entry| !entry.spec.parameters().is_empty());
    let setting = setting.filter(|entry| rows.contains_key(&entry.spec.full_name()));
    let own = setting.map(|entry| {
        let name = entry.spec.full_name();
        let rows = account.sql(&format!("SHOW PARAMETERS IN TASK {name}"));
        (name, show::Parameters::own(&rows, show::Level::Task))
    });
    let own = own.collect();
    read::assemble(entries, &trial::context(), &rows, &own).unwrap()
}

/// Plans and applies a step as the planner would, then looks again.
fn step(account: &mut Account, tasks: Step<'_>) {
    let entries: Vec<Entry<Spec>> = tasks.iter().map(|(name, fields)| entry(name, fields)).collect();
    let observed = observe(account, &entries);
    let wants: Vec<Props> = entries.iter().map(wanted).collect();
    let ids: Vec<LiveId> = entries.iter().map(|entry| Task::id(&entry.spec, &trial::context())).collect();
    let (mut drafts, mut others) = (Vec::new(), Vec::new());
    for ((entry, want), id) in entries.iter().zip(&wants).zip(&ids) {
        match &observed.declared[&entry.at] {
            Seen::Absent => {
                drafts.push(Drafted {
                    at: &entry.at,
                    id,
                    want: Some(want),
                    have: None,
                    parts: Task::create(&entry.at, want),
                });
            }
            Seen::Present(Found { props, .. }) => {
                let changed = trial::diff::<Task>(want, props);
                if changed.is_empty() {
                    others.push((id, props));
                } else {
                    let parts = Task::alter(&entry.at, want, props, &changed);
                    drafts.push(Drafted { at: &entry.at, id, want: Some(want), have: Some(props), parts });
                }
            }
            Seen::Hidden(why) => panic!("{why}"),
        }
    }
    for (id, Found { props, .. }) in &observed.others {
        match &props.mark {
            Some(mark) => {
                drafts.push(Drafted {
                    at: &mark.address,
                    id,
                    want: None,
                    have: Some(props),
                    parts: Task::delete(props),
                });
            }
            None => others.push((id, props)),
        }
    }
    for unit in Task::weave(drafts, &others) {
        account.run(&unit.ops);
    }
    let observed = observe(account, &entries);
    for (entry, want) in entries.iter().zip(&wants) {
        let Seen::Present(found) = &observed.declared[&entry.at] else { panic!("{} is not there", entry.at) };
        let diff = trial::diff::<Task>(want, &found.props);
        assert!(diff.is_empty(), "{}: {diff:#?}", entry.at);
    }
    assert!(observed.others.values().all(|found| found.props.mark.is_none()), "orphans are gone");
}

#[test]
fn every_step_is_accepted_and_read_back_as_wanted() {
    let root = "schedule = '5 MINUTES'";
    let triggered = "when = \"SYSTEM$STREAM_HAS_DATA('D.S.STR')\"";
    let on_w = format!("{triggered}\nwarehouse = 'w'");
    let serverless = format!(
        "{triggered}\ntarget_completion_interval = '10 MINUTES'\nuser_task_managed_initial_warehouse_size = 'SMALL'"
    );
    let full = format!(
        "{root}\nconfig = {{ a = \"it's\" }}\noverlap_policy = 'ALLOW_ALL_OVERLAP'\nuser_task_timeout_ms = \
         1000\nsuspend_task_after_num_failures = 3\ntask_auto_retry_attempts = 2\nlog_level = 'INFO'\nsession_parameters = {{ TIMEZONE = \
         'UTC', WEEK_START = 1 }}\nexecute_as_user = 'U'\ncomment = 'hello'\nas = '''\nBEGIN\n  SELECT 1;\n  SELECT \
         'a  b';\nEND;\n'''"
    );
    let steps: [Step<'_>; 17] = [
        &[("R", root)],
        &[("R", "schedule = 'USING CRON 0 9 * * MON Europe/Vienna'\nstarted = false")],
        &[("R", &full)],
        &[("R", root), ("A", "after = ['D.S.R']"), ("B", "after = ['D.S.A']"), ("C", "finalize = 'D.S.R'")],
        &[
            ("R", root),
            ("A", "after = ['D.S.R']\ncomment = 'x'"),
            ("B", "after = ['D.S.A']"),
            ("C", "finalize = 'D.S.R'"),
        ],
        &[("R", root), ("B", "after = ['D.S.R']"), ("C", "finalize = 'D.S.R'\nstarted = false")],
        &[("R", root), ("B", "after = ['D.S.C']"), ("C", "after = ['D.S.R']"), ("E", "finalize = 'D.S.R'")],
        &[("R", root), ("B", root), ("C", "after = ['D.S.B']"), ("E", "finalize = 'D.S.B'")],
        &[("B", "after = ['D.S.R']"), ("R", root), ("C", "finalize = 'D.S.R'"), ("E", "after = ['D.S.B', 'D.S.R']")],
        &[("B", root), ("R", "after = ['D.S.B']")],
        &[("B", &on_w), ("R", "after = ['D.S.B']")],
        &[("B", &serverless), ("R", "after = ['D.S.B']")],
        &[("B", &on_w), ("R", "after = ['D.S.B']\nwarehouse = 'w'")],
        &[("B", root), ("R", root)],
        &[("B", root), ("R", "after = ['D.S.B']"), ("A", "after = ['D.S.B', 'D.S.R']\nstarted = false")],
        &[("A", root)],
        &[],
    ];
    let mut account = Account::fresh();
    for tasks in steps {
        step(&mut account, tasks);
    }
}

/// A valid graph out of random numbers: each task is absent, a root, a finalizer, or runs after one or two of those before it.
fn graph(order: &[usize], choices: &[(u8, u8, u8, bool)]) -> Vec<(String, String)> {
    // Of each task: its name, its root, and whether tasks can run after it.
    let mut placed: Vec<(String, String, bool)> = Vec::new();
    let mut finalized: BTreeSet<String> = BTreeSet::new();
    let mut tasks = Vec::new();
    for (number, (sort, one, two, started)) in order.iter().zip(choices) {
        let name = format!("T{number}");
        let inner: Vec<(String, String, bool)> = placed.iter().filter(|(_, _, inner)| *inner).cloned().collect();
        let pick = |of: &[(String, String, bool)], n: u8| of.get(usize::from(n) % of.len().max(1)).cloned();
        let (root, inner_too, place) = match (sort % 6, pick(&inner, *one)) {
            (0, _) => continue,
            (2, Some((_, root, _))) if finalized.insert(root.clone()) => {
                (root.clone(), false, format!("finalize = 'D.S.{root}'"))
            }
            (2..=5, Some((before, root, _))) => {
                let same: Vec<_> = inner.iter().filter(|(_, other, _)| *other == root).cloned().collect();
                let (other, _, _) = pick(&same, *two).unwrap();
                (root, true, format!("after = ['D.S.{before}', 'D.S.{other}']"))
            }
            _ => (name.clone(), true, "schedule = '5 MINUTES'".to_owned()),
        };
        placed.push((name.clone(), root, inner_too));
        tasks.push((name, format!("{place}\nstarted = {started}\ncomment = '{}'", two % 2)));
    }
    tasks
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]
    #[test]
    fn any_graph_becomes_any_other(states in proptest::collection::vec(
        (
            proptest::strategy::Strategy::prop_shuffle(proptest::strategy::Just((0..6).collect::<Vec<usize>>())),
            proptest::collection::vec(proptest::prelude::any::<(u8, u8, u8, bool)>(), 6),
        ),
        2..6,
    )) {
        let mut account = Account::fresh();
        for (order, choices) in states {
            let tasks = graph(&order, &choices);
            let tasks: Vec<(&str, &str)> = tasks.iter().map(|(name, fields)| (name.as_str(), fields.as_str())).collect();
            let entries: Vec<Entry<Spec>> = tasks.iter().map(|(name, fields)| entry(name, fields)).collect();
            let declared: Vec<(Address, &Spec)> = entries.iter().map(|entry| (entry.at.clone(), &entry.spec)).collect();
            proptest::prop_assert_eq!(graph_problems(&declared), vec![]);
            step(&mut account, &tasks);
        }
    }
}

#[test]
fn a_root_of_somebody_else_keeps_running() {
    let mut account = Account::fresh();
    account.sql("CREATE TASK D.S.ROOT SCHEDULE = '5 MINUTES' AS SELECT 1");
    account.sql("ALTER TASK D.S.ROOT RESUME");
    let after = "after = ['D.S.ROOT']";
    for tasks in [vec![("A", after)], vec![("A", "after = ['D.S.ROOT']\ncomment = 'x'"), ("B", after)], vec![]] {
        step(&mut account, &tasks);
        let rows = account.sql("SHOW TASKS LIKE 'ROOT' IN ACCOUNT");
        assert_eq!(rows.iter().next().unwrap().get("state"), Some("started"));
    }
}

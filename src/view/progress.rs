//! Progress on standard error: bars on a terminal, quiet lines elsewhere. Nothing for what takes less than a second.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc;

use super::escape::line;
use super::plan::served;
use crate::apply::Event;
use crate::plan::Plan;

/// What takes less is not told.
const NOTABLE: Duration = Duration::from_secs(1);
/// How often a step that lasts is told where there is no terminal.
const REMINDER: Duration = Duration::from_secs(10);

/// Shows events until the sender is gone. Without a terminal, steps are told one line each when they end, and every ten seconds while
/// they last.
pub async fn show(plan: &Plan, mut events: mpsc::UnboundedReceiver<Event>, terminal: bool, mut say: impl FnMut(&str)) {
    let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let names = plan.steps.iter().map(|step| line(&served(step))).collect();
    let mut board = Board { names, terminal, bars: MultiProgress::with_draw_target(target), running: BTreeMap::new() };
    let mut clock = tokio::time::interval(NOTABLE / 4);
    loop {
        let lines = tokio::select! {
            event = events.recv() => match event {
                Some(event) => board.hear(event),
                None => return,
            },
            _ = clock.tick() => board.tick(),
        };
        if !lines.is_empty() {
            // The bars make room while lines are written.
            board.bars.suspend(|| lines.iter().for_each(|line| say(line)));
        }
    }
}

/// The steps under way.
struct Board {
    names: Vec<String>,
    terminal: bool,
    bars: MultiProgress,
    running: BTreeMap<usize, Running>,
}

struct Running {
    since: Instant,
    told: Instant,
    /// What it is busy with, if that is more than its name.
    doing: Option<String>,
    /// Only on a terminal, and only once it has lasted.
    bar: Option<ProgressBar>,
}

impl Board {
    fn name(&self, step: usize) -> &str {
        self.names.get(step).map_or("", String::as_str)
    }

    /// Takes an event in; gives lines to write.
    fn hear(&mut self, event: Event) -> Vec<String> {
        match event {
            Event::Started { step } => {
                let now = Instant::now();
                self.running.insert(step, Running { since: now, told: now, doing: None, bar: None });
                Vec::new()
            }
            Event::Waiting { step, what } => self.busy(step, &format!("waiting until {}", line(&what))),
            Event::Retrying { step, why, pause } => {
                self.busy(step, &format!("trying again in {:.1} s: {}", pause.as_secs_f64(), line(&why)))
            }
            Event::Done { step, took } => {
                self.end(step);
                let notable = took >= NOTABLE;
                notable
                    .then(|| format!("{}: done after {:.1} s", self.name(step), took.as_secs_f64()))
                    .into_iter()
                    .collect()
            }
            Event::Failed { step, error } => {
                self.end(step);
                vec![format!("{}: failed: {}", self.name(step), line(&error.cause.to_string()))]
            }
            Event::Skipped { .. } => Vec::new(),
        }
    }

    /// On a terminal the bar says it, once there is one; elsewhere it is a line.
    fn busy(&mut self, step: usize, what: &str) -> Vec<String> {
        let name = self.name(step).to_owned();
        let text = format!("{name}: {what}");
        match self.running.get_mut(&step) {
            Some(running) if self.terminal => {
                running.bar.iter().for_each(|bar| bar.set_message(text.clone()));
                running.doing = Some(text);
                Vec::new()
            }
            _ => vec![text],
        }
    }

    fn end(&mut self, step: usize) {
        if let Some(bar) = self.running.remove(&step).and_then(|running| running.bar) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    /// Time has passed: steps that last get a bar, or a line now and then.
    fn tick(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for (step, running) in &mut self.running {
            let name = self.names.get(*step).map_or("", String::as_str);
            if self.terminal && running.bar.is_none() && running.since.elapsed() >= NOTABLE {
                let bar = ProgressBar::new_spinner().with_elapsed(running.since.elapsed());
                if let Ok(style) = ProgressStyle::with_template("  {spinner} [{elapsed}] {wide_msg}") {
                    bar.set_style(style);
                }
                let bar = self.bars.add(bar);
                bar.set_message(running.doing.clone().unwrap_or_else(|| name.to_owned()));
                bar.enable_steady_tick(Duration::from_millis(100));
                running.bar = Some(bar);
            }
            if !self.terminal && running.told.elapsed() >= REMINDER {
                running.told = Instant::now();
                lines.push(format!("{name}: still running after {} s", running.since.elapsed().as_secs()));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::StepError;

    fn board(terminal: bool) -> Board {
        let names = vec!["task.a".to_owned(), "task.b".to_owned()];
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        Board { names, terminal, bars, running: BTreeMap::new() }
    }

    #[test]
    fn what_is_quick_is_not_told() {
        let mut board = board(false);
        assert!(board.hear(Event::Started { step: 0 }).is_empty());
        assert!(board.tick().is_empty());
        assert!(board.hear(Event::Done { step: 0, took: Duration::from_millis(999) }).is_empty());
        board.hear(Event::Started { step: 1 });
        let done = board.hear(Event::Done { step: 1, took: Duration::from_millis(2500) });
        assert_eq!(done, ["task.b: done after 2.5 s"]);
        assert!(board.running.is_empty());
    }

    #[test]
    fn what_lasts_gets_a_bar_on_a_terminal_and_a_line_elsewhere() {
        let Some(before) = Instant::now().checked_sub(Duration::from_secs(11)) else { return };
        for terminal in [true, false] {
            let mut board = board(terminal);
            board.running.insert(0, Running { since: before, told: before, doing: None, bar: None });
            let lines = board.tick();
            assert_eq!(board.running[&0].bar.is_some(), terminal);
            assert_eq!(lines, if terminal { vec![] } else { vec!["task.a: still running after 11 s".to_owned()] });
            assert!(board.tick().is_empty(), "once in ten seconds is enough");
        }
    }

    #[test]
    fn failures_and_waits_are_told_at_once_without_a_terminal() {
        let mut board = board(false);
        board.hear(Event::Started { step: 0 });
        let waits = board.hear(Event::Waiting { step: 0, what: "it\u{1b}works".into() });
        assert_eq!(waits, ["task.a: waiting until it\\u{1b}works"]);
        let failed = board.hear(Event::Failed { step: 0, error: StepError::bug("x") });
        assert!(failed[0].starts_with("task.a: failed: "), "{failed:?}");
    }
}

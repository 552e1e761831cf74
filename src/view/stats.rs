//! `--stats`: what was asked of the clouds, and how that compares with what physics allows.

use std::time::Duration;

use crate::cloud::stats::Counts;

/// One cloud's counts.
#[derive(Clone, Debug)]
pub struct Side {
    /// `AWS` or `Snowflake`.
    pub name: &'static str,
    /// What was asked.
    pub counts: Counts,
}

/// The table.
pub fn text(sides: &[Side], wall: Duration) -> String {
    let mut out = String::new();
    for Side { name, counts } in sides {
        let total: u64 = counts.calls.values().sum();
        out.push_str(&format!(
            "{name}: {total} requests, at most {} in flight, {} ms under way\n",
            counts.peak,
            counts.waiting.as_millis()
        ));
        let width = counts.calls.keys().map(String::len).max().unwrap_or_default();
        for (operation, count) in &counts.calls {
            out.push_str(&format!("  {operation:<width$} {count:>5}\n"));
        }
    }
    let waiting = sides.iter().map(|side| side.counts.waiting).max().unwrap_or_default();
    let computing = wall.saturating_sub(waiting);
    out.push_str(&format!(
        "Total: {} ms, of which {} ms waiting for the slower cloud and {} ms computing\n",
        wall.as_millis(),
        waiting.as_millis(),
        computing.as_millis()
    ));
    out
}

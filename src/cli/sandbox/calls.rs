//! `snowssi sandbox calls`: what was asked of the embedded clouds.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets::NOTHING};

use super::super::args::CallsArgs;
use super::super::failure::{Exit, Failure};
use super::super::out::Out;
use super::cannot;
use crate::sandbox::calls::{Cloud, Entry, clear, read};
use crate::view::escape::line;

pub(super) fn run(dir: &Path, args: &CallsArgs, out: &Out) -> Result<Exit, Failure> {
    if args.clear {
        clear(dir).map_err(|error| cannot("clear the calls of", dir, &error))?;
        out.status("The calls are forgotten.");
        return Ok(Exit::Success);
    }
    let mut calls = read(dir).map_err(|error| cannot("read the calls of", dir, &error))?;
    calls.retain(|call| call.mutating || !args.mutating);
    let first = calls.len().saturating_sub(args.tail.unwrap_or(usize::MAX));
    let calls = calls.get(first..).unwrap_or_default();
    out.result(&if args.json { lines(calls) } else { table(calls) });
    Ok(Exit::Success)
}

fn lines(calls: &[Entry]) -> String {
    calls.iter().filter_map(|call| serde_json::to_string(call).ok()).map(|call| call + "\n").collect()
}

fn table(calls: &[Entry]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["#", "TIME", "WHO", "CALL", "", "ABOUT", "ANSWER", "FAULT", "MS"]);
    for call in calls {
        table.add_row([
            call.seq.to_string(),
            time(call.at_ms),
            line(who(call)),
            line(&operation(call)),
            if call.mutating { "!".to_owned() } else { String::new() },
            line(call.statement.as_deref().unwrap_or(&call.resource)),
            line(answer(call).trim_end()),
            line(call.fault.as_deref().unwrap_or_default()),
            format!("{:.1}", call.took_ms),
        ]);
    }
    for column in [0, 8] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let count = format!("{} {}", calls.len(), if calls.len() == 1 { "call" } else { "calls" });
    let rows: String = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    if calls.is_empty() { format!("{count}\n") } else { format!("{rows}{count}\n") }
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A caller without what all callers share.
fn who(call: &Entry) -> &str {
    call.who.rsplit(':').next().unwrap_or_default()
}

fn operation(call: &Entry) -> String {
    match call.cloud {
        Cloud::Aws => format!("{}:{}", call.service, call.operation),
        Cloud::Snowflake => call.operation.clone(),
    }
}

fn answer(call: &Entry) -> String {
    if call.status == 0 { call.code.clone() } else { format!("{} {}", call.status, call.code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_for_people() {
        let call: Entry = serde_json::from_str(
            r#"{"seq":7,"at_ms":1700000000123,"cloud":"aws","who":"arn:aws:iam::1:user/a","service":"iam","operation":"CreateRole",
                "resource":"r\u001b[31m","mutating":true,"status":0,"code":"reset","fault":"reset","took_ms":1.25}"#,
        )
        .unwrap();
        let text = table(&[call]);
        let row = text.lines().nth(1).unwrap();
        assert!(row.contains("2023-11-14T22:13:20.123Z") && row.contains("user/a"), "{text}");
        assert!(row.contains("iam:CreateRole") && row.contains('!') && row.contains("reset"), "{text}");
        assert!(!text.contains('\u{1b}') && text.ends_with("1 call\n"), "{text}");
        assert_eq!(table(&[]), "0 calls\n");
    }
}

//! Times, as each protocol writes them.

use jiff::Timestamp;

/// `2026-11-20T14:00:00Z`.
pub(super) fn iso(ms: i64) -> String {
    format(ms, "%Y-%m-%dT%H:%M:%SZ")
}

/// `2026-11-20T14:00:00.123Z`.
pub(super) fn iso_millis(ms: i64) -> String {
    format(ms, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// `Fri, 20 Nov 2026 14:00:00 GMT`.
pub(super) fn http_date(ms: i64) -> String {
    format(ms, "%a, %d %b %Y %H:%M:%S GMT")
}

/// Seconds since the epoch, as JSON 1.1 has it.
pub(super) fn seconds(ms: i64) -> serde_json::Value {
    serde_json::json!(ms / 1000)
}

/// A day, in milliseconds.
pub(super) const DAY: i64 = 86_400_000;

fn format(ms: i64, form: &str) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn forms() {
        assert_eq!(super::iso(1_700_000_000_123), "2023-11-14T22:13:20Z");
        assert_eq!(super::iso_millis(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(super::http_date(1_700_000_000_123), "Tue, 14 Nov 2023 22:13:20 GMT");
    }
}

//! "Did you mean": the nearest of the names that would have been right.

/// The candidate nearest to `name`, if any is near enough to be a slip of the pen.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1) + 1;
    let lower = name.to_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= limit)
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// A help text: the nearest name, or a list of what there is.
pub(super) fn help<'a>(name: &str, what: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const SHOWN: usize = 12;
    let mut candidates: Vec<&str> = candidates.into_iter().collect();
    candidates.sort_unstable();
    candidates.dedup();
    if let Some(nearest) = nearest(name, candidates.iter().copied()) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    let shown = candidates.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match candidates.len() {
        0 => None,
        count @ 1..=SHOWN => Some(format!(
            "there {} {shown}",
            if count == 1 { format!("is one {what}:") } else { format!("are these {what}s:") }
        )),
        count => Some(format!("there are {count} {what}s, among them {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_far() {
        let names = ["bucket", "stage", "stream", "storage_integration"];
        assert_eq!(nearest("buckt", names), Some("bucket"));
        assert_eq!(nearest("Stage", names), Some("stage"));
        assert_eq!(nearest("storage_integartion", names), Some("storage_integration"));
        assert_eq!(nearest("warehouse", names), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(help("warehouse", "kind", ["b", "a"]).as_deref(), Some("there are these kinds: `a`, `b`"));
    }
}

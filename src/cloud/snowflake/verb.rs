//! What a statement does, told by its first words: for counting, for logs, and to know whether it only reads.

/// The first words of a statement: `SHOW STAGES`, `DESC STAGE`, `CREATE STAGE`. Never a name or a value.
pub(super) fn verb(sql: &str) -> String {
    let mut words = words(sql);
    let Some(first) = words.next() else { return "EMPTY".to_owned() };
    match first.as_str() {
        "SHOW" | "DESC" | "DESCRIBE" | "CREATE" | "ALTER" | "DROP" | "UNDROP" | "COMMENT" | "EXECUTE" | "COPY"
        | "USE" => {}
        _ => return first,
    }
    let mut verb = first;
    for word in words {
        if word == "IN" || word == "LIKE" {
            break;
        }
        if matches!(
            word.as_str(),
            "OR" | "REPLACE" | "TERSE" | "TRANSIENT" | "TEMPORARY" | "TEMP" | "LOCAL" | "GLOBAL" | "ON"
        ) {
            continue;
        }
        if !OBJECT_WORDS.contains(&word.as_str()) {
            break;
        }
        verb.push(' ');
        verb.push_str(&word);
    }
    verb
}

/// Words that name a type of object. Anything else in a statement may be a name.
const OBJECT_WORDS: &[&str] = &[
    "ACCOUNT",
    "ACCOUNTS",
    "ALERT",
    "ALERTS",
    "API",
    "CATALOG",
    "COLUMNS",
    "DATABASE",
    "DATABASES",
    "DYNAMIC",
    "EXTERNAL",
    "FILE",
    "FILES",
    "FORMAT",
    "FORMATS",
    "FUNCTION",
    "FUNCTIONS",
    "FUTURE",
    "GRANTS",
    "IMMEDIATE",
    "INTEGRATION",
    "INTEGRATIONS",
    "INTO",
    "MATERIALIZED",
    "MONITOR",
    "MONITORS",
    "NETWORK",
    "NOTIFICATION",
    "OBJECTS",
    "ORGANIZATION",
    "PARAMETERS",
    "PIPE",
    "PIPES",
    "POLICIES",
    "POLICY",
    "PROCEDURE",
    "PROCEDURES",
    "RESOURCE",
    "ROLE",
    "ROLES",
    "RULE",
    "RULES",
    "SCHEMA",
    "SCHEMAS",
    "SECURITY",
    "SEQUENCE",
    "SEQUENCES",
    "SESSION",
    "STAGE",
    "STAGES",
    "STORAGE",
    "STREAM",
    "STREAMS",
    "TABLE",
    "TABLES",
    "TAG",
    "TAGS",
    "TASK",
    "TASKS",
    "USER",
    "USERS",
    "VIEW",
    "VIEWS",
    "VOLUME",
    "VOLUMES",
    "WAREHOUSE",
    "WAREHOUSES",
];

/// Whether a statement only reads, so that doing it twice does no harm. System functions may do anything, and count as writing.
pub(super) fn only_reads(sql: &str) -> bool {
    match words(sql).next().as_deref() {
        Some("SHOW" | "DESC" | "DESCRIBE" | "LIST" | "LS" | "EXPLAIN") => true,
        Some("SELECT" | "WITH") => !sql.to_ascii_uppercase().contains("SYSTEM$"),
        _ => false,
    }
}

fn words(sql: &str) -> impl Iterator<Item = String> + '_ {
    sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '"'))
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_hold_no_names() {
        for (sql, expected) in [
            ("SHOW STAGES IN ACCOUNT", "SHOW STAGES"),
            ("SHOW TERSE SCHEMAS IN DATABASE \"SECRET\"", "SHOW SCHEMAS"),
            ("DESC STORAGE INTEGRATION \"TASK\"", "DESC STORAGE INTEGRATION"),
            ("CREATE STAGE \"A\".\"B\".\"C\" URL = 's3://x'", "CREATE STAGE"),
            ("create or replace transient table x", "CREATE TABLE"),
            ("ALTER TASK IF EXISTS \"T\" RESUME", "ALTER TASK"),
            ("COMMENT ON TABLE t IS 'x'", "COMMENT TABLE"),
            ("SELECT SYSTEM$X('p')", "SELECT"),
            ("GRANT USAGE ON DATABASE \"D\" TO ROLE \"R\"", "GRANT"),
            ("SHOW GRANTS ON ACCOUNT", "SHOW GRANTS ACCOUNT"),
            ("", "EMPTY"),
        ] {
            assert_eq!(verb(sql), expected, "{sql}");
        }
    }

    #[test]
    fn system_functions_may_write() {
        assert!(only_reads("SHOW TASKS"));
        assert!(only_reads("  select current_role()"));
        assert!(!only_reads("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('T')"));
        assert!(!only_reads("CREATE TABLE t (i int)"));
        assert!(!only_reads("CALL p()"));
        assert!(!only_reads(""));
    }
}

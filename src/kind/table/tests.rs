//! What tables want, and the statements that lead there.

use super::*;
use crate::kind::batch;
use crate::kind::trial::{self, at, entry, example, problems, statements, want};

/// A table with these columns.
fn table(columns: &str) -> Props {
    want::<Table>(&entry::<Table>(&format!("schema = \"D.S\"\nname = \"T\"\ncolumns = [{columns}]")))
}

/// What an apply would do about the columns, and how each change counts.
fn between(have: &str, wanted: &str) -> (Vec<String>, Vec<(String, Effect)>) {
    let (have, want) = (table(have), table(wanted));
    let mut diff = batch::compare(Table::fields(&want), Table::fields(&have));
    diff.weigh(|change| Table::effect(&want, &have, change));
    let parts = Table::alter(&at::<Table>(), &want, &have, &diff);
    let effects = diff.changes().iter().map(|change| (change.field.clone(), change.effect)).collect();
    (statements(&parts), effects)
}

#[test]
fn creates_with_everything() {
    let entry = example::<Table>();
    let made = statements(&Table::create(&at::<Table>(), &want::<Table>(&entry)));
    assert_eq!(
        made,
        [
            r#"CREATE TABLE "ANALYTICS"."PUBLIC"."SESSIONS" ("RAW_DATA" VARIANT, "SESSION_ID" VARCHAR NOT NULL, "LOAD_TIMESTAMP" TIMESTAMP_NTZ(9) DEFAULT CURRENT_TIMESTAMP()) COMMENT = '[snowssi:events/table.x protected]'"#
        ]
    );
}

#[test]
fn a_column_is_renamed_only_if_the_spec_says_so() {
    let have = r#"{ name = "A", type = "INT" }, { name = "B", type = "VARCHAR(3)" }"#;
    let renamed = r#"{ name = "A", type = "INT" }, { name = "C", type = "VARCHAR(5)", renamed_from = "B" }"#;
    let (done, effects) = between(have, renamed);
    assert_eq!(
        done,
        [
            r#"ALTER TABLE "D"."S"."T" RENAME COLUMN "B" TO "C""#,
            r#"ALTER TABLE "D"."S"."T" ALTER COLUMN "C" SET DATA TYPE VARCHAR(5)"#
        ]
    );
    assert!(effects.iter().all(|(_, effect)| *effect == Effect::InPlace), "{effects:?}");

    let (done, effects) = between(have, r#"{ name = "A", type = "INT" }, { name = "C", type = "INT" }"#);
    assert_eq!(
        done,
        [r#"ALTER TABLE "D"."S"."T" ADD COLUMN "C" NUMBER(38,0)"#, r#"ALTER TABLE "D"."S"."T" DROP COLUMN "B""#]
    );
    assert!(effects.contains(&(r#"columns."B".type"#.to_owned(), Effect::LosesData)), "{effects:?}");
}

#[test]
fn what_cannot_be_altered_is_replaced() {
    for (have, wanted) in [
        (r#"{ name = "A", type = "INT" }"#, r#"{ name = "A", type = "STRING" }"#),
        (r#"{ name = "A", type = "STRING" }"#, r#"{ name = "A", type = "VARCHAR(5)" }"#),
        (r#"{ name = "A", type = "INT" }"#, r#"{ name = "A", type = "INT", default = "0" }"#),
    ] {
        let (_, effects) = between(have, wanted);
        assert!(effects.iter().any(|(_, effect)| *effect == Effect::Replaces), "{wanted}: {effects:?}");
    }
}

#[test]
fn another_order_or_spelling_is_no_change() {
    let (done, effects) = between(
        r#"{ name = "A", type = "VARCHAR(134217728)" }, { name = "B", type = "NUMBER(38,0)", default = "( 0 )" }"#,
        r#"{ name = "B", type = "bigint", default = "0" }, { name = "A", type = "text" }"#,
    );
    assert!(effects.is_empty(), "{effects:?}");
    assert!(done.is_empty(), "{done:?}");
}

#[test]
fn what_is_wrong_is_told_at_its_field() {
    for (toml, wrong) in [
        ("columns = []", "columns: "),
        (r#"columns = [{ name = "A", type = "INT" }, { name = "a", type = "INT" }]"#, "columns.1.name: "),
        (r#"columns = [{ name = "A", type = "INT", default = "1, B INT" }]"#, "columns.0.default: "),
        ("columns = [{ name = \"A\", type = \"INT\" }]\nprimary_key = [\"A\"]", "primary_key.0: "),
        ("columns = [{ name = \"A\", type = \"INT\" }]\nprimary_key = [\"B\"]", "primary_key.0: "),
        ("columns = [{ name = \"A\", type = \"INT\" }]\ncluster_by = [\"A)\"]", "cluster_by.0: "),
        (
            "columns = [{ name = \"A\", type = \"INT\" }]\ntransient = true\ndata_retention_time_in_days = 2",
            "data_retention",
        ),
    ] {
        let found = problems::<Table>(&entry::<Table>(&format!("schema = \"D.S\"\nname = \"T\"\n{toml}")));
        assert!(found.len() == 1 && found[0].starts_with(wrong), "{toml}: {found:?}");
    }
    let bad = "schema = \"D.S\"\nname = \"T\"\ncolumns = [{ name = \"A\", type = \"BLOB\" }]";
    assert!(trial::try_entry::<Table>(bad).unwrap_err().contains("BLOB"));
}

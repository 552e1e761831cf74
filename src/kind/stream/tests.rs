//! What a stream's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::batch::compare;
use crate::kind::trial;
use crate::model::{Act, Facts};

const COLUMNS: [&str; 9] =
    ["name", "database_name", "schema_name", "comment", "table_name", "source_type", "type", "stale", "mode"];

fn entry(fields: &str) -> Entry<Spec> {
    let at: Address = "stream.s".parse().unwrap();
    let spec = toml::from_str(&format!("schema = 'D.S'\nname = 'X'\n{fields}")).unwrap();
    Entry { mark: Mark { stack: "events".into(), address: at.clone(), protect: false }, at, spec }
}

fn want(fields: &str) -> Props {
    let context = trial::context();
    Stream::want(
        &entry(fields),
        Cx { context: &context, facts: &Facts::default(), gifts: &crate::kind::Gifts::default() },
    )
}

fn live(cells: [&str; 5]) -> Result<Option<Props>, CloudError> {
    let [comment, table_name, source_type, stale, mode] = cells;
    let cells = ["X", "D", "S", comment, table_name, source_type, "DELTA", stale, mode].map(Some);
    let rows = trial::rows(&COLUMNS, &[&cells]);
    let row = rows.iter().next().unwrap();
    read(&"d.s.x".parse().unwrap(), row)
}

fn sql(parts: &[Part]) -> Vec<String> {
    let text = |op: &Op| match &op.act {
        Act::Sql(text) => text.to_string(),
        Act::Aws(_) | Act::Wait(_) => panic!("not a statement"),
    };
    parts.iter().flat_map(|part| &part.ops).map(text).collect()
}

#[test]
fn what_was_created_is_read_back_as_wanted() {
    let mark = "hi [snowssi:events/stream.s]";
    let table = [
        ("on_stage = 'D.S.ST'", ["", "ST", "Stage", "false", "DEFAULT"]),
        ("on_stage = 'D.S.ST'", ["", "D.S.ST", "STAGE", "false", "DEFAULT"]),
        ("on_stage = 'D.S.\"my st\"'", ["", "my st", "Stage", "false", "DEFAULT"]),
        ("on_table = 'E.T.\"t\"'\nappend_only = true", ["", "E.T.\"t\"", "Table", "false", "APPEND_ONLY"]),
        ("on_view = 'D.S.V'\nshow_initial_rows = true", ["", "D.S.V", "View", "false", "DEFAULT"]),
        ("on_table = 'D.S.T'\nat = { offset = -60 }", ["", "D.S.T", "Table", "false", "DEFAULT"]),
        ("on_external_table = 'D.S.T'", ["", "D.S.T", "External Table", "false", "INSERT_ONLY"]),
    ];
    for (fields, mut cells) in table {
        cells[0] = mark;
        let (want, have) = (want(&format!("{fields}\ncomment = 'hi'")), live(cells).unwrap().unwrap());
        let diff = compare(Stream::fields(&want), Stream::fields(&have));
        assert!(diff.is_empty(), "{fields}: {diff:?}");
        assert_eq!(have.mark, want.mark);
        assert_eq!(Stream::broken(&have), None);
    }
}

#[test]
fn only_a_comment_is_altered() {
    let base = "on_table = 'D.S.T'";
    let have = live(["[snowssi:events/stream.s]", "D.S.T", "Table", "false", "DEFAULT"]).unwrap().unwrap();
    let replacing =
        ["on_table = 'D.S.U'", "on_view = 'D.S.T'", "on_stage = 'D.S.T'", "on_table = 'D.S.T'\nappend_only = true"];
    for fields in replacing {
        let diff = compare(Stream::fields(&want(fields)), Stream::fields(&have));
        assert!(diff.replaces_object(), "{fields}");
    }
    for fields in ["show_initial_rows = true", "at = { offset = -1 }", "before = { statement = 'x' }"] {
        let want = want(&format!("{base}\n{fields}"));
        assert!(compare(Stream::fields(&want), Stream::fields(&have)).is_empty(), "{fields}");
    }
    let want = want(&format!("{base}\ncomment = \"it's\""));
    let diff = compare(Stream::fields(&want), Stream::fields(&have));
    assert!(!diff.replaces_object());
    let parts = Stream::alter(&"stream.s".parse().unwrap(), &want, &have, &diff);
    assert_eq!(sql(&parts), [r#"ALTER STREAM "D"."S"."X" SET COMMENT = 'it''s [snowssi:events/stream.s]'"#]);
}

#[test]
fn statements() {
    let table = [
        ("on_stage = 'D.S.ST'", r#"CREATE STREAM "D"."S"."X" ON STAGE "D"."S"."ST" COMMENT ="#),
        ("on_table = 'D.S.T'\nappend_only = true", r#"ON TABLE "D"."S"."T" APPEND_ONLY = TRUE COMMENT ="#),
        ("on_view = 'D.S.V'\nat = { offset = -60 }", r#"ON VIEW "D"."S"."V" AT ( OFFSET => -60) COMMENT ="#),
        (
            "on_table = 'D.S.T'\nbefore = { statement = 'q' }\nshow_initial_rows = true",
            "BEFORE ( STATEMENT => 'q') SHOW_INITIAL_ROWS = TRUE",
        ),
        ("on_table = 'D.S.T'\nat = { stream = 'D.S.O' }", r#"AT ( STREAM => '"D"."S"."O"')"#),
        ("on_table = 'D.S.T'\nat = { timestamp = '2026-01-01' }", "AT ( TIMESTAMP => TO_TIMESTAMP_TZ ('2026-01-01'))"),
        ("on_external_table = 'D.S.T'", r#"ON EXTERNAL TABLE "D"."S"."T" INSERT_ONLY = TRUE"#),
    ];
    for (fields, expected) in table {
        let statements = sql(&Stream::create(&"stream.s".parse().unwrap(), &want(fields)));
        let squeezed = |text: &str| text.replace("( ", "(");
        assert!(squeezed(&statements[0]).contains(&squeezed(expected)), "{statements:?}");
    }
    assert_eq!(sql(&Stream::delete(&want("on_view = 'D.S.V'"))), [r#"DROP STREAM IF EXISTS "D"."S"."X""#]);
}

#[test]
fn a_stream_that_lost_its_source_or_went_stale_is_replaced() {
    let gone = live(["", GONE, "Stage", "false", "DEFAULT"]).unwrap().unwrap();
    assert!(Stream::broken(&gone).unwrap().contains("dropped"));
    let stale = live(["", "D.S.T", "Table", "true", "DEFAULT"]).unwrap().unwrap();
    assert!(Stream::broken(&stale).unwrap().contains("stale"));
    assert!(Stream::breaks(&stale)[0].contains("lost"));
}

#[test]
fn unknown_sources_are_an_error_only_if_they_are_ours() {
    assert_eq!(live(["", "D.S.T", "Ocean", "false", "DEFAULT"]).unwrap(), None);
    assert!(live(["[snowssi:events/stream.s]", "D.S.T", "Ocean", "false", "DEFAULT"]).is_err());
}

#[test]
fn refers_to_its_source_and_tells_the_stage() {
    let entry = entry("on_stage = 'D.S.ST'");
    let context = trial::context();
    let stage = LiveId::new("stage", "\"D\".\"S\".\"ST\"");
    let by = LiveId::new("stream", "\"D\".\"S\".\"X\"");
    assert_eq!(Stream::gifts(&entry, &context), [Gift::Watches { stage: stage.clone(), by }]);
    let refs = Stream::refs(&want("on_stage = 'D.S.ST'"));
    assert!(refs.iter().any(|link| link.to == stage && link.on_replace == OnReplace::Replace));
    assert!(refs.iter().any(|link| link.to == LiveId::new("schema", "\"D\".\"S\"")));
    assert!(Stream::gifts(&self::entry("on_table = 'D.S.T'"), &context).is_empty());
}

#[test]
fn what_is_wrong_is_found_offline() {
    let table = [
        ("", "listens to something"),
        ("on_stage = 'D.S.A'\non_table = 'D.S.B'", "one object only"),
        ("on_stage = 'D.S.A'\nappend_only = true", "no meaning with `on_stage`"),
        ("on_stage = 'D.S.A'\nat = { offset = -1 }", "no meaning"),
        ("on_external_table = 'D.S.A'\nshow_initial_rows = true", "no meaning"),
        ("on_table = 'D.S.A'\nat = { offset = 1 }", "past"),
        ("on_table = 'D.S.A'\nat = { offset = -1 }\nbefore = { offset = -1 }", "exclude"),
    ];
    for (fields, message) in table {
        let problems = Stream::check(&entry(fields).spec);
        assert!(problems.iter().any(|problem| problem.message.contains(message)), "{fields}: {problems:?}");
    }
    assert_eq!(Stream::check(&entry("on_table = 'D.S.A'\nat = { offset = 0 }").spec), []);
}

#[cfg(feature = "sandbox")]
mod account;

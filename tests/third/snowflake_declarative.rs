//! Declarative tools of others, which have been made against real accounts: `SnowDDL` and snowcap. Neither can be told of another host, so
//! scripts lend them a connection.

use super::snowflake_sandbox::Sandbox;

/// The objects that `SnowDDL` is to make, in its own language.
const CONFIG: [(&str, &str); 8] = [
    ("warehouse.yaml", "tools:\n  size: XSMALL\n  auto_suspend: 60\n  comment: made by SnowDDL\n"),
    ("tools/params.yaml", "comment: a database\n"),
    ("tools/main/params.yaml", "comment: a schema\nis_transient: true\n"),
    (
        "tools/main/file_format/csv.yaml",
        "type: CSV\nformat_options:\n  FIELD_DELIMITER: \";\"\n  SKIP_HEADER: 1\n  NULL_IF: [\"\", \"NULL\"]\n",
    ),
    (
        "tools/main/stage/inbound.yaml",
        "url: s3://acme-events-inbound/tools/\nstorage_integration: EVENTS\ndirectory:\n  ENABLE: true\nfile_format: csv\ncomment: files\n",
    ),
    ("tools/main/stream/files.yaml", "object_type: STAGE\nobject_name: inbound\ncomment: a stream\n"),
    ("tools/main/task/first.yaml", "body: SELECT 1\nschedule: 60 MINUTE\nwarehouse: tools\ncomment: a task\n"),
    ("tools/main/task/second.yaml", "body: SELECT 2\nafter:\n  - first\nwarehouse: tools\n"),
];

#[test]
fn snowddl_makes_its_objects_and_then_finds_nothing_to_do() {
    let sandbox = Sandbox::start();
    let config = sandbox.place().join("snowddl");
    for (path, text) in CONFIG {
        let file = config.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    sandbox.script("declarative", "snowflake_snowddl.py", &[config.to_str().unwrap()]);
}

#[test]
fn snowcap_reads_what_was_applied() {
    let sandbox = Sandbox::start();
    sandbox.script("declarative", "snowflake_snowcap.py", &[]);
}

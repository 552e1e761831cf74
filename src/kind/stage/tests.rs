//! What a stage's entry becomes: problems, statements, differences, read-back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::cloud::Rows;
use crate::kind::{Gifts, show, trial};
use crate::model::{Facts, Found, Seen};

const URL: &str = "url = 's3://abc/in/'";
const KEYS: &str = "credentials = { aws_key_id = { env = 'ID' }, aws_secret_key = { env = 'SECRET' } }";

fn all(toml: &str) -> String {
    format!("schema = 'D.S'\nname = 'X'\n{toml}")
}

fn want(toml: &str) -> Props {
    trial::want::<Stage>(&trial::entry::<Stage>(&all(toml)))
}

/// What `SHOW STAGES` and `DESC STAGE` give: some cells, and some rows of (parent, property, value).
struct Live<'a> {
    cells: &'a [(&'a str, &'a str)],
    desc: &'a [(&'a str, &'a str, &'a str)],
}

fn seen(toml: &str, live: &Live<'_>) -> Found<Props> {
    match observed(toml, live, true).unwrap().declared.into_values().next().unwrap() {
        Seen::Present(found) => found,
        other => panic!("{other:?}"),
    }
}

fn observed(toml: &str, live: &Live<'_>, describes: bool) -> Result<Observed<Props>, CloudError> {
    let entry = trial::entry::<Stage>(&all(toml));
    let base = [
        ("name", "X"),
        ("database_name", "D"),
        ("schema_name", "S"),
        ("url", "s3://abc/in/"),
        ("type", "EXTERNAL"),
        ("has_credentials", "N"),
        ("comment", "[snowssi:events/stage.x]"),
        ("storage_integration", ""),
        ("directory_enabled", "N"),
    ];
    let cell = |(name, value): &(&str, &'static str)| {
        live.cells
            .iter()
            .find(|(column, _)| column == name)
            .map_or((*value).to_owned(), |(_, value)| (*value).to_owned())
    };
    let cells: Vec<Option<String>> = base.iter().map(cell).map(Some).collect();
    let columns = base.iter().map(|(name, _)| (*name).to_owned()).collect();
    let listing = show::Listing::from(Rows { columns, cells: vec![cells], query_id: String::new() });
    let desc = live
        .desc
        .iter()
        .map(|(parent, name, value)| [*parent, *name, *value].map(|text| Some(text.to_owned())).to_vec());
    let columns = ["parent_property", "property", "property_value"].map(str::to_owned).to_vec();
    let desc = Rows { columns, cells: desc.collect(), query_id: String::new() };
    let mut details = BTreeMap::from([(entry.spec.full_name(), Arc::new(desc))]);
    details.retain(|_, _| describes);
    read::assemble(&[entry], &trial::context(), &listing.index(read::durable)?, &details)
}

#[test]
fn what_was_created_is_read_back_as_wanted() {
    let on = ("DIRECTORY", "ENABLE", "true");
    let filled = ("DIRECTORY", "LAST_REFRESHED_ON", "2026-01-01 00:00:00.000 Z");
    let auto = ("DIRECTORY", "AUTO_REFRESH", "true");
    let cases = [
        (URL.to_owned(), Live { cells: &[], desc: &[("STAGE_FILE_FORMAT", "TYPE", "CSV")] }),
        ("url = 's3://abc/in'".to_owned(), Live { cells: &[], desc: &[] }),
        (URL.to_owned(), Live { cells: &[("url", "s3://abc/in")], desc: &[] }),
        (
            format!("{URL}\nstorage_integration = 'i'\ncomment = 'hi'"),
            Live { cells: &[("storage_integration", "I"), ("comment", "hi [snowssi:events/stage.x]")], desc: &[] },
        ),
        (format!("{URL}\nstorage_integration = '\"i\"'"), Live { cells: &[("storage_integration", "i")], desc: &[] }),
        (
            format!("{URL}\ndirectory = {{ enable = true }}"),
            Live { cells: &[("directory_enabled", "Y")], desc: &[on, filled] },
        ),
        (
            format!("{URL}\ndirectory = {{ enable = false }}"),
            Live { cells: &[], desc: &[("DIRECTORY", "ENABLE", "false"), auto] },
        ),
        (
            format!("{URL}\ndirectory = {{ enable = true, auto_refresh = true }}"),
            Live { cells: &[("directory_enabled", "Y")], desc: &[on, filled, auto] },
        ),
        (
            format!(
                "{URL}\ndirectory = {{ enable = true, auto_refresh = true, aws_sns_topic = 'arn:aws:sns:us-east-1:111122223333:t' }}"
            ),
            Live { cells: &[("directory_enabled", "Y")], desc: &[on, filled, auto] },
        ),
        (
            format!("{URL}\nfile_format = {{ name = 'd.s.\"ff\"' }}"),
            Live { cells: &[], desc: &[("STAGE_FILE_FORMAT", "FORMAT_NAME", r#"\"D\".\"S\".\"ff\""#)] },
        ),
        (
            format!("{URL}\nfile_format = {{ type = 'json', strip_outer_array = true }}"),
            Live {
                cells: &[],
                desc: &[("STAGE_FILE_FORMAT", "TYPE", "JSON"), ("STAGE_FILE_FORMAT", "STRIP_OUTER_ARRAY", "true")],
            },
        ),
        (
            format!("{URL}\nencryption = {{ type = 'aws_sse_kms', kms_key = 'k' }}\nuse_privatelink_endpoint = false"),
            Live { cells: &[], desc: &[("PRIVATELINK", "USE_PRIVATELINK_ENDPOINT", "false")] },
        ),
        (
            format!("{URL}\naws_access_point_arn = 'arn:aws:s3:us-east-1:111122223333:accesspoint/a'"),
            Live {
                cells: &[],
                desc: &[("STAGE_LOCATION", "AWS_ACCESS_POINT_ARN", "arn:aws:s3:us-east-1:111122223333:accesspoint/a")],
            },
        ),
    ];
    for (toml, live) in &cases {
        let want = want(toml);
        let have = seen(toml, live).props;
        let diff = trial::diff::<Stage>(&want, &have);
        assert!(diff.is_empty(), "{toml}: {diff:?}");
        assert_eq!((Stage::mark(&have), Stage::broken(&have)), (want.mark.as_ref(), None));
    }
}

#[test]
fn a_directory_that_was_never_filled_is_filled_by_the_next_apply() {
    let toml = format!("{URL}\ndirectory = {{ enable = true }}");
    let have =
        seen(&toml, &Live { cells: &[("directory_enabled", "Y")], desc: &[("DIRECTORY", "ENABLE", "true")] }).props;
    let diff = trial::diff::<Stage>(&want(&toml), &have);
    assert!(diff.has("directory.refresh") && !diff.replaces_object(), "{diff:?}");
    let parts = Stage::alter(&trial::at::<Stage>(), &want(&toml), &have, &diff);
    assert_eq!(parts.iter().map(|part| part.name).collect::<Vec<_>>(), ["refresh"]);
    let never = format!("{URL}\ndirectory = {{ enable = true, refresh = false }}");
    assert!(trial::diff::<Stage>(&want(&never), &have).is_empty());
}

/// Moving a stage switches its directory off, and only `CREATE` can set what refreshes it.
#[test]
fn a_stage_that_is_refreshed_by_events_cannot_move() {
    for (directory, replaces) in [("auto_refresh = true", true), ("auto_refresh = false", false)] {
        let toml = |url: &str| format!("url = '{url}'\ndirectory = {{ enable = true, {directory} }}");
        let diff = trial::diff::<Stage>(&want(&toml("s3://abc/out/")), &want(&toml("s3://abc/in/")));
        assert_eq!((diff.has("url"), diff.replaces_object()), (true, replaces), "{directory}");
    }
}

#[test]
fn tells_the_queue() {
    let toml = format!("{URL}\ndirectory = {{ enable = true, auto_refresh = true }}");
    let channel = ("DIRECTORY", "DIRECTORY_NOTIFICATION_CHANNEL", "arn:aws:sqs:us-east-1:1:q");
    let found = seen(&toml, &Live { cells: &[], desc: &[("DIRECTORY", "ENABLE", "true"), channel] });
    assert_eq!(found.facts, BTreeMap::from([("notification_channel", "arn:aws:sqs:us-east-1:1:q".to_owned())]));
    let gifts = |toml: &str| -> Vec<Gift> {
        let told = Stage::gifts(&trial::entry::<Stage>(&all(toml)), &trial::context());
        told.into_iter().filter(|gift| matches!(gift, Gift::Notify { .. })).collect()
    };
    let queue = Val::later(Fact::new(&trial::at::<Stage>(), "notification_channel"));
    let events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"].map(str::to_owned).to_vec();
    let notify = Gift::Notify { bucket: "abc".parse().unwrap(), prefix: "in/".into(), queue, events };
    assert_eq!(gifts(&toml), [notify]);
    let topic = "aws_sns_topic = 'arn:aws:sns:us-east-1:111122223333:t'";
    assert_eq!(gifts(&format!("{URL}\ndirectory = {{ enable = true, auto_refresh = true, {topic} }}")), []);
    assert_eq!(gifts(&format!("{URL}\ndirectory = {{ enable = true }}")), []);
    let create = Stage::create(&trial::at::<Stage>(), &want(&toml));
    assert_eq!(create[0].ops[1].learn[0].fact, Fact::new(&trial::at::<Stage>(), "notification_channel"));
    // A bucket that is not there has no region, and so no queue: Snowflake would tell none.
    assert_eq!(create[0].after, [Dep::new(LiveId::new("bucket", "abc"), MAIN)]);
    assert_eq!(Stage::create(&trial::at::<Stage>(), &want(URL))[0].after, []);
}

#[test]
fn only_durable_stages_that_can_be_described() {
    let temporary = Live { cells: &[("type", "EXTERNAL TEMPORARY")], desc: &[] };
    let observed_ = observed(URL, &temporary, true).unwrap();
    assert!(matches!(observed_.declared.into_values().next().unwrap(), Seen::Absent));
    let hidden = observed(URL, &Live { cells: &[], desc: &[] }, false).unwrap();
    assert!(matches!(hidden.declared.into_values().next().unwrap(), Seen::Hidden(why) if why.contains("described")));
}

#[test]
fn what_cannot_become_ours_is_replaced() {
    let broken = |cells| Stage::broken(&seen(URL, &Live { cells, desc: &[] }).props).unwrap();
    assert!(broken(&[("url", ""), ("type", "INTERNAL")]).contains("internal"));
    assert!(broken(&[("url", "azure://a.b/c")]).contains("another cloud"));
    let internal = seen(URL, &Live { cells: &[("url", "")], desc: &[] }).props;
    assert!(Stage::breaks(&internal).iter().any(|text| text.contains("the files in")));
}

#[test]
fn creates_without_a_look_at_s3_and_fills_the_directory_afterwards() {
    let create = |toml: &str| trial::created::<Stage>(&all(toml));
    let mark = "COMMENT = '[snowssi:events/stage.x]'";
    assert_eq!(create(URL), [format!(r#"CREATE STAGE "D"."S"."X" URL = 's3://abc/in/' {mark}"#)]);
    let toml = format!("{URL}\nstorage_integration = 'i'\ndirectory = {{ enable = true, auto_refresh = true }}");
    let expected = [
        format!(
            r#"CREATE STAGE "D"."S"."X" URL = 's3://abc/in/' STORAGE_INTEGRATION = "I" DIRECTORY = ( ENABLE = TRUE REFRESH_ON_CREATE = FALSE AUTO_REFRESH = TRUE) {mark}"#
        ),
        r#"DESC STAGE "D"."S"."X""#.into(),
        r#"ALTER STAGE "D"."S"."X" REFRESH"#.into(),
    ];
    assert_eq!(
        create(&toml).iter().map(|text| text.replace("( ", "(")).collect::<Vec<_>>(),
        expected.map(|t| t.replace("( ", "("))
    );
    let parts = [
        ("encryption = { type = 'aws_sse_s3' }", "ENCRYPTION = (TYPE = 'AWS_SSE_S3')"),
        (
            "encryption = { type = 'AWS_SSE_KMS', kms_key = 'k' }",
            "ENCRYPTION = (TYPE = 'AWS_SSE_KMS' KMS_KEY_ID = 'k')",
        ),
        (
            "encryption = { type = 'aws_cse', master_key = { env = 'KEY' } }",
            "MASTER_KEY = '(sensitive, from environment variable KEY)'",
        ),
        ("encryption = { type = 'none' }", "ENCRYPTION = (TYPE = 'NONE')"),
        ("file_format = { name = 'd.s.ff' }", r#"FILE_FORMAT = (FORMAT_NAME = '"D"."S"."FF"')"#),
        ("file_format = { type = 'JSON', multi_line = false }", "FILE_FORMAT = (TYPE = JSON MULTI_LINE = FALSE)"),
        ("use_privatelink_endpoint = true", "USE_PRIVATELINK_ENDPOINT = TRUE"),
        (
            "aws_access_point_arn = 'arn:aws:s3:us-east-1:111122223333:accesspoint/a'",
            "AWS_ACCESS_POINT_ARN = 'arn:aws:s3:us-east-1:111122223333:accesspoint/a'",
        ),
    ];
    for (field, clause) in parts {
        let text = create(&format!("{URL}\n{field}"))[0].replace("( ", "(");
        assert!(text.contains(clause), "{text}");
    }
}

#[test]
fn alters_in_place_in_as_few_statements_as_snowflake_allows() {
    let x = r#"ALTER STAGE "D"."S"."X" "#;
    let alter = |before: &str, after: &str| -> Vec<String> {
        let statements = trial::altered::<Stage>(&all(before), &all(after));
        statements.iter().map(|text| text.replace("( ", "(").replace(x, "")).collect()
    };
    let with = |field: &str| format!("{URL}\n{field}");
    let on = "directory = { enable = true }";
    let cases: &[(String, String, &[&str])] = &[
        (URL.into(), "url = 's3://abc/out/'".into(), &["SET URL = 's3://abc/out/'"]),
        (
            with("storage_integration = 'i'"),
            "url = 's3://other/'\nstorage_integration = 'j'".into(),
            &["SET URL = 's3://other/' STORAGE_INTEGRATION = \"J\""],
        ),
        (with("storage_integration = 'i'"), with("storage_integration = 'j'"), &["SET STORAGE_INTEGRATION = \"J\""]),
        (URL.into(), with("storage_integration = 'j'"), &["SET STORAGE_INTEGRATION = \"J\""]),
        (URL.into(), with(on), &["SET DIRECTORY = (ENABLE = TRUE)", "REFRESH"]),
        (with(on), URL.into(), &["SET DIRECTORY = (ENABLE = FALSE)"]),
        (with("directory = { enable = true, auto_refresh = true }"), URL.into(), &["SET DIRECTORY = (ENABLE = FALSE)"]),
        (
            with(on),
            format!("url = 's3://abc/out/'\n{on}"),
            &["SET URL = 's3://abc/out/'", "SET DIRECTORY = (ENABLE = TRUE)", "REFRESH"],
        ),
        (with(on), with(&format!("{on}\ncomment = 'c'")), &["SET COMMENT = 'c [snowssi:events/stage.x]'"]),
        (URL.into(), with("file_format = { name = 'd.s.f' }"), &[r#"SET FILE_FORMAT = (FORMAT_NAME = '"D"."S"."F"')"#]),
        (with("file_format = { name = 'd.s.f' }"), URL.into(), &["SET FILE_FORMAT = (TYPE = CSV)"]),
        (
            with("file_format = { type = 'CSV', skip_header = 1 }"),
            with("file_format = { type = 'CSV', trim_space = true }"),
            &["SET FILE_FORMAT = (TYPE = CSV TRIM_SPACE = TRUE)"],
        ),
        (
            with("use_privatelink_endpoint = false"),
            with("use_privatelink_endpoint = true\ncomment = 'c'"),
            &["SET USE_PRIVATELINK_ENDPOINT = TRUE COMMENT = 'c [snowssi:events/stage.x]'"],
        ),
    ];
    for (before, after, expected) in cases {
        assert_eq!(alter(before, after), *expected, "{before} to {after}");
    }
}

#[test]
fn some_changes_need_a_new_stage_and_some_are_none() {
    let with = |field: &str| all(&format!("{URL}\n{field}"));
    let base = with("directory = { enable = true }");
    let arn = "aws_access_point_arn = 'arn:aws:s3:us-east-1:111122223333:accesspoint/a'";
    assert!(trial::replaced::<Stage>(&base, &with("directory = { enable = true, auto_refresh = true }")));
    assert!(trial::replaced::<Stage>(&with("directory = { enable = true, auto_refresh = true }"), &base));
    assert!(trial::replaced::<Stage>(&all(URL), &with("directory = { enable = true, auto_refresh = true }")));
    assert!(trial::replaced::<Stage>(&with("storage_integration = 'i'"), &all(URL)));
    assert!(trial::replaced::<Stage>(&all(URL), &with(arn)));
    let topic = |name: &str| {
        with(&format!(
            "directory = {{ enable = true, auto_refresh = true, aws_sns_topic = 'arn:aws:sns:us-east-1:111122223333:{name}' }}"
        ))
    };
    assert!(trial::replaced::<Stage>(&topic("a"), &topic("b")));
    let want = want(&format!("{URL}\nencryption = {{ type = 'aws_sse_s3' }}"));
    assert!(trial::diff::<Stage>(&want, &self::want(URL)).is_empty(), "encryption cannot be read back");
}

#[test]
fn the_directory_is_filled_after_all_that_it_needs() {
    let toml = format!("{URL}\nstorage_integration = 'i'\ndirectory = {{ enable = true }}");
    let entry = trial::entry::<Stage>(&all(&toml));
    let context = trial::context();
    let own = Stage::id(&entry.spec, &context);
    let stream = LiveId::new("stream", "\"D\".\"S\".\"ST\"");
    let gifts = vec![
        Gift::Watches { stage: own.clone(), by: stream.clone() },
        Gift::Watches { stage: LiveId::new("stage", "\"D\".\"S\".\"OTHER\""), by: LiveId::new("stream", "other") },
    ];
    let gifts = Gifts::new(gifts, &Facts::default());
    let want = Stage::want(&entry, Cx { context: &context, facts: &Facts::default(), gifts: &gifts });
    let notification = Dep::new(LiveId::new("bucket", "abc"), "notification");
    let after = [
        Dep::new(own, MAIN),
        Dep::new(LiveId::new("storage_integration", "\"I\""), "ready"),
        notification.clone(),
        Dep::new(stream, MAIN),
    ];
    let created = Stage::create(&entry.at, &want);
    assert_eq!((created[1].name, &created[1].after[..]), ("refresh", &after[..]));
    let follow_ups = Stage::follow_ups(&entry.at, &want);
    assert_eq!((follow_ups[0].name, &follow_ups[0].triggers[..]), ("refresh", &[notification][..]));
    assert_eq!(Stage::follow_ups(&entry.at, &self::want(URL)), []);
}

#[test]
fn an_access_key_is_written_and_never_read() {
    let keys =
        "credentials = { aws_key_id = { env = 'ID' }, aws_secret_key = { file = '/s' } }\nacknowledge_risk = 'r'";
    let keyed = all(&format!("{URL}\n{keys}"));
    let toml = format!("{URL}\n{keys}");
    let create = trial::created::<Stage>(&keyed);
    let clause = "CREDENTIALS = ( AWS_KEY_ID = '(sensitive, from environment variable ID)' AWS_SECRET_KEY = '(sensitive, from file /s)')";
    assert!(create[0].contains(clause), "{create:?}");
    assert_eq!(trial::altered::<Stage>(&all(URL), &keyed), [format!(r#"ALTER STAGE "D"."S"."X" SET {clause}"#)]);
    let other = keyed.replace("'ID'", "'OTHER'");
    let want = trial::want::<Stage>(&trial::entry::<Stage>(&other));
    let live = Live { cells: &[("has_credentials", "Y")], desc: &[] };
    assert!(trial::diff::<Stage>(&want, &seen(&toml, &live).props).is_empty(), "nothing tells one key from another");
    for toml in [URL.to_owned(), format!("{URL}\nstorage_integration = 'i'")] {
        let changed = trial::diff::<Stage>(&self::want(&toml), &seen(&toml, &live).props);
        assert!(changed.replaces_object(), "a key cannot be taken away: {changed:?}");
    }
}

#[test]
fn a_stage_waits_for_the_key_that_is_brought_to_it() {
    let entry = trial::entry::<Stage>(&all(&format!("{URL}\ndirectory = {{ enable = true }}\nacknowledge_risk = 'r'")));
    let user = LiveId::new("iam_user", "arn:u");
    let stage = Stage::id(&entry.spec, &trial::context());
    let gifts = Gifts::new(vec![Gift::Delivers { stage, by: user.clone() }], &Facts::default());
    let want = Stage::want(&entry, Cx { context: &trial::context(), facts: &Facts::default(), gifts: &gifts });
    let parts = Stage::create(&entry.at, &want);
    assert!(!trial::statements(&parts[..1])[0].contains("CREDENTIALS"));
    assert!(parts[1].after.contains(&Dep::new(user, MAIN)));
    for has in ["Y", "N"] {
        let live = Live { cells: &[("has_credentials", has)], desc: &[] };
        let have = seen(URL, &live).props;
        assert!(!trial::diff::<Stage>(&want, &have).has("credentials"), "whether it is there is the user's business");
    }
}

#[test]
fn refers_and_relinks() {
    let want = want(&format!("{URL}\nstorage_integration = 'i'\nfile_format = {{ name = 'd.s.f' }}"));
    let links: Vec<(String, OnReplace)> =
        Stage::refs(&want).iter().map(|link| (link.to.to_string(), link.on_replace)).collect();
    let expected = [
        ("database \"D\"", OnReplace::Replace),
        ("schema \"D\".\"S\"", OnReplace::Replace),
        ("storage integration \"I\"", OnReplace::Relink),
        ("file format \"D\".\"S\".\"F\"", OnReplace::Nothing),
    ];
    assert_eq!(links, expected.map(|(name, on_replace)| (name.to_owned(), on_replace)));
    let relink = |to: &str| {
        trial::statements(&[Part::main(Stage::relink(
            &trial::at::<Stage>(),
            &want,
            &LiveId::new("storage_integration", to),
        ))])
    };
    assert_eq!(relink("\"I\""), [r#"ALTER STAGE "D"."S"."X" SET STORAGE_INTEGRATION = "I""#]);
    assert_eq!(relink("\"J\""), [""; 0]);
}

#[test]
fn what_is_wrong_is_found_offline() {
    let wrong = [
        ("url: ", "url = 's3://abc/in'\ndirectory = { enable = true }".to_owned()),
        ("directory.auto_refresh: ", format!("{URL}\ndirectory = {{ enable = false, auto_refresh = true }}")),
        (
            "directory.aws_sns_topic: a topic",
            format!("{URL}\ndirectory = {{ enable = true, aws_sns_topic = 'arn:aws:sns:us-east-1:1:t' }}"),
        ),
        (
            "directory.aws_sns_topic: `arn:aws:sqs",
            format!(
                "{URL}\ndirectory = {{ enable = true, auto_refresh = true, aws_sns_topic = 'arn:aws:sqs:us-east-1:1:t' }}"
            ),
        ),
        ("use_privatelink_endpoint: ", format!("{URL}\nstorage_integration = 'i'\nuse_privatelink_endpoint = true")),
        ("credentials: an access key lives", format!("{URL}\n{KEYS}")),
        (
            "credentials: a stage has either",
            format!("{URL}\n{KEYS}\nacknowledge_risk = 'r'\nstorage_integration = 'i'"),
        ),
        ("acknowledge_risk: with", format!("{URL}\nacknowledge_risk = 'r'\nstorage_integration = 'i'")),
        ("acknowledge_risk: it gives", format!("{URL}\n{KEYS}\nacknowledge_risk = ' '")),
        ("aws_access_point_arn: ", format!("{URL}\naws_access_point_arn = 'arn:aws:s3:::b'")),
        (
            "file_format.skip_header: a format that is named",
            format!("{URL}\nfile_format = {{ name = 'd.s.f', skip_header = 1 }}"),
        ),
        ("file_format.skip_header: ", format!("{URL}\nfile_format = {{ type = 'JSON', skip_header = 1 }}")),
        ("file_format", format!("{URL}\nfile_format = {{ no_such = 1 }}")),
    ];
    for (problem, toml) in wrong {
        let found = trial::problems::<Stage>(&trial::entry::<Stage>(&all(&toml)));
        assert!(found.iter().any(|found| found.starts_with(problem)), "{toml}: {found:?}");
    }
    let literal = format!("{URL}\ncredentials = {{ aws_key_id = 'AKIA', aws_secret_key = {{ env = 'S' }} }}");
    assert!(trial::try_entry::<Stage>(&all(&literal)).is_err(), "a key is never written into a spec");
    let literal = format!("{URL}\nencryption = {{ type = 'aws_cse', master_key = 'abc' }}");
    assert!(trial::try_entry::<Stage>(&all(&literal)).is_err(), "a secret is never written into a spec");
    trial::example::<Stage>();
}

#[cfg(feature = "sandbox")]
mod account;

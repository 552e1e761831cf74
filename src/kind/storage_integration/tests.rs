//! What a storage integration's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::trial::{
    altered, at, context, created, desc, diff, entry, partial, problems, replaced, rows, try_entry, want,
};
use crate::kind::{Dep, MAIN};
use crate::model::{Act, Probe, Wait};

type K = StorageIntegration;

const BASE: &str = r#"
name = "events"
role = "arn:aws:iam::111122223333:role/snow/events"
allowed_locations = ["s3://b-in/x", "s3://a-in/"]
"#;

fn with(line: &str) -> String {
    format!("{BASE}{line}\n")
}

#[test]
fn creates_with_everything_that_is_set() {
    let first = r#"CREATE STORAGE INTEGRATION "EVENTS" TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::111122223333:role/snow/events' ENABLED = TRUE STORAGE_ALLOWED_LOCATIONS = ('s3://a-in/', 's3://b-in/x')"#;
    let mark = "[snowssi:events/storage_integration.x]";
    let learn = r#"DESC STORAGE INTEGRATION "EVENTS""#;
    assert_eq!(created::<K>(BASE), [format!("{first} COMMENT = '{mark}'"), learn.to_owned()]);
    let full = with(
        r#"
comment = "it's"
blocked_locations = ["s3://a-in/no/"]
external_id = "pin_1"
object_acl = "bucket-owner-full-control"
use_privatelink_endpoint = true"#,
    );
    let rest = "STORAGE_BLOCKED_LOCATIONS = ('s3://a-in/no/') STORAGE_AWS_EXTERNAL_ID = 'pin_1' STORAGE_AWS_OBJECT_ACL = 'bucket-owner-full-control' USE_PRIVATELINK_ENDPOINT = TRUE";
    assert_eq!(created::<K>(&full)[0], format!("{first} {rest} COMMENT = 'it''s {mark}'"));
}

#[test]
fn each_field_alone_is_seen_and_altered() {
    let set = |clause: &str| format!(r#"ALTER STORAGE INTEGRATION "EVENTS" SET {clause}"#);
    let unset = |word: &str| format!(r#"ALTER STORAGE INTEGRATION "EVENTS" UNSET {word}"#);
    let base = BASE.to_owned();
    let blocked = with(r#"blocked_locations = ["s3://a-in/no/"]"#);
    let acl = with(r#"object_acl = "bucket-owner-full-control""#);
    let private = with("use_privatelink_endpoint = true");
    let cases = [
        (&base, with("comment = \"hi\""), set("COMMENT = 'hi [snowssi:events/storage_integration.x]'")),
        (&base, with("enabled = false"), set("ENABLED = FALSE")),
        (&base, BASE.replace("snow/", ""), set("STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::111122223333:role/events'")),
        (&base, BASE.replace("s3://b-in/x", "*"), set("STORAGE_ALLOWED_LOCATIONS = ('*', 's3://a-in/')")),
        (&base, blocked.clone(), set("STORAGE_BLOCKED_LOCATIONS = ('s3://a-in/no/')")),
        (&blocked, base.clone(), unset("STORAGE_BLOCKED_LOCATIONS")),
        (&base, acl.clone(), set("STORAGE_AWS_OBJECT_ACL = 'bucket-owner-full-control'")),
        (&acl, base.clone(), unset("STORAGE_AWS_OBJECT_ACL")),
        (&base, private.clone(), set("USE_PRIVATELINK_ENDPOINT = TRUE")),
        (&private, base.clone(), set("USE_PRIVATELINK_ENDPOINT = FALSE")),
    ];
    for (before, after, statement) in cases {
        assert_eq!(altered::<K>(before, &after), [statement]);
    }
    let both = with("blocked_locations = [\"s3://a-in/no/\"]\nobject_acl = \"bucket-owner-full-control\"");
    let statements = altered::<K>(&both, &with("enabled = false"));
    assert_eq!(statements, [unset("STORAGE_BLOCKED_LOCATIONS, STORAGE_AWS_OBJECT_ACL"), set("ENABLED = FALSE")]);
    assert!(replaced::<K>(BASE, &with("storage_provider = \"S3GOV\"")));
}

#[test]
fn the_external_id_is_compared_only_where_it_is_pinned() {
    let pinned = with("external_id = \"pin\"");
    let learn = r#"DESC STORAGE INTEGRATION "EVENTS""#;
    let set = r#"ALTER STORAGE INTEGRATION "EVENTS" SET STORAGE_AWS_EXTERNAL_ID = 'pin'"#;
    assert_eq!(altered::<K>(BASE, &pinned), [set, learn], "and it is learned again");
    let (free, live) = (want::<K>(&entry::<K>(BASE)), want::<K>(&entry::<K>(&pinned)));
    assert!(diff::<K>(&free, &live).is_empty(), "a generated ID, or an old pin, is no difference");

    let gift = |toml: &str| K::gifts(&entry::<K>(toml), &context());
    let later = |name| Val::later(Fact::new(&at::<K>(), name));
    let trust = |external_id| Gift::Trust {
        role: "arn:aws:iam::111122223333:role/snow/events".into(),
        principal: later(USER_ARN),
        external_id,
    };
    assert_eq!(gift(BASE), [trust(later(EXTERNAL_ID))]);
    assert_eq!(gift(&pinned), [trust("pin".into())]);
}

fn listing(category: &str, comment: &str) -> show::Listing {
    let columns = ["name", "type", "category", "enabled", "comment", "created_on"];
    let row = |name, comment| [Some(name), Some("EXTERNAL_STAGE"), Some(category), Some("true"), Some(comment), None];
    let (one, old) = (row("EVENTS", comment), row("OLD", "[snowssi:events/storage_integration.old]"));
    show::Listing::from(rows(&columns, &[&one, &old, &row("events", ""), &row("FOREIGN", "hello")]))
}

fn described(comment: &str, allowed: &str) -> Arc<Rows> {
    Arc::new(desc(&[
        ("ENABLED", "true"),
        ("STORAGE_PROVIDER", "S3"),
        ("STORAGE_ALLOWED_LOCATIONS", allowed),
        ("STORAGE_BLOCKED_LOCATIONS", ""),
        ("STORAGE_AWS_IAM_USER_ARN", "arn:aws:iam::999988887777:user/abc1-b-self1234"),
        ("STORAGE_AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/snow/events"),
        ("STORAGE_AWS_EXTERNAL_ID", "ACC_SFCRole=2_a/s0="),
        ("USE_PRIVATELINK_ENDPOINT", "false"),
        ("COMMENT", comment),
        ("NEW_PROPERTY", "x"),
    ]))
}

fn observe(toml: &str, context: &Context, listing: &show::Listing, answers: &[(&str, Arc<Rows>)]) -> Observed<Props> {
    let rows = listing.index(show::name_of).unwrap();
    let answers = answers.iter().map(|(name, rows)| (name.parse().unwrap(), Arc::clone(rows))).collect();
    gather(&[entry::<K>(toml)], context, &rows, &answers)
}

#[test]
fn reads_back_what_it_wrote() {
    let mark = "[snowssi:events/storage_integration.x]";
    let listing = listing("STORAGE", mark);
    let old = described("[snowssi:events/storage_integration.old]", "*");
    let answers = [("events", described(mark, "s3://b-in/x,s3://a-in/")), ("old", old)];
    let seen = observe(BASE, &context(), &listing, &answers);
    let Seen::Present(found) = &seen.declared[&at::<K>()] else { panic!("{seen:?}") };
    let wanted = want::<K>(&entry::<K>(BASE));
    assert!(diff::<K>(&wanted, &found.props).is_empty());
    assert_eq!(K::mark(&found.props), wanted.mark.as_ref());
    assert_eq!(found.facts[USER_ARN], "arn:aws:iam::999988887777:user/abc1-b-self1234");
    assert_eq!(found.facts[EXTERNAL_ID], "ACC_SFCRole=2_a/s0=");
    let others: Vec<String> = seen.others.keys().map(ToString::to_string).collect();
    assert_eq!(others, ["storage integration \"OLD\""], "marked ones only");
    assert!(seen.others.values().next().unwrap().props.allowed.contains("*"));

    let pinned = with("external_id = \"pin\"");
    let seen = observe(&pinned, &context(), &listing, &answers);
    let Seen::Present(found) = &seen.declared[&at::<K>()] else { panic!("{seen:?}") };
    assert_eq!(found.facts[EXTERNAL_ID], "pin", "nobody trusts the ID that is about to go");
}

#[test]
fn what_cannot_be_told_is_hidden() {
    let absent = BASE.replace("events\"\nrole", "nowhere\"\nrole");
    let storage = listing("STORAGE", "");
    let why = |toml: &str, context: &Context, listing: &show::Listing| match observe(toml, context, listing, &[])
        .declared
        .remove(&at::<K>())
    {
        Some(Seen::Hidden(why)) => why,
        other => format!("{other:?}"),
    };
    assert_eq!(why(&absent, &context(), &storage), "Some(Absent)");
    assert!(why(&absent, &partial(), &storage).contains("role R"));
    assert!(why(BASE, &context(), &storage).contains("cannot describe"));
    assert!(why(BASE, &context(), &listing("API", "")).contains("another kind of integration (api)"));
}

#[test]
fn waits_until_snowflake_reaches_the_first_usable_location() {
    let blocked = with(r#"blocked_locations = ["s3://a-in/"]"#);
    let parts = K::follow_ups(&at::<K>(), &want::<K>(&entry::<K>(&blocked)));
    let [part] = &parts[..] else { panic!("{parts:?}") };
    let own = LiveId::new("storage_integration", "\"EVENTS\"");
    let role = LiveId::new("iam_role", "arn:aws:iam::111122223333:role/snow/events");
    assert_eq!(part.triggers, [Dep::new(own, MAIN), Dep::new(role, MAIN)]);
    let buckets = ["a-in", "b-in"].map(|name| Dep::new(LiveId::new("bucket", name), MAIN));
    assert_eq!(part.after, buckets);
    let Act::Wait(Wait { probe: Probe::Sql(probe), .. }) = &part.ops[0].act else { panic!("{part:?}") };
    let expected = "SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION('EVENTS', 's3://b-in/x/', 'snowssi-probe', 'list')";
    assert_eq!(probe.to_string(), expected);
    let none = [with("enabled = false"), BASE.replace(r#"["s3://b-in/x", "s3://a-in/"]"#, r#"["*"]"#)];
    for toml in none {
        assert_eq!(K::follow_ups(&at::<K>(), &want::<K>(&entry::<K>(&toml))), [], "{toml}");
    }
}

#[test]
fn finds_problems_offline() {
    let locations = |list: &str| BASE.replace(r#"["s3://b-in/x", "s3://a-in/"]"#, list);
    let cases = [
        (BASE.to_owned(), ""),
        (locations("[]"), "allowed_locations: at least one"),
        (locations(r#"["*", "s3://abc/"]"#), "allowed_locations: `*` allows everything"),
        (locations(r#"["s3://abc/", "s3://abc/"]"#), "allowed_locations: `s3://abc/` is listed twice"),
        (locations(r#"["s3://abc/a,b/"]"#), "allowed_locations: `s3://abc/a,b/` holds a comma"),
        (locations(r#"["s3://abc/", "s3gov://abc/"]"#), "allowed_locations: all locations"),
        (with(r#"blocked_locations = ["s3://a-in/", "s3://b-in"]"#), "blocked_locations: every allowed"),
        (with("external_id = \"a b\""), "external_id: an external ID"),
        (with("storage_provider = \"S3GOV\""), "storage_provider: the locations of the provider S3GOV"),
        (BASE.replace("role/", "user/"), "role: `arn:aws:iam::111122223333:user/snow/events`"),
        (BASE.replace("arn:aws", "x"), "role: `x:iam"),
    ];
    for (toml, expected) in cases {
        let found = problems::<K>(&entry::<K>(&toml)).join("\n");
        assert!(
            found.starts_with(expected) && found.lines().count() == usize::from(!expected.is_empty()),
            "{toml}: {found}"
        );
    }
    assert!(try_entry::<K>(&with("colour = 1")).is_err());
    assert!(try_entry::<K>(&with("object_acl = \"public-read\"")).is_err());
    assert!(try_entry::<K>(K::EXAMPLE.split("[storage_integration.s3]").nth(1).unwrap()).is_ok());
}

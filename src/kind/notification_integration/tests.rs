//! What a notification integration's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::trial::{altered, at, context, created, desc, diff, entry, partial, problems, replaced, rows, want};

type K = NotificationIntegration;

const SNS: &str = r#"
name = "told"
sns = { topic = "arn:aws:sns:us-east-1:111122223333:t", role = "arn:aws:iam::111122223333:role/r" }
"#;
const MAIL: &str = "name = \"told\"\nemail.allowed_recipients = [\"b@x.example\", \"a@x.example\"]\n";

#[test]
fn creates_what_is_wanted_and_learns_whom_to_trust() {
    let mark = "COMMENT = '[snowssi:events/notification_integration.x]'";
    assert_eq!(
        created::<K>(SNS),
        [
            format!(
                r#"CREATE NOTIFICATION INTEGRATION "TOLD" TYPE = QUEUE DIRECTION = OUTBOUND NOTIFICATION_PROVIDER = AWS_SNS ENABLED = TRUE AWS_SNS_TOPIC_ARN = 'arn:aws:sns:us-east-1:111122223333:t' AWS_SNS_ROLE_ARN = 'arn:aws:iam::111122223333:role/r' {mark}"#
            ),
            r#"DESC NOTIFICATION INTEGRATION "TOLD""#.to_owned(),
        ]
    );
    let full = format!("{MAIL}email.default_recipients = [\"a@x.example\"]\nemail.default_subject = \"it's\"\n");
    assert_eq!(
        created::<K>(&full),
        [format!(
            r#"CREATE NOTIFICATION INTEGRATION "TOLD" TYPE = EMAIL ENABLED = TRUE ALLOWED_RECIPIENTS = ('a@x.example', 'b@x.example') DEFAULT_RECIPIENTS = ('a@x.example') DEFAULT_SUBJECT = 'it''s' {mark}"#
        )]
    );
    let later = |name| Val::later(Fact::new(&at::<K>(), name));
    let trust = Gift::Trust {
        role: "arn:aws:iam::111122223333:role/r".into(),
        principal: later(USER_ARN),
        external_id: later(EXTERNAL_ID),
    };
    assert_eq!(K::gifts(&entry::<K>(SNS), &context()), [trust]);
    assert_eq!(K::gifts(&entry::<K>(MAIL), &context()), []);
}

#[test]
fn each_field_alone_is_seen_and_altered() {
    let set = |clause: &str| format!(r#"ALTER NOTIFICATION INTEGRATION "TOLD" SET {clause}"#);
    let unset = |word: &str| format!(r#"ALTER NOTIFICATION INTEGRATION "TOLD" UNSET {word}"#);
    let mail = |line: &str| format!("{MAIL}{line}\n");
    let comment = "comment = \"c\"\n";
    let default = mail("email.default_recipients = [\"a@x.example\"]");
    let subject = mail("email.default_subject = \"s\"");
    let cases = [
        (
            SNS.to_owned(),
            SNS.replace(":t\"", ":u\""),
            set("AWS_SNS_TOPIC_ARN = 'arn:aws:sns:us-east-1:111122223333:u'"),
        ),
        (SNS.to_owned(), SNS.replace("role/r", "role/s"), set("AWS_SNS_ROLE_ARN = 'arn:aws:iam::111122223333:role/s'")),
        (SNS.to_owned(), format!("{comment}{SNS}"), set("COMMENT = 'c [snowssi:events/notification_integration.x]'")),
        (SNS.to_owned(), format!("enabled = false{SNS}"), set("ENABLED = FALSE")),
        (mail(""), MAIL.replace(", \"a@x.example\"", ""), set("ALLOWED_RECIPIENTS = ('b@x.example')")),
        (mail(""), default.clone(), set("DEFAULT_RECIPIENTS = ('a@x.example')")),
        (default, mail(""), unset("DEFAULT_RECIPIENTS")),
        (mail(""), subject.clone(), set("DEFAULT_SUBJECT = 's'")),
        (subject, mail(""), unset("DEFAULT_SUBJECT")),
    ];
    for (before, after, statement) in cases {
        assert_eq!(altered::<K>(&before, &after), [statement]);
    }
    assert!(replaced::<K>(SNS, MAIL) && replaced::<K>(MAIL, SNS));
}

fn listing(kind: &str, category: &str) -> show::Listing {
    let columns = ["name", "type", "category", "enabled", "comment", "created_on"];
    let mark = "[snowssi:events/notification_integration.x]";
    let old = "[snowssi:events/notification_integration.old]";
    let row =
        |name, kind, category, comment| [Some(name), Some(kind), Some(category), Some("true"), Some(comment), None];
    show::Listing::from(rows(
        &columns,
        &[
            &row("TOLD", kind, category, mark),
            &row("OLD", "EMAIL", "NOTIFICATION", old),
            &row("S3", "EXTERNAL_STAGE", "STORAGE", old),
        ],
    ))
}

fn observe(toml: &str, context: &Context, listing: &show::Listing, answers: &[(&str, Rows)]) -> Observed<Props> {
    let rows = listing.index(show::name_of).unwrap();
    let answers = answers.iter().map(|(name, rows)| (name.parse().unwrap(), Arc::new(rows.clone()))).collect();
    gather(&[entry::<K>(toml)], context, &rows, &answers)
}

#[test]
fn reads_back_what_it_wrote() {
    let mark = "[snowssi:events/notification_integration.x]";
    let sns = desc(&[
        ("ENABLED", "true"),
        ("NOTIFICATION_PROVIDER", "AWS_SNS"),
        ("DIRECTION", "OUTBOUND"),
        ("AWS_SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:111122223333:t"),
        ("AWS_SNS_ROLE_ARN", "arn:aws:iam::111122223333:role/r"),
        ("SF_AWS_IAM_USER_ARN", "arn:aws:iam::999988887777:user/u"),
        ("SF_AWS_EXTERNAL_ID", "E"),
        ("COMMENT", mark),
    ]);
    let old = desc(&[("ENABLED", "true"), ("ALLOWED_RECIPIENTS", "a@x.example")]);
    let seen = observe(SNS, &context(), &listing("QUEUE - AWS_SNS", "NOTIFICATION"), &[("TOLD", sns), ("OLD", old)]);
    let Seen::Present(found) = &seen.declared[&at::<K>()] else { panic!("{seen:?}") };
    assert!(diff::<K>(&want::<K>(&entry::<K>(SNS)), &found.props).is_empty());
    assert_eq!(found.facts[USER_ARN], "arn:aws:iam::999988887777:user/u");
    assert_eq!(found.facts[EXTERNAL_ID], "E");
    assert_eq!(seen.others.len(), 1, "the undeclared one, and no storage integration");
    let text = json!(K::export(&found.props, &context())).to_string();
    assert!(text.contains(r#""topic":"arn:aws:sns:us-east-1:111122223333:t""#) && !text.contains("enabled"), "{text}");
}

/// Older releases do not tell who gets mail by default.
#[test]
fn what_desc_does_not_tell_is_no_difference() {
    let toml = format!("{MAIL}email.default_recipients = [\"a@x.example\"]\nemail.default_subject = \"s\"\n");
    let mail = desc(&[("ENABLED", "true"), ("ALLOWED_RECIPIENTS", "a@x.example,b@x.example")]);
    let seen = observe(&toml, &context(), &listing("EMAIL", "NOTIFICATION"), &[("TOLD", mail)]);
    let Seen::Present(found) = &seen.declared[&at::<K>()] else { panic!("{seen:?}") };
    assert!(diff::<K>(&want::<K>(&entry::<K>(&toml)), &found.props).is_empty());
}

#[test]
fn what_is_hidden_is_not_absent() {
    let other = observe(SNS, &context(), &listing("WEBHOOK", "NOTIFICATION"), &[]);
    assert!(matches!(&other.declared[&at::<K>()], Seen::Hidden(why) if why.contains("webhook")));
    let unseen = observe(SNS, &context(), &listing("EMAIL", "NOTIFICATION"), &[]);
    assert!(matches!(&unseen.declared[&at::<K>()], Seen::Hidden(why) if why.contains("USAGE")));
    let empty = show::Listing::from(rows(&["name", "type", "category", "comment"], &[]));
    assert_eq!(observe(SNS, &context(), &empty, &[]).declared[&at::<K>()], Seen::Absent);
    assert!(matches!(observe(SNS, &partial(), &empty, &[]).declared[&at::<K>()], Seen::Hidden(_)));
}

#[test]
fn says_what_is_wrong() {
    let table = [
        ("name = \"a\"".to_owned(), ": it tells either"),
        (format!("{SNS}\nemail = {{ allowed_recipients = [\"a@b.example\"] }}"), ": it tells either"),
        (SNS.replace(":t\"", ":t.fifo\""), "sns.topic"),
        (SNS.replace("role/r", "user/r"), "sns.role"),
        ("name = \"a\"\nemail.allowed_recipients = []".to_owned(), "email.allowed_recipients"),
        ("name = \"a\"\nemail.allowed_recipients = [\"nobody\"]".to_owned(), "email.allowed_recipients"),
        (format!("{MAIL}email.default_recipients = [\"c@x.example\"]"), "email.default_recipients"),
        (format!("{MAIL}email.default_subject = \"\""), "email.default_subject"),
    ];
    for (toml, start) in table {
        let found = problems::<K>(&entry::<K>(&toml));
        assert!(found.len() == 1 && found[0].starts_with(start), "{toml}: {found:?}");
    }
}

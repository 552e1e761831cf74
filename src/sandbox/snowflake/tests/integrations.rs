//! Storage integrations.

use super::*;

#[test]
fn create_names_what_is_missing_and_what_is_wrong() {
    let mut b = Bench::new();
    let rest = "STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::1:role/r' STORAGE_ALLOWED_LOCATIONS = ('s3://b/')";
    for (head, code) in [
        (
            "TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE STORAGE_ALLOWED_LOCATIONS = ('s3://c/')"
                .to_owned(),
            "002029",
        ),
        (format!("STORAGE_PROVIDER = 'S3' ENABLED = TRUE {rest}"), "002029"),
        (format!("TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'FTP' ENABLED = TRUE {rest}"), "001008"),
        (format!("TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3GOV' ENABLED = TRUE {rest}"), "001011"),
        (
            format!(
                "TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE {rest} STORAGE_BLOCKED_LOCATIONS = ('b')"
            ),
            "001011",
        ),
        (
            format!("TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE {rest} STORAGE_AWS_OBJECT_ACL = 'x'"),
            "001422",
        ),
        (format!("TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE {rest} BOGUS = 1"), "001003"),
    ] {
        assert_eq!(b.fails(&format!("CREATE STORAGE INTEGRATION i {head}")).code, code, "{head}");
    }
    let without = format!("CREATE STORAGE INTEGRATION i TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' {rest}");
    let mut old = Bench::with(Switches { integration_enabled_by_default: false, ..Switches::default() });
    assert_eq!(old.fails(&without).message, "SQL compilation error: Missing option(s): ENABLED");
    b.script(&[(&without, "Integration I successfully created.")]);
    assert_eq!(b.property("i", "ENABLED"), "true");
}

#[test]
fn describe_has_nine_rows_and_ten_with_an_acl() {
    let mut b = Bench::furnished();
    let names = b.column("DESC STORAGE INTEGRATION SI", "property");
    assert_eq!(names.len(), 9, "{names:?}");
    b.ok("ALTER INTEGRATION SI SET STORAGE_AWS_OBJECT_ACL = 'bucket-owner-full-control' COMMENT = 'c'");
    assert_eq!(b.ok("DESC INTEGRATION SI").rows.len(), 10);
    assert_eq!(b.property("SI", "STORAGE_ALLOWED_LOCATIONS"), "s3://in/,s3://out/");
    assert_eq!(b.property("SI", "STORAGE_BLOCKED_LOCATIONS"), "");
    let arn = b.property("SI", "STORAGE_AWS_IAM_USER_ARN");
    assert!(arn.starts_with("arn:aws:iam::") && arn.contains(":user/"), "{arn}");
    assert_eq!(b.cloud.world(|w| w.principals.iter().cloned().collect::<Vec<_>>()), [arn]);
    assert_eq!(
        b.rows("SHOW STORAGE INTEGRATIONS LIKE 'si'", &["name", "type", "category", "enabled", "comment"]),
        [["SI", "EXTERNAL_STAGE", "STORAGE", "true", "c"]]
    );
}

#[test]
fn the_external_id_lives_as_long_as_the_integration() {
    let mut b = Bench::furnished();
    let first = b.property("SI", "STORAGE_AWS_EXTERNAL_ID");
    let user = b.property("SI", "STORAGE_AWS_IAM_USER_ARN");
    b.ok("ALTER STORAGE INTEGRATION SI SET ENABLED = FALSE STORAGE_BLOCKED_LOCATIONS = ('s3://in/x/')");
    assert_eq!(b.property("SI", "STORAGE_AWS_EXTERNAL_ID"), first);
    b.ok("ALTER STORAGE INTEGRATION SI SET STORAGE_AWS_EXTERNAL_ID = 'mine'");
    assert_eq!(b.property("SI", "STORAGE_AWS_EXTERNAL_ID"), "mine");
    b.ok("ALTER STORAGE INTEGRATION SI UNSET STORAGE_AWS_EXTERNAL_ID, STORAGE_BLOCKED_LOCATIONS, COMMENT");
    let second = b.property("SI", "STORAGE_AWS_EXTERNAL_ID");
    assert!(second != first && second.contains("_SFCRole="), "{second}");
    b.integration();
    assert!(![first, second].contains(&b.property("SI", "STORAGE_AWS_EXTERNAL_ID")));
    assert_eq!(b.property("SI", "STORAGE_AWS_IAM_USER_ARN"), user, "one IAM user for the whole account");
    b.script(&[
        ("ALTER INTEGRATION SI UNSET USE_PRIVATELINK_ENDPOINT", "001422"),
        ("ALTER INTEGRATION SI UNSET STORAGE_ALLOWED_LOCATIONS", "001422"),
        ("ALTER INTEGRATION SI UNSET BOGUS", "001003"),
        ("ALTER INTEGRATION SI SET TYPE = EXTERNAL_STAGE", "001003"),
        ("ALTER INTEGRATION SI SET STORAGE_PROVIDER = 'S3'", "001003"),
        ("ALTER INTEGRATION SI RENAME TO SJ", "001003"),
        ("ALTER INTEGRATION IF EXISTS SJ SET ENABLED = TRUE", "ok"),
        ("ALTER INTEGRATION SJ SET ENABLED = TRUE", "002003"),
        ("DROP INTEGRATION SI", "SI successfully dropped."),
        ("DESC INTEGRATION SI", "002003"),
    ]);
}

#[test]
fn validation_asks_aws_for_each_action() {
    let mut b = Bench::furnished();
    b.cloud.file("in", "p/there.csv", "1");
    let check = |b: &mut Bench, file: &str, action: &str| -> serde_json::Value {
        let sql = format!("SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION('SI', 's3://in/p/', '{file}', '{action}') AS r");
        serde_json::from_str(&b.cell(&sql, "R")).unwrap()
    };
    let all = check(&mut b, "new.csv", "all");
    assert_eq!(all["status"], "success", "{all}");
    assert_eq!(all["actions"].as_object().unwrap().len(), 4);
    assert!(all.get("message").is_none());
    assert_eq!(b.cloud.keys("in"), ["p/there.csv"], "the test file is gone again");
    assert_eq!(check(&mut b, "there.csv", "read")["status"], "success");
    assert_eq!(check(&mut b, "absent.csv", "read")["status"], "failure");
    assert_eq!(check(&mut b, "there.csv", "write")["status"], "failure");
    b.cloud.world(|w| w.denied.insert("s3:PutObject"));
    let partly = check(&mut b, "new.csv", "all");
    assert_eq!(partly["actions"]["WRITE"]["status"], "failure");
    assert_eq!(partly["actions"]["LIST"]["status"], "success");
    assert!(partly["message"].as_str().unwrap().starts_with("Some of the integration checks failed."));
    b.cloud.world(|w| w.trust.clear());
    let none = check(&mut b, "there.csv", "list");
    assert!(none["actions"]["LIST"]["message"].as_str().unwrap().contains("Error assuming AWS_ROLE"), "{none}");
    b.script(&[
        ("SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION('si', 's3://in/', 'f', 'list')", "002003"),
        ("SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION('SI', 's3://other/', 'f', 'list')", "003127"),
        ("SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION('SI', 's3://in/', 'f', 'dance')", "001008"),
    ]);
}

//! Stages and their directories.

use super::*;

const CREATE: &str = "CREATE STAGE D.S.A URL = 's3://in/raw/' STORAGE_INTEGRATION = SI DIRECTORY = (ENABLE = TRUE REFRESH_ON_CREATE = FALSE)";

fn description(b: &mut Bench, stage: &str) -> BTreeMap<String, String> {
    let rows = b.rows(&format!("DESC STAGE {stage}"), &["parent_property", "property", "property_value"]);
    rows.into_iter().map(|row| (format!("{}.{}", row[0], row[1]), row[2].clone())).collect()
}

#[test]
fn a_stage_reads_back() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE FILE FORMAT D.S.\"f\"", "ok"),
        (
            "CREATE STAGE D.S.A URL='s3://in/raw' STORAGE_INTEGRATION=\"SI\" DIRECTORY=(ENABLE=TRUE, AUTO_REFRESH=TRUE, \
             REFRESH_ON_CREATE=FALSE) FILE_FORMAT=(FORMAT_NAME='D.S.\"f\"') ENCRYPTION=(TYPE='AWS_SSE_KMS' KMS_KEY_ID='k') COMMENT='c'",
            "Stage area A successfully created.",
        ),
    ]);
    let columns = [
        "name",
        "url",
        "has_credentials",
        "has_encryption_key",
        "owner",
        "comment",
        "region",
        "type",
        "cloud",
        "storage_integration",
        "directory_enabled",
    ];
    assert_eq!(
        b.rows("SHOW STAGES IN SCHEMA D.S", &columns),
        [["A", "s3://in/raw", "N", "Y", "ACCOUNTADMIN", "c", "eu-central-1", "EXTERNAL", "AWS", "SI", "Y"]]
    );
    let rows = description(&mut b, "D.S.A");
    assert_eq!(rows["STAGE_FILE_FORMAT.FORMAT_NAME"], "\\\"D\\\".\\\"S\\\".\\\"f\\\"");
    assert!(!rows.contains_key("STAGE_FILE_FORMAT.TYPE"));
    assert_eq!(rows["STAGE_LOCATION.URL"], "[\"s3://in/raw\"]");
    assert_eq!(rows["STAGE_INTEGRATION.STORAGE_INTEGRATION"], "SI");
    assert_eq!(rows["STAGE_COPY_OPTIONS.ON_ERROR"], "ABORT_STATEMENT");
    assert_eq!((rows["DIRECTORY.ENABLE"].as_str(), rows["DIRECTORY.AUTO_REFRESH"].as_str()), ("true", "true"));
    assert_eq!(rows["DIRECTORY.LAST_REFRESHED_ON"], "");
    assert!(!rows.keys().any(|key| key.contains("KMS") || key.contains("REFRESH_ON_CREATE")), "write-only: {rows:?}");
    let channel = &rows["DIRECTORY.DIRECTORY_NOTIFICATION_CHANNEL"];
    assert!(channel.starts_with("arn:aws:sqs:eu-central-1:") && channel.contains(":sf-snowpipe-"), "{channel}");
    b.ok("CREATE STAGE D.S.B URL='s3://in/b/' STORAGE_INTEGRATION=SI DIRECTORY=(ENABLE=TRUE AUTO_REFRESH=TRUE)");
    b.ok("CREATE STAGE D.S.C URL='s3://out/' STORAGE_INTEGRATION=SI DIRECTORY=(ENABLE=TRUE AUTO_REFRESH=TRUE)");
    assert_eq!(&description(&mut b, "D.S.B")["DIRECTORY.DIRECTORY_NOTIFICATION_CHANNEL"], channel);
    assert!(
        description(&mut b, "D.S.C")["DIRECTORY.DIRECTORY_NOTIFICATION_CHANNEL"].starts_with("arn:aws:sqs:eu-west-1:")
    );
}

#[test]
fn locations_must_be_allowed() {
    let mut b = Bench::furnished();
    b.script(&[
        ("ALTER INTEGRATION SI SET STORAGE_ALLOWED_LOCATIONS = ('s3://in/raw/') STORAGE_BLOCKED_LOCATIONS = ('s3://in/raw/no/')", "ok"),
        ("CREATE STAGE A URL = 's3://in/raw/x/' STORAGE_INTEGRATION = SI", "ok"),
        ("CREATE STAGE B URL = 's3://in/raw2/' STORAGE_INTEGRATION = SI", "003127"),
        ("CREATE STAGE B URL = 's3://in/' STORAGE_INTEGRATION = SI", "003127"),
        ("CREATE STAGE B URL = 's3://in/raw/no/way/' STORAGE_INTEGRATION = SI", "003127"),
        ("ALTER STAGE A SET URL = 's3://in/raw2/'", "003127"),
        ("ALTER STAGE A SET COMMENT = 'no check of the location'", "ok"),
        ("CREATE STAGE B URL = 'in/raw/' STORAGE_INTEGRATION = SI", "001011"),
        ("CREATE STAGE B STORAGE_INTEGRATION = SI", "002029"),
        ("CREATE STAGE B URL = 's3://in/raw/' STORAGE_INTEGRATION = NOPE", "002003"),
        ("CREATE STAGE B URL = 's3://in/raw/' STORAGE_INTEGRATION = SI CREDENTIALS = (AWS_KEY_ID = 'a' AWS_SECRET_KEY = 'b')", "001425"),
        ("CREATE STAGE B URL = 's3://in/raw/' STORAGE_INTEGRATION = SI USE_PRIVATELINK_ENDPOINT = TRUE", "001422"),
        ("CREATE STAGE B URL = 's3://in/raw/' ENCRYPTION = (TYPE = 'AWS_CSE')", "002029"),
        ("CREATE STAGE B URL = 's3://in/raw/' ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')", "001008"),
        ("CREATE STAGE B URL = 's3://in/raw/' FILE_FORMAT = (FORMAT_NAME = 'NOPE')", "002003"),
        ("CREATE STAGE B URL = 's3://in/raw/' FILE_FORMAT = (FORMAT_NAME = 'X' TYPE = CSV)", "001003"),
        ("CREATE STAGE B URL = 's3://in/raw/' DIRECTORY = (ENABLE = TRUE NOTIFICATION_INTEGRATION = 'x')", "001003"),
        ("CREATE STAGE B URL = 's3://in/raw/' BOGUS = 1", "001003"),
        ("ALTER INTEGRATION SI SET ENABLED = FALSE", "ok"),
        ("CREATE STAGE B URL = 's3://in/raw/' STORAGE_INTEGRATION = SI", "091003"),
        ("LIST @A", "091003"),
    ]);
    let error = b.fails("CREATE STAGE B URL = 's3://other/' STORAGE_INTEGRATION = SI");
    assert_eq!(error.code, "091003");
    b.ok("ALTER INTEGRATION SI SET ENABLED = TRUE");
    let error = b.fails("CREATE STAGE B URL = 's3://other/' STORAGE_INTEGRATION = SI");
    let wanted = "SQL compilation error:Location 's3://other/' is not allowed by integration SI. Please use DESC INTEGRATION to check out \
                  allowed and blocked locations.";
    assert_eq!((error.sql_state, error.message.as_str()), ("42601", wanted));
}

#[test]
fn a_recreated_integration_breaks_its_stages_until_they_are_linked_again() {
    let mut b = Bench::furnished();
    b.ok(CREATE);
    b.ok("LIST @D.S.A");
    b.integration();
    b.trust();
    assert_eq!(b.cell("SHOW STAGES IN SCHEMA D.S", "storage_integration"), "SI", "the name still shows");
    b.script(&[
        ("LIST @D.S.A", "003139"),
        ("ALTER STAGE D.S.A REFRESH", "003139"),
        ("ALTER STAGE D.S.A SET STORAGE_INTEGRATION = SI", "ok"),
        ("LIST @D.S.A", "ok"),
    ]);
}

#[test]
fn the_directory_registers_what_a_refresh_finds() {
    let mut b = Bench::furnished();
    b.ok(CREATE);
    b.cloud.file("in", "raw/a.csv", "one");
    b.cloud.file("in", "raw/x/b.csv", "two");
    b.cloud.file("in", "other/c.csv", "three");
    let columns = ["file", "status"];
    assert_eq!(b.ok("SELECT * FROM DIRECTORY(@D.S.A)").rows.len(), 0, "nothing before the first refresh");
    assert_eq!(b.rows("ALTER STAGE D.S.A REFRESH SUBPATH = 'x/'", &columns), [["x/b.csv", "REGISTERED_NEW"]]);
    assert_eq!(b.rows("ALTER STAGE D.S.A REFRESH", &columns), [["a.csv", "REGISTERED_NEW"]]);
    assert!(b.ok("ALTER STAGE D.S.A REFRESH").rows.is_empty(), "nothing changed");
    b.cloud.file("in", "raw/a.csv", "uno");
    b.cloud.unfile("in", "raw/x/b.csv");
    assert_eq!(
        b.rows("ALTER STAGE D.S.A REFRESH", &columns),
        [["a.csv", "REGISTERED_UPDATE"], ["x/b.csv", "UNREGISTERED"]]
    );
    assert_eq!(
        b.rows("SELECT relative_path, size FROM DIRECTORY(@D.S.A)", &["RELATIVE_PATH", "SIZE"]),
        [["a.csv", "3"]]
    );
    let refreshed = &description(&mut b, "D.S.A")["DIRECTORY.LAST_REFRESHED_ON"];
    assert!(refreshed.ends_with(" Z") && refreshed.len() == 25, "{refreshed}");
}

#[test]
fn refusals_of_aws_come_through() {
    let mut b = Bench::furnished();
    b.cloud.world(|w| w.trust.clear());
    let on_create = "CREATE STAGE D.S.B URL = 's3://in/' STORAGE_INTEGRATION = SI DIRECTORY = (ENABLE = TRUE)";
    let error = b.fails(on_create);
    assert_eq!(error.code, "003167");
    assert!(
        error.message.starts_with("An error occurred while trying to refresh the directory table: "),
        "{}",
        error.message
    );
    assert!(error.message.contains(&format!("is not authorized to perform: sts:AssumeRole on resource: {ROLE_ARN}")));
    b.script(&[
        ("DESC STAGE D.S.B", "002003"),
        (CREATE, "ok"),
        ("LIST @D.S.A", "003167"),
        ("ALTER STAGE D.S.A REFRESH", "003167"),
    ]);
    b.trust();
    b.cloud.world(|w| w.denied.insert("s3:ListBucket"));
    let error = b.fails("LIST @D.S.A");
    assert_eq!((error.code, error.sql_state), ("091003", "22000"));
    assert!(error.message.starts_with("Failure using stage area. Cause: [User: arn:aws:sts::"), "{}", error.message);
    assert!(error.message.ends_with("(Status Code: 403; Error Code: AccessDenied)]"), "{}", error.message);
    let error = b.fails(on_create);
    assert!(
        error
            .message
            .starts_with("An error occurred while trying to refresh the directory table: Failure using stage area.")
    );
    b.cloud.world(|w| {
        w.denied.clear();
        w.buckets.remove("in");
    });
    assert!(
        b.fails("LIST @D.S.A")
            .message
            .contains("The specified bucket does not exist (Status Code: 404; Error Code: NoSuchBucket)")
    );
}

#[test]
fn only_enable_of_a_directory_can_be_altered() {
    let mut b = Bench::furnished();
    b.ok(CREATE);
    b.script(&[
        ("ALTER STAGE D.S.A SET DIRECTORY = (ENABLE = TRUE AUTO_REFRESH = TRUE)", "001003"),
        ("ALTER STAGE D.S.A SET DIRECTORY = (ENABLE = TRUE REFRESH_ON_CREATE = FALSE)", "001003"),
        ("ALTER STAGE D.S.A SET DIRECTORY = (ENABLE = TRUE AWS_SNS_TOPIC = 'x')", "001003"),
        ("ALTER STAGE D.S.A SET DIRECTORY = (ENABLE = FALSE)", "ok"),
        ("ALTER STAGE D.S.A REFRESH", "091003"),
        ("SELECT * FROM DIRECTORY(@D.S.A)", "091003"),
        ("ALTER STAGE D.S.A SET DIRECTORY = (ENABLE = TRUE)", "ok"),
        ("ALTER STAGE D.S.A REFRESH", "ok"),
        ("ALTER STAGE D.S.A UNSET COMMENT", "001003"),
    ]);
    let mut lax = Bench::with(Switches { alter_directory_takes_auto_refresh: true, ..Switches::default() });
    lax.script(&[
        ("CREATE DATABASE D", "ok"),
        ("CREATE STAGE A DIRECTORY = (ENABLE = TRUE)", "ok"),
        ("ALTER STAGE A SET DIRECTORY = (ENABLE = TRUE AUTO_REFRESH = TRUE)", "ok"),
    ]);
}

#[test]
fn moving_a_stage_switches_its_directory_off() {
    let mut b = Bench::furnished();
    b.ok(CREATE);
    b.ok("ALTER STAGE D.S.A SET URL = 's3://out/new/' STORAGE_INTEGRATION = SI");
    assert_eq!(
        b.rows("SHOW STAGES IN SCHEMA D.S", &["url", "region", "directory_enabled"]),
        [["s3://out/new/", "eu-west-1", "N"]]
    );
    b.ok("ALTER STAGE D.S.A SET DIRECTORY = (ENABLE = TRUE)");
    b.ok("ALTER STAGE D.S.A SET URL = 's3://out/new/'");
    assert_eq!(b.cell("SHOW STAGES IN SCHEMA D.S", "directory_enabled"), "Y", "the same URL moves nothing");
}

#[test]
fn inline_formats_replace_named_ones_and_back() {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE FILE FORMAT F TYPE = JSON", "ok"),
        ("CREATE STAGE A FILE_FORMAT = F", "ok"),
        ("ALTER STAGE A SET FILE_FORMAT = (TYPE = CSV FIELD_DELIMITER = ';')", "ok"),
    ]);
    let rows = description(&mut b, "A");
    assert_eq!(rows["STAGE_FILE_FORMAT.FIELD_DELIMITER"], ";");
    assert_eq!(rows["DIRECTORY.ENABLE"], "false");
    b.ok("ALTER STAGE A SET FILE_FORMAT = (FORMAT_NAME = F)");
    assert!(description(&mut b, "A").contains_key("STAGE_FILE_FORMAT.FORMAT_NAME"));
    assert_eq!(b.cell("SHOW STAGES", "type"), "INTERNAL");
}

//! External volumes.

use super::*;

const PLACE: &str = "NAME = 'a' STORAGE_PROVIDER = 'S3' STORAGE_BASE_URL = 's3://in/lake/' STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::1:role/v'";

fn location(b: &mut Bench, number: usize) -> serde_json::Value {
    let properties = b.rows("DESC EXTERNAL VOLUME v", &["property", "property_value"]);
    let wanted = format!("STORAGE_LOCATION_{number}");
    serde_json::from_str(&properties.into_iter().find(|row| row[0] == wanted).unwrap()[1]).unwrap()
}

#[test]
fn locations_are_added_and_removed_but_for_the_active_one() {
    let mut b = Bench::new();
    let second = PLACE.replace("'a'", "'b'");
    b.script(&[
        ("CREATE EXTERNAL VOLUME v ALLOW_WRITES = TRUE", "002029"),
        ("CREATE EXTERNAL VOLUME v STORAGE_LOCATIONS = ((NAME = 'a' STORAGE_PROVIDER = 'S3'))", "002029"),
        (&format!("CREATE EXTERNAL VOLUME v STORAGE_LOCATIONS = (({PLACE}), ({PLACE}))"), "002002"),
        (&format!("CREATE EXTERNAL VOLUME v STORAGE_LOCATIONS = (({}))", PLACE.replace("'S3'", "'S3GOV'")), "001011"),
        (
            &format!("CREATE EXTERNAL VOLUME v STORAGE_LOCATIONS = (({PLACE})) COMMENT = 'c'"),
            "External volume V successfully created.",
        ),
        (&format!("ALTER EXTERNAL VOLUME v ADD STORAGE_LOCATION = ({PLACE})"), "002002"),
        (&format!("ALTER EXTERNAL VOLUME v ADD STORAGE_LOCATION = ({second})"), "ok"),
        ("ALTER EXTERNAL VOLUME v REMOVE STORAGE_LOCATION 'a'", "393926"),
        ("ALTER EXTERNAL VOLUME v RENAME TO w", "001003"),
    ]);
    let (first, other) = (location(&mut b, 1), location(&mut b, 2));
    assert_eq!(first["STORAGE_AWS_IAM_USER_ARN"], other["STORAGE_AWS_IAM_USER_ARN"]);
    assert_ne!(first["STORAGE_AWS_EXTERNAL_ID"], other["STORAGE_AWS_EXTERNAL_ID"]);
    b.script(&[
        ("ALTER EXTERNAL VOLUME v REMOVE STORAGE_LOCATION 'b'", "ok"),
        ("ALTER EXTERNAL VOLUME v SET ALLOW_WRITES = FALSE", "ok"),
        ("ALTER EXTERNAL VOLUME v SET COMMENT = 'd'", "ok"),
    ]);
    assert_eq!(b.rows("SHOW EXTERNAL VOLUMES", &["name", "allow_writes", "comment"]), [["V", "false", "d"]]);
    b.ok("DROP EXTERNAL VOLUME v");
    assert!(b.rows("SHOW EXTERNAL VOLUMES", &["name"]).is_empty());
}

#[test]
fn verification_goes_through_the_role() {
    let mut b = Bench::furnished();
    b.ok(&format!("CREATE EXTERNAL VOLUME v STORAGE_LOCATIONS = (({PLACE}))"));
    let verify = |b: &mut Bench| -> serde_json::Value {
        serde_json::from_str(&b.cell("SELECT SYSTEM$VERIFY_EXTERNAL_VOLUME('v') AS R", "R")).unwrap()
    };
    let refused = verify(&mut b);
    assert_eq!(refused["success"], false);
    assert!(refused["awsRoleArnValidationResult"].as_str().unwrap().contains("Error assuming AWS_ROLE"), "{refused}");
    let place = location(&mut b, 1);
    let text = |member: &str| place[member].as_str().unwrap().to_owned();
    b.cloud.world(|w| {
        w.trust
            .insert("arn:aws:iam::1:role/v".into(), (text("STORAGE_AWS_IAM_USER_ARN"), text("STORAGE_AWS_EXTERNAL_ID")))
    });
    let good = verify(&mut b);
    assert_eq!((&good["success"], &good["deleteResult"]), (&true.into(), &"PASSED".into()), "{good}");
    assert!(b.cloud.keys("in").iter().all(|key| !key.starts_with("lake/")), "the file is gone again");
    b.cloud.world(|w| w.denied.insert("s3:PutObject"));
    assert_eq!(verify(&mut b)["success"], false);
    b.ok("ALTER EXTERNAL VOLUME v SET ALLOW_WRITES = FALSE");
    let read_only = verify(&mut b);
    assert_eq!((&read_only["success"], &read_only["writeResult"]), (&true.into(), &"SKIPPED".into()));
    assert_eq!(b.fails("SELECT SYSTEM$VERIFY_EXTERNAL_VOLUME('nowhere')").code, "002003");
}

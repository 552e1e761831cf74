//! A role for a partner: its account is trusted as a whole, with an external ID that was agreed upon, and what the role may do stands in a
//! managed policy.

use snowssi::plan::Mode;

use crate::world::World;

/// The spec, for the partner's account and this external ID.
fn spec(account: &str, external_id: &str) -> String {
    format!(
        r#"
[stack]
name = "partner"

[aws]
region = "us-east-1"

[bucket.data]
name = "acme-partner"

[iam_policy.read]
name = "partner-read"
description = "What partners read"
access = [{{ bucket = "acme-partner", prefix = "sessions/", allow = ["list", "read"] }}]

[iam_role.partner]
name = "partner"
managed_policies = ["{{{{ iam_policy.read.arn }}}}"]
trust = [{{ principal = "{account}", external_id = "{external_id}" }}]
"#
    )
}

/// What the partner does in Snowflake: an integration with the agreed ID, and a stage. Gives the account of Snowflake's user there.
fn furnished(world: &World) -> String {
    world.sql("CREATE DATABASE P");
    world.sql(
        "CREATE STORAGE INTEGRATION SI TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE \
         STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::123456789012:role/snowssi/partner/partner' \
         STORAGE_AWS_EXTERNAL_ID = 'agreed-2026' STORAGE_ALLOWED_LOCATIONS = ('s3://acme-partner/')",
    );
    for (name, folder) in [("IN", "sessions"), ("OUT", "other")] {
        world.sql(&format!(
            "CREATE STAGE P.PUBLIC.\"{name}\" URL = 's3://acme-partner/{folder}/' STORAGE_INTEGRATION = SI"
        ));
    }
    let told = world.ask("DESC INTEGRATION SI").unwrap();
    let user = told.into_iter().find(|row| row[0].as_deref() == Some("STORAGE_AWS_IAM_USER_ARN")).unwrap();
    user[2].as_deref().unwrap().split(':').nth(4).unwrap().to_owned()
}

/// The files of a stage, or the refusal.
fn list(world: &World, stage: &str) -> Result<usize, String> {
    world.ask(&format!("LIST @P.PUBLIC.\"{stage}\"")).map(|rows| rows.len()).map_err(|(_, message)| message)
}

#[test]
fn the_account_and_the_external_id_decide() {
    let world = World::new();
    let account = furnished(&world);
    let model = world.read(&spec(&account, "agreed-2026")).unwrap();
    world.apply(&model, Mode::Apply);
    let body = || b"{}\n".to_vec().into();
    world.wait(world.s3().put_object().bucket("acme-partner").key("sessions/a.json").body(body()).send()).unwrap();
    assert_eq!(list(&world, "IN"), Ok(1));
    assert!(list(&world, "OUT").unwrap_err().contains("is not authorized to perform: s3:ListBucket"));
    assert!(world.plan(&model, Mode::Apply).is_empty());

    for (other_account, external_id) in [(account.as_str(), "another"), ("111122223333", "agreed-2026")] {
        let other = world.read(&spec(other_account, external_id)).unwrap();
        world.apply(&other, Mode::Apply);
        let refusal = list(&world, "IN").unwrap_err();
        assert!(refusal.contains("sts:AssumeRole"), "{other_account} {external_id}: {refusal}");
    }

    world.apply(&model, Mode::Apply);
    let wider = spec(&account, "agreed-2026").replace("\"sessions/\"", "\"\"");
    world.apply(&world.read(&wider).unwrap(), Mode::Apply);
    assert_eq!(list(&world, "OUT"), Ok(0), "one new version of the policy, and every role has it");
}

#[test]
fn a_policy_that_others_use_is_not_taken_from_them() {
    let world = World::new();
    let model = world.read(&spec("111122223333", "agreed-2026")).unwrap();
    world.apply(&model, Mode::Apply);
    let iam = world.iam();
    let arn = "arn:aws:iam::123456789012:policy/snowssi/partner/partner-read";
    world.wait(async {
        iam.create_user().user_name("theirs").send().await.unwrap();
        iam.attach_user_policy().user_name("theirs").policy_arn(arn).send().await.unwrap();
    });
    let without = spec("111122223333", "agreed-2026")
        .split("\n[")
        .filter(|table| !table.starts_with("iam_policy"))
        .collect::<Vec<_>>()
        .join("\n[")
        .replace("managed_policies = [\"{{ iam_policy.read.arn }}\"]", "");
    let without = world.read(&without).unwrap();
    let plan = world.plan(&without, Mode::Apply);
    assert!(plan.resources[0].breaks.join("\n").contains("the user theirs has it attached"), "{:?}", plan.resources);
    let error = world.try_apply(&without, Mode::Apply).unwrap_err();
    assert!(error.contains("DeleteConflict"), "{error}");
    let attached = || world.wait(iam.list_attached_role_policies().role_name("partner").send()).unwrap();
    assert_eq!(attached().attached_policies().len(), 1, "nothing was touched");
    world.wait(iam.detach_user_policy().user_name("theirs").policy_arn(arn).send()).unwrap();
    world.apply(&without, Mode::Apply);
    assert_eq!(attached().attached_policies().len(), 0);
    assert!(world.wait(iam.get_policy().policy_arn(arn).send()).is_err());
}

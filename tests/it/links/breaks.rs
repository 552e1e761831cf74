//! Every way in which one link of the pipeline is broken, and what is expected then.

use serde_json::json;

use super::hands::{
    ROLE, bound, bucket_policy, delete_role, deny, external_id, filtered, key, key_policy, loader, mark, misled,
    notification, own_task, recreate_role, replace_integration, trusting, without,
};
use super::{Break, INBOUND, Mend, Shows, put};

const INTEGRATION: &[&str] = &["storage_integration.s3"];
const TRUST: &[&str] = &["iam_role.snowflake"];
const IN: &[&str] = &["bucket.data.inbound"];
/// A stage that is made anew takes its stream and the notification with it.
const STAGE: &[&str] = &["bucket.data.inbound", "stage.data.inbound", "stream.inbound"];
const KEY: &[&str] = &["kms_key.pipeline"];

pub(super) const ALL: &[Break] = &[
    Break {
        name: "trust of another account",
        how: |world| trusting(world, |one| one["Principal"] = json!({ "AWS": "999999999999" })),
        shows: Shows::Files("Error assuming AWS_ROLE:\nUser: arn:aws:iam::"),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "trust without an external ID",
        how: |world| trusting(world, |one| _ = one.as_object_mut().unwrap().remove("Condition")),
        shows: Shows::Arrives,
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "external ID of another integration",
        how: |world| external_id(world, |_| "ACME_SFCRole=2_other".into()),
        shows: Shows::Files(
            "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/",
        ),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "external ID in other case",
        how: |world| {
            external_id(world, |id| {
                id.chars()
                    .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
                    .collect()
            });
        },
        shows: Shows::Files("Error assuming AWS_ROLE"),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "external ID with something behind it",
        how: |world| external_id(world, |id| format!("{id}/")),
        shows: Shows::Files("Error assuming AWS_ROLE"),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "trust that denies who brings the external ID",
        how: |world| trusting(world, |one| one["Effect"] = json!("Deny")),
        shows: Shows::Files("Error assuming AWS_ROLE"),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "role deleted",
        how: delete_role,
        shows: Shows::Files("Error assuming AWS_ROLE"),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "role recreated by somebody",
        how: recreate_role,
        shows: Shows::Files(
            "because no identity-based policy allows the s3:ListBucket action (Status Code: 403; Error Code: AccessDenied)",
        ),
        mend: Mend::Refused("iam_role.snowflake", delete_role),
    },
    Break {
        name: "role may not list",
        how: |world| without(world, &["ListBuckets"]),
        shows: Shows::Files(
            "s3:ListBucket on resource: \"arn:aws:s3:::acme-events-inbound\" because no identity-based policy allows",
        ),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "role may not read",
        how: |world| without(world, &["ReadObjects"]),
        shows: Shows::Task(
            "091003",
            "s3:GetObject on resource: \"arn:aws:s3:::acme-events-inbound/a.csv\" because no identity-based policy",
        ),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "role may not write",
        how: |world| without(world, &["WriteObjects"]),
        shows: Shows::Task(
            "091003",
            "s3:PutObject on resource: \"arn:aws:s3:::acme-events-outbound/a.csv\" because no identity-based policy",
        ),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "role may not decrypt",
        how: |world| without(world, &["DecryptObjects"]),
        shows: Shows::Task(
            "091003",
            "kms:Decrypt on the resource associated with this ciphertext because no identity-based policy",
        ),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "role may not encrypt",
        how: |world| without(world, &["EncryptObjects"]),
        shows: Shows::Task("091003", "is not authorized to perform: kms:GenerateDataKey"),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "role may not delete or locate",
        how: |world| without(world, &["DeleteObjects", "LocateBuckets"]),
        shows: Shows::Arrives,
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "role with a boundary",
        how: bound,
        shows: Shows::Task("091003", "because no permissions boundary allows the kms:"),
        // A boundary that the spec does not name is left as it is.
        mend: Mend::ByHand(|world| {
            world.wait(world.iam().delete_role_permissions_boundary().role_name(ROLE).send()).unwrap();
        }),
    },
    Break {
        name: "bucket policy that denies reading",
        how: |world| bucket_policy(world, deny("s3:GetObject", &json!({}))),
        shows: Shows::Task("091003", "with an explicit deny in a resource-based policy"),
        mend: Mend::Apply(IN),
    },
    Break {
        name: "bucket policy that denies other networks",
        how: |world| bucket_policy(world, deny("s3:*", &json!({ "StringNotEquals": { "aws:SourceVpce": "vpce-1" } }))),
        shows: Shows::Files("cannot be sure: the value of `aws:SourceVpce` in the request is not known"),
        mend: Mend::Apply(IN),
    },
    Break {
        name: "key policy that leaves nothing to the account",
        how: key_policy,
        shows: Shows::Task("091003", "because no resource-based policy allows the kms:Decrypt action"),
        mend: Mend::Apply(KEY),
    },
    Break {
        name: "key disabled",
        how: |world| {
            put(world, "a.csv");
            world.wait(world.kms().disable_key().key_id(key(world)).send()).unwrap();
        },
        shows: Shows::Task("091003", "KMS.DisabledException"),
        mend: Mend::Apply(KEY),
    },
    Break {
        name: "key to be deleted",
        how: |world| {
            put(world, "a.csv");
            world.wait(world.kms().schedule_key_deletion().key_id(key(world)).send()).unwrap();
        },
        shows: Shows::Task("091003", "KMS.KMSInvalidStateException"),
        mend: Mend::Apply(KEY),
    },
    Break {
        name: "notification removed",
        how: |world| notification(world, |_| None),
        shows: Shows::Nothing,
        mend: Mend::Apply(IN),
    },
    Break {
        name: "notification of other keys",
        how: |world| notification(world, |entry| Some(filtered(entry))),
        shows: Shows::Nothing,
        mend: Mend::Apply(IN),
    },
    Break {
        name: "notification to another queue",
        how: |world| notification(world, |entry| Some(misled(entry))),
        shows: Shows::Nothing,
        mend: Mend::Apply(IN),
    },
    Break {
        name: "directory that does not refresh itself",
        how: |world| {
            let mark = mark(world, "SHOW STAGES LIKE 'INBOUND' IN SCHEMA EVENTS.FILES");
            world.sql(&format!(
                "CREATE OR REPLACE STAGE EVENTS.FILES.INBOUND URL = 's3://{INBOUND}/' STORAGE_INTEGRATION = EVENTS \
                 DIRECTORY = (ENABLE = TRUE REFRESH_ON_CREATE = FALSE) COMMENT = '{mark}'"
            ));
        },
        shows: Shows::Nothing,
        mend: Mend::Apply(STAGE),
    },
    Break {
        name: "directory switched off",
        how: |world| world.sql("ALTER STAGE EVENTS.FILES.INBOUND SET DIRECTORY = (ENABLE = FALSE)"),
        shows: Shows::Nothing,
        mend: Mend::Apply(STAGE),
    },
    Break {
        name: "integration disabled",
        how: |world| world.sql("ALTER INTEGRATION EVENTS SET ENABLED = FALSE"),
        shows: Shows::Files("EVENTS"),
        mend: Mend::Apply(INTEGRATION),
    },
    Break {
        name: "inbound location not allowed any more",
        how: |world| {
            world.sql("ALTER INTEGRATION EVENTS SET STORAGE_ALLOWED_LOCATIONS = ('s3://acme-events-outbound/')");
        },
        shows: Shows::Files("Location 's3://acme-events-inbound/' is not allowed by integration EVENTS"),
        mend: Mend::Apply(INTEGRATION),
    },
    Break {
        name: "outbound location not allowed any more",
        how: |world| {
            world.sql("ALTER INTEGRATION EVENTS SET STORAGE_ALLOWED_LOCATIONS = ('s3://acme-events-inbound/')");
        },
        shows: Shows::Task("003127", "Location 's3://acme-events-outbound/' is not allowed by integration EVENTS"),
        mend: Mend::Apply(INTEGRATION),
    },
    Break {
        name: "inbound location blocked",
        how: |world| {
            world.sql("ALTER INTEGRATION EVENTS SET STORAGE_BLOCKED_LOCATIONS = ('s3://acme-events-inbound/')");
        },
        shows: Shows::Files("Location 's3://acme-events-inbound/' is not allowed by integration EVENTS"),
        mend: Mend::Apply(INTEGRATION),
    },
    Break {
        name: "outbound location blocked",
        how: |world| {
            world.sql("ALTER INTEGRATION EVENTS SET STORAGE_BLOCKED_LOCATIONS = ('s3://acme-events-outbound/')");
        },
        shows: Shows::Task("003127", "is not allowed by integration EVENTS"),
        mend: Mend::Apply(INTEGRATION),
    },
    Break {
        name: "external ID of the integration made anew",
        how: |world| world.sql("ALTER INTEGRATION EVENTS UNSET STORAGE_AWS_EXTERNAL_ID"),
        shows: Shows::Files("Error assuming AWS_ROLE"),
        mend: Mend::Apply(TRUST),
    },
    Break {
        name: "integration with another role",
        how: |world| {
            world.sql("ALTER INTEGRATION EVENTS SET STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::123456789012:role/other'");
        },
        shows: Shows::Files("Error assuming AWS_ROLE"),
        mend: Mend::Apply(INTEGRATION),
    },
    Break {
        name: "integration dropped",
        how: |world| world.sql("DROP INTEGRATION EVENTS"),
        shows: Shows::Files("Integration associated with the stage EVENTS.FILES.INBOUND cannot be found"),
        mend: Mend::Apply(&[
            "iam_role.snowflake",
            "stage.data.inbound",
            "stage.data.outbound",
            "storage_integration.s3",
        ]),
    },
    Break {
        name: "integration replaced by its like, with an external ID of its own",
        how: |world| replace_integration(world, ""),
        shows: Shows::Files("Integration associated with the stage EVENTS.FILES.INBOUND cannot be found"),
        mend: Mend::Apply(&["iam_role.snowflake", "stage.data.inbound", "stage.data.outbound"]),
    },
    Break {
        name: "integration replaced by its like, with the same external ID",
        how: |world| {
            let described = world.ask("DESC INTEGRATION EVENTS").unwrap();
            let id = described.iter().find(|row| row[0].as_deref() == Some("STORAGE_AWS_EXTERNAL_ID")).unwrap();
            replace_integration(world, &format!("STORAGE_AWS_EXTERNAL_ID = '{}'", id[2].as_ref().unwrap()));
        },
        shows: Shows::Files("Integration associated with the stage EVENTS.FILES.INBOUND cannot be found"),
        mend: Mend::Apply(&["stage.data.inbound", "stage.data.outbound"]),
    },
    Break {
        name: "stage moved",
        how: |world| world.sql("ALTER STAGE EVENTS.FILES.INBOUND SET URL = 's3://acme-events-inbound/sub/'"),
        shows: Shows::Nothing,
        mend: Mend::Apply(STAGE),
    },
    Break {
        name: "stream dropped",
        how: |world| world.sql("DROP STREAM EVENTS.FILES.INBOUND_FILES"),
        shows: Shows::Nothing,
        mend: Mend::Apply(&["stream.inbound"]),
    },
    Break {
        name: "task suspended",
        how: |world| world.sql("ALTER TASK EVENTS.FILES.COPY_FILES SUSPEND"),
        shows: Shows::Nothing,
        mend: Mend::Apply(&["task.copy"]),
    },
    Break {
        name: "warehouse dropped",
        how: |world| world.sql("DROP WAREHOUSE EVENTS"),
        shows: Shows::Task("091089", "USAGE privilege on the task's warehouse"),
        mend: Mend::Apply(&["warehouse.events"]),
    },
    Break {
        name: "owner of the task without the outbound stage",
        how: |world| {
            loader(world, &["GRANT USAGE ON WAREHOUSE EVENTS TO ROLE LOADER"]);
            own_task(world, "LOADER");
        },
        shows: Shows::Task("002003", "OUTBOUND"),
        mend: Mend::ByHand(|world| own_task(world, "ACCOUNTADMIN")),
    },
    Break {
        name: "owner of the task without the warehouse",
        how: |world| {
            loader(
                world,
                &[
                    "GRANT USAGE ON WAREHOUSE EVENTS TO ROLE LOADER",
                    "GRANT USAGE ON STAGE EVENTS.FILES.OUTBOUND TO ROLE LOADER",
                ],
            );
            own_task(world, "LOADER");
            world.sql("REVOKE USAGE ON WAREHOUSE EVENTS FROM ROLE LOADER");
        },
        shows: Shows::Task("091089", "USAGE privilege on the task's warehouse"),
        mend: Mend::ByHand(|world| own_task(world, "ACCOUNTADMIN")),
    },
    Break {
        name: "owner of the stage without the integration",
        how: |world| {
            loader(world, &[]);
            world.sql("GRANT OWNERSHIP ON STAGE EVENTS.FILES.INBOUND TO ROLE LOADER COPY CURRENT GRANTS");
        },
        shows: Shows::Files("Insufficient privileges to operate on integration 'EVENTS'"),
        mend: Mend::ByHand(|world| {
            world.sql("GRANT OWNERSHIP ON STAGE EVENTS.FILES.INBOUND TO ROLE ACCOUNTADMIN COPY CURRENT GRANTS");
        }),
    },
    Break {
        name: "stream stale",
        how: |world| {
            world.sql("ALTER TASK EVENTS.FILES.COPY_FILES SUSPEND");
            world.tick(60 * 24 * 60);
            world.sql("ALTER TASK EVENTS.FILES.COPY_FILES RESUME");
        },
        shows: Shows::Nothing,
        mend: Mend::Apply(&["stream.inbound"]),
    },
];

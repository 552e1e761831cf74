//! Both clouds together, as a client of S3 and a client of Snowflake see them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::types::{
    Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration,
    S3KeyFilter,
};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use proptest::prelude::*;

use super::*;
use crate::sandbox::Embedded;
use crate::sandbox::snowflake::answer::{Engine as _, ResultSet, SessionState};

/// Both clouds in memory, with an integration that may use two buckets, and a stage on each.
struct World {
    flow: Flow,
    session: SessionState,
    s3: aws_sdk_s3::Client,
    iam: aws_sdk_iam::Client,
}

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::flow-in", "arn:aws:s3:::flow-in/*", "arn:aws:s3:::flow-out", "arn:aws:s3:::flow-out/*"]}]}"#;
/// A body that copies what is there and consumes the stream.
const COPY: &str = "BEGIN COPY FILES INTO @B FROM @A; \
                    CREATE OR REPLACE TEMPORARY TABLE SEEN AS SELECT * FROM ST WHERE 1=0; END";

impl World {
    async fn new() -> Self {
        let clock = Arc::<Clock>::default();
        let aws = AwsSandbox::in_memory_with(Arc::clone(&clock));
        let snowflake = Simulator::in_memory(Arc::<AwsSandbox>::clone(&aws)).with_clock(Arc::clone(&clock));
        Self::furnish(Flow::new(aws, Arc::new(snowflake), clock)).await
    }

    async fn furnish(flow: Flow) -> Self {
        let mut world = Self::on(flow);
        for bucket in ["flow-in", "flow-out"] {
            world.s3.create_bucket().bucket(bucket).send().await.unwrap();
        }
        for sql in ["CREATE WAREHOUSE W INITIALLY_SUSPENDED = TRUE", "CREATE DATABASE D", "CREATE SCHEMA D.S"] {
            world.sql(sql).await;
        }
        world
            .sql(
                "CREATE STORAGE INTEGRATION SI TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE \
                 STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::123456789012:role/loader' \
                 STORAGE_ALLOWED_LOCATIONS = ('s3://flow-in/', 's3://flow-out/')",
            )
            .await;
        let told: BTreeMap<String, String> =
            world.rows("DESC INTEGRATION SI", &["property", "property_value"]).await.into_iter().map(pair).collect();
        let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": told["STORAGE_AWS_IAM_USER_ARN"]},
            "Condition": {"StringEquals": {"sts:ExternalId": told["STORAGE_AWS_EXTERNAL_ID"]}},
        }]});
        let role = world.iam.create_role().role_name("loader").assume_role_policy_document(trust.to_string());
        role.send().await.unwrap();
        world.permit(POLICY).await;
        for sql in [
            "CREATE STAGE A URL = 's3://flow-in/in/' STORAGE_INTEGRATION = SI \
             DIRECTORY = (ENABLE = TRUE AUTO_REFRESH = TRUE REFRESH_ON_CREATE = FALSE)",
            "CREATE STAGE B URL = 's3://flow-out/' STORAGE_INTEGRATION = SI",
            "CREATE STREAM ST ON STAGE A",
        ] {
            world.sql(sql).await;
        }
        world
    }

    fn on(flow: Flow) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(AwsSandbox::credentials()))
            .http_client(flow.aws.http_client())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .build();
        let [database, schema] = ["D", "S"].map(|name| Some(name.to_owned()));
        let session = SessionState {
            user: "ANNA".into(),
            role: "ACCOUNTADMIN".into(),
            database,
            schema,
            ..SessionState::default()
        };
        Self { flow, session, s3: aws_sdk_s3::Client::new(&config), iam: aws_sdk_iam::Client::new(&config) }
    }

    /// With everything that makes files flow, up to a task with this body and these options.
    async fn wired(options: &str, body: &str) -> Self {
        let mut world = Self::new().await;
        world.notify("in/").await;
        world.sql("ALTER STAGE A REFRESH").await;
        world.task(options, body).await;
        world
    }

    async fn task(&mut self, options: &str, body: &str) {
        self.sql(&format!("CREATE TASK T WAREHOUSE = W {options} WHEN SYSTEM$STREAM_HAS_DATA('ST') AS {body}")).await;
        self.sql("ALTER TASK T RESUME").await;
    }

    async fn permit(&self, policy: &str) {
        let put = self.iam.put_role_policy().role_name("loader").policy_name("p").policy_document(policy);
        put.send().await.unwrap();
    }

    /// Tells the queue of the inbound stage of everything under a prefix.
    async fn notify(&mut self, prefix: &str) {
        let rows = self.rows("DESC STAGE A", &["property", "property_value"]).await;
        let queue = rows.into_iter().find(|row| row[0] == "DIRECTORY_NOTIFICATION_CHANNEL").unwrap()[1].clone();
        self.send_to(&queue, prefix).await;
    }

    async fn send_to(&self, queue: &str, prefix: &str) {
        let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
        let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(rule).build());
        let entry = QueueConfiguration::builder()
            .queue_arn(queue)
            .events(Event::from("s3:ObjectCreated:*"))
            .events(Event::from("s3:ObjectRemoved:*"))
            .filter(filter.build())
            .build()
            .unwrap();
        let config = NotificationConfiguration::builder().queue_configurations(entry).build();
        let put = self.s3.put_bucket_notification_configuration().bucket("flow-in").notification_configuration(config);
        put.send().await.unwrap();
    }

    async fn put(&self, key: &str, body: &str) {
        let body = body.as_bytes().to_vec().into();
        self.s3.put_object().bucket("flow-in").key(key).body(body).send().await.unwrap();
    }

    async fn delete(&self, key: &str) {
        self.s3.delete_object().bucket("flow-in").key(key).send().await.unwrap();
    }

    async fn outbound(&self) -> Vec<String> {
        let listed = self.s3.list_objects_v2().bucket("flow-out").send().await.unwrap();
        listed.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    }

    async fn sql(&mut self, sql: &str) -> ResultSet {
        let done = self.flow.snowflake.run(&mut self.session, sql, "q").await;
        done.unwrap_or_else(|error| panic!("{sql}\n{error:?}"))
    }

    async fn rows(&mut self, sql: &str, columns: &[&str]) -> Vec<Vec<String>> {
        let answer = self.sql(sql).await;
        let place = |name: &&str| answer.columns.iter().position(|c| c.name == *name).unwrap();
        let places: Vec<usize> = columns.iter().map(place).collect();
        let text = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".into());
        answer.rows.iter().map(|row| places.iter().map(|at| text(&row[*at])).collect()).collect()
    }

    async fn directory(&mut self) -> Vec<String> {
        let rows = self.rows("SELECT * FROM DIRECTORY(@A)", &["RELATIVE_PATH"]).await;
        rows.into_iter().map(|mut row| row.remove(0)).collect()
    }

    async fn history(&mut self, columns: &[&str]) -> Vec<Vec<String>> {
        self.rows("SELECT * FROM TABLE(D.INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => 'T'))", columns).await
    }

    async fn tick(&self, seconds: u64) -> Report {
        self.flow.tick(Duration::from_secs(seconds)).await.unwrap()
    }
}

fn pair(mut row: Vec<String>) -> (String, String) {
    (row.remove(0), row.remove(0))
}

fn files(report: &Report) -> Vec<String> {
    report.files.iter().map(|file| format!("{} {}", file.file, file.status)).collect()
}

fn runs(report: &Report) -> Vec<&str> {
    report.runs.iter().map(|run| run.state.as_str()).collect()
}

fn loads(report: &Report) -> Vec<String> {
    report.loads.iter().map(|load| format!("{} {}", load.file, load.status)).collect()
}

#[tokio::test]
async fn a_pipe_loads_each_file_once() {
    let mut world = World::new().await;
    world.put("in/old.json", "{\"n\": 0}").await;
    world.sql("CREATE TABLE T (V VARIANT)").await;
    world.sql("CREATE PIPE P AUTO_INGEST = TRUE AS COPY INTO T FROM @A FILE_FORMAT = (TYPE = JSON)").await;
    let queue = world.rows("DESC PIPE P", &["notification_channel"]).await[0][0].clone();
    assert_eq!(queue, world.rows("SHOW PIPES IN SCHEMA D.S", &["notification_channel"]).await[0][0]);
    world.send_to(&queue, "in/").await;
    world.put("in/a.json", "{\"n\": 1}").await;
    world.put("elsewhere/b.json", "{\"n\": 2}").await;
    assert_eq!(loads(&world.tick(1).await), ["in/a.json LOADED"]);
    assert_eq!(loads(&world.tick(60).await), Vec::<String>::new());
    // A refresh takes up what was there before, and what the table has had is not loaded again.
    world.sql("ALTER PIPE P REFRESH").await;
    assert_eq!(loads(&world.tick(1).await), ["in/a.json LOAD_SKIPPED", "in/old.json LOADED"]);
    // Paused, files wait; a bad one does not stop the others.
    world.sql("ALTER PIPE P SET PIPE_EXECUTION_PAUSED = TRUE").await;
    world.put("in/bad.json", "{").await;
    world.put("in/c.json", "{\"n\": 3}").await;
    assert_eq!(loads(&world.tick(60).await), Vec::<String>::new());
    let status = world.rows("SELECT SYSTEM$PIPE_STATUS('D.S.P') AS S", &["S"]).await[0][0].clone();
    assert!(status.contains("\"executionState\":\"PAUSED\"") && status.contains("\"pendingFileCount\":2"), "{status}");
    world.sql("ALTER PIPE P SET PIPE_EXECUTION_PAUSED = FALSE").await;
    let loaded = loads(&world.tick(1).await);
    assert_eq!(loaded[1], "in/c.json LOADED");
    assert!(loaded[0].starts_with("in/bad.json LOAD_FAILED"), "{loaded:?}");
    assert_eq!(world.rows("SELECT COUNT(*) AS N FROM T", &["N"]).await, [["3"]]);
    // A pipe is bound to its stage.
    world.sql("CREATE OR REPLACE STAGE A URL = 's3://flow-in/in/' STORAGE_INTEGRATION = SI").await;
    let status = world.rows("SELECT SYSTEM$PIPE_STATUS('D.S.P') AS S", &["S"]).await[0][0].clone();
    assert!(status.contains("STOPPED_STAGE_DROPPED"), "{status}");
}

#[tokio::test]
async fn a_pipe_is_not_made_before_the_role_can_be_assumed() {
    let mut world = World::new().await;
    world.sql("CREATE TABLE T (V VARIANT)").await;
    world.iam.delete_role_policy().role_name("loader").policy_name("p").send().await.unwrap();
    world.iam.delete_role().role_name("loader").send().await.unwrap();
    let text = "CREATE PIPE P AUTO_INGEST = TRUE AS COPY INTO T FROM @A FILE_FORMAT = (TYPE = JSON)";
    let refused = world.flow.snowflake.run(&mut world.session, text, "q").await.unwrap_err();
    assert_eq!(refused.code, "003167");
    for (copy, code) in [
        ("COPY INTO T FROM @A PURGE = TRUE", "001434"),
        ("COPY INTO @B FROM T", "001434"),
        ("COPY INTO NOWHERE FROM @A", "002003"),
    ] {
        let text = format!("CREATE PIPE P AS {copy}");
        assert_eq!(world.flow.snowflake.run(&mut world.session, &text, "q").await.unwrap_err().code, code, "{copy}");
    }
}

#[tokio::test]
async fn a_file_flows_from_bucket_to_bucket() {
    let mut world = World::wired("", COPY).await;
    assert_eq!(
        world.tick(3600).await,
        Report { messages: 1, ..Report::default() },
        "S3's test message and nothing else"
    );
    let before = world.flow.clock.now_ms();
    world.put("in/red flower+1.csv", "a,b").await;
    world.put("elsewhere/2.csv", "a,b").await;
    let settled = world.flow.settle().await.unwrap();
    assert_eq!((settled.messages, files(&settled)), (1, vec!["red flower+1.csv REGISTERED_NEW".to_owned()]));
    assert!(settled.runs.is_empty());
    assert_eq!(world.rows("SELECT SYSTEM$STREAM_HAS_DATA('ST') AS X", &["X"]).await, [["1"]]);
    assert_eq!(world.outbound().await, Vec::<String>::new());

    let report = world.tick(30).await;
    assert_eq!(runs(&report), ["SUCCEEDED"]);
    assert_eq!((report.runs[0].task.as_str(), report.runs[0].scheduled_from.as_str()), ("D.S.T", "TRIGGER"));
    assert!(world.flow.clock.now_ms() >= before + 30_000, "the clock has moved");
    assert_eq!(world.outbound().await, ["red flower+1.csv"]);
    let columns = ["NAME", "STATE", "SCHEDULED_FROM", "ERROR_MESSAGE", "ATTEMPT_NUMBER"];
    assert_eq!(world.history(&columns).await, [["T", "SUCCEEDED", "TRIGGER", "NULL", "1"]]);
    assert_eq!(world.tick(3600).await, Report::default(), "the stream is consumed");

    world.delete("in/red flower+1.csv").await;
    let report = world.tick(0).await;
    assert_eq!(files(&report), ["red flower+1.csv UNREGISTERED"]);
    assert_eq!(runs(&report), ["SUCCEEDED"], "a removal is a change, too");
    assert_eq!(world.directory().await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_flows_if_nothing_leads_there() {
    for case in ["no notification", "never refreshed", "another prefix", "another queue", "switched off"] {
        let mut world = World::new().await;
        match case {
            "no notification" => {}
            "another prefix" => world.notify("out/").await,
            "another queue" => {
                world.send_to("arn:aws:sqs:us-east-1:494544507972:sf-snowpipe-AIDA-x", "in/").await;
            }
            _ => world.notify("in/").await,
        }
        if case != "never refreshed" {
            world.sql("ALTER STAGE A REFRESH").await;
        }
        if case == "switched off" {
            world.sql("ALTER STAGE A SET DIRECTORY = (ENABLE = FALSE)").await;
            world.sql("ALTER STAGE A SET DIRECTORY = (ENABLE = TRUE)").await;
        } else {
            world.task("", COPY).await;
        }
        world.put("in/1.csv", "a,b").await;
        let report = world.tick(3600).await;
        assert_eq!((files(&report), runs(&report)), (vec![], vec![]), "{case}");
        assert_eq!(world.directory().await, Vec::<String>::new(), "{case}");
        assert_eq!(report.undeliverable > 0, case == "another queue", "{case}: {report:?}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_consume_runs_again_after_each_interval() {
    let world = World::wired("", "COPY FILES INTO @B FROM @A").await;
    world.put("in/1.csv", "a,b").await;
    assert_eq!(runs(&world.tick(95).await).len(), 4, "at once, and after 30, 60 and 90 seconds");
    let slow = World::wired("USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS = 60", "COPY FILES INTO @B FROM @A").await;
    slow.put("in/1.csv", "a,b").await;
    assert_eq!(runs(&slow.tick(95).await).len(), 2);
}

#[tokio::test]
async fn a_body_that_fails_is_told_and_in_the_end_suspended() {
    let mut world = World::wired("SUSPEND_TASK_AFTER_NUM_FAILURES = 3", "COPY FILES INTO @NOWHERE FROM @A").await;
    world.put("in/1.csv", "a,b").await;
    let report = world.tick(600).await;
    assert_eq!(runs(&report), ["FAILED", "FAILED", "FAILED_AND_AUTO_SUSPENDED"]);
    let rows = world.history(&["STATE", "ERROR_CODE", "ERROR_MESSAGE"]).await;
    assert_eq!(rows[0][..2], ["FAILED_AND_AUTO_SUSPENDED", "002003"]);
    assert!(rows[0][2].contains("Stage 'D.S.NOWHERE' does not exist"), "{rows:?}");
    let state = world.rows("SHOW TASKS", &["state", "last_suspended_reason"]).await;
    assert_eq!(state, [["suspended", "SUSPENDED_DUE_TO_ERRORS"]]);
}

#[tokio::test]
async fn a_role_that_lost_its_rights_leaves_the_directory_as_it_was() {
    let mut world = World::wired("", COPY).await;
    world.put("in/1.csv", "a,b").await;
    world.tick(30).await;
    world.permit(&POLICY.replace("s3:*", "s3:GetObject")).await;
    world.put("in/2.csv", "a,b").await;
    world.delete("in/1.csv").await;
    let report = world.tick(30).await;
    assert_eq!(files(&report), ["2.csv REGISTER_FAILED", "1.csv UNREGISTER_FAILED"]);
    assert!(report.runs.is_empty());
    assert_eq!(world.directory().await, ["1.csv"]);
    let sql = "SELECT * FROM TABLE(D.INFORMATION_SCHEMA.STAGE_DIRECTORY_FILE_REGISTRATION_HISTORY(STAGE_NAME => 'A'))";
    let rows = world.rows(sql, &["FILE_NAME", "OPERATION_STATUS", "MESSAGE"]).await;
    assert_eq!(rows.len(), 3);
    assert!(rows[1][2].contains("is not authorized to perform: s3:ListBucket"), "{rows:?}");
    world.permit(POLICY).await;
    world.sql("ALTER STAGE A REFRESH").await;
    assert_eq!(world.directory().await, ["2.csv"]);
    assert_eq!(runs(&world.tick(0).await), ["SUCCEEDED"]);
}

#[tokio::test]
async fn what_was_not_delivered_is_delivered_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clouds");
    let opened = |clouds: Embedded| World::on(clouds.flow);
    let first = World::furnish(Embedded::open(&path).unwrap().flow).await;
    let mut world = first;
    world.notify("in/").await;
    world.sql("ALTER STAGE A REFRESH").await;
    world.task("", COPY).await;
    world.put("in/1.csv", "a,b").await;
    drop(world);

    let mut world = opened(Embedded::open(&path).unwrap());
    assert_eq!(files(&world.flow.settle().await.unwrap()), ["1.csv REGISTERED_NEW"]);
    drop(world);
    world = opened(Embedded::open(&path).unwrap());
    assert_eq!(world.flow.settle().await.unwrap(), Report::default(), "once is enough");
    assert_eq!(runs(&world.tick(0).await), ["SUCCEEDED"]);
    assert_eq!(world.outbound().await, ["1.csv"]);
}

#[tokio::test]
async fn the_background_does_it_by_itself_and_fast() {
    let mut world = World::wired("USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS = 600", COPY).await;
    world.sql("CREATE TASK HOURLY WAREHOUSE = W SCHEDULE = '60 MINUTES' AS SELECT 1").await;
    world.sql("ALTER TASK HOURLY RESUME").await;
    world.put("in/1.csv", "a,b").await;
    let seen = std::sync::Mutex::new(Report::default());
    let deadline = Instant::now() + Duration::from_mins(1);
    let done = async {
        loop {
            let hourly = seen.lock().unwrap().runs.iter().filter(|run| run.task == "D.S.HOURLY").count();
            if hourly >= 2 || Instant::now() > deadline {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        error = world.flow.run_background(20_000, |report| seen.lock().unwrap().add(report)) => panic!("{error}"),
        () = done => {}
    }
    let seen = seen.into_inner().unwrap();
    assert_eq!(files(&seen), ["1.csv REGISTERED_NEW"]);
    assert!(seen.runs.iter().filter(|run| run.task == "D.S.HOURLY" && run.state == "SUCCEEDED").count() >= 2);
    assert_eq!(world.outbound().await, ["1.csv"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whenever messages come, in whatever order and however often: when all have come, a refresh finds nothing to do.
    #[test]
    fn messages_in_any_order_end_like_a_refresh(
        steps in prop::collection::vec((0_usize..3, prop::option::of(0_usize..3), any::<u16>()), 1..14),
        order in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            world.notify("in/").await;
            world.sql("ALTER STAGE A REFRESH").await;
            let deliver = async |world: &World, at: usize| {
                let waiting = world.flow.aws.outbox();
                let (_, message) = &waiting[at % waiting.len()];
                world.flow.snowflake.message(&message.queue, &message.body).await.unwrap().unwrap();
            };
            for (key, body, early) in &steps {
                let key = format!("in/{}", ["a", "b", "a b+c"][*key]);
                match body {
                    Some(body) => world.put(&key, ["x", "y", "longer"][*body]).await,
                    None => world.delete(&key).await,
                }
                if early % 3 == 0 {
                    deliver(&world, usize::from(*early)).await;
                }
            }
            let mut left = world.flow.aws.outbox().len();
            let mut random = order;
            let mut places: Vec<usize> = (0..left).collect();
            while left > 0 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = usize::try_from(random >> 33).unwrap();
                // Now and then one comes twice.
                if random % 5 == 0 {
                    deliver(&world, at).await;
                }
                deliver(&world, places.swap_remove(at % left)).await;
                left -= 1;
            }
            let found = world.sql("ALTER STAGE A REFRESH").await;
            assert_eq!(found.rows, Vec::<Vec<Option<String>>>::new());
        });
    }
}

//! Statements and what they answer, kind by kind.

mod columns;
mod containers;
mod external_volumes;
mod files;
mod formats;
mod grants;
mod integrations;
mod load;
mod names;
mod queries;
mod resource_monitors;
mod runs;
mod stages;
mod streams;
mod tasks;
mod warehouses;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::answer::{Engine, ResultSet, SessionState, SqlError};
use super::{Simulator, Switches};
use crate::sandbox::clock::Clock;
use crate::sandbox::door::{Assumed, Door, Fut, ObjectInfo, Refusal};

/// An AWS with roles, buckets and refusals, just large enough to tell right from wrong.
#[derive(Default)]
struct Cloud(Mutex<World>);

/// Bodies with their times, by key.
type Objects = BTreeMap<String, (Vec<u8>, i64)>;

#[derive(Default)]
struct World {
    /// The principal and the external ID that each role trusts.
    trust: BTreeMap<String, (String, String)>,
    /// Region and objects of each.
    buckets: BTreeMap<String, (String, Objects)>,
    /// Actions that no policy allows.
    denied: BTreeSet<&'static str>,
    principals: BTreeSet<String>,
    clock: i64,
}

impl Cloud {
    fn world<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }

    fn bucket(&self, name: &str, region: &str) {
        self.world(|w| w.buckets.insert(name.into(), (region.into(), BTreeMap::new())));
    }

    fn file(&self, bucket: &str, key: &str, body: &str) {
        self.world(|w| {
            w.clock += 1000;
            let at = w.clock;
            w.buckets.get_mut(bucket).unwrap().1.insert(key.into(), (body.into(), at));
        });
    }

    fn unfile(&self, bucket: &str, key: &str) {
        self.world(|w| w.buckets.get_mut(bucket).unwrap().1.remove(key));
    }

    fn keys(&self, bucket: &str) -> Vec<String> {
        self.world(|w| w.buckets[bucket].1.keys().cloned().collect())
    }
}

fn denied(world: &World, by: &Assumed, action: &'static str, resource: &str) -> Result<(), Refusal> {
    if !world.denied.contains(action) {
        return Ok(());
    }
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: \"{resource}\" because no identity-based policy allows the \
         {action} action",
        by.session_arn
    );
    Err(Refusal { status: 403, code: "AccessDenied".into(), message })
}

fn no_bucket() -> Refusal {
    Refusal { status: 404, code: "NoSuchBucket".into(), message: "The specified bucket does not exist".into() }
}

fn etag(body: &[u8]) -> String {
    format!("{:032x}", body.iter().fold(7_u128, |hash, byte| hash.wrapping_mul(31).wrapping_add(u128::from(*byte))))
}

impl Door for Cloud {
    fn assume<'a>(
        &'a self,
        principal: &'a str,
        role_arn: &'a str,
        external_id: &'a str,
    ) -> Fut<'a, Result<Assumed, Refusal>> {
        Box::pin(async move {
            let wanted = (principal.to_owned(), external_id.to_owned());
            if self.world(|w| w.trust.get(role_arn) == Some(&wanted)) {
                let session_arn =
                    format!("{}/snowflake", role_arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/"));
                return Ok(Assumed { session_arn, role_arn: role_arn.into() });
            }
            let message =
                format!("User: {principal} is not authorized to perform: sts:AssumeRole on resource: {role_arn}");
            Err(Refusal { status: 403, code: "AccessDenied".into(), message })
        })
    }

    fn list<'a>(
        &'a self,
        by: &'a Assumed,
        bucket: &'a str,
        prefix: &'a str,
    ) -> Fut<'a, Result<Vec<ObjectInfo>, Refusal>> {
        Box::pin(async move {
            self.world(|w| {
                denied(w, by, "s3:ListBucket", &format!("arn:aws:s3:::{bucket}"))?;
                let (_, objects) = w.buckets.get(bucket).ok_or_else(no_bucket)?;
                Ok(objects
                    .iter()
                    .filter(|(key, _)| key.starts_with(prefix))
                    .map(|(key, (body, at))| ObjectInfo {
                        key: key.clone(),
                        size: body.len() as u64,
                        etag: etag(body),
                        modified_ms: *at,
                    })
                    .collect())
            })
        })
    }

    fn get<'a>(&'a self, by: &'a Assumed, bucket: &'a str, key: &'a str) -> Fut<'a, Result<Vec<u8>, Refusal>> {
        Box::pin(async move {
            self.world(|w| {
                denied(w, by, "s3:GetObject", &format!("arn:aws:s3:::{bucket}/{key}"))?;
                let (_, objects) = w.buckets.get(bucket).ok_or_else(no_bucket)?;
                objects.get(key).map(|(body, _)| body.clone()).ok_or_else(|| Refusal {
                    status: 404,
                    code: "NoSuchKey".into(),
                    message: "The specified key does not exist.".into(),
                })
            })
        })
    }

    fn put<'a>(
        &'a self,
        by: &'a Assumed,
        bucket: &'a str,
        key: &'a str,
        body: Vec<u8>,
    ) -> Fut<'a, Result<(), Refusal>> {
        Box::pin(async move {
            self.world(|w| {
                denied(w, by, "s3:PutObject", &format!("arn:aws:s3:::{bucket}/{key}"))?;
                w.clock += 1000;
                let at = w.clock;
                w.buckets.get_mut(bucket).ok_or_else(no_bucket)?.1.insert(key.into(), (body, at));
                Ok(())
            })
        })
    }

    fn delete<'a>(&'a self, by: &'a Assumed, bucket: &'a str, key: &'a str) -> Fut<'a, Result<(), Refusal>> {
        Box::pin(async move {
            self.world(|w| {
                denied(w, by, "s3:DeleteObject", &format!("arn:aws:s3:::{bucket}/{key}"))?;
                w.buckets.get_mut(bucket).ok_or_else(no_bucket)?.1.remove(key);
                Ok(())
            })
        })
    }

    fn bucket_region<'a>(&'a self, bucket: &'a str) -> Fut<'a, Option<String>> {
        Box::pin(async move { self.world(|w| w.buckets.get(bucket).map(|(region, _)| region.clone())) })
    }

    fn register_principal<'a>(&'a self, arn: &'a str) -> Fut<'a, ()> {
        Box::pin(async move {
            self.world(|w| w.principals.insert(arn.to_owned()));
        })
    }
}

/// An account, a session, and the AWS behind them.
struct Bench {
    simulator: Simulator,
    session: SessionState,
    cloud: Arc<Cloud>,
    clock: Arc<Clock>,
}

const ROLE_ARN: &str = "arn:aws:iam::111122223333:role/loader";

impl Bench {
    fn new() -> Self {
        Self::with(Switches::default())
    }

    fn with(switches: Switches) -> Self {
        let cloud = Arc::new(Cloud::default());
        let clock = Arc::<Clock>::default();
        let simulator = Simulator::in_memory(cloud.clone()).with_switches(switches).with_clock(clock.clone());
        let session = SessionState { user: "ANNA".into(), role: "ACCOUNTADMIN".into(), ..SessionState::default() };
        Self { simulator, session, cloud, clock }
    }

    /// With database D, schema D.S, warehouse W, bucket `in` and an integration SI that may use it and is trusted.
    fn furnished() -> Self {
        let mut bench = Self::new();
        bench.cloud.bucket("in", "eu-central-1");
        bench.cloud.bucket("out", "eu-west-1");
        bench.script(&[
            ("CREATE WAREHOUSE W INITIALLY_SUSPENDED = TRUE", "Warehouse W successfully created."),
            ("CREATE DATABASE D", "Database D successfully created."),
            ("CREATE SCHEMA D.S", "Schema S successfully created."),
        ]);
        bench.integration();
        bench.trust();
        bench
    }

    fn integration(&mut self) {
        let sql = format!(
            "CREATE OR REPLACE STORAGE INTEGRATION SI TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE STORAGE_AWS_ROLE_ARN = \
             '{ROLE_ARN}' STORAGE_ALLOWED_LOCATIONS = ('s3://in/', 's3://out/')"
        );
        self.ok(&sql);
    }

    /// Makes the role trust what SI tells of itself.
    fn trust(&mut self) {
        let (arn, id) =
            (self.property("SI", "STORAGE_AWS_IAM_USER_ARN"), self.property("SI", "STORAGE_AWS_EXTERNAL_ID"));
        self.cloud.world(|w| w.trust.insert(ROLE_ARN.into(), (arn, id)));
    }

    fn property(&mut self, integration: &str, property: &str) -> String {
        let rows = self.rows(&format!("DESC INTEGRATION {integration}"), &["property", "property_value"]);
        rows.into_iter().find(|row| row[0] == property).map_or_else(|| panic!("{property}"), |row| row[1].clone())
    }

    /// Lets time pass and runs the tasks that are due at its end: their names and states.
    fn after(&mut self, seconds: u64) -> Vec<(String, String)> {
        self.clock.advance(std::time::Duration::from_secs(seconds)).unwrap();
        let ran = futures::executor::block_on(self.simulator.run_due()).unwrap();
        ran.into_iter().map(|ran| (ran.task, ran.state)).collect()
    }

    fn run(&mut self, sql: &str) -> Result<ResultSet, SqlError> {
        futures::executor::block_on(self.simulator.run(&mut self.session, sql, "01b0-0000"))
    }

    fn ok(&mut self, sql: &str) -> ResultSet {
        self.run(sql).unwrap_or_else(|error| panic!("{sql}\n{error:?}"))
    }

    fn fails(&mut self, sql: &str) -> SqlError {
        self.run(sql).err().unwrap_or_else(|| panic!("{sql} was not refused"))
    }

    /// Statements with what they answer: a code of six digits for a refusal, a status, or `ok`.
    #[track_caller]
    fn script(&mut self, lines: &[(&str, &str)]) {
        for (sql, wanted) in lines {
            let answer = self.run(sql);
            let is_code = wanted.len() == 6 && wanted.bytes().all(|b| b.is_ascii_digit());
            match answer {
                Err(error) if is_code => assert_eq!(&error.code, wanted, "{sql}\n{error:?}"),
                Err(error) => panic!("{sql}\n{error:?}"),
                Ok(_) if is_code => panic!("{sql} was not refused with {wanted}"),
                Ok(_) if *wanted == "ok" => {}
                Ok(answer) => assert_eq!(answer.rows[0][0].as_deref(), Some(*wanted), "{sql}"),
            }
        }
    }

    /// Some columns of all rows; NULL reads `NULL`.
    #[track_caller]
    fn rows(&mut self, sql: &str, columns: &[&str]) -> Vec<Vec<String>> {
        let answer = self.ok(sql);
        let places: Vec<usize> = columns
            .iter()
            .map(|name| {
                answer.columns.iter().position(|c| c.name == *name).unwrap_or_else(|| panic!("{sql}: no column {name}"))
            })
            .collect();
        for row in &answer.rows {
            assert_eq!(row.len(), answer.columns.len(), "{sql}");
        }
        let text = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".into());
        answer.rows.iter().map(|row| places.iter().map(|at| text(&row[*at])).collect()).collect()
    }

    /// One column of the only row.
    #[track_caller]
    fn cell(&mut self, sql: &str, column: &str) -> String {
        let rows = self.rows(sql, &[column]);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows[0][0].clone()
    }

    /// One column of all rows.
    #[track_caller]
    fn column(&mut self, sql: &str, column: &str) -> Vec<String> {
        self.rows(sql, &[column]).into_iter().map(|mut row| row.remove(0)).collect()
    }

    /// Acts as another role.
    fn as_role(&mut self, role: &str) {
        self.session.role = role.to_owned();
    }
}

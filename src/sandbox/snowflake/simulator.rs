//! The account behind the wire: takes statements, gives answers.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::answer::{Engine, ResultSet, SessionState, SqlError};
use super::context::Context;
use super::fail::Fallible;
use super::results::Results;
use super::state::{ACCOUNT, Kind, State};
use super::switches::Switches;
use super::work::{self, Outcome, Worker};
use super::{params, statement};
use crate::sandbox::clock::Clock;
use crate::sandbox::door::Door;

/// The file that holds an account, in the directory of its sandbox.
const FILE: &str = "snowflake.json";

/// How often a statement may ask AWS before it has all it needs.
const ATTEMPTS: usize = 8;

/// A Snowflake account in the process. It refuses what Snowflake refuses, and reaches S3 only through roles.
pub struct Simulator {
    state: Mutex<State>,
    file: Option<PathBuf>,
    door: Arc<dyn Door>,
    switches: Switches,
    clock: Arc<Clock>,
    results: Results,
    /// One directory at a time is brought up to date.
    pub(super) refreshing: tokio::sync::Mutex<()>,
    running: Mutex<std::collections::BTreeMap<super::state::Id, u32>>,
    generation: AtomicU64,
    /// Whether AWS has been told of the account's IAM user since this process began.
    introduced: AtomicBool,
    volumes_introduced: AtomicBool,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("file", &self.file).field("switches", &self.switches).finish_non_exhaustive()
    }
}

impl Simulator {
    /// Opens the account of a sandbox directory, or makes a fresh one. The state is written after every statement that changes it.
    ///
    /// # Errors
    /// When the directory cannot be made, or its file cannot be read or is not an account.
    pub fn open(dir: &Path, door: Arc<dyn Door>) -> Result<Self, std::io::Error> {
        std::fs::create_dir_all(dir)?;
        let file = dir.join(FILE);
        let mut state = State::load(&file, Clock::default().now_ms())?;
        super::history::end_cut_off(&mut state);
        Ok(Self::with_state(state, Some(file), door))
    }

    /// A fresh account that is never written anywhere.
    pub fn in_memory(door: Arc<dyn Door>) -> Self {
        Self::with_state(State::fresh(Clock::default().now_ms()), None, door)
    }

    /// The same account, with other choices where the sources disagree.
    #[must_use]
    pub fn with_switches(mut self, switches: Switches) -> Self {
        self.switches = switches;
        self
    }

    /// The same account, on another clock than the machine's.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<Clock>) -> Self {
        self.clock = clock;
        self
    }

    fn with_state(state: State, file: Option<PathBuf>, door: Arc<dyn Door>) -> Self {
        let (state, switches) = (Mutex::new(state), Switches::default());
        Self {
            state,
            file,
            door,
            switches,
            clock: Arc::default(),
            results: Results::default(),
            refreshing: tokio::sync::Mutex::default(),
            running: Mutex::default(),
            generation: AtomicU64::default(),
            introduced: AtomicBool::new(false),
            volumes_introduced: AtomicBool::new(false),
        }
    }

    /// How many runs of which graphs are under way.
    pub(super) fn running(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<super::state::Id, u32>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that grows with every change of the account.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The time of the account.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn door(&self) -> Arc<dyn Door> {
        Arc::clone(&self.door)
    }

    /// Does something in the account under its lock, and writes the account if that changed it.
    pub(super) fn with<T>(
        &self,
        session: &mut SessionState,
        query_id: &str,
        work: impl FnOnce(&mut Context<'_>) -> Fallible<T>,
    ) -> Fallible<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (result, changed) = {
            let (now, results) = (self.clock.now_ms(), &self.results);
            let mut cx = Context::new(&mut state, session, &self.switches, results, query_id, now)?;
            let result = work(&mut cx);
            (result, cx.changed)
        };
        if changed {
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        if let (true, Some(file)) = (changed, &self.file) {
            state.save(file).map_err(|error| {
                // What is answered with an error has not happened.
                match State::load(file, self.clock.now_ms()) {
                    Ok(before) => *state = before,
                    Err(error) => tracing::error!(%error, "a change cannot be taken back in this process"),
                }
                work::not_saved(&error)
            })?;
        }
        result
    }

    /// Runs one statement.
    pub(super) async fn execute(
        &self,
        session: &mut SessionState,
        sql: &str,
        query_id: &str,
    ) -> Result<ResultSet, SqlError> {
        self.introduce(session, query_id).await?;
        let mut outside = std::collections::BTreeMap::new();
        for _ in 0..ATTEMPTS {
            let (outcome, asked) = self.with(session, query_id, |cx| {
                cx.outside = std::mem::take(&mut outside);
                let outcome = statement::run(cx, sql);
                outside = std::mem::take(&mut cx.outside);
                Ok((outcome, std::mem::take(&mut cx.asked)))
            })?;
            if asked.is_empty() {
                let mut answer = match outcome? {
                    Outcome::Done(answer) => answer,
                    Outcome::Outside(job) => {
                        Worker { simulator: self, session: &mut *session, query_id }.run(*job).await?
                    }
                };
                self.introduce(session, query_id).await?;
                self.limit(session, query_id, &mut answer)?;
                return Ok(answer);
            }
            for question in asked {
                let answer = work::ask(self, session, query_id, &question).await?;
                outside.insert(question, answer);
            }
        }
        Err(super::fail::beyond("more questions to AWS in one statement"))
    }

    /// Tells AWS of the account's IAM users, each once there is something that will use it.
    async fn introduce(&self, session: &mut SessionState, query_id: &str) -> Fallible<()> {
        let integrations = [Kind::Integration, Kind::NotificationIntegration];
        for (introduced, kinds) in
            [(&self.introduced, &integrations[..]), (&self.volumes_introduced, &[Kind::ExternalVolume])]
        {
            if introduced.load(Ordering::Acquire) {
                continue;
            }
            let arn = self.with(session, query_id, |cx| {
                let state = cx.see();
                let any = kinds.iter().any(|kind| state.of_kind(ACCOUNT, *kind).next().is_some());
                let volumes = kinds.contains(&Kind::ExternalVolume);
                Ok(any.then(|| if volumes { state.volume_user_arn() } else { state.iam_user_arn() }))
            })?;
            if let Some(arn) = arn {
                self.door.register_principal(&arn).await;
                introduced.store(true, Ordering::Release);
            }
        }
        Ok(())
    }

    /// `ROWS_PER_RESULTSET` cuts every result, SHOW too.
    fn limit(&self, session: &mut SessionState, query_id: &str, answer: &mut ResultSet) -> Fallible<()> {
        let most = self.with(session, query_id, |cx| Ok(params::in_session(cx, "ROWS_PER_RESULTSET")))?;
        match most.parse::<usize>() {
            Ok(most) if most > 0 => answer.rows.truncate(most),
            _ => {}
        }
        Ok(())
    }
}

impl Engine for Simulator {
    fn run<'a>(
        &'a self,
        session: &'a mut SessionState,
        sql: &'a str,
        query_id: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<ResultSet, SqlError>> + Send + 'a>> {
        Box::pin(async move {
            let answer = self.execute(session, sql, query_id).await;
            self.results.keep(session, query_id, answer.as_ref().ok(), self.clock.now_ms());
            answer
        })
    }

    fn role_granted(&self, user: &str, role: &str) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.role_id(role).is_some_and(|role| super::context::roles_of(&state, user).contains(&role))
    }

    fn begin(&self, session: &mut SessionState) -> Vec<&'static str> {
        let begun = self.with(session, "", |cx| Ok(statement::begin(cx)));
        begun.unwrap_or_default()
    }

    /// The statement runs on a copy of the account, which is then thrown away.
    fn describe(&self, session: &SessionState, sql: &str, query_id: &str) -> Result<ResultSet, SqlError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut session, now) = (session.clone(), self.clock.now_ms());
        let mut cx = Context::new(&mut state, &mut session, &self.switches, &self.results, query_id, now)?;
        match statement::run(&mut cx, sql)? {
            Outcome::Done(mut answer) => {
                answer.rows.clear();
                Ok(answer)
            }
            Outcome::Outside(_) => Err(super::fail::unsupported("describing a statement that asks AWS")),
        }
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }
}

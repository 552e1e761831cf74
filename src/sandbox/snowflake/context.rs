//! What a statement runs in: the account, the session, and the rules of names and privileges that all kinds share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::answer::{ResultSet, SessionState};
use super::fail::{self, Fallible};
use super::parse::{Name, Parser, StagePath};
use super::results::Results;
use super::state::{ACCOUNT, Body, Home, Id, Kind, Object, State};
use super::switches::Switches;

/// A statement's surroundings.
pub(super) struct Context<'a> {
    state: &'a mut State,
    /// Whether anything was changed, so that the account must be saved.
    pub(super) changed: bool,
    pub(super) session: &'a mut SessionState,
    pub(super) switches: &'a Switches,
    /// What statements answered before.
    pub(super) results: &'a Results,
    pub(super) query_id: &'a str,
    /// Milliseconds since the epoch.
    pub(super) now: i64,
    /// The session's role.
    pub(super) role: Id,
    /// The session's role and all it inherits.
    pub(super) roles: BTreeSet<Id>,
    /// What AWS said to the questions of an earlier attempt.
    pub(super) outside: BTreeMap<Question, Told>,
    /// Questions that only AWS can answer.
    pub(super) asked: Vec<Question>,
}

/// A question that a statement meets while it runs and that only AWS can answer: it is asked when the account is free, and the statement
/// runs again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// The arguments of `SYSTEM$VALIDATE_STORAGE_INTEGRATION`.
    Integration(Vec<String>),
    /// The name in `SYSTEM$VERIFY_EXTERNAL_VOLUME`.
    Volume(String),
    /// The rows of a stage's files.
    Files(StagedFiles),
}

/// Files of a stage that a query reads: `@stage/path (FILE_FORMAT => 'f', PATTERN => 'p')`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StagedFiles {
    pub(super) stage: StagePath,
    /// The name of a file format, as written.
    pub(super) file_format: Option<String>,
    pub(super) pattern: Option<String>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Text(String),
    /// Columns `$1`, `$2` and so on, then `METADATA$FILENAME` and the other columns of metadata.
    Rows(Arc<ResultSet>),
}

/// Whose rights and whose place a statement had before it stood in for somebody.
pub(super) struct Standing {
    role: Id,
    roles: BTreeSet<Id>,
    database: Option<String>,
    schema: Option<String>,
}

/// The place of an object that may be created.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) parent: Id,
    pub(super) name: String,
    /// What `OR REPLACE` removes.
    pub(super) replaced: Option<Id>,
}

/// What stands at the place of an object to be created.
pub(super) enum Claim {
    Free(Slot),
    /// `IF NOT EXISTS`, and it exists.
    Taken(ResultSet),
}

/// The head of a CREATE.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Create {
    pub(super) or_replace: bool,
    pub(super) if_not_exists: bool,
}

impl Create {
    /// Reads `IF NOT EXISTS`, which cannot go with `OR REPLACE`.
    pub(super) fn if_not_exists(mut self, p: &mut Parser<'_>) -> Fallible<Self> {
        let place = p.mark_place();
        if p.eat("IF NOT EXISTS") {
            if self.or_replace {
                return Err(p.unexpected_at(place));
            }
            self.if_not_exists = true;
        }
        Ok(self)
    }
}

impl<'a> Context<'a> {
    pub(super) fn new(
        state: &'a mut State,
        session: &'a mut SessionState,
        switches: &'a Switches,
        results: &'a Results,
        query_id: &'a str,
        now: i64,
    ) -> Fallible<Self> {
        let name = if session.role.is_empty() { "PUBLIC" } else { session.role.as_str() };
        let Some(role) = state.role_id(name) else { return Err(fail::missing("Role", name)) };
        let roles = inherited(state, role);
        Ok(Self {
            state,
            changed: false,
            session,
            switches,
            results,
            query_id,
            now,
            role,
            roles,
            outside: BTreeMap::new(),
            asked: Vec::new(),
        })
    }

    pub(super) fn see(&self) -> &State {
        self.state
    }

    pub(super) fn edit(&mut self) -> &mut State {
        self.changed = true;
        self.state
    }

    /// A cursor over a text, with the session's rule for quoted names.
    pub(super) fn parser<'s>(&self, sql: &'s str) -> Fallible<Parser<'s>> {
        let folds = super::params::in_session(self, "QUOTED_IDENTIFIERS_IGNORE_CASE") == "true";
        Ok(Parser::new(sql)?.folding_quoted(folds))
    }

    /// Takes the rights of the owner of an object, and its place: what a view names, it names from where it lies.
    pub(super) fn stand_in(&mut self, object: Id) -> Standing {
        let path: Vec<String> = self.state.path(object).into_iter().map(str::to_owned).collect();
        let (database, schema) = (path.first().cloned(), path.get(1).cloned());
        let kept = Standing {
            role: self.role,
            roles: std::mem::take(&mut self.roles),
            database: std::mem::replace(&mut self.session.database, database),
            schema: std::mem::replace(&mut self.session.schema, schema),
        };
        self.role = self.state.get(object).and_then(|o| o.owner).unwrap_or(self.role);
        self.roles = inherited(self.state, self.role);
        kept
    }

    /// Gives back what `stand_in` took.
    pub(super) fn stand_back(&mut self, kept: Standing) {
        (self.role, self.roles) = (kept.role, kept.roles);
        (self.session.database, self.session.schema) = (kept.database, kept.schema);
    }

    // --- names -------------------------------------------------------------------------------------------------------------------

    pub(super) fn database(&self, name: &str) -> Fallible<&Object> {
        self.see()
            .find(ACCOUNT, Kind::Database, name)
            .filter(|o| self.visible(o))
            .ok_or_else(|| fail::missing("Database", name))
    }

    /// A schema by a name of one or two parts.
    pub(super) fn schema(&self, name: &Name) -> Fallible<&Object> {
        let (database, schema) = match name.0.as_slice() {
            [schema] => (self.current_database("this operation")?, schema.clone()),
            [database, schema] => (database.clone(), schema.clone()),
            _ => return Err(fail::missing("Schema", &name.shown())),
        };
        let parent = self.database(&database)?;
        self.see()
            .find(parent.id, Kind::Schema, &schema)
            .filter(|o| self.visible(o))
            .ok_or_else(|| fail::missing("Schema", &format!("{database}.{schema}")))
    }

    fn current_database(&self, what: &str) -> Fallible<String> {
        self.session.database.clone().ok_or_else(|| fail::no_database(what))
    }

    /// The container that a name of an object of this kind points into; 0 for the account.
    pub(super) fn home_of(&self, kind: Kind, name: &Name, what: &str) -> Fallible<Id> {
        match (kind.home(), name.0.as_slice()) {
            (Home::Account, [_]) => Ok(ACCOUNT),
            (Home::Database, [_]) => self.database(&self.current_database(what)?).map(|o| o.id),
            (Home::Database, [database, _]) => self.database(database).map(|o| o.id),
            (Home::Schema, [_]) => {
                let database = self.current_database(what)?;
                let schema = self.session.schema.clone().ok_or_else(|| fail::no_schema(what))?;
                self.schema(&Name(vec![database, schema])).map(|o| o.id)
            }
            (Home::Schema, [schema, _]) => {
                let database = self.current_database(what)?;
                self.schema(&Name(vec![database, schema.clone()])).map(|o| o.id)
            }
            (Home::Schema, [database, schema, _]) => {
                self.schema(&Name(vec![database.clone(), schema.clone()])).map(|o| o.id)
            }
            _ => Err(fail::missing(kind.title(), &name.shown())),
        }
    }

    /// A visible object by name. A missing object, and one the role may not see, read the same.
    pub(super) fn object(&self, kind: Kind, name: &Name, what: &str) -> Fallible<&Object> {
        let parent = self.home_of(kind, name, what)?;
        self.see().find(parent, kind, name.last()).filter(|o| o.kind() == kind && self.visible(o)).ok_or_else(|| {
            let mut shown: Vec<&str> = self.see().path(parent);
            shown.push(name.last());
            fail::missing(kind.title(), &shown.join("."))
        })
    }

    /// A visible object on which the role has a privilege; else 001003, 002003 or 003001.
    pub(super) fn object_with(&self, kind: Kind, name: &Name, privileges: &[&str], what: &str) -> Fallible<Id> {
        let object = self.object(kind, name, what)?;
        self.demand(object.id, privileges)?;
        Ok(object.id)
    }

    // --- privileges --------------------------------------------------------------------------------------------------------------

    /// Whether one of these roles holds a privilege on a target (or owns it).
    pub(super) fn holds(&self, roles: &BTreeSet<Id>, target: Id, privilege: &str) -> bool {
        let state = self.see();
        let owns = state.get(target).is_some_and(|o| match o.owner {
            Some(owner) => roles.contains(&owner),
            None => false,
        });
        let granted = |grant: &super::state::Grant| roles.contains(&grant.role) && grant.privilege == privilege;
        owns || state.grants.get(&target).is_some_and(|grants| grants.iter().any(granted))
    }

    pub(super) fn manages_grants(&self) -> bool {
        self.holds(&self.roles, ACCOUNT, "MANAGE GRANTS")
    }

    /// Whether the role may know of an object: it has any privilege on it and can reach into what it lies in.
    pub(super) fn visible(&self, object: &Object) -> bool {
        let state = self.see();
        if matches!(object.body, Body::Role) || self.manages_grants() {
            return true;
        }
        let system_schema = object.owner.is_none() && object.kind() == Kind::Schema;
        // Which database roles there are is known to whoever may use the database.
        let any = system_schema
            || object.kind() == Kind::DatabaseRole
            || object.owner.is_some_and(|owner| self.roles.contains(&owner))
            || state.grants.get(&object.id).is_some_and(|grants| grants.iter().any(|g| self.roles.contains(&g.role)))
            || (object.kind() == Kind::Task && self.holds(&self.roles, ACCOUNT, "MONITOR EXECUTION"));
        any && self.reaches(object.parent)
    }

    /// Whether the role has USAGE on a container and on what it lies in.
    fn reaches(&self, container: Id) -> bool {
        match self.see().get(container) {
            None => true,
            Some(object) => self.holds(&self.roles, container, "USAGE") && self.reaches(object.parent),
        }
    }

    /// One of these privileges is needed on an object; owning it is always enough. Else 003001.
    pub(super) fn demand(&self, target: Id, privileges: &[&str]) -> Fallible<()> {
        let enough = self.holds(&self.roles, target, "OWNERSHIP")
            || privileges.iter().any(|privilege| self.holds(&self.roles, target, privilege));
        if enough { Ok(()) } else { Err(self.insufficient(target)) }
    }

    pub(super) fn insufficient(&self, target: Id) -> super::answer::SqlError {
        match self.see().get(target) {
            Some(object) => fail::insufficient(&object.kind().words().to_lowercase(), &object.name),
            None => fail::insufficient("account", &self.see().locator),
        }
    }

    // --- creating and dropping ---------------------------------------------------------------------------------------------------

    /// Checks that an object of this kind may be created under this name.
    pub(super) fn claim(&self, kind: Kind, name: &Name, create: Create, privileges: &[&str]) -> Fallible<Claim> {
        let parent = self.home_of(kind, name, &format!("CREATE {}", kind.words()))?;
        let Some(existing) = self.see().find(parent, kind, name.last()) else {
            self.demand_create(parent, kind, privileges)?;
            return Ok(Claim::Free(Slot { parent, name: name.last().to_owned(), replaced: None }));
        };
        let full = self.see().bare_name(existing.id);
        if !self.visible(existing) {
            return Err(fail::exists_unseen(kind.title(), &full));
        }
        if existing.kind() != kind {
            return Err(fail::exists_as(&full, existing.kind().words()));
        }
        if create.if_not_exists {
            return Ok(Claim::Taken(ResultSet::status(format!(
                "{} already exists, statement succeeded.",
                existing.name
            ))));
        }
        if !create.or_replace {
            return Err(fail::already_exists(&full));
        }
        self.demand(existing.id, &[])?;
        self.demand_create(parent, kind, privileges)?;
        Ok(Claim::Free(Slot { parent, name: name.last().to_owned(), replaced: Some(existing.id) }))
    }

    fn demand_create(&self, parent: Id, kind: Kind, privileges: &[&str]) -> Fallible<()> {
        let usual = format!("CREATE {}", kind.words());
        if kind == Kind::ResourceMonitor && super::resource_monitor::may_create(self) {
            return Ok(());
        }
        if self.holds(&self.roles, parent, &usual) || privileges.iter().any(|p| self.holds(&self.roles, parent, p)) {
            return Ok(());
        }
        Err(self.insufficient(parent))
    }

    /// Puts a new object into its place, in the stead of what `OR REPLACE` removes.
    pub(super) fn put(&mut self, slot: &Slot, comment: Option<String>, body: Body) -> Id {
        let (role, now) = (self.role, self.now);
        if let Some(old) = slot.replaced {
            self.drop_object(old);
        }
        let state = self.edit();
        let id = state.insert(slot.parent, &slot.name, Some(role), now, body);
        if let Some(object) = state.objects.get_mut(&id) {
            object.comment = comment.unwrap_or_default();
        }
        super::future::endow(state, id, now);
        id
    }

    /// Removes an object and what lies in it, and tells the task graphs.
    pub(super) fn drop_object(&mut self, id: Id) {
        let state = self.edit();
        state.remove(id);
        super::graph::sever_lost_edges(state);
    }
}

/// A role and everything it inherits, with PUBLIC.
pub(super) fn inherited(state: &State, role: Id) -> BTreeSet<Id> {
    let mut all = BTreeSet::new();
    let mut open = vec![role];
    open.extend(state.role_id("PUBLIC"));
    while let Some(next) = open.pop() {
        if all.insert(next) {
            open.extend(state.role_members.get(&next).into_iter().flatten());
        }
    }
    all
}

/// The roles a user may take. Users nobody granted anything have ACCOUNTADMIN.
pub(super) fn roles_of(state: &State, user: &str) -> BTreeSet<Id> {
    let own = state.user_roles.get(user).into_iter().flatten().copied();
    own.chain(state.role_id("ACCOUNTADMIN")).flat_map(|role| inherited(state, role)).collect()
}

/// `<Kind> N successfully created.`
pub(super) fn created(what: &str, name: &str) -> ResultSet {
    ResultSet::status(format!("{what} {name} successfully created."))
}

/// The answer of ALTER, GRANT and COMMENT.
pub(super) fn executed() -> ResultSet {
    ResultSet::status("Statement executed successfully.")
}

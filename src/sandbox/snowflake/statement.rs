//! The head of every statement, and which part of the account it goes to.

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, executed};
use super::fail::{self, Fallible};
use super::lex::Tok;
use super::parse::{Name, Parser};
use super::state::{ACCOUNT, Home, Id, Kind};
use super::work::{Job, Outcome};
use super::{
    alert, beyond, container, dml, external_volume, file_format, files, future, granted, grants, integration, load,
    notification, params, pipe, query, resource_monitor, roles, stage, stage_read, stream, table, tag, task, task_read,
    warehouse,
};

/// Runs one statement.
pub(super) fn run(cx: &mut Context<'_>, sql: &str) -> Fallible<Outcome> {
    let mut parser = cx.parser(sql)?;
    let p = &mut parser;
    while p.mark(";") {}
    if p.at_end() {
        return Err(fail::error("000900", "42601", "SQL compilation error:\nEmpty SQL statement."));
    }
    if p.is_mark("(") {
        return query::run(cx, sql).map(Outcome::Done);
    }
    let Some(verb) = p.word() else { return Err(p.unexpected()) };
    if verb == "SELECT" || verb == "WITH" {
        return query::run(cx, sql).map(Outcome::Done);
    }
    p.advance();
    match verb.as_str() {
        "CREATE" => create(cx, p, sql),
        "ALTER" => alter(cx, p),
        "DROP" => drop(cx, p).map(Outcome::Done),
        "SHOW" => show(cx, p).map(Outcome::Done),
        "DESC" | "DESCRIBE" => describe(cx, p).map(Outcome::Done),
        "USE" => use_object(cx, p).map(Outcome::Done),
        "GRANT" => grants::grant(cx, p).map(Outcome::Done),
        "REVOKE" => grants::revoke(cx, p).map(Outcome::Done),
        "COMMENT" => comment(cx, p).map(Outcome::Done),
        "INSERT" => dml::insert(cx, p).map(Outcome::Done),
        "DELETE" => dml::delete(cx, sql).map(Outcome::Done),
        "UPDATE" => dml::update(cx, sql).map(Outcome::Done),
        "MERGE" => dml::merge(cx, sql).map(Outcome::Done),
        "TRUNCATE" => dml::truncate(cx, p).map(Outcome::Done),
        "LIST" | "LS" => files::list(cx, p),
        "REMOVE" | "RM" => files::remove(cx, p),
        "COPY" => {
            if p.eat("FILES") {
                return files::copy_files(cx, p);
            }
            p.need("INTO")?;
            load::copy_into(cx, p)
        }
        "EXECUTE" => execute(cx, p),
        "BEGIN" => block(p),
        "UNDROP" => Err(fail::unsupported("UNDROP")),
        "COMMIT" | "ROLLBACK" => end_transaction(p).map(Outcome::Done),
        "PUT" | "GET" => Err(files::put_or_get(cx, p, &verb)),
        "CALL" | "SET" | "UNSET" | "DECLARE" | "EXPLAIN" | "START" => Err(fail::unsupported(&verb)),
        _ => {
            p.back_to(p.mark_place() - 1);
            Err(p.unexpected())
        }
    }
}

/// What a bare INTEGRATION of this name is: a word that leaves it open which kind.
pub(super) fn which_integration(cx: &Context<'_>, said: Kind, name: &Name) -> Kind {
    let found = cx.see().find(ACCOUNT, Kind::Integration, name.last()).map(super::state::Object::kind);
    found.filter(|_| said == Kind::Integration).unwrap_or(said)
}

/// The kind that comes next.
fn kind(cx: &Context<'_>, p: &mut Parser<'_>) -> Option<Kind> {
    if p.eat("STORAGE INTEGRATION") {
        return Some(Kind::Integration);
    }
    if p.eat("INTEGRATION") {
        let place = p.mark_place();
        p.eat("IF EXISTS");
        let kind = p.name().map_or(Kind::Integration, |name| which_integration(cx, Kind::Integration, &name));
        p.back_to(place);
        return Some(kind);
    }
    Kind::ALL.into_iter().find(|kind| p.eat(kind.words()))
}

fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, sql: &str) -> Fallible<Outcome> {
    if p.eat("OR ALTER") {
        return Err(fail::unsupported("CREATE OR ALTER"));
    }
    let head = Create { or_replace: p.eat("OR REPLACE"), if_not_exists: false };
    let place = p.mark_place();
    let modifier =
        p.eat_one(&["TRANSIENT", "TEMPORARY", "TEMP", "VOLATILE", "SECURE", "LOCAL TEMPORARY", "LOCAL TEMP"]);
    let (transient, secure) = (modifier == Some("TRANSIENT"), modifier == Some("SECURE"));
    let temporary = modifier.is_some() && !transient && !secure;
    if p.is("INTEGRATION") {
        // The kind of integration must be said.
        return Err(p.unexpected());
    }
    let Some(kind) = kind(cx, p) else { return Err(beyond::kind("CREATE", p)) };
    let allowed = match kind {
        Kind::Database | Kind::Schema => !temporary && !secure,
        Kind::Table => !secure,
        Kind::Stage | Kind::FileFormat => !transient && !secure,
        Kind::View => !transient,
        _ => modifier.is_none(),
    };
    if !allowed {
        return Err(p.unexpected_at(place));
    }
    let done = match kind {
        Kind::Stage => return stage::create(cx, p, head, temporary),
        Kind::Pipe => return pipe::create(cx, p, head),
        Kind::Role => roles::create(cx, p, head, Kind::Role),
        Kind::DatabaseRole => roles::create(cx, p, head, Kind::DatabaseRole),
        Kind::Database => container::create_database(cx, p, head, transient),
        Kind::Schema => container::create_schema(cx, p, head, transient),
        Kind::Warehouse => warehouse::create(cx, p, head),
        Kind::Integration => integration::create(cx, p, head),
        Kind::NotificationIntegration => notification::create(cx, p, head),
        Kind::Alert => alert::create(cx, p, head),
        Kind::FileFormat => file_format::create(cx, p, head),
        Kind::Stream => stream::create(cx, p, head),
        Kind::Task => task::create(cx, p, head),
        Kind::ResourceMonitor => resource_monitor::create(cx, p, head),
        Kind::ExternalVolume => external_volume::create(cx, p, head),
        Kind::Tag => tag::create(cx, p, head),
        Kind::View => table::create_view(cx, p, head, secure, sql),
        Kind::Table => {
            let sort = if temporary {
                "TEMPORARY"
            } else if transient {
                "TRANSIENT"
            } else {
                "TABLE"
            };
            dml::create_table(cx, p, head, sort)
        }
    };
    done.map(Outcome::Done)
}

fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<Outcome> {
    if p.eat("SESSION") {
        return params::alter_session(cx, p).map(Outcome::Done);
    }
    if p.eat("ACCOUNT") {
        return params::alter_account(cx, p).map(Outcome::Done);
    }
    let Some(kind) = kind(cx, p) else { return Err(beyond::kind("ALTER", p)) };
    let if_exists = p.eat("IF EXISTS");
    // `ALTER WAREHOUSE SUSPEND` means the session's own.
    let own = kind == Kind::Warehouse && ["SUSPEND", "RESUME", "SET"].iter().any(|verb| p.is(verb));
    let name = if own { Name(vec![cx.session.warehouse.clone().ok_or_else(no_warehouse)?]) } else { p.name()? };
    let what = format!("ALTER {}", kind.words());
    let id = match cx.object(kind, &name, &what) {
        Ok(object) => object.id,
        Err(error) => {
            // IF EXISTS forgives the object that is missing, not the schema it should be in.
            cx.home_of(kind, &name, &what)?;
            return if if_exists { Ok(Outcome::Done(executed())) } else { Err(error) };
        }
    };
    if p.is("SET TAG") || p.is("UNSET TAG") {
        return Err(fail::unsupported("tags"));
    }
    if p.eat("RENAME TO") {
        return rename(cx, p, kind, id).map(Outcome::Done);
    }
    let done = match kind {
        Kind::Stage => return stage::alter(cx, p, id),
        Kind::Pipe => return pipe::alter(cx, p, id),
        Kind::Role | Kind::DatabaseRole => roles::alter(cx, p, id),
        Kind::Database | Kind::Schema => container::alter(cx, p, id, kind),
        Kind::Warehouse => warehouse::alter(cx, p, id),
        Kind::Integration => integration::alter(cx, p, id),
        Kind::NotificationIntegration => notification::alter(cx, p, id),
        Kind::Alert => alert::alter(cx, p, id),
        Kind::FileFormat => file_format::alter(cx, p, id),
        Kind::Stream => stream::alter(cx, p, id),
        Kind::Task => task::alter(cx, p, id),
        Kind::ResourceMonitor => resource_monitor::alter(cx, p, id),
        Kind::ExternalVolume => external_volume::alter(cx, p, id),
        Kind::Tag => tag::alter(cx, p, id),
        Kind::Table | Kind::View => table::alter(cx, p, id, kind),
    };
    done.map(Outcome::Done)
}

fn no_warehouse() -> super::answer::SqlError {
    let text = "No active warehouse selected in the current session.  Select an active warehouse with the 'use warehouse' command.";
    fail::error("000606", "57P03", text)
}

/// Integrations, external volumes, streams, tasks, pipes, alerts and resource monitors keep their names.
fn rename(cx: &mut Context<'_>, p: &mut Parser<'_>, kind: Kind, id: Id) -> Fallible<ResultSet> {
    let account = matches!(
        kind,
        Kind::Integration | Kind::NotificationIntegration | Kind::ResourceMonitor | Kind::ExternalVolume
    );
    if account || matches!(kind, Kind::Stream | Kind::Task | Kind::Pipe | Kind::Alert) {
        p.back_to(p.mark_place() - 2);
        return Err(p.unexpected());
    }
    let name = p.name()?;
    p.end()?;
    cx.demand(id, &[])?;
    match cx.claim(kind, &name, Create::default(), &[])? {
        Claim::Free(slot) => cx.edit().rename(id, slot.parent, &slot.name),
        Claim::Taken(answer) => return Ok(answer),
    }
    Ok(executed())
}

fn drop(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let Some(kind) = kind(cx, p) else { return Err(beyond::kind("DROP", p)) };
    let if_exists = p.eat("IF EXISTS");
    let name = p.name()?;
    let how = if matches!(kind, Kind::Database | Kind::Schema | Kind::Table) {
        p.eat_one(&["CASCADE", "RESTRICT"])
    } else {
        None
    };
    p.end()?;
    let what = format!("DROP {}", kind.words());
    let id = match cx.object(kind, &name, &what) {
        Ok(object) => object.id,
        Err(error) => {
            cx.home_of(kind, &name, &what)?;
            if !if_exists {
                return Err(error);
            }
            let text = format!("Drop statement executed successfully ({} already dropped).", name.last());
            return Ok(ResultSet::status(text));
        }
    };
    cx.demand(id, &[])?;
    if cx.see().get(id).is_some_and(|o| o.owner.is_none()) {
        return Err(cx.insufficient(id));
    }
    if kind == Kind::Task {
        task::check_drop(cx, id)?;
    }
    if how == Some("RESTRICT") && kind != Kind::Table && inside(cx, id) {
        let text = format!(
            "SQL compilation error:\nCannot drop {} {}: it is not empty.",
            kind.words().to_lowercase(),
            name.shown()
        );
        return Err(fail::error("002008", "2BP01", text));
    }
    if matches!(kind, Kind::Role | Kind::DatabaseRole) {
        roles::bequeath(cx, id);
    }
    let shown = cx.see().get(id).map(|o| o.name.clone()).unwrap_or_default();
    cx.drop_object(id);
    forget_current(cx, kind, &name);
    Ok(ResultSet::status(format!("{shown} successfully dropped.")))
}

/// Whether a container holds anything that was not made with it.
fn inside(cx: &Context<'_>, id: Id) -> bool {
    cx.see().children(id).any(|o| match o.kind() {
        Kind::Schema => o.owner.is_some() && (o.name != "PUBLIC" || cx.see().children(o.id).next().is_some()),
        _ => true,
    })
}

/// The session must not point at what is gone.
fn forget_current(cx: &mut Context<'_>, kind: Kind, name: &Name) {
    match (kind, name.0.as_slice()) {
        (Kind::Database, [database]) if cx.session.database.as_ref() == Some(database) => {
            cx.session.database = None;
            cx.session.schema = None;
        }
        (Kind::Schema, [schema]) if cx.session.schema.as_ref() == Some(schema) => cx.session.schema = None,
        (Kind::Schema, [database, schema])
            if cx.session.database.as_ref() == Some(database) && cx.session.schema.as_ref() == Some(schema) =>
        {
            cx.session.schema = None;
        }
        (Kind::Warehouse, [warehouse]) if cx.session.warehouse.as_ref() == Some(warehouse) => {
            cx.session.warehouse = None;
        }
        _ => {}
    }
}

fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let terse = p.eat("TERSE");
    for (words, show) in [
        ("PARAMETERS", params::show as fn(&Context<'_>, &mut Parser<'_>) -> Fallible<ResultSet>),
        ("FUTURE GRANTS", future::show),
        ("GRANTS", granted::show),
        ("DATABASE ROLES", roles::show_database_roles),
        ("ROLES", roles::show),
        ("STORAGE INTEGRATIONS", integration::show_storage),
        ("NOTIFICATION INTEGRATIONS", integration::show_notification),
        ("INTEGRATIONS", integration::show),
        ("ALERTS", alert::show),
        ("WAREHOUSES", warehouse::show),
        ("RESOURCE MONITORS", resource_monitor::show),
        ("EXTERNAL VOLUMES", external_volume::show),
        ("FILE FORMATS", file_format::show),
        ("STAGES", stage_read::show),
        ("PIPES", pipe::show),
        ("TABLES", table::show_tables),
        ("VIEWS", table::show_views),
        ("TAGS", tag::show),
    ] {
        if p.eat(words) {
            return show(cx, p);
        }
    }
    for (words, show) in [
        ("DATABASES", container::show_databases as fn(&Context<'_>, &mut Parser<'_>, bool) -> Fallible<ResultSet>),
        ("SCHEMAS", container::show_schemas),
        ("STREAMS", stream::show),
        ("TASKS", task_read::show),
    ] {
        if p.eat(words) {
            return show(cx, p, terse);
        }
    }
    Err(beyond::list(p))
}

fn describe(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let Some(kind) = kind(cx, p) else { return Err(beyond::kind("DESC", p)) };
    if matches!(kind, Kind::Role | Kind::DatabaseRole | Kind::ResourceMonitor | Kind::Tag) {
        return Err(p.unexpected());
    }
    let name = p.name()?;
    p.end()?;
    let id = cx.object(kind, &name, &format!("DESC {}", kind.words()))?.id;
    match kind {
        Kind::Integration => integration::describe(cx, id),
        Kind::NotificationIntegration => notification::describe(cx, id),
        Kind::Alert => Ok(alert::describe(cx, id)),
        Kind::ExternalVolume => external_volume::describe(cx, id),
        Kind::FileFormat => file_format::describe(cx, id),
        Kind::Stage => stage_read::describe(cx, id),
        Kind::Database | Kind::Schema => Ok(container::describe(cx, id)),
        Kind::Warehouse => Ok(warehouse::describe(cx, id)),
        Kind::Stream => Ok(stream::describe(cx, id)),
        Kind::Pipe => Ok(pipe::describe(cx, id)),
        Kind::Task => Ok(task_read::describe(cx, id)),
        Kind::Table | Kind::View | Kind::Role | Kind::DatabaseRole | Kind::ResourceMonitor | Kind::Tag => {
            Ok(table::describe(cx, id))
        }
    }
}

/// `USE {ROLE|WAREHOUSE|DATABASE|SCHEMA} n`, or `USE n`.
fn use_object(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    if p.eat("SECONDARY ROLES") {
        // Secondary roles add nothing here: a session has its one role and what that inherits.
        if !p.eat("ALL") && !p.eat("NONE") {
            p.name()?;
        }
        p.end()?;
        return Ok(used());
    }
    let kind = [Kind::Role, Kind::Warehouse, Kind::Database, Kind::Schema].into_iter().find(|kind| p.eat(kind.words()));
    let name = p.name()?;
    p.end()?;
    match kind {
        Some(Kind::Role) => use_role(cx, &name)?,
        Some(Kind::Warehouse) => {
            let found =
                cx.object(Kind::Warehouse, &name, "USE").map(|o| o.name.clone()).map_err(|_| fail::nowhere())?;
            cx.session.warehouse = Some(found);
        }
        Some(Kind::Schema) => use_schema(cx, &name)?,
        _ if name.0.len() == 2 => use_schema(cx, &name)?,
        _ => {
            if name.0.len() > 1 {
                return Err(fail::nowhere());
            }
            use_database(cx, name.last())?;
        }
    }
    Ok(used())
}

fn used() -> ResultSet {
    let mut answer = executed();
    answer.statement_type = 0x4300;
    answer
}

fn use_schema(cx: &mut Context<'_>, name: &Name) -> Fallible<()> {
    let id =
        cx.schema(name).map(|o| o.id).map_err(|error| if error.code == "090105" { error } else { fail::nowhere() })?;
    let path: Vec<String> = cx.see().path(id).into_iter().map(str::to_owned).collect();
    if let [database, schema] = path.as_slice() {
        cx.session.database = Some(database.clone());
        cx.session.schema = Some(schema.clone());
    }
    Ok(())
}

/// Puts a session that begins where it asks to be, and tells the kinds of what it cannot have.
pub(super) fn begin(cx: &mut Context<'_>) -> Vec<&'static str> {
    let mut lost = Vec::new();
    if let Some(warehouse) = cx.session.warehouse.take() {
        match cx.object(Kind::Warehouse, &Name(vec![warehouse]), "USE").map(|o| o.name.clone()) {
            Ok(found) => cx.session.warehouse = Some(found),
            Err(_) => lost.push("warehouse"),
        }
    }
    let (database, schema) = (cx.session.database.take(), cx.session.schema.take());
    if let Some(database) = database {
        match use_database(cx, &database) {
            // Without a schema of its own, the session is in PUBLIC, as after USE DATABASE.
            Ok(()) => {
                if let Some(schema) = schema
                    && use_schema(cx, &Name(vec![database, schema])).is_err()
                {
                    cx.session.schema = None;
                    lost.push("schema");
                }
            }
            Err(_) => lost.push("database"),
        }
    }
    lost
}

fn use_database(cx: &mut Context<'_>, name: &str) -> Fallible<()> {
    let database = cx.object(Kind::Database, &Name(vec![name.to_owned()]), "USE").map_err(|_| fail::nowhere())?;
    let public = cx.see().find(database.id, Kind::Schema, "PUBLIC").is_some_and(|schema| cx.visible(schema));
    cx.session.database = Some(name.to_owned());
    cx.session.schema = public.then(|| "PUBLIC".to_owned());
    Ok(())
}

/// A role must be granted to the user, or inherited by one that is.
fn use_role(cx: &mut Context<'_>, name: &Name) -> Fallible<()> {
    let Some(role) = cx.see().role_id(name.last()) else { return Err(fail::missing("Role", name.last())) };
    let mut granted = cx.roles.clone();
    granted.extend(super::context::roles_of(cx.see(), &cx.session.user));
    if !granted.contains(&role) {
        let text = format!(
            "SQL access control error:\nRequested role '{}' is not assigned to the executing user. Specify another role to activate.",
            name.last()
        );
        return Err(fail::error("003013", "42501", text));
    }
    name.last().clone_into(&mut cx.session.role);
    Ok(())
}

/// `COMMENT [IF EXISTS] ON <kind> n IS '…'`.
fn comment(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let if_exists = p.eat("IF EXISTS");
    p.need("ON")?;
    let Some(kind) = kind(cx, p) else { return Err(p.unexpected()) };
    let name = p.name()?;
    p.need("IS")?;
    let text = p.text()?;
    p.end()?;
    let id = match cx.object(kind, &name, "COMMENT") {
        Ok(object) => object.id,
        Err(_) if if_exists => {
            cx.home_of(kind, &name, "COMMENT")?;
            return Ok(executed());
        }
        Err(error) => return Err(error),
    };
    let more: &[&str] = if kind.home() == Home::Schema { &[] } else { &["MODIFY"] };
    cx.demand(id, more)?;
    if kind == Kind::Task {
        super::graph::demand_suspended(cx.see(), id)?;
    }
    if let Some(object) = cx.edit().objects.get_mut(&id) {
        object.comment = text;
    }
    Ok(executed())
}

/// `EXECUTE TASK n` and `EXECUTE IMMEDIATE '…'`.
fn execute(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<Outcome> {
    if p.eat("IMMEDIATE") {
        let text = p.text()?;
        p.end()?;
        return Ok(Outcome::Outside(Box::new(Job::Block(vec![text]))));
    }
    p.need("TASK")?;
    let name = p.name()?;
    let retry = p.eat("RETRY LAST");
    p.end()?;
    let id = cx.object(Kind::Task, &name, "EXECUTE TASK")?.id;
    cx.demand(id, &["OPERATE"])?;
    let owner = super::context::inherited(cx.see(), cx.see().get(id).and_then(|o| o.owner).unwrap_or(cx.role));
    if !cx.holds(&owner, ACCOUNT, "EXECUTE TASK") {
        let text = "Cannot execute task, EXECUTE TASK privilege must be granted to owner role";
        return Err(fail::error("091089", "23001", text));
    }
    if cx.see().task(id).is_some_and(super::task::Task::is_child) {
        // The documentation knows runs of standalone tasks and of roots only; the words are the simulator's.
        return Err(super::graph::graph("Only a standalone task or the root task of a graph can be executed."));
    }
    let retry = if retry { Some(super::run::retry_of(cx, id)?) } else { None };
    Ok(Outcome::Outside(Box::new(Job::RunTask { task: id, retry })))
}

/// `COMMIT [WORK]` and `ROLLBACK [WORK]`. A session is never in a transaction here, and outside of one they do nothing.
fn end_transaction(p: &mut Parser<'_>) -> Fallible<ResultSet> {
    p.eat("WORK");
    p.end()?;
    let mut answer = executed();
    answer.statement_type = 0x5000;
    Ok(answer)
}

/// `BEGIN s1; s2; END`: the statements of a block, each on its own. Transactions are not kept here.
fn block(p: &mut Parser<'_>) -> Fallible<Outcome> {
    if p.is("TRANSACTION") || p.is("WORK") || p.is("NAME") || p.is_mark(";") || p.at_end() {
        return Err(fail::unsupported("transactions"));
    }
    let mut statements = Vec::new();
    while !p.eat("END") {
        let from = p.mark_place();
        let mut depth = 0_usize;
        loop {
            match p.peek() {
                None => return Err(p.unexpected()),
                Some(Tok::Mark(";")) if depth == 0 => break,
                Some(Tok::Word(word)) if word.eq_ignore_ascii_case("BEGIN") => depth += 1,
                Some(Tok::Word(word)) if depth > 0 && word.eq_ignore_ascii_case("END") => depth -= 1,
                _ => {}
            }
            p.advance();
        }
        if p.mark_place() > from {
            let text = p.between(from, p.mark_place()).to_owned();
            let word = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_uppercase();
            match word.as_str() {
                "RETURN" | "NULL" => {}
                "LET" | "IF" | "FOR" | "WHILE" | "LOOP" | "CASE" | "EXCEPTION" => return Err(fail::unsupported(&word)),
                _ => statements.push(text),
            }
        }
        p.need_mark(";")?;
    }
    p.end()?;
    Ok(Outcome::Outside(Box::new(Job::Block(statements))))
}

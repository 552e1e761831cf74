//! What `ALTER TABLE` does to columns, keys and clustering.

use super::answer::{ResultSet, SqlError};
use super::context::{Context, executed};
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::select;
use super::state::Id;
use super::table::{self, TableColumn};

/// `ALTER TABLE t {ADD | DROP | RENAME | ALTER | MODIFY} … | CLUSTER BY …`, after the name; `None` if it is something else.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<Option<ResultSet>> {
    if p.eat("CLUSTER BY") {
        p.need_mark("(")?;
        let by = p.bracketed()?;
        p.end()?;
        edit(cx, id, |table| table.cluster_by = by);
    } else if p.eat("DROP CLUSTERING KEY") {
        p.end()?;
        edit(cx, id, |table| table.cluster_by.clear());
    } else if p.eat("ADD PRIMARY KEY") {
        let key = listed(p)?;
        p.end()?;
        key.iter().try_for_each(|name| place(cx, id, name).map(drop))?;
        edit(cx, id, |table| {
            for column in table.columns.iter_mut().filter(|column| key.contains(&column.name)) {
                column.primary_key = true;
                column.nullable = false;
            }
        });
    } else if p.eat("DROP PRIMARY KEY") {
        p.end()?;
        edit(cx, id, |table| table.columns.iter_mut().for_each(|column| column.primary_key = false));
    } else if p.eat("RENAME COLUMN") {
        let old = p.ident()?;
        p.need("TO")?;
        let new = p.ident()?;
        p.end()?;
        let at = place(cx, id, &old)?;
        free(cx, id, &new)?;
        edit(cx, id, |table| table.columns[at].name = new);
    } else if p.eat("DROP") {
        p.eat("COLUMN");
        let if_exists = p.eat("IF EXISTS");
        let names = several(p)?;
        p.end()?;
        names.iter().try_for_each(|name| remove(cx, id, name, if_exists))?;
    } else if p.eat("ADD") {
        p.eat("COLUMN");
        let if_not_exists = p.eat("IF NOT EXISTS");
        let mut new = vec![table::column(p)?];
        while p.mark(",") {
            p.eat("COLUMN");
            new.push(table::column(p)?);
        }
        p.end()?;
        new.into_iter().try_for_each(|column| add(cx, id, column, if_not_exists))?;
    } else if p.eat("ALTER") || p.eat("MODIFY") {
        let brackets = p.mark("(");
        loop {
            change(cx, p, id)?;
            if !p.mark(",") {
                break;
            }
        }
        if brackets {
            p.need_mark(")")?;
        }
        p.end()?;
    } else {
        return Ok(None);
    }
    Ok(Some(executed()))
}

/// `[COLUMN] c {SET DATA TYPE t | SET NOT NULL | DROP NOT NULL | DROP DEFAULT | COMMENT 'x'}`.
fn change(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<()> {
    p.eat("COLUMN");
    let name = p.ident()?;
    let at = place(cx, id, &name)?;
    if p.eat("DROP NOT NULL") {
        edit(cx, id, |table| table.columns[at].nullable = true);
    } else if p.eat("SET NOT NULL") || p.eat("NOT NULL") {
        let null = |row: &table::Row| row.cells.get(at).is_none_or(Option::is_none);
        if cx.see().table(id).is_some_and(|table| table.rows.iter().any(null)) {
            let text =
                format!("SQL compilation error:\ncolumn '{name}' contains null values, so it cannot be NOT NULL");
            return Err(fail::error("002206", "22000", text));
        }
        edit(cx, id, |table| table.columns[at].nullable = false);
    } else if p.eat("DROP DEFAULT") {
        edit(cx, id, |table| table.columns[at].default = None);
    } else if p.eat("COMMENT") {
        let text = p.text()?;
        edit(cx, id, |table| table.columns[at].comment = Some(text).filter(|text| !text.is_empty()));
    } else if p.eat("UNSET COMMENT") {
        edit(cx, id, |table| table.columns[at].comment = None);
    } else {
        p.eat("SET DATA");
        p.need("TYPE")?;
        let new = table::data_type(p)?;
        let old = cx.see().table(id).map(|table| table.columns[at].kind.clone()).unwrap_or_default();
        if !can_become(&old, &new) {
            let text = format!("SQL compilation error: cannot change column {name} from type {old} to {new}");
            return Err(fail::error("040052", "22000", text));
        }
        edit(cx, id, |table| table.columns[at].kind = new);
    }
    Ok(())
}

/// Whether a column of one type can be altered to the other: longer texts, and numbers of more digits with the same scale.
fn can_become(old: &str, new: &str) -> bool {
    let split = |kind: &str| -> (String, Vec<u64>) {
        let (name, rest) = kind.split_once('(').unwrap_or((kind, ""));
        (name.to_owned(), rest.trim_end_matches(')').split(',').filter_map(|n| n.trim().parse().ok()).collect())
    };
    let ((was, old), (becomes, new)) = (split(old), split(new));
    was == becomes && old.first() <= new.first() && old.get(1) == new.get(1)
}

fn add(cx: &mut Context<'_>, id: Id, column: TableColumn, if_not_exists: bool) -> Fallible<()> {
    match free(cx, id, &column.name) {
        Err(_) if if_not_exists => return Ok(()),
        other => other?,
    }
    let filled = cx.see().table(id).is_some_and(|table| !table.rows.is_empty());
    let cell = match &column.default {
        Some(default) if filled => {
            let (result, _) = select::run(cx, &format!("SELECT {default}"))?;
            result.rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten()
        }
        _ => None,
    };
    if filled && !column.nullable && cell.is_none() {
        let text = format!(
            "SQL compilation error:\nNon-nullable column '{}' cannot be added to a non-empty table unless it has a non-null default value.",
            column.name
        );
        return Err(fail::error("002204", "22000", text));
    }
    edit(cx, id, |table| {
        table.columns.push(column);
        table.rows.iter_mut().for_each(|row| row.cells.push(cell.clone()));
    });
    Ok(())
}

fn remove(cx: &mut Context<'_>, id: Id, name: &str, if_exists: bool) -> Fallible<()> {
    let at = match place(cx, id, name) {
        Err(_) if if_exists => return Ok(()),
        other => other?,
    };
    if cx.see().table(id).is_some_and(|table| table.columns.len() == 1) {
        let text = "SQL compilation error:\ncannot drop all the columns of a table";
        return Err(fail::error("002267", "42601", text));
    }
    edit(cx, id, |table| {
        table.columns.remove(at);
        for row in table.rows.iter_mut().filter(|row| row.cells.len() > at) {
            row.cells.remove(at);
        }
    });
    Ok(())
}

fn place(cx: &Context<'_>, id: Id, name: &str) -> Fallible<usize> {
    let columns = cx.see().table(id).map(|table| table.columns.as_slice()).unwrap_or_default();
    columns.iter().position(|column| column.name == name).ok_or_else(|| unknown(name))
}

fn free(cx: &Context<'_>, id: Id, name: &str) -> Fallible<()> {
    if place(cx, id, name).is_err() {
        return Ok(());
    }
    Err(fail::error("001430", "42601", format!("SQL compilation error:\ncolumn '{name}' already exists")))
}

fn unknown(name: &str) -> SqlError {
    fail::error("000904", "42000", format!("SQL compilation error: error\ninvalid identifier '{name}'"))
}

fn edit(cx: &mut Context<'_>, id: Id, change: impl FnOnce(&mut table::Table)) {
    if let Some(table) = cx.edit().table_mut(id) {
        change(table);
    }
}

/// `(a, b)`.
pub(super) fn listed(p: &mut Parser<'_>) -> Fallible<Vec<String>> {
    p.need_mark("(")?;
    let names = several(p)?;
    p.need_mark(")")?;
    Ok(names)
}

/// `a, b`.
fn several(p: &mut Parser<'_>) -> Fallible<Vec<String>> {
    let mut names = vec![p.ident()?];
    while p.mark(",") {
        names.push(p.ident()?);
    }
    Ok(names)
}

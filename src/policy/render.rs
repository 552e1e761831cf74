//! From documents to JSON text.

use std::collections::BTreeSet;

use super::json::Json;
use super::{Document, Principals, Scope, Statement};
use crate::model::Val;
use crate::model::val::{Piece, token};

/// What the text is for.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// For AWS: a list of one is its one value.
    Short,
    /// For people and line diffs: every set is a list, every account its bare ID.
    Long,
}

impl Document {
    /// The text for AWS, without white space. Facts that are not known stay as holes; what is known is escaped for JSON. A fact that is
    /// put in later is not escaped any more: AWS and Snowflake use no quotes or backslashes in ARNs and external IDs.
    pub fn to_val(&self) -> Val {
        text(serde_json::to_string(&self.json(Form::Short)))
    }

    /// The text for people, laid out so that a line diff shows just what changes.
    pub fn pretty(&self) -> Val {
        text(self.json(Form::Long).lines())
    }

    /// How many characters the text for AWS has, which its limits count without white space. A fact that is not known counts nothing.
    pub fn length(&self) -> usize {
        let known = |piece: &Piece| match piece {
            Piece::Lit(text) => text.chars().filter(|c| !c.is_whitespace()).count(),
            Piece::Later(_) => 0,
        };
        self.to_val().pieces().iter().map(known).sum()
    }

    fn json(&self, form: Form) -> Json {
        let mut pairs = vec![("Version".to_owned(), Json::Text(self.version.to_string()))];
        pairs.extend(self.id.iter().map(|id| ("Id".to_owned(), Json::Text(id.clone()))));
        pairs
            .push(("Statement".into(), Json::List(self.statements().iter().map(|one| statement(one, form)).collect())));
        Json::Map(pairs)
    }
}

/// Turns tokens back into facts. The tokens are ours and whole, and these types always serialise.
fn text(json: serde_json::Result<String>) -> Val {
    json.ok().and_then(|json| token::split(&json).ok()).unwrap_or_default()
}

fn statement(statement: &Statement, form: Form) -> Json {
    let Statement { sid, effect, principals, actions, resources, conditions } = statement;
    let mut pairs = Vec::new();
    pairs.extend(sid.iter().map(|sid| ("Sid".to_owned(), Json::Text(sid.clone()))));
    pairs.push(("Effect".into(), Json::Text(effect.to_string())));
    pairs.extend(principals.iter().map(|scope| named("Principal", scope, |set| who(set, form))));
    pairs.extend(actions.iter().map(|scope| {
        named("Action", scope, |set| some(set.iter().map(|name| Json::Text(name.to_string())).collect(), form))
    }));
    pairs.extend(resources.iter().map(|scope| named("Resource", scope, |set| vals(set, form))));
    if !conditions.is_empty() {
        let operators = conditions.iter().map(|(operator, keys)| {
            let keys = keys.iter().map(|(key, values)| (key.to_string(), vals(values, form)));
            (operator.to_string(), Json::Map(keys.collect()))
        });
        pairs.push(("Condition".into(), Json::Map(operators.collect())));
    }
    Json::Map(pairs)
}

fn named<T>(name: &str, scope: &Scope<T>, json: impl FnOnce(&T) -> Json) -> (String, Json) {
    let name = match scope {
        Scope::Only(_) => name.to_owned(),
        Scope::AllBut(_) => format!("Not{name}"),
    };
    (name, json(scope.set()))
}

fn who(principals: &Principals, form: Form) -> Json {
    match principals {
        Principals::Anyone => Json::Text("*".into()),
        Principals::Of(types) => {
            let types = types.iter().map(|(kind, who)| {
                let who = who.iter().map(|who| match form {
                    Form::Short => Json::val(who.val()),
                    Form::Long => Json::val(&who.folded()),
                });
                (kind.clone(), some(who.collect(), form))
            });
            Json::Map(types.collect())
        }
    }
}

fn vals(set: &BTreeSet<Val>, form: Form) -> Json {
    some(set.iter().map(Json::val).collect(), form)
}

fn some(mut items: Vec<Json>, form: Form) -> Json {
    match (form, items.len()) {
        (Form::Short, 1) => items.pop().unwrap_or(Json::List(Vec::new())),
        _ => Json::List(items),
    }
}

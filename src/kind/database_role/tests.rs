//! What a database role's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::trial::{altered, context, created, entry, example, partial, problems, statements, want};

type K = DatabaseRole;

const MARK: &str = "[snowssi:events/database_role.x]";
const BASE: &str = "database = 'd'\nname = 'r'\n";

fn with(line: &str) -> String {
    format!("{BASE}{line}\n")
}

#[test]
fn creates_alters_and_drops() {
    let given = created::<K>(&with("granted_to = { roles = ['a'], database_roles = ['b'] }"));
    let expected = [
        format!("CREATE DATABASE ROLE \"D\".\"R\" COMMENT = '{MARK}'"),
        "GRANT DATABASE ROLE \"D\".\"R\" TO ROLE \"A\"".to_owned(),
        "GRANT DATABASE ROLE \"D\".\"R\" TO DATABASE ROLE \"D\".\"B\"".to_owned(),
    ];
    assert_eq!(given, expected);
    let comment = altered::<K>(BASE, &with("comment = 'hi'"));
    assert_eq!(comment, [format!("ALTER DATABASE ROLE \"D\".\"R\" SET COMMENT = 'hi {MARK}'")]);
    let fewer = altered::<K>(&with("granted_to = { database_roles = ['b'] }"), BASE);
    assert_eq!(fewer, ["REVOKE DATABASE ROLE \"D\".\"R\" FROM DATABASE ROLE \"D\".\"B\""]);
    assert_eq!(statements(&K::delete(&want::<K>(&example::<K>()))), ["DROP DATABASE ROLE \"SALES\".\"READER\""]);
}

#[test]
fn it_needs_its_database_and_those_that_have_it() {
    let refs = K::refs(&want::<K>(&entry::<K>(&with("granted_to = { roles = ['a'], database_roles = ['b'] }"))));
    let names: Vec<String> = refs.iter().map(|r| r.to.to_string()).collect();
    assert_eq!(names, ["database \"D\"", "role \"A\"", "database role \"D\".\"B\""]);
    let own = problems::<K>(&entry::<K>(&with("granted_to = { database_roles = ['r'] }")));
    assert!(own.len() == 1 && own[0].starts_with("granted_to.database_roles: "), "{own:?}");
}

#[test]
fn reads_back() {
    let entry = entry::<K>(&with("comment = 'hi'\ngranted_to = { roles = ['a'] }"));
    let own = name(&entry.spec);
    let mark = Some(entry.mark.clone());
    let rows = BTreeMap::from([(own.clone(), ("hi".to_owned(), mark))]);
    let a = BTreeSet::from([Holder::Role("a".parse().unwrap())]);
    let live = BTreeMap::from([(own, a)]);
    let entries = std::slice::from_ref(&entry);
    let seen = |rows: &BTreeMap<_, _>, live: &BTreeMap<_, _>, context: &Context| {
        gather(entries, context, rows.clone(), live).declared.remove(&entry.at).unwrap()
    };
    let Seen::Present(found) = seen(&rows, &live, &context()) else { panic!() };
    assert_eq!(found.props, want::<K>(&entry));
    let fields = K::export(&found.props, &context());
    assert_eq!(fields.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["database", "name", "comment", "granted_to"]);
    assert!(matches!(seen(&rows, &BTreeMap::new(), &context()), Seen::Hidden(_)));
    assert!(matches!(seen(&BTreeMap::new(), &live, &context()), Seen::Absent));
    assert!(matches!(seen(&BTreeMap::new(), &live, &partial()), Seen::Hidden(_)));
    assert!(K::named("d", &context()).unwrap_err().contains("DATABASE.ROLE"));
    assert_eq!(K::named("d.r", &context()).unwrap()[1], ("name", json!("\"R\"")));
}

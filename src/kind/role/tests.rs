//! What a role's entry becomes: problems, statements, differences, read-back.

use super::*;
use crate::kind::trial::{altered, context, created, diff, entry, example, partial, problems, rows, statements, want};

type K = Role;

const MARK: &str = "[snowssi:events/role.x]";
const BASE: &str = "name = 'r'\n";

fn with(line: &str) -> String {
    format!("{BASE}{line}\n")
}

#[test]
fn creates_and_grants() {
    assert_eq!(created::<K>(BASE), [format!("CREATE ROLE \"R\" COMMENT = '{MARK}'")]);
    let given = created::<K>(&with("comment = 'c'\ngranted_to = { roles = ['\"b\"', 'a'], users = ['anna'] }"));
    let expected = [
        format!("CREATE ROLE \"R\" COMMENT = 'c {MARK}'"),
        "GRANT ROLE \"R\" TO ROLE \"A\"".to_owned(),
        "GRANT ROLE \"R\" TO ROLE \"b\"".to_owned(),
        "GRANT ROLE \"R\" TO USER \"ANNA\"".to_owned(),
    ];
    assert_eq!(given, expected);
    assert_eq!(statements(&K::delete(&want::<K>(&example::<K>()))), ["DROP ROLE \"ANALYST\""]);
}

#[test]
fn changes_are_seen_and_made() {
    let comment = altered::<K>(BASE, &with("comment = 'hi'"));
    assert_eq!(comment, [format!("ALTER ROLE \"R\" SET COMMENT = 'hi {MARK}'")]);
    let (one, other) = (with("granted_to = { roles = ['a'] }"), with("granted_to = { roles = ['b'], users = ['u'] }"));
    let expected =
        ["REVOKE ROLE \"R\" FROM ROLE \"A\"", "GRANT ROLE \"R\" TO ROLE \"B\"", "GRANT ROLE \"R\" TO USER \"U\""];
    assert_eq!(altered::<K>(&one, &other), expected);
}

#[test]
fn roles_of_the_account_itself_are_refused() {
    for (toml, field) in [
        ("name = 'sysadmin'", "name: \"SYSADMIN\" comes"),
        ("name = 'r'\ngranted_to = { roles = ['R'] }", "granted_to.roles: "),
    ] {
        let found = problems::<K>(&entry::<K>(toml));
        assert!(found.len() == 1 && found[0].starts_with(field), "{toml}: {found:?}");
    }
}

fn observe(toml: &str, has: &[&str], context: &Context) -> Seen<Props> {
    let entry = entry::<K>(toml);
    let answer = rows(&["name", "comment"], &[&[Some("R"), Some(MARK)], &[Some("r"), Some("")]]);
    let rows = answer.iter().map(|row| (show::name_of(&row).unwrap().unwrap(), row)).collect();
    let live: BTreeSet<Holder> = has.iter().map(|name| Holder::Role(name.parse().unwrap())).collect();
    let live = if has.is_empty() { BTreeMap::new() } else { BTreeMap::from([(entry.spec.name.clone(), live)]) };
    gather(std::slice::from_ref(&entry), context, &rows, &live).declared.remove(&entry.at).unwrap()
}

#[test]
fn others_that_have_it_are_left_alone_unless_the_list_is_exclusive() {
    let additive = with("granted_to = { roles = ['a', 'b'] }");
    let Seen::Present(found) = observe(&additive, &["a", "c"], &context()) else { panic!() };
    let wanted = want::<K>(&entry::<K>(&additive));
    let changed = diff::<K>(&wanted, &found.props);
    let parts = K::alter(&"role.x".parse().unwrap(), &wanted, &found.props, &changed);
    assert_eq!(statements(&parts), ["GRANT ROLE \"R\" TO ROLE \"B\""]);
    let exported = serde_json::to_value(K::export(&found.props, &context())).unwrap();
    assert_eq!(exported, json!([["name", "\"R\""], ["granted_to", { "roles": ["\"A\"", "\"C\""] }]]));
    let exclusive = with("granted_to = { roles = ['a'], exclusive = true }");
    let Seen::Present(found) = observe(&exclusive, &["a", "c"], &context()) else { panic!() };
    let wanted = want::<K>(&entry::<K>(&exclusive));
    let changed = diff::<K>(&wanted, &found.props);
    let parts = K::alter(&"role.x".parse().unwrap(), &wanted, &found.props, &changed);
    assert_eq!(statements(&parts), ["REVOKE ROLE \"R\" FROM ROLE \"C\""]);
}

#[test]
fn what_cannot_be_seen_is_not_absent() {
    let unread = observe(&with("granted_to = {}"), &[], &context());
    assert!(matches!(&unread, Seen::Hidden(why) if why.contains("not who has it")), "{unread:?}");
    assert!(matches!(observe("name = 'other'", &[], &context()), Seen::Absent));
    assert!(matches!(observe("name = 'other'", &[], &partial()), Seen::Hidden(_)));
}

#[test]
fn a_role_that_is_new_again_gets_it_again() {
    let wanted = want::<K>(&entry::<K>(&with("granted_to = { roles = ['a', 'b'] }")));
    let at = "role.x".parse().unwrap();
    let ops = K::relinks(&at, &wanted, &wanted, &[LiveId::new("role", "\"B\"")], &Diff::default());
    assert_eq!(statements(&[Part::main(ops)]), ["GRANT ROLE \"R\" TO ROLE \"B\""]);
}

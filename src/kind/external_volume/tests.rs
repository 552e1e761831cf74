//! What an external volume's entry becomes: problems, statements, differences, read-back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::kind::trial::{at, context, created, diff, entry, problems, rows, statements, want};
use crate::kind::{Dep, MAIN};
use crate::model::{Act, Condition, Seen};

type K = ExternalVolume;

const ROLE: &str = "arn:aws:iam::111122223333:role/lake";
const MARK: &str = "[snowssi:events/external_volume.x]";

fn place(name: &str) -> String {
    format!("{{ name = '{name}', base_url = 's3://lake/{name}/', role = '{ROLE}' }}")
}

fn volume(names: &[&str], more: &str) -> String {
    let places: Vec<String> = names.iter().map(|name| place(name)).collect();
    format!("name = 'lake'\nexternal_id = 'pin'\nstorage_locations = [{}]\n{more}\n", places.join(", "))
}

#[test]
fn creates_and_learns_whom_to_trust() {
    let toml = format!(
        "name = 'lake'\nstorage_locations = [{{ name = 'a', base_url = 's3://lake/a/', role = '{ROLE}', encryption = {{ type = 'AWS_SSE_KMS', kms_key = 'k' }} }}]"
    );
    let expected = format!(
        r#"CREATE EXTERNAL VOLUME "LAKE" STORAGE_LOCATIONS = ( (NAME = 'a' STORAGE_PROVIDER = 'S3' STORAGE_BASE_URL = 's3://lake/a/' STORAGE_AWS_ROLE_ARN = '{ROLE}' ENCRYPTION = (TYPE = 'AWS_SSE_KMS' KMS_KEY_ID = 'k')) ) ALLOW_WRITES = TRUE COMMENT = '{MARK}'"#
    );
    let statements = created::<K>(&toml);
    assert_eq!(statements[0].replace(' ', ""), expected.replace(' ', ""));
    assert_eq!(statements[1], r#"DESC EXTERNAL VOLUME "LAKE""#);
    let gifts = K::gifts(&entry::<K>(&toml), &context());
    let later = |name| Val::later(Fact::new(&at::<K>(), name));
    let trust = Gift::Trust { role: Val::known(ROLE), principal: later(USER_ARN), external_id: later(EXTERNAL_ID) };
    assert_eq!(gifts, [trust]);
    let both = K::gifts(&entry::<K>(&volume(&["a", "b"], "")), &context());
    assert!(matches!(&both[..], [Gift::Trust { external_id, .. }] if external_id.as_known() == Some("pin")));
}

#[test]
fn locations_come_and_go_where_their_order_allows_it() {
    let path = |from: &[&str], to: &[&str], active: Option<&str>| -> Option<Vec<String>> {
        let want = want::<K>(&entry::<K>(&volume(to, "")));
        let mut have = crate::kind::trial::want::<K>(&entry::<K>(&volume(from, "")));
        have.active = active.map(str::to_owned);
        let change = diff::<K>(&want, &have).changes().first().cloned()?;
        let replaced = K::effect(&want, &have, &change) == Some(Effect::Replaces);
        let parts = K::alter(&at::<K>(), &want, &have, &diff::<K>(&want, &have));
        (!replaced).then(|| statements(&parts))
    };
    let added = path(&["a"], &["a", "b"], None).unwrap();
    assert!(
        added.len() == 1 && added[0].starts_with(r#"ALTER EXTERNAL VOLUME "LAKE" ADD STORAGE_LOCATION = (NAME = 'b'"#)
    );
    assert!(added[0].contains("STORAGE_AWS_EXTERNAL_ID = 'pin'"), "{added:?}");
    let removed = [r#"ALTER EXTERNAL VOLUME "LAKE" REMOVE STORAGE_LOCATION 'b'"#];
    assert_eq!(path(&["a", "b"], &["a"], None).unwrap(), removed);
    assert_eq!(path(&["a", "b"], &["a"], Some("b")), None, "the active one cannot be removed");
    assert_eq!(path(&["a", "b"], &["b"], None), None);
    assert_eq!(path(&["a", "b"], &["b"], Some("b")).unwrap().len(), 1);
    assert_eq!(path(&["a", "b"], &["b", "a"], None), None, "their order means something");
    assert_eq!(path(&["a"], &["b"], None), None);
}

#[test]
fn waits_until_it_can_be_used() {
    let toml = volume(&["a"], "");
    let part = K::follow_ups(&at::<K>(), &want::<K>(&entry::<K>(&toml))).remove(0);
    assert!(matches!(&part.ops[0].act, Act::Wait(wait) if wait.until == Condition::JsonSuccess));
    let dep = |kind: &str, name: &str| Dep::new(LiveId::new(kind, name), MAIN);
    assert_eq!(part.triggers, [dep("external_volume", "\"LAKE\""), dep("iam_role", ROLE)]);
    assert_eq!(part.after, [dep("bucket", "lake")]);
    assert!(K::follow_ups(&at::<K>(), &want::<K>(&entry::<K>(&volume(&["a"], "wait_for_role = false")))).is_empty());
}

#[test]
fn reads_back_what_it_wrote() {
    let json = format!(
        r#"{{"NAME":"a","STORAGE_PROVIDER":"S3","STORAGE_BASE_URL":"s3://lake/a/","STORAGE_AWS_ROLE_ARN":"{ROLE}","STORAGE_AWS_IAM_USER_ARN":"arn:user","STORAGE_AWS_EXTERNAL_ID":"pin","ENCRYPTION_TYPE":"NONE","ENCRYPTION_KMS_KEY_ID":""}}"#
    );
    let desc = crate::kind::trial::desc(&[("ALLOW_WRITES", "true"), ("STORAGE_LOCATION_1", &json), ("ACTIVE", "a")]);
    let listing =
        show::Listing::from(rows(&["name", "allow_writes", "comment"], &[&[Some("LAKE"), Some("true"), Some(MARK)]]));
    let index = listing.index(show::name_of).unwrap();
    let entries = [entry::<K>(&volume(&["a"], ""))];
    let answers = BTreeMap::from([("LAKE".parse().unwrap(), Arc::new(desc))]);
    let seen = live::gather(&entries, &context(), &index, &answers).unwrap().declared.remove(&at::<K>()).unwrap();
    let Seen::Present(found) = seen else { panic!("{seen:?}") };
    assert_eq!(diff::<K>(&want::<K>(&entries[0]), &found.props).changes(), []);
    assert_eq!(found.facts[USER_ARN], "arn:user");
    assert_eq!(found.props.active.as_deref(), Some("a"));
    let hidden = live::gather(&entries, &context(), &index, &BTreeMap::new()).unwrap().declared.remove(&at::<K>());
    assert!(matches!(hidden, Some(Seen::Hidden(why)) if why.contains("cannot describe it")));
    let broken =
        BTreeMap::from([("LAKE".parse().unwrap(), Arc::new(crate::kind::trial::desc(&[("STORAGE_LOCATION_1", "{")])))]);
    assert!(live::gather(&entries, &context(), &index, &broken).is_err(), "what cannot be read is not absent");
}

#[test]
fn problems_are_found_offline() {
    let cases = [
        ("name = 'v'\nstorage_locations = []".to_owned(), "storage_locations: a volume has one location at least"),
        (
            format!("name = 'v'\nstorage_locations = [{}, {}]", place("a"), place("b")),
            "external_id: several locations share one external ID, which must be pinned",
        ),
        (volume(&["a", "A"], ""), "storage_locations.1.name: each location has a name of its own, and `A` is none"),
        (volume(&["a"], "").replace(ROLE, "lake"), "storage_locations.0.role: `lake` is not the ARN of an IAM role"),
        (
            volume(&["a"], "").replace("'pin'", "'#'"),
            "external_id: an external ID has 2 to 1224 letters, digits or characters of `_+=,.@:/-`",
        ),
        (
            volume(&["a"], "").replace(" }", ", encryption = { type = 'NONE', kms_key = 'k' } }"),
            "storage_locations.0.encryption.kms_key: only AWS_SSE_KMS has a key",
        ),
    ];
    for (toml, expected) in cases {
        assert_eq!(problems::<K>(&entry::<K>(&toml)), [expected]);
    }
}

//! Stages in an account in the process: what is written is accepted, and read back as wanted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::*;
use crate::kind::trial::account::Account;
use crate::kind::{show, trial};
use crate::model::Seen;

fn observe(account: &mut Account, toml: &str) -> Props {
    let entry = trial::entry::<Stage>(toml);
    let listing = show::Listing::from(account.sql("SHOW STAGES IN ACCOUNT"));
    let rows = account.sql(r#"DESC STAGE "D"."S"."X""#);
    let details = BTreeMap::from([(entry.spec.full_name(), Arc::new(rows))]);
    let observed =
        read::assemble(&[entry], &trial::context(), &listing.index(read::durable).unwrap(), &details).unwrap();
    match observed.declared.into_values().next().unwrap() {
        Seen::Present(found) => found.props,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_step_is_accepted_and_read_back_as_wanted() {
    let url = "url = 's3://abc/x/'";
    let via = "url = 's3://abc/x/'\nstorage_integration = 'i'";
    let auto = "url = 's3://abc/y/'\nstorage_integration = 'j'\ndirectory = { enable = true, auto_refresh = true }";
    let steps = [
        url.to_owned(),
        format!("{url}\ncomment = \"it's\""),
        via.to_owned(),
        format!("{via}\ndirectory = {{ enable = true }}"),
        "url = 's3://abc/y/'\nstorage_integration = 'j'\ndirectory = { enable = true }".to_owned(),
        auto.to_owned(),
        format!("{auto}\nfile_format = {{ name = 'D.S.F' }}"),
        format!(
            "{auto}\nfile_format = {{ type = 'CSV', skip_header = 1, field_delimiter = '\\t', null_if = ['', 'x\\\\y'] }}"
        ),
        format!(
            "{auto}\nfile_format = {{ type = 'CSV', field_optionally_enclosed_by = '\"', record_delimiter = '\\n' }}"
        ),
        format!("{auto}\nfile_format = {{ type = 'JSON', strip_outer_array = true }}"),
        auto.to_owned(),
        format!("{via}\nencryption = {{ type = 'aws_sse_kms', kms_key = 'k' }}"),
        url.to_owned(),
    ];
    let mut account = Account::fresh();
    let mut first = true;
    for step in steps {
        let toml = format!("schema = 'D.S'\nname = 'X'\n{step}");
        let want = trial::want::<Stage>(&trial::entry::<Stage>(&toml));
        let parts = if first {
            Stage::create(&trial::at::<Stage>(), &want)
        } else {
            let have = observe(&mut account, &toml);
            let changed = trial::diff::<Stage>(&want, &have);
            assert!(!changed.is_empty(), "{step}: no difference is seen");
            if changed.replaces_object() {
                account.run(Stage::delete(&have).iter().flat_map(|part| &part.ops));
                Stage::create(&trial::at::<Stage>(), &want)
            } else {
                Stage::alter(&trial::at::<Stage>(), &want, &have, &changed)
            }
        };
        first = false;
        account.run(parts.iter().flat_map(|part| &part.ops));
        let diff = trial::diff::<Stage>(&want, &observe(&mut account, &toml));
        assert!(diff.is_empty(), "{step}: {diff:#?}");
    }
}

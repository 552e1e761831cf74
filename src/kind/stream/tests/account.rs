//! Streams in an account in the process: what is written is accepted, and read back as wanted.

use super::*;
use crate::kind::trial::account::Account;

fn observe(account: &mut Account) -> Props {
    let listing = show::Listing::from(account.sql("SHOW STREAMS IN ACCOUNT"));
    let name: ObjectName = "d.s.x".parse().unwrap();
    read(&name, listing.index(show::object_of).unwrap()[&name]).unwrap().unwrap()
}

#[test]
fn every_stream_is_accepted_and_read_back_as_wanted() {
    let mut account = Account::fresh();
    let specs = [
        "on_stage = 'D.S.ST'\ncomment = \"it's\"",
        "on_table = 'D.S.T'",
        "on_table = 'D.S.T'\nappend_only = true",
        "on_table = 'D.S.T'\nshow_initial_rows = true",
    ];
    for spec in specs {
        let want = want(spec);
        account.run(Stream::create(&trial::at::<Stream>(), &want).iter().flat_map(|part| &part.ops));
        let have = observe(&mut account);
        let diff = compare(Stream::fields(&want), Stream::fields(&have));
        assert!(diff.is_empty(), "{spec}: {diff:?}");
        let changed = self::want(&format!("{}\ncomment = 'other'", spec.lines().next().unwrap()));
        let changed = Props { mode: want.mode, ..changed };
        let diff = compare(Stream::fields(&changed), Stream::fields(&have));
        account.run(Stream::alter(&trial::at::<Stream>(), &changed, &have, &diff).iter().flat_map(|part| &part.ops));
        let have = observe(&mut account);
        assert!(compare(Stream::fields(&changed), Stream::fields(&have)).is_empty(), "{spec}");
        account.run(Stream::delete(&have).iter().flat_map(|part| &part.ops));
        assert_eq!(account.sql("SHOW STREAMS LIKE 'X' IN ACCOUNT").iter().count(), 0);
    }
}

#[test]
fn a_stream_whose_source_is_dropped_is_replaced() {
    let mut account = Account::fresh();
    account.run(Stream::create(&trial::at::<Stream>(), &want("on_stage = 'D.S.ST'")).iter().flat_map(|part| &part.ops));
    assert_eq!(Stream::broken(&observe(&mut account)), None);
    account.sql("DROP STAGE D.S.ST");
    assert!(Stream::broken(&observe(&mut account)).unwrap().contains("dropped"));
}

//! Privileges, visibility, roles.

use super::*;

/// A role R that may use D.S and W, and nothing else.
fn with_role() -> Bench {
    let mut b = Bench::furnished();
    b.script(&[
        ("CREATE ROLE R COMMENT = 'c'", "Role R successfully created."),
        ("GRANT USAGE ON DATABASE D TO ROLE R", "Statement executed successfully."),
        ("GRANT USAGE ON SCHEMA D.S TO ROLE R", "Statement executed successfully."),
        ("CREATE FILE FORMAT D.S.F", "ok"),
    ]);
    b
}

#[test]
fn what_a_role_may_not_see_is_not_there() {
    let mut b = with_role();
    b.as_role("R");
    assert!(b.ok("SHOW FILE FORMATS IN SCHEMA D.S").rows.is_empty());
    assert!(b.ok("SHOW INTEGRATIONS").rows.is_empty());
    b.script(&[
        ("DESC FILE FORMAT D.S.F", "002003"),
        ("DROP FILE FORMAT D.S.F", "002003"),
        ("DROP FILE FORMAT IF EXISTS D.S.F", "ok"),
        ("CREATE FILE FORMAT D.S.F", "003041"),
        ("CREATE FILE FORMAT IF NOT EXISTS D.S.F", "003041"),
        ("CREATE FILE FORMAT D.S.G", "003001"),
        ("CREATE DATABASE X", "003001"),
        ("CREATE STORAGE INTEGRATION X TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = S3 STORAGE_AWS_ROLE_ARN = 'a' STORAGE_ALLOWED_LOCATIONS = ('*')", "003001"),
        ("ALTER DATABASE D SET COMMENT = 'x'", "003001"),
        ("DESC INTEGRATION SI", "002003"),
        ("CREATE STAGE D.S.ST URL = 's3://in/' STORAGE_INTEGRATION = SI", "003001"),
    ]);
    let error = b.fails("CREATE FILE FORMAT D.S.G");
    assert_eq!(error.message, "SQL access control error:\nInsufficient privileges to operate on schema 'S'.");
    b.as_role("ACCOUNTADMIN");
    b.ok("GRANT USAGE ON FILE FORMAT D.S.F TO ROLE R");
    b.as_role("R");
    b.script(&[
        ("DESC FILE FORMAT D.S.F", "ok"),
        ("ALTER FILE FORMAT D.S.F SET COMMENT = ''", "003001"),
        ("CREATE FILE FORMAT D.S.F", "002002"),
    ]);
    b.as_role("ACCOUNTADMIN");
    b.ok("REVOKE USAGE ON SCHEMA D.S FROM ROLE R");
    b.as_role("R");
    b.script(&[("DESC FILE FORMAT D.S.F", "002003"), ("SHOW FILE FORMATS IN SCHEMA D.S", "002043")]);
}

#[test]
fn privileges_are_inherited_and_the_creator_owns() {
    let mut b = with_role();
    b.script(&[
        ("GRANT CREATE FILE FORMAT ON SCHEMA D.S TO ROLE R", "ok"),
        ("CREATE ROLE BOSS", "ok"),
        ("GRANT ROLE R TO ROLE BOSS", "ok"),
        ("GRANT ROLE BOSS TO ROLE R", "003042"),
    ]);
    b.as_role("BOSS");
    b.ok("CREATE FILE FORMAT D.S.G");
    assert_eq!(b.rows("SHOW FILE FORMATS IN SCHEMA D.S", &["name", "owner"]), [["G", "BOSS"]]);
    b.as_role("R");
    assert!(b.ok("SHOW FILE FORMATS IN SCHEMA D.S").rows.is_empty(), "inheritance goes upwards only");
    b.as_role("ACCOUNTADMIN");
    b.script(&[("DROP FILE FORMAT D.S.G", "003001"), ("GRANT OWNERSHIP ON FILE FORMAT D.S.G TO ROLE R", "ok")]);
    b.as_role("BOSS");
    b.ok("DROP FILE FORMAT D.S.G");
}

#[test]
fn grants_read_back() {
    let mut b = with_role();
    b.ok("GRANT USAGE, MONITOR ON WAREHOUSE W TO ROLE R WITH GRANT OPTION");
    let columns = ["privilege", "granted_on", "name", "granted_to", "grantee_name", "grant_option", "granted_by"];
    assert_eq!(
        b.rows("SHOW GRANTS ON WAREHOUSE W", &columns),
        [
            ["OWNERSHIP", "WAREHOUSE", "W", "ROLE", "ACCOUNTADMIN", "true", "ACCOUNTADMIN"],
            ["USAGE", "WAREHOUSE", "W", "ROLE", "R", "true", "ACCOUNTADMIN"],
            ["MONITOR", "WAREHOUSE", "W", "ROLE", "R", "true", "ACCOUNTADMIN"],
        ]
    );
    b.ok("GRANT USAGE ON FILE FORMAT D.S.F TO ROLE R");
    let found = b.rows("SHOW GRANTS TO ROLE R", &["privilege", "granted_on", "name"]);
    assert!(found.contains(&["USAGE", "FILE_FORMAT", "D.S.F"].map(str::to_owned).into()), "{found:?}");
    assert_eq!(found.len(), 5);
    b.script(&[
        ("GRANT USAGE ON WAREHOUSE W TO ROLE R", "ok"),
        ("REVOKE MONITOR ON WAREHOUSE W FROM ROLE R", "ok"),
        ("REVOKE MONITOR ON WAREHOUSE W FROM ROLE R", "ok"),
        ("GRANT SELECT ON WAREHOUSE W TO ROLE R", "003008"),
        ("GRANT USAGE ON WAREHOUSE NOPE TO ROLE R", "002003"),
        ("GRANT USAGE ON WAREHOUSE W TO ROLE NOPE", "002003"),
        ("SHOW GRANTS ON WAREHOUSE NOPE", "002003"),
        ("SHOW GRANTS TO ROLE NOPE", "002003"),
    ]);
    assert_eq!(b.ok("SHOW GRANTS ON WAREHOUSE W").rows.len(), 2);
    b.ok("CREATE OR REPLACE FILE FORMAT D.S.F");
    assert_eq!(b.ok("SHOW GRANTS ON FILE FORMAT D.S.F").rows.len(), 1, "recreation loses grants");
    b.ok("GRANT ROLE R TO USER ANNA");
    assert_eq!(b.rows("SHOW GRANTS OF ROLE R", &["granted_to", "grantee_name"]), [["USER", "ANNA"]]);
}

#[test]
fn internal_stages_need_read_before_write() {
    let mut b = with_role();
    b.script(&[
        ("CREATE STAGE D.S.I", "ok"),
        ("GRANT WRITE ON STAGE D.S.I TO ROLE R", "003011"),
        ("GRANT USAGE ON STAGE D.S.I TO ROLE R", "003008"),
        ("GRANT READ, WRITE ON STAGE D.S.I TO ROLE R", "ok"),
        ("REVOKE READ ON STAGE D.S.I FROM ROLE R", "003011"),
        ("REVOKE WRITE ON STAGE D.S.I FROM ROLE R", "ok"),
        ("REVOKE READ ON STAGE D.S.I FROM ROLE R", "ok"),
    ]);
}

#[test]
fn only_some_may_grant() {
    let mut b = with_role();
    b.script(&[("CREATE ROLE R2", "ok"), ("GRANT USAGE ON FILE FORMAT D.S.F TO ROLE R", "ok")]);
    b.as_role("R");
    b.script(&[("GRANT USAGE ON FILE FORMAT D.S.F TO ROLE R2", "003001"), ("CREATE ROLE X", "003001")]);
    b.as_role("SECURITYADMIN");
    b.script(&[("GRANT USAGE ON FILE FORMAT D.S.F TO ROLE R2", "ok"), ("CREATE ROLE X", "ok")]);
}

#[test]
fn the_owner_of_a_stage_needs_its_integration_when_it_is_used() {
    let mut b = with_role();
    b.script(&[
        ("GRANT CREATE STAGE ON SCHEMA D.S TO ROLE R", "ok"),
        ("GRANT USAGE ON INTEGRATION SI TO ROLE R", "ok"),
    ]);
    b.as_role("R");
    b.script(&[("CREATE STAGE D.S.A URL = 's3://in/' STORAGE_INTEGRATION = SI", "ok"), ("LIST @D.S.A", "ok")]);
    b.as_role("ACCOUNTADMIN");
    b.ok("REVOKE USAGE ON INTEGRATION SI FROM ROLE R");
    b.as_role("R");
    b.script(&[("LIST @D.S.A", "003001")]);
}

#[test]
fn roles_can_be_dropped_and_used() {
    let mut b = with_role();
    b.script(&[
        ("USE ROLE R", "003013"),
        ("USE ROLE NOPE", "002003"),
        ("GRANT ROLE R TO USER ANNA", "ok"),
        ("USE ROLE R", "Statement executed successfully."),
        ("DROP ROLE R", "003001"),
        ("USE ROLE ACCOUNTADMIN", "ok"),
        ("GRANT OWNERSHIP ON FILE FORMAT D.S.F TO ROLE R", "ok"),
        ("DROP ROLE R", "R successfully dropped."),
        ("DROP ROLE SYSADMIN", "003001"),
    ]);
    assert_eq!(b.cell("SHOW FILE FORMATS IN SCHEMA D.S", "owner"), "ACCOUNTADMIN", "the heir is the role that dropped");
    assert_eq!(b.rows("SHOW ROLES LIKE 'SYSADMIN'", &["owner", "is_inherited"]), [["NULL", "Y"]]);
    assert_eq!(b.ok("SHOW ROLES").rows.len(), 6);
}

#[test]
fn future_grants_reach_new_objects_and_a_schema_shadows_its_database() {
    let mut b = with_role();
    b.script(&[
        ("CREATE ROLE R2", "ok"),
        ("GRANT USAGE ON FUTURE FILE FORMATS IN DATABASE D TO ROLE R", "ok"),
        ("GRANT USAGE ON FUTURE FILE FORMATS IN DATABASE D TO ROLE R", "ok"),
        ("CREATE FILE FORMAT D.S.G", "ok"),
    ]);
    let holders =
        |b: &mut Bench, name: &str| b.column(&format!("SHOW GRANTS ON FILE FORMAT D.S.{name}"), "grantee_name");
    assert_eq!(holders(&mut b, "F"), ["ACCOUNTADMIN"], "what was there before gets nothing");
    assert_eq!(holders(&mut b, "G"), ["ACCOUNTADMIN", "R"]);
    b.ok("GRANT USAGE ON FUTURE FILE FORMATS IN SCHEMA D.S TO ROLE R2");
    b.ok("CREATE FILE FORMAT D.S.H");
    assert_eq!(holders(&mut b, "H"), ["ACCOUNTADMIN", "R2"], "the schema's rule is the only one");
    b.ok("GRANT USAGE ON ALL FILE FORMATS IN SCHEMA D.S TO ROLE R");
    assert_eq!(holders(&mut b, "F"), ["ACCOUNTADMIN", "R"]);
    let columns = ["privilege", "grant_on", "name", "grant_to", "grantee_name", "grant_option"];
    assert_eq!(
        b.rows("SHOW FUTURE GRANTS IN DATABASE D", &columns),
        [["USAGE", "FILE_FORMAT", "D.<FILE_FORMAT>", "ROLE", "R", "false"]]
    );
    assert_eq!(b.column("SHOW FUTURE GRANTS TO ROLE R2", "name"), ["D.S.<FILE_FORMAT>"]);
    b.script(&[
        ("REVOKE USAGE ON FUTURE FILE FORMATS IN DATABASE D FROM ROLE R", "ok"),
        ("GRANT SELECT ON FUTURE TASKS IN SCHEMA D.S TO ROLE R", "003008"),
        ("GRANT USAGE ON FUTURE WAREHOUSES IN SCHEMA D.S TO ROLE R", "001003"),
        ("SHOW FUTURE GRANTS IN SCHEMA D.NOPE", "002003"),
    ]);
    assert!(b.ok("SHOW FUTURE GRANTS IN DATABASE D").rows.is_empty());
}

#[test]
fn database_roles_hold_what_is_in_their_database() {
    let mut b = with_role();
    b.script(&[
        ("CREATE DATABASE ROLE D.READER COMMENT = 'c'", "Database role READER successfully created."),
        ("CREATE DATABASE ROLE D.READER", "002002"),
        ("CREATE DATABASE ROLE IF NOT EXISTS D.READER", "ok"),
        ("CREATE DATABASE ROLE NOPE.READER", "002003"),
        ("CREATE DATABASE ROLE D.ALL_OF_IT", "ok"),
        ("GRANT USAGE ON SCHEMA D.S TO DATABASE ROLE D.READER", "ok"),
        ("GRANT USAGE ON FILE FORMAT D.S.F TO DATABASE ROLE D.READER", "ok"),
        ("GRANT USAGE ON WAREHOUSE W TO DATABASE ROLE D.READER", "003042"),
        ("GRANT USAGE ON FUTURE FILE FORMATS IN SCHEMA D.S TO DATABASE ROLE D.READER", "ok"),
        ("GRANT DATABASE ROLE D.READER TO DATABASE ROLE D.ALL_OF_IT", "ok"),
        ("GRANT DATABASE ROLE D.ALL_OF_IT TO DATABASE ROLE D.READER", "003042"),
        ("GRANT DATABASE ROLE D.ALL_OF_IT TO ROLE R", "ok"),
        ("GRANT DATABASE ROLE D.READER TO USER ANNA", "001003"),
        ("GRANT ROLE R TO DATABASE ROLE D.READER", "003042"),
        ("REVOKE USAGE ON DATABASE D FROM DATABASE ROLE D.READER", "ok"),
        ("USE ROLE READER", "002003"),
        ("SHOW DATABASE ROLES", "001003"),
        ("DESC DATABASE ROLE D.READER", "001003"),
        ("ALTER DATABASE ROLE D.READER SET COMMENT = 'd'", "ok"),
    ]);
    let columns = ["name", "granted_to_roles", "granted_to_database_roles", "granted_database_roles", "comment"];
    assert_eq!(
        b.rows("SHOW DATABASE ROLES IN DATABASE D", &columns),
        [["ALL_OF_IT", "1", "0", "1", ""], ["READER", "0", "1", "0", "d"]]
    );
    let columns = ["privilege", "granted_on", "name", "granted_to", "grantee_name", "granted_by"];
    let held = b.rows("SHOW GRANTS TO DATABASE ROLE D.READER", &columns);
    let born = ["USAGE", "DATABASE", "D", "DATABASE_ROLE", "D.READER", ""].map(str::to_owned);
    assert!(held.contains(&born.into()), "nobody can take what it is born with: {held:?}");
    assert_eq!(held.len(), 3, "{held:?}");
    assert_eq!(
        b.rows("SHOW GRANTS OF DATABASE ROLE D.READER", &["granted_to", "grantee_name"]),
        [["DATABASE_ROLE", "D.ALL_OF_IT"]]
    );
    assert_eq!(
        b.rows("SHOW FUTURE GRANTS TO DATABASE ROLE D.READER", &["grant_to", "grantee_name"]),
        [["DATABASE_ROLE", "D.READER"]]
    );
    b.as_role("R");
    b.ok("DESC FILE FORMAT D.S.F");
    b.as_role("ACCOUNTADMIN");
    b.script(&[("REVOKE DATABASE ROLE D.ALL_OF_IT FROM ROLE R", "ok")]);
    b.as_role("R");
    b.script(&[("DESC FILE FORMAT D.S.F", "002003")]);
    b.as_role("ACCOUNTADMIN");
    b.script(&[
        ("DROP DATABASE ROLE D.READER", "READER successfully dropped."),
        ("CREATE DATABASE ROLE D.READER", "ok"),
    ]);
    assert_eq!(b.ok("SHOW GRANTS TO DATABASE ROLE D.READER").rows.len(), 1, "a new one has nothing of the old");
    assert!(b.ok("SHOW GRANTS OF DATABASE ROLE D.READER").rows.is_empty());
}

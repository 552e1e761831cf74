//! Snowflake's error codes: what can be done about each, what it most likely means, and what to try.
//!
//! One table, read from the top: the first line whose code and words both fit is the answer. Lines without a code stand at the end and
//! catch by words alone what Snowflake reports under several numbers.

use crate::cloud::{Class, CloudError};

/// What is known about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Six digits; empty where the words alone decide.
    code: &'static str,
    /// Words of the message that must be there; empty if the code alone decides.
    says: &'static str,
    /// What can be done about it.
    pub class: Class,
    /// What it most likely means.
    pub meaning: &'static str,
    /// What to try; empty if there is nothing to add.
    pub hint: &'static str,
}

const fn line(
    code: &'static str,
    says: &'static str,
    class: Class,
    meaning: &'static str,
    hint: &'static str,
) -> Explanation {
    Explanation { code, says, class, meaning, hint }
}

/// What a code and its message mean, if the table knows.
pub fn explain(code: &str, message: &str) -> Option<&'static Explanation> {
    let message = message.to_ascii_lowercase();
    TABLE.iter().find(|line| {
        (line.code.is_empty() || line.code == code)
            && (line.says.is_empty() || message.contains(&line.says.to_ascii_lowercase()))
    })
}

/// What can be done about a code and its message; what the table does not know is permanent, and a login's refusal is a matter of
/// authentication.
pub fn classify(code: &str, message: &str) -> Class {
    match explain(code, message) {
        Some(line) => line.class,
        None if code.starts_with("390") || code.starts_with("3943") || code.starts_with("3944") => {
            Class::Authentication
        }
        None => Class::Permanent,
    }
}

/// What is known about an error of Snowflake's.
pub fn explanation(error: &CloudError) -> Option<&'static Explanation> {
    explain(&error.code, &error.message)
}

use Class::{AlreadyExists, Authentication, Conflict, NotFound, Permanent, Propagation, Throttle};

/// The table. Sources: Snowflake's drivers for Python and Go, and the error texts in its documentation and its Terraform provider.
const TABLE: &[Explanation] = &[
    // Logging in.
    line(
        "390100",
        "",
        Authentication,
        "the user or the password is wrong",
        "check user, password and account of the connection",
    ),
    line("390101", "", Authentication, "the login was refused", ""),
    line(
        "390102",
        "",
        Authentication,
        "the user is locked",
        "ask an administrator to unlock the user, or wait 15 minutes",
    ),
    line("390104", "", Authentication, "the session is gone", ""),
    line("390111", "", Authentication, "the session is gone", ""),
    line("390112", "", Authentication, "the session token has expired", ""),
    line("390113", "", Authentication, "the master token is not known", ""),
    line("390114", "", Authentication, "the master token has expired", ""),
    line("390115", "", Authentication, "the master token is invalid", ""),
    line(
        "390144",
        "",
        Authentication,
        "the signed token (JWT) was refused",
        "check that the user's RSA_PUBLIC_KEY is the public half of this private key, that user and account are right, and that the clock is right",
    ),
    line(
        "390186",
        "",
        Authentication,
        "the role does not exist or is not granted to the user",
        "check `role` of the connection",
    ),
    line(
        "390189",
        "",
        Authentication,
        "the role does not exist or is not granted to the user",
        "check `role` of the connection",
    ),
    line(
        "390201",
        "",
        Authentication,
        "warehouse, database or schema of the connection does not exist",
        "remove it from the connection, or grant the role USAGE on it",
    ),
    line("390303", "", Authentication, "the OAuth token is invalid", "fetch a new token"),
    line("390318", "", Authentication, "the OAuth token has expired", "fetch a new token"),
    line(
        "390420",
        "",
        Authentication,
        "a network policy refuses this IP address",
        "run from an allowed address, or have the policy extended",
    ),
    line(
        "390422",
        "",
        Authentication,
        "a network policy refuses this IP address",
        "run from an allowed address, or have the policy extended",
    ),
    line("390913", "", Authentication, "the account is suspended or its trial has ended", ""),
    line("394300", "", Authentication, "the signed token (JWT) is invalid", "check the key, the user and the account"),
    line(
        "394301",
        "",
        Authentication,
        "the signed token (JWT) has expired",
        "the clock of this machine is behind: set it",
    ),
    line(
        "394302",
        "",
        Authentication,
        "the signed token (JWT) is not valid yet",
        "the clock of this machine is ahead: set it",
    ),
    line(
        "394303",
        "",
        Authentication,
        "the signed token (JWT) is valid for too long",
        "the clock of this machine is wrong: set it",
    ),
    line(
        "394304",
        "",
        Authentication,
        "the user has another public key",
        "set RSA_PUBLIC_KEY of the user to the public half of this private key",
    ),
    line("394305", "", Authentication, "the signed token (JWT) has the wrong algorithm", ""),
    line("394306", "", Authentication, "the signed token (JWT) is malformed", ""),
    line(
        "394400",
        "",
        Authentication,
        "the programmatic access token is invalid, expired, or its role or network policy forbids it",
        "create a new token with ALTER USER … ADD PROGRAMMATIC ACCESS TOKEN",
    ),
    // Reaching a cloud storage location.
    line(
        "",
        "STS is not activated in this region",
        Permanent,
        "STS is switched off in this region of the AWS account",
        "activate the region in the IAM console, account settings",
    ),
    line(
        "003167",
        "",
        Propagation,
        "Snowflake may not assume the AWS role",
        "the role's trust policy must name the integration's IAM user and external ID; a change takes up to a minute to be seen",
    ),
    line("091003", "NoSuchBucket", Permanent, "the bucket does not exist", "check the stage's URL"),
    line(
        "091003",
        "kms:",
        Propagation,
        "the AWS role may not use the KMS key",
        "the role's policy and the key's policy must both allow it",
    ),
    line(
        "091003",
        "AccessDenied",
        Propagation,
        "the AWS role may not do this in the bucket",
        "check the role's policies and the bucket's policy; a change takes up to a minute to be seen",
    ),
    line(
        "091003",
        "Access Denied",
        Propagation,
        "the AWS role may not do this in the bucket",
        "check the role's policies and the bucket's policy; a change takes up to a minute to be seen",
    ),
    line(
        "091003",
        "is not authorized to perform",
        Propagation,
        "the AWS role may not do this in the bucket",
        "check the role's policies and the bucket's policy; a change takes up to a minute to be seen",
    ),
    line("091003", "", Permanent, "the stage's location cannot be used", ""),
    line("091016", "", NotFound, "a file of the stage has gone", ""),
    line(
        "003127",
        "",
        Permanent,
        "the integration does not allow this location",
        "add it to STORAGE_ALLOWED_LOCATIONS of the integration",
    ),
    line("001011", "", Permanent, "the URL has no scheme Snowflake knows", ""),
    line("511300", "", Permanent, "private endpoints are not supported there", ""),
    // Objects.
    line(
        "002003",
        "",
        NotFound,
        "the object does not exist, or the role may not see it",
        "if it does exist, grant the role a privilege on it and USAGE on its database and schema",
    ),
    line("002043", "", NotFound, "the object or what contains it does not exist, or the role may not see it", ""),
    line("001757", "", NotFound, "the table does not exist", ""),
    line("002002", "", AlreadyExists, "an object of this name is there already", ""),
    line(
        "001998",
        "",
        AlreadyExists,
        "an object of another type has this name already",
        "give one of the two another name",
    ),
    line(
        "003041",
        "already exists",
        AlreadyExists,
        "an object of this name is there, and the role has no privilege on it",
        "grant the role a privilege on it",
    ),
    line("003001", "", Permanent, "the role lacks a privilege", "grant it, or use a role that has it"),
    line(
        "003011",
        "",
        Permanent,
        "some of the privileges could not be granted",
        "grant the role those privileges WITH GRANT OPTION, or use a role with MANAGE GRANTS",
    ),
    line("003013", "", Permanent, "the role is not granted to the user", ""),
    line("003042", "", Permanent, "this cannot be granted to this", ""),
    line("003008", "", Permanent, "there is no such privilege on this type of object", ""),
    line("003078", "", Permanent, "the account's edition does not have this feature", ""),
    line("000606", "", Permanent, "no warehouse is in use", "set `warehouse` in the connection"),
    line("090073", "", Permanent, "the warehouse's resource monitor is used up", ""),
    line(
        "090084",
        "",
        Permanent,
        "the account has reached its limit of objects of this type",
        "ask Snowflake's support to raise it",
    ),
    line("090105", "", Permanent, "a name has no database", ""),
    line("090106", "", Permanent, "a name has no schema", ""),
    line("098507", "", Permanent, "something outside depends on what it contains", ""),
    line("098508", "", Permanent, "something outside depends on what it contains", ""),
    line("001492", "", Permanent, "the policy is still attached", "detach it first"),
    line("393926", "", Permanent, "the location is in use", ""),
    // Tasks.
    line("091421", "", Conflict, "somebody resumed the root task meanwhile", "run again"),
    line(
        "091089",
        "",
        Permanent,
        "the owner of the task may not run tasks",
        "GRANT EXECUTE TASK ON ACCOUNT to the role that owns the task",
    ),
    line("091857", "", Permanent, "only a serverless task has a target completion interval", ""),
    line("090063", "", Conflict, "it is running already", ""),
    line("090064", "", Conflict, "it is suspended already", ""),
    // Statements.
    line("000002", "", Permanent, "Snowflake does not support this", ""),
    line("000604", "", Permanent, "the statement was cancelled", ""),
    line("000605", "", Permanent, "the statement is not running any more", ""),
    line("000612", "", NotFound, "the result is not kept any more", ""),
    line(
        "000630",
        "",
        Permanent,
        "the statement ran into a time limit",
        "raise STATEMENT_TIMEOUT_IN_SECONDS, or use a larger warehouse",
    ),
    line("000900", "", Permanent, "the statement is empty", ""),
    line("000904", "", Permanent, "there is no such column", ""),
    line("001003", "", Permanent, "the statement is not valid SQL", ""),
    line("001008", "", Permanent, "a parameter has a value Snowflake does not accept", ""),
    line("001044", "", Permanent, "there is no such function", ""),
    line("001422", "", Permanent, "a property has a value Snowflake does not accept", ""),
    line("001425", "", Permanent, "two properties exclude each other", ""),
    line("002029", "", Permanent, "a property is missing", ""),
    line("040052", "", Permanent, "a column cannot be changed to this type", ""),
    // By words alone.
    line(
        "",
        "Error assuming AWS_ROLE",
        Propagation,
        "Snowflake may not assume the AWS role",
        "the role's trust policy must name the integration's IAM user and external ID; a change takes up to a minute to be seen",
    ),
    line(
        "",
        "not authorized to perform: sts:AssumeRole",
        Propagation,
        "Snowflake may not assume the AWS role",
        "the role's trust policy must name the integration's IAM user and external ID; a change takes up to a minute to be seen",
    ),
    line(
        "",
        "Failed to access remote file: access denied",
        Propagation,
        "the AWS role may not read the file",
        "check the role's policies, the bucket's policy and the key's policy",
    ),
    line("", "does not exist or not authorized", NotFound, "the object does not exist, or the role may not see it", ""),
    line(
        "",
        "Object does not exist, or operation cannot be performed",
        NotFound,
        "the object does not exist, or the role may not see it",
        "",
    ),
    line("", "already exists", AlreadyExists, "an object of this name is there already", ""),
    line("", "Insufficient privileges", Permanent, "the role lacks a privilege", "grant it, or use a role that has it"),
    line("", "root task is not suspended", Conflict, "somebody resumed the root task meanwhile", "run again"),
    line("", "too many requests", Throttle, "too many statements at one time", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_decide_the_class() {
        for (code, message, class) in [
            ("390100", "Incorrect username or password was specified.", Authentication),
            ("390999", "Something new about logging in.", Authentication),
            ("002003", "SQL compilation error:\nStage 'A.B.C' does not exist or not authorized.", NotFound),
            ("009999", "Object 'X' does not exist or not authorized.", NotFound),
            ("003167", "Error assuming AWS_ROLE:\nUser: u is not authorized to perform: sts:AssumeRole", Propagation),
            ("003167", "Error assuming AWS_ROLE:\nSTS is not activated in this region for account:1.", Permanent),
            (
                "091003",
                "Failure using stage area. Cause: [Access Denied (Status Code: 403; Error Code: AccessDenied)]",
                Propagation,
            ),
            ("091003", "… does not exist (Status Code: 404; Error Code: NoSuchBucket)", Permanent),
            ("091421", "Unable to update graph with root task T since that root task is not suspended.", Conflict),
            ("001003", "syntax error", Permanent),
            ("123456", "something unheard of", Permanent),
        ] {
            assert_eq!(classify(code, message), class, "{code} {message}");
        }
    }

    #[test]
    fn every_line_can_be_reached() {
        for line in TABLE {
            let found = explain(line.code, line.says).unwrap();
            assert_eq!((found.code, found.says), (line.code, line.says), "hidden by a line above it");
        }
    }

    #[test]
    fn codes_are_six_digits() {
        assert!(
            TABLE
                .iter()
                .all(|l| l.code.is_empty() || (l.code.len() == 6 && l.code.bytes().all(|b| b.is_ascii_digit())))
        );
    }
}

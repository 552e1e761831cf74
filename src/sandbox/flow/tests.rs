//! Both clouds together, as a client of S3 and a client of Snowflake see them.

"""The Python connector against the sandbox: logging in, values there and back, several statements, errors, following, stopping."""

import datetime as dt
import decimal
import sys
import uuid

import snowflake.connector as sf
from snowflake.connector import DictCursor, errors

PORT = int(sys.argv[1])


def connect(**more):
    settings = dict(account="SANDBOX", user="SANDBOX", password="sandbox", host="127.0.0.1", port=PORT, protocol="http")
    return sf.connect(**{**settings, "login_timeout": 20, "paramstyle": "qmark", **more})


def refused(call, errno, sqlstate, *words):
    try:
        call()
    except errors.Error as error:
        assert error.errno == errno, (error.errno, error)
        assert error.sqlstate == sqlstate, (error.sqlstate, error)
        for word in words:
            assert word in str(error), (word, error)
        return error
    raise AssertionError(f"was not refused with {errno}")


def rows(connection, sql, values=None, **more):
    cursor = connection.cursor()
    cursor.execute(sql, values, **more)
    return cursor.fetchall()


def logins():
    connection = connect()
    assert rows(connection, "SELECT CURRENT_USER(), CURRENT_ROLE()") == [("SANDBOX", "ACCOUNTADMIN")]
    connection.close()
    # The sandbox knows one user with one password, and refuses the rest as Snowflake does.
    for more, errno, word in (
        (dict(user="stranger"), 390100, "Incorrect username or password"),
        (dict(password="wrong"), 390100, "Incorrect username or password"),
        (dict(role="NOBODY"), 390189, "NOBODY"),
        (dict(password=None, authenticator="oauth", token="any"), 390303, "OAuth"),
        (dict(password=None, authenticator="PROGRAMMATIC_ACCESS_TOKEN", token="any"), 394400, "access token"),
    ):
        try:
            connect(**more)
        except errors.Error as error:
            assert word in str(error) and str(errno) in str(error), (more, error)
        else:
            raise AssertionError(f"logged in with {more}")


def values(connection):
    east = dt.timezone(dt.timedelta(hours=1, minutes=30))
    for value, wanted in (
        (None, None),
        (True, True),
        (False, False),
        (1, 1),
        (-5, -5),
        (2**59, 2**59),
        (1.5, 1.5),
        ("it's \"quoted\" \\ é 😀 ?", "it's \"quoted\" \\ é 😀 ?"),
        ("", ""),
        (dt.date(2024, 1, 2), dt.date(2024, 1, 2)),
        (dt.date(1969, 12, 31), dt.date(1969, 12, 31)),
        (dt.time(3, 4, 5, 678000), dt.time(3, 4, 5, 678000)),
        (dt.datetime(2024, 1, 2, 3, 4, 5, 678901), dt.datetime(2024, 1, 2, 3, 4, 5, 678901)),
        (b"\x00\xffab", b"\x00\xffab"),
    ):
        [(found,)] = rows(connection, "SELECT ?", (value,))
        # The newer generation gives bytes as a bytearray.
        found = bytes(found) if isinstance(found, bytearray) else found
        assert found == wanted and type(found) is type(wanted), (value, found)
    [(found,)] = rows(connection, "SELECT ?::NUMBER(10, 2)", (decimal.Decimal("12.50"),))
    assert (found, type(found)) == (decimal.Decimal("12.50"), decimal.Decimal)
    # The driver chooses how a time with a zone is sent; the moment is what counts.
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=east)
    [(found,)] = rows(connection, "SELECT ?::TIMESTAMP_TZ", (("TIMESTAMP_TZ", moment),))
    assert found == moment, found
    [row] = rows(connection, "SELECT 1, 1.50, '2024-01-02'::DATE, TRUE, NULL, 'x', 2.5::FLOAT, TO_BINARY('AB', 'HEX')")
    assert row == (1, decimal.Decimal("1.50"), dt.date(2024, 1, 2), True, None, "x", 2.5, b"\xab"), row
    assert [type(cell) for cell in row][:4] == [int, decimal.Decimal, dt.date, bool]
    # Not where Snowflake takes no values.
    refused(lambda: rows(connection, "SHOW DATABASES LIKE ?", ("EVENTS",)), 1003, "42000", "?")
    assert rows(connection, "USE DATABASE IDENTIFIER(?)", ("EVENTS",)) == [("Statement executed successfully.",)]


def tables(connection):
    cursor = connection.cursor()
    cursor.execute("CREATE OR REPLACE TABLE EVENTS.PUBLIC.T (A NUMBER, B VARCHAR, C BOOLEAN)")
    assert cursor.fetchall() == [("Table T successfully created.",)]
    cursor.executemany("INSERT INTO EVENTS.PUBLIC.T VALUES (?, ?, ?)", [(1, "one", True), (2, "it's", False), (3, "?", True)])
    assert cursor.rowcount == 3, cursor.rowcount
    cursor.execute("INSERT INTO EVENTS.PUBLIC.T SELECT ?, ?, ?", (4, None, None))
    assert (cursor.rowcount, cursor.fetchall()) == (1, [(1,)])
    found = rows(connection, "SELECT * FROM EVENTS.PUBLIC.T ORDER BY A")
    assert found == [(1, "one", True), (2, "it's", False), (3, "?", True), (4, None, None)], found
    cursor.execute("DELETE FROM EVENTS.PUBLIC.T WHERE A > ?", (2,))
    assert cursor.rowcount == 2
    named = connection.cursor(DictCursor).execute("SELECT A, B AS \"b\" FROM EVENTS.PUBLIC.T ORDER BY A").fetchall()
    assert named == [{"A": 1, "b": "one"}, {"A": 2, "b": "it's"}], named
    cursor.execute("SELECT A FROM EVENTS.PUBLIC.T ORDER BY A")
    assert (cursor.fetchone(), cursor.fetchmany(5), cursor.fetchone()) == ((1,), [(2,)], None)
    described = connection.cursor().describe("SELECT A, B FROM EVENTS.PUBLIC.T")
    assert [(column.name, column.precision) for column in described] == [("A", 38), ("B", None)], described
    connection.cursor().describe("INSERT INTO EVENTS.PUBLIC.T VALUES (9, 'x', NULL)")
    assert rows(connection, "SELECT COUNT(*) FROM EVENTS.PUBLIC.T") == [(2,)], "describing has written"


def several(connection):
    texts = [cursor.fetchall() for cursor in connection.execute_string("SELECT 1; SELECT 'a;b'; -- end\nSELECT 3")]
    assert texts == [[(1,)], [("a;b",)], [(3,)]], texts
    cursor = connection.cursor()
    cursor.execute("SELECT 1; SELECT 'a;b'; SHOW DATABASES LIKE 'EVENTS'", num_statements=3)
    found = [cursor.fetchall()]
    while cursor.nextset():
        found.append(cursor.fetchall())
    assert found[:2] == [[(1,)], [("a;b",)]] and found[2][0][1] == "EVENTS", found
    refused(lambda: rows(connection, "SELECT 1; SELECT 2"), 8, "0A000", "Actual statement count 2 did not match the desired statement count 1.")


def problems(connection):
    for sql, errno, sqlstate, word in (
        ("SELEC 1", 1003, "42000", "unexpected 'SELEC'"),
        ("SELECT * FROM EVENTS.PUBLIC.NOWHERE", 2003, "42S02", "does not exist or not authorized"),
        ("SELECT NO_SUCH_COLUMN", 904, "42000", "invalid identifier"),
        ("USE DATABASE NOWHERE", 2043, "02000", "Object does not exist"),
        ("CREATE DATABASE EVENTS", 2002, "42710", "already exists"),
        ("DROP STAGE EVENTS.FILES.NOWHERE", 2003, "02000", "does not exist or not authorized"),
        # What the sandbox does not do, by name.
        ("CREATE USER SOMEBODY", 2, "0A000", "CREATE USER"),
        ("SHOW SEQUENCES", 2, "0A000", "SHOW SEQUENCES"),
        ("BEGIN TRANSACTION", 2, "0A000", "transactions"),
        ("ALTER SESSION SET AUTOCOMMIT = FALSE", 2, "0A000", "AUTOCOMMIT"),
    ):
        error = refused(lambda: rows(connection, sql), errno, sqlstate, word)
        uuid.UUID(error.sfqid)
    # Outside a transaction there is nothing to end.
    connection.commit()
    connection.rollback()


def places(connection):
    assert (connection.role, connection.warehouse, connection.database) == ("ACCOUNTADMIN", "EVENTS", "EVENTS")
    rows(connection, "CREATE DATABASE PLACE")
    rows(connection, "CREATE SCHEMA PLACE.INNER_PLACE")
    rows(connection, "USE SCHEMA EVENTS.FILES")
    assert (connection.database, connection.schema) == ("EVENTS", "FILES")
    rows(connection, "USE ROLE SYSADMIN")
    assert connection.role == "SYSADMIN"
    rows(connection, "USE ROLE ACCOUNTADMIN")
    rows(connection, "DROP DATABASE PLACE")
    rows(connection, "ALTER SESSION SET TIMEZONE = 'Asia/Tokyo', QUERY_TAG = 'tagged'")
    assert rows(connection, "SHOW PARAMETERS LIKE 'TIMEZONE'")[0][1] == "Asia/Tokyo"
    [(created, *_)] = rows(connection, "SHOW DATABASES LIKE 'EVENTS'")
    assert created.utcoffset() == dt.timedelta(hours=9), created
    other = connect(warehouse="NOWHERE", database="NOWHERE")
    assert rows(other, "SELECT CURRENT_WAREHOUSE(), CURRENT_DATABASE()") == [(None, None)]
    other.close()


def later(connection):
    cursor = connection.cursor()
    cursor.execute_async("SELECT 7 AS X")
    query = cursor.sfqid
    while connection.is_still_running(connection.get_query_status(query)):
        pass
    assert connection.get_query_status_throw_if_error(query).name == "SUCCESS"
    cursor = connection.cursor()
    cursor.get_results_from_sfqid(query)
    assert cursor.fetchall() == [(7,)]
    cursor.execute_async("SELECT * FROM EVENTS.PUBLIC.NOWHERE")
    query = cursor.sfqid
    while connection.is_still_running(connection.get_query_status(query)):
        pass
    assert connection.get_query_status(query).name == "FAILED_WITH_ERROR"
    assert not cursor.abort_query(query), "it has ended"


logins()
CONNECTION = connect(role="ACCOUNTADMIN", warehouse="EVENTS", database="EVENTS", schema="FILES")
for check in (values, tables, several, problems, later, places):
    check(CONNECTION)
    print(check.__name__)
CONNECTION.close()

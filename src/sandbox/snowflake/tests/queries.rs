//! Queries: columns, types and rows; what is refused, and how.

use proptest::prelude::*;

use super::*;

/// A database with two tables, a table of JSON, and a view.
fn bench() -> Bench {
    let mut b = Bench::furnished();
    for sql in [
        "USE SCHEMA D.S",
        "ALTER SESSION SET TIMEZONE = 'UTC'",
        "CREATE TABLE people (id INT NOT NULL, name VARCHAR(10), pay NUMBER(10,2), born DATE, active BOOLEAN)",
        "INSERT INTO people VALUES (1, 'Ann', 10.50, '1980-02-29', TRUE), (2, 'bob', 20, '1990-12-31', FALSE), (3, NULL, NULL, NULL, NULL)",
        "CREATE TABLE orders (id INT, person INT, at TIMESTAMP_NTZ, what VARIANT)",
        "INSERT INTO orders SELECT column1, column2, column3, PARSE_JSON(column4) FROM VALUES \
         (10, 1, '2024-01-02 03:04:05.678'::TIMESTAMP_NTZ, '{\"item\": \"pen\", \"tags\": [\"a\", \"b\"], \"n\": 2}'), \
         (11, 1, '2024-02-01'::TIMESTAMP_NTZ, '{\"item\": \"ink\", \"tags\": [], \"n\": 10}'), \
         (12, 9, NULL, 'null')",
        "CREATE VIEW well_paid AS SELECT name, pay * 2 AS twice FROM people WHERE pay > 15",
    ] {
        b.ok(sql);
    }
    b
}

/// `NAME:type[(precision,scale)]` of each column, and the rows as texts.
fn shown(answer: &ResultSet) -> (String, String) {
    let column =
        |column: &crate::sandbox::snowflake::answer::Column| match (column.kind, column.precision, column.scale) {
            ("fixed", Some(precision), Some(scale)) => format!("{}:fixed({precision},{scale})", column.name),
            (kind, _, _) => format!("{}:{kind}", column.name),
        };
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".into());
    let row = |row: &Vec<Option<String>>| row.iter().map(cell).collect::<Vec<_>>().join("|");
    (
        answer.columns.iter().map(column).collect::<Vec<_>>().join(" "),
        answer.rows.iter().map(row).collect::<Vec<_>>().join(" / "),
    )
}

#[track_caller]
fn check(cases: &[(&str, &str, &str)]) {
    let mut b = bench();
    let mut wrong = Vec::new();
    for (sql, columns, rows) in cases {
        match b.run(sql) {
            Err(error) => wrong.push(format!("{sql}\n   refused {} {}", error.code, error.message)),
            Ok(answer) => {
                let found = shown(&answer);
                if (found.0.as_str(), found.1.as_str()) != (*columns, *rows) {
                    wrong.push(format!("{sql}\n   wanted {columns} => {rows}\n   found  {} => {}", found.0, found.1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn relations_and_clauses() {
    check(&[
        ("SELECT id, name FROM people ORDER BY name", "ID:fixed(38,0) NAME:text", "1|Ann / 2|bob / 3|NULL"),
        ("SELECT id FROM people ORDER BY pay DESC", "ID:fixed(38,0)", "3 / 2 / 1"),
        ("SELECT id FROM people ORDER BY pay DESC NULLS LAST LIMIT 1", "ID:fixed(38,0)", "2"),
        ("SELECT id FROM people ORDER BY 1 DESC LIMIT 1 OFFSET 1", "ID:fixed(38,0)", "2"),
        ("SELECT id FROM people ORDER BY id FETCH FIRST 2 ROWS ONLY", "ID:fixed(38,0)", "1 / 2"),
        ("SELECT TOP 1 id FROM people ORDER BY id", "ID:fixed(38,0)", "1"),
        (
            "SELECT p.name, o.id FROM people p JOIN orders o ON p.id = o.person ORDER BY o.id",
            "NAME:text ID:fixed(38,0)",
            "Ann|10 / Ann|11",
        ),
        (
            "SELECT p.id, o.id AS o FROM people AS p LEFT JOIN orders o ON o.person = p.id WHERE o.id IS NULL ORDER BY 1",
            "ID:fixed(38,0) O:fixed(38,0)",
            "2|NULL / 3|NULL",
        ),
        ("SELECT COUNT(*) FROM people, orders", "COUNT(*):fixed(18,0)", "9"),
        ("SELECT id FROM people JOIN (SELECT 2 AS id) t USING (id)", "ID:fixed(38,0)", "2"),
        (
            "SELECT person, COUNT(*) AS n, SUM(id) FROM orders GROUP BY person HAVING COUNT(*) > 1",
            "PERSON:fixed(38,0) N:fixed(18,0) SUM(ID):fixed(38,0)",
            "1|2|21",
        ),
        (
            "SELECT person AS p, COUNT(*) FROM orders GROUP BY p ORDER BY COUNT(*) DESC, p",
            "P:fixed(38,0) COUNT(*):fixed(18,0)",
            "1|2 / 9|1",
        ),
        ("SELECT person % 2, MAX(id) FROM orders GROUP BY 1", "PERSON % 2:fixed(38,0) MAX(ID):fixed(38,0)", "1|12"),
        (
            "WITH a AS (SELECT 1 AS x UNION ALL SELECT 2), b (y) AS (SELECT x + 1 FROM a) SELECT * FROM b ORDER BY y",
            "Y:fixed(2,0)",
            "2 / 3",
        ),
        ("SELECT name FROM people WHERE id IN (SELECT person FROM orders)", "NAME:text", "Ann"),
        ("SELECT name FROM people p WHERE EXISTS (SELECT 1 FROM orders o WHERE o.person = p.id)", "NAME:text", "Ann"),
        ("SELECT (SELECT MAX(id) FROM orders) AS m", "M:fixed(38,0)", "12"),
        ("SELECT DISTINCT person FROM orders ORDER BY person", "PERSON:fixed(38,0)", "1 / 9"),
        ("SELECT 1 AS x UNION SELECT 1 UNION ALL SELECT 3 ORDER BY x DESC", "X:fixed(1,0)", "3 / 1"),
        ("SELECT 1 INTERSECT SELECT 1", "1:fixed(1,0)", "1"),
        ("SELECT 1 MINUS SELECT 1", "1:fixed(1,0)", ""),
        ("SELECT * FROM VALUES (1, 'a'), (2, NULL) AS t (n, s)", "N:fixed(1,0) S:text", "1|a / 2|NULL"),
        ("SELECT * FROM well_paid", "NAME:text TWICE:fixed(11,2)", "bob|40.00"),
        (
            "SELECT * EXCLUDE (born, active) RENAME pay AS wage FROM people WHERE id = 1",
            "ID:fixed(38,0) NAME:text WAGE:fixed(10,2)",
            "1|Ann|10.50",
        ),
        ("SELECT d.s.people.id FROM d.s.people WHERE people.name = 'bob'", "ID:fixed(38,0)", "2"),
        (
            "SELECT id, ROW_NUMBER() OVER (PARTITION BY person ORDER BY id DESC) AS r FROM orders ORDER BY id",
            "ID:fixed(38,0) R:fixed(18,0)",
            "10|2 / 11|1 / 12|1",
        ),
        (
            "SELECT id FROM orders QUALIFY ROW_NUMBER() OVER (PARTITION BY person ORDER BY id) = 1 ORDER BY id DESC",
            "ID:fixed(38,0)",
            "12 / 10",
        ),
        ("SELECT SUM(id) OVER (ORDER BY id) FROM orders", "SUM(ID) OVER (ORDER BY ID):fixed(38,0)", "10 / 21 / 33"),
        ("SELECT LISTAGG(name, '-') WITHIN GROUP (ORDER BY id DESC) AS l FROM people", "L:text", "bob-Ann"),
        ("SELECT ARRAY_AGG(id) WITHIN GROUP (ORDER BY id DESC) AS a FROM people", "A:array", "[3,2,1]"),
        (
            "SELECT AVG(pay), MIN(name), COUNT(DISTINCT active), COUNT(pay) FROM people",
            "AVG(PAY):fixed(38,8) MIN(NAME):text COUNT(DISTINCT ACTIVE):fixed(18,0) COUNT(PAY):fixed(18,0)",
            "15.25000000|Ann|2|2",
        ),
        ("SELECT id AS n, n + 1 AS m FROM people WHERE n = 1", "N:fixed(38,0) M:fixed(38,0)", "1|2"),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn values_and_functions() {
    check(&[
        (
            "SELECT 1, 'x', TRUE, NULL, 1.50, 1e3",
            "1:fixed(1,0) 'x':text TRUE:boolean NULL:text 1.50:fixed(3,2) 1e3:real",
            "1|x|1|NULL|1.50|1000",
        ),
        (
            "SELECT 1 + 2 * 3 AS a, 7 / 2 AS b, 10.10 + 0.2 AS c, -5 % 3 AS d",
            "A:fixed(3,0) B:fixed(7,6) C:fixed(5,2) D:fixed(1,0)",
            "7|3.500000|10.30|-2",
        ),
        (
            "SELECT '12'::INT + 1 AS a, TRY_CAST('x' AS INT) AS b, CAST(1.6 AS INT) AS c, 5::VARCHAR AS d",
            "A:fixed(38,0) B:fixed(38,0) C:fixed(38,0) D:text",
            "13|NULL|2|5",
        ),
        (
            "SELECT '2024-02-29'::DATE AS a, '2024-01-02 03:04:05.678'::TIMESTAMP_NTZ(3) AS b, '12:30'::TIME(0) AS c",
            "A:date B:timestamp_ntz C:time",
            "19782|1704164645.678|45000",
        ),
        (
            "SELECT '2024-01-02T03:04:05.678+02:00'::TIMESTAMP_TZ(3) AS a, '9999-12-31'::DATE::VARCHAR AS b",
            "A:timestamp_tz B:text",
            "1704157445.678 1560|9999-12-31",
        ),
        (
            "SELECT DATEADD(month, 1, '2024-01-31'::DATE) AS a, DATEDIFF('day', '2024-01-01', '2024-03-01') AS b, DATE_TRUNC('month', '2024-05-17'::DATE)::VARCHAR AS c",
            "A:date B:fixed(38,0) C:text",
            "19782|60|2024-05-01",
        ),
        (
            "SELECT TO_CHAR('2024-01-02 03:04:05'::TIMESTAMP_NTZ, 'YYYYMMDD HH24-MI') AS a, TO_DATE('02/03/2024', 'DD/MM/YYYY')::VARCHAR AS b, YEAR('2024-01-02'::DATE) AS y",
            "A:text B:text Y:fixed(38,0)",
            "20240102 03-04|2024-03-02|2024",
        ),
        (
            "SELECT UPPER('a') || LOWER('B') AS a, SUBSTR('hello', 2, 3) AS b, SPLIT_PART('a,b,c', ',', -1) AS c, REPLACE('aaa', 'a', 'b') AS d",
            "A:text B:text C:text D:text",
            "Ab|ell|c|bbb",
        ),
        (
            "SELECT TRIM('  x ') AS a, LENGTH('äö') AS b, STARTSWITH('abc', 'ab') AS c, CONTAINS('abc', 'z') AS d, LPAD('7', 3, '0') AS e",
            "A:text B:fixed(38,0) C:boolean D:boolean E:text",
            "x|2|1|0|007",
        ),
        (
            "SELECT REGEXP_LIKE('abc', 'a.*') AS a, REGEXP_SUBSTR('x=12', '[0-9]+') AS b, REGEXP_REPLACE('a1b2', '([0-9])', '<\\\\1>') AS c",
            "A:boolean B:text C:text",
            "1|12|a<1>b<2>",
        ),
        (
            "SELECT IFF(1 > 2, 'a', 'b') AS a, NVL(NULL, 3) AS b, COALESCE(NULL, NULL, 'z') AS c, NULLIF(1, 1) AS d, DECODE(2, 1, 'x', 2, 'y') AS e",
            "A:text B:fixed(1,0) C:text D:fixed(1,0) E:text",
            "b|3|z|NULL|y",
        ),
        ("SELECT CASE WHEN NULL THEN 1 ELSE 2 END AS a, CASE 3 WHEN 3 THEN 'c' END AS b", "A:fixed(1,0) B:text", "2|c"),
        (
            "SELECT 'ABC' LIKE 'a%' AS a, 'ABC' ILIKE 'a_c' AS b, 'a%' LIKE 'a\\\\%' ESCAPE '\\\\' AS c, NULL LIKE 'x' AS d",
            "A:boolean B:boolean C:boolean D:boolean",
            "0|1|1|NULL",
        ),
        (
            "SELECT ROUND(2.675, 2) AS a, ROUND(-1.5) AS b, FLOOR(1.9) AS c, CEIL(1.1) AS d, ABS(-3) AS e, MOD(7, 4) AS f, TRUNC(1.789, 1) AS g",
            "A:fixed(4,2) B:fixed(3,0) C:fixed(3,0) D:fixed(3,0) E:fixed(1,0) F:fixed(1,0) G:fixed(4,1)",
            "2.68|-2|1|2|3|3|1.7",
        ),
        (
            "SELECT PARSE_JSON('{\"a\":{\"b\":[1,2]}}'):a.b[1]::INT AS a, OBJECT_CONSTRUCT('k', 1, 'n', NULL) AS b, ARRAY_SIZE(PARSE_JSON('[1,2,3]')) AS c",
            "A:fixed(38,0) B:object C:fixed(38,0)",
            "2|{\"k\":1}|3",
        ),
        (
            "SELECT what:item::STRING AS item, what:\"n\" + 1 AS n FROM orders WHERE what:n > 3",
            "ITEM:text N:real",
            "ink|11",
        ),
        (
            "SELECT o.id, f.index, f.value::STRING AS v FROM orders o, LATERAL FLATTEN(INPUT => o.what:tags) f ORDER BY 1, 2",
            "ID:fixed(38,0) INDEX:fixed(38,0) V:text",
            "10|0|a / 10|1|b",
        ),
        (
            "SELECT o.id, f.value FROM orders o, TABLE(FLATTEN(o.what:tags, OUTER => TRUE)) f WHERE o.id = 11",
            "ID:fixed(38,0) VALUE:variant",
            "11|NULL",
        ),
        (
            "SELECT TYPEOF(what:n), what:nope IS NULL AS u FROM orders WHERE id = 10",
            "TYPEOF(WHAT:N):text U:boolean",
            "INTEGER|1",
        ),
        (
            "SELECT 1 = '1' AS a, TRUE = 'true' AS b, '2024-01-01' < '2024-01-02'::DATE AS c, 1 IN (2, NULL) AS d, NOT NULL AS e",
            "A:boolean B:boolean C:boolean D:boolean E:boolean",
            "1|1|1|NULL|NULL",
        ),
        (
            "SELECT id BETWEEN 2 AND 3 AS b, active IS NOT TRUE AS t FROM people ORDER BY id",
            "B:boolean T:boolean",
            "0|0 / 1|1 / 1|1",
        ),
        (
            "SELECT CURRENT_DATE() - CURRENT_DATE AS z, CURRENT_TIMESTAMP() > '2020-01-01' AS later, CURRENT_USER AS u",
            "Z:fixed(38,0) LATER:boolean U:text",
            "0|1|ANNA",
        ),
        (
            "SELECT SYSTEM$TYPEOF(1) AS a, SYSTEM$TYPEOF('ab') AS b, SYSTEM$TYPEOF(1.5::FLOAT) AS c",
            "A:text B:text C:text",
            "NUMBER(1,0)[SB1]|VARCHAR(2)[LOB]|FLOAT[DOUBLE]",
        ),
        (
            "SELECT '2024-01-01'::TIMESTAMP_NTZ + INTERVAL '1 day, 2 hours' AS t",
            "T:timestamp_ntz",
            "1704160800.000000000",
        ),
        ("SELECT 'it''s' AS a, $$x'y$$ AS b, 'a\\nb' AS c", "A:text B:text C:text", "it's|x'y|a\nb"),
    ]);
}

#[test]
fn refusals_name_what_is_wrong() {
    let mut b = bench();
    b.script(&[
        ("SELECT nope FROM people", "000904"),
        ("SELECT people.nope FROM people", "000904"),
        ("SELECT id FROM people p JOIN orders o ON p.id = o.person", "002028"),
        ("SELECT name, COUNT(*) FROM people", "000979"),
        ("SELECT name FROM people GROUP BY id", "000979"),
        ("SELECT * FROM nope", "002003"),
        ("SELECT * FROM d.nope.x", "002003"),
        ("SELECT nope(1)", "001044"),
        ("SELECT UPPER()", "000938"),
        ("SELECT UPPER('a', 'b')", "000939"),
        ("SELECT 1 / 0", "100051"),
        ("SELECT 'x'::INT", "100038"),
        ("SELECT 'x'::DATE", "100040"),
        ("SELECT 'x'::TIMESTAMP_NTZ", "100035"),
        ("SELECT 'x'::BOOLEAN", "100037"),
        ("SELECT 'abc'::VARCHAR(2)", "100078"),
        ("SELECT 1000::NUMBER(3,0)", "100039"),
        ("SELECT PARSE_JSON('{')", "100069"),
        ("SELECT PARSE_JSON('\"a\"')::INT", "100071"),
        ("SELECT (SELECT id FROM people)", "090150"),
        ("SELECT 1 FROM", "001003"),
        ("SELECT 1 SELECT 2", "001003"),
        ("SELECT id FROM people WHERE COUNT(*) > 1", "002035"),
        ("SELECT 1 UNION SELECT 1, 2", "001789"),
        ("SELECT id FROM people ORDER BY 3", "000984"),
        ("SELECT * FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_HISTORY", "000002"),
        ("SELECT ROW_NUMBER() OVER () FROM people", "002304"),
        ("INSERT INTO people (id) VALUES (NULL)", "100072"),
        ("INSERT INTO people (id, name) VALUES (4, 'longer than ten')", "100078"),
        ("INSERT INTO people (id, name) VALUES (4)", "002020"),
        ("INSERT INTO people (id) VALUES ('x')", "100038"),
        ("UPDATE people SET id = NULL WHERE id = 1", "100072"),
    ]);
    let error = b.fails("SELECT id,\n  nope FROM people");
    assert!(error.message.contains("error line 2 at position 2\ninvalid identifier 'NOPE'"), "{}", error.message);
    assert_eq!(b.cell("SELECT COUNT(*) AS n FROM people", "N"), "3", "nothing was written by what failed");
}

#[test]
fn rows_are_changed_by_conditions_of_any_kind() {
    let mut b = bench();
    for (sql, counted) in [
        ("UPDATE people SET pay = pay + 1, name = UPPER(name) WHERE id IN (SELECT person FROM orders)", "1"),
        ("UPDATE people p SET name = o.what:item::STRING FROM orders o WHERE o.person = p.id + 80", "0"),
        ("DELETE FROM orders WHERE at IS NULL OR what:n = 10", "2"),
        ("DELETE FROM people USING orders o WHERE people.id = o.person", "1"),
        ("INSERT INTO people (name, id) SELECT what:item, 7 FROM orders", "1"),
    ] {
        assert_eq!(b.ok(sql).rows[0][0].as_deref(), Some(counted), "{sql}");
    }
    let rows = b.rows("SELECT id, name, pay FROM people ORDER BY id", &["ID", "NAME", "PAY"]);
    assert_eq!(rows, [["2", "bob", "20.00"], ["3", "NULL", "NULL"], ["7", "pen", "NULL"]]);
    b.ok("CREATE TABLE copied AS SELECT id, pay, born, name || '!' AS loud FROM people");
    let columns = b.rows("DESC TABLE copied", &["name", "type"]);
    assert_eq!(
        columns,
        [["ID", "NUMBER(38,0)"], ["PAY", "NUMBER(10,2)"], ["BORN", "DATE"], ["LOUD", "VARCHAR(134217728)"]]
    );
}

/// What somebody might try who wants at the engine below, or to wear it out. Every one must be refused, and soon.
#[test]
fn hostile_texts() {
    let mut b = bench();
    let deep = |open: &str, close: &str| format!("SELECT {}1{}", open.repeat(2000), close.repeat(2000));
    let cases = [
        "SELECT * FROM sqlite_master".to_owned(),
        "SELECT * FROM sqlite_schema".into(),
        "SELECT * FROM pragma_table_info('t1')".into(),
        "SELECT * FROM TABLE(pragma_database_list())".into(),
        "SELECT sqlite_version()".into(),
        "SELECT load_extension('x')".into(),
        "SELECT writefile('x', 'y')".into(),
        "SELECT randomblob(1000000000)".into(),
        "SELECT f_upper('x')".into(),
        "SELECT f_cast('x')".into(),
        "SELECT \"$JOIN\"('x', 'y')".into(),
        "SELECT rowid FROM people".into(),
        "SELECT c0 FROM people".into(),
        "SELECT * FROM t1".into(),
        "ATTACH DATABASE 'x' AS y".into(),
        "PRAGMA writable_schema = 1".into(),
        "SELECT 1; DROP TABLE people".into(),
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r".into(),
        "SELECT REPEAT('x', 1000000000)".into(),
        "SELECT LPAD('x', 1000000000, 'y')".into(),
        deep("(", ")"),
        deep("UPPER(", ")"),
        deep("NOT ", ""),
        format!("SELECT {}1", "1 + ".repeat(100_000)),
        format!("SELECT 1 {}", "UNION SELECT 1 ".repeat(50_000)),
        format!("SELECT {}", "PARSE_JSON('1')".to_owned() + &":a".repeat(50_000)),
        format!("SELECT * FROM people {}", "JOIN people ON TRUE ".repeat(20_000)),
        format!("SELECT * FROM {}people{}", "(SELECT * FROM ".repeat(60), ")".repeat(60)),
    ];
    for sql in cases {
        let start = std::time::Instant::now();
        let outcome = b.run(&sql);
        let told = sql.get(..60).unwrap_or(&sql);
        assert!(outcome.is_err(), "{told} was let through: {outcome:?}");
        assert!(start.elapsed().as_secs() < 20, "{told} took {:?}", start.elapsed());
    }
    assert_eq!(b.cell("SELECT COUNT(*) AS n FROM people", "N"), "3");
    let many = (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    assert_eq!(b.cell(&format!("SELECT COUNT(*) AS n FROM people WHERE id IN ({many})"), "N"), "3");
    let or = (0..300).map(|n| format!("id = {n}")).collect::<Vec<_>>().join(" OR ");
    assert_eq!(b.cell(&format!("SELECT COUNT(*) AS n FROM people WHERE {or}"), "N"), "3");
}

#[test]
fn a_query_that_never_ends_is_stopped() {
    let mut b = bench();
    let huge = "SELECT COUNT(*) FROM (SELECT a.id FROM people a, people b, people c, people d, people e, people f, people g, people h, \
                people i, people j, people k, people l, people m, people n, people o, people p, people q, people r, people s) WHERE id > 0";
    assert_eq!(b.fails(huge).code, "000630");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Filters, projections and orders agree with what plain Rust makes of them.
    #[test]
    fn agrees_with_a_naive_evaluator(
        rows in prop::collection::vec((prop::option::of(-5_i64..5), prop::option::of("[a-c]{0,2}")), 0..12),
        bound in -5_i64..5,
        text in "[a-c]{0,2}",
        either in any::<bool>(),
        descending in any::<bool>(),
        limit in 0_usize..14,
    ) {
        let mut b = Bench::furnished();
        b.ok("USE SCHEMA D.S");
        b.ok("CREATE TABLE t (place INT, n INT, s VARCHAR)");
        let values: Vec<String> = rows
            .iter()
            .enumerate()
            .map(|(at, (n, s))| {
                let n = n.map_or("NULL".to_owned(), |n| n.to_string());
                let s = s.as_ref().map_or("NULL".to_owned(), |s| format!("'{s}'"));
                format!("({at}, {n}, {s})")
            })
            .collect();
        if !values.is_empty() {
            b.ok(&format!("INSERT INTO t VALUES {}", values.join(", ")));
        }
        let (word, direction) = (if either { "OR" } else { "AND" }, if descending { "DESC" } else { "ASC" });
        let sql = format!(
            "SELECT place, n + 1 AS m FROM t WHERE n > {bound} {word} s <= '{text}' ORDER BY s {direction}, place LIMIT {limit}"
        );
        let found = b.rows(&sql, &["PLACE", "M"]);
        let holds = |n: &Option<i64>, s: &Option<String>| {
            let (one, two) = (n.map(|n| n > bound), s.as_ref().map(|s| *s <= text));
            match (either, one, two) {
                (true, one, two) => one == Some(true) || two == Some(true),
                (false, one, two) => one == Some(true) && two == Some(true),
            }
        };
        let mut wanted: Vec<_> = rows.iter().enumerate().filter(|(_, (n, s))| holds(n, s)).collect();
        wanted.sort_by(|(at, (_, one)), (other, (_, two))| {
            // NULL is the greatest.
            let order = (one.is_none(), one).cmp(&(two.is_none(), two));
            let order = if descending { order.reverse() } else { order };
            order.then(at.cmp(other))
        });
        let wanted: Vec<Vec<String>> = wanted
            .into_iter()
            .take(limit)
            .map(|(at, (n, _))| vec![at.to_string(), n.map_or("NULL".to_owned(), |n| (n + 1).to_string())])
            .collect();
        prop_assert_eq!(found, wanted, "{}", sql);
    }
}

#[test]
fn merge_takes_each_row_once() {
    let mut b = bench();
    b.ok("CREATE TABLE news (id INT, name VARCHAR, gone BOOLEAN)");
    b.ok("INSERT INTO news VALUES (1, 'Anne', FALSE), (2, NULL, TRUE), (8, 'Zoe', FALSE), (9, 'Nobody', TRUE)");
    let merge = "MERGE INTO people p USING news n ON p.id = n.id \
                 WHEN MATCHED AND n.gone THEN DELETE \
                 WHEN MATCHED THEN UPDATE SET name = n.name, pay = p.pay + 1 \
                 WHEN NOT MATCHED AND NOT n.gone THEN INSERT (id, name) VALUES (n.id, UPPER(n.name))";
    let columns = ["number of rows inserted", "number of rows updated", "number of rows deleted"];
    assert_eq!(b.rows(merge, &columns), [["1", "1", "1"]]);
    let rows = b.rows("SELECT id, name, pay FROM people ORDER BY id", &["ID", "NAME", "PAY"]);
    assert_eq!(rows, [["1", "Anne", "11.50"], ["3", "NULL", "NULL"], ["8", "ZOE", "NULL"]]);
    b.ok("INSERT INTO news VALUES (1, 'twice', FALSE)");
    assert_eq!(b.fails(merge).code, "100090");
}

#[test]
fn results_are_read_again() {
    let mut b = bench();
    b.ok("SHOW TABLES IN SCHEMA d.s");
    let sql = "SELECT \"name\", \"rows\" + 1 AS r FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) WHERE \"name\" LIKE 'P%'";
    assert_eq!(b.rows(sql, &["name", "R"]), [["PEOPLE", "4"]]);
    assert_eq!(b.fails("SELECT * FROM TABLE(RESULT_SCAN('nope'))").code, "000709");
}

#[test]
fn the_information_schema_shows_what_a_role_may_see() {
    let mut b = bench();
    let tables = "SELECT table_name, table_type, row_count FROM INFORMATION_SCHEMA.TABLES ORDER BY 1";
    let wanted = [["ORDERS", "BASE TABLE", "3"], ["PEOPLE", "BASE TABLE", "3"], ["WELL_PAID", "VIEW", "NULL"]];
    assert_eq!(b.rows(tables, &["TABLE_NAME", "TABLE_TYPE", "ROW_COUNT"]), wanted);
    let columns = "SELECT column_name, data_type, character_maximum_length, is_nullable FROM d.information_schema.columns \
                   WHERE table_name = 'PEOPLE' AND ordinal_position <= 2 ORDER BY ordinal_position";
    let named = ["COLUMN_NAME", "DATA_TYPE", "CHARACTER_MAXIMUM_LENGTH", "IS_NULLABLE"];
    assert_eq!(b.rows(columns, &named), [["ID", "NUMBER", "NULL", "NO"], ["NAME", "TEXT", "10", "YES"]]);
    for sql in [
        "CREATE ROLE reader",
        "GRANT USAGE ON DATABASE d TO ROLE reader",
        "GRANT USAGE ON SCHEMA d.s TO ROLE reader",
        "GRANT SELECT ON VIEW well_paid TO ROLE reader",
    ] {
        b.ok(sql);
    }
    b.as_role("READER");
    assert_eq!(b.column(tables, "TABLE_NAME"), ["WELL_PAID"]);
    assert_eq!(b.column("SELECT name FROM well_paid", "NAME"), ["bob"], "with the rights of the view's owner");
    b.script(&[
        ("SELECT * FROM people", "002003"),
        ("DELETE FROM people", "002003"),
        ("SELECT * FROM INFORMATION_SCHEMA.PIPES", "000002"),
        ("SELECT * FROM INFORMATION_SCHEMA.NOPE", "002003"),
    ]);
}

#[test]
fn a_view_that_reads_itself_is_refused() {
    let mut b = bench();
    b.ok("CREATE OR REPLACE VIEW well_paid AS SELECT 1 AS one FROM well_paid");
    assert_eq!(b.fails("SELECT * FROM well_paid").code, "002057");
}

SELECT COUNT(*) AS ROWS_A_DAY
FROM {{ table.raw.fqn }}
WHERE LOADED_AT > DATEADD('hour', -24, CURRENT_TIMESTAMP())
HAVING COUNT(*) NOT BETWEEN {{ var.rows_a_day.least }} AND {{ var.rows_a_day.most }}

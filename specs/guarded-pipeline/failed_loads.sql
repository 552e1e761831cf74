SELECT 1
FROM TABLE({{ database.pipeline.name }}.INFORMATION_SCHEMA.COPY_HISTORY(
  TABLE_NAME => '{{ table.raw.fqn }}',
  START_TIME => DATEADD('minute', -16, CURRENT_TIMESTAMP())
))
WHERE STATUS <> 'Loaded'

SELECT 1
WHERE SYSTEM$STREAM_HAS_DATA('{{ stream.raw.fqn }}')
  AND NOT EXISTS (
    SELECT 1
    FROM TABLE({{ database.pipeline.name }}.INFORMATION_SCHEMA.TASK_HISTORY(
      TASK_NAME => '{{ task.count.name }}',
      SCHEDULED_TIME_RANGE_START => DATEADD('hour', -1, CURRENT_TIMESTAMP())
    ))
    WHERE STATE = 'SUCCEEDED'
  )

COPY INTO {{ table.sessions.fqn }} (
  RAW_DATA, _EVENT_TYPE, _TIMESTAMP, _SESSION_ID, DURATION_SECONDS, DISCOVERED_SIGNALS, TOOL_CALLS, METRICS_SUMMARY
)
FROM (
  SELECT
    $1,
    $1:_event_type::STRING,
    TO_TIMESTAMP($1:_timestamp::NUMBER),
    $1:_session_id::STRING,
    $1:duration_seconds::NUMBER,
    $1:discovered_signals,
    $1:tool_calls,
    $1:metrics_summary
  FROM @{{ stage.sessions.fqn }}
)
FILE_FORMAT = (TYPE = JSON COMPRESSION = GZIP)
PATTERN = '.*year=.*/month=.*/day=.*/.*[.]gz'

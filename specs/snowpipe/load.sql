COPY INTO {{ table.events.fqn }} (DOCUMENT, FILE, FILE_ROW)
FROM (
  SELECT $1, METADATA$FILENAME, METADATA$FILE_ROW_NUMBER
  FROM @{{ stage.landing.fqn }}
)
FILE_FORMAT = (FORMAT_NAME = '{{ file_format.json.fqn }}')

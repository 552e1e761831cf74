COPY INTO {{ table.raw.fqn }} (DOCUMENT, FILE)
FROM (
  SELECT $1, METADATA$FILENAME
  FROM @{{ stage.landing.fqn }}
)
FILE_FORMAT = (FORMAT_NAME = '{{ file_format.json.fqn }}')

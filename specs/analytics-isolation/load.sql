COPY INTO {{ table.applications.fqn }} (DOCUMENT, FILE)
FROM (SELECT $1, METADATA$FILENAME FROM @{{ stage.staging.fqn }})
PATTERN = '.*[.]json'
ON_ERROR = SKIP_FILE

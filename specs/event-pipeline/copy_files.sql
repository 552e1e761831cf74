BEGIN
  -- Consume the stream first. A file that arrives after this statement sets the task off again; a file that arrived before it is in the
  -- bucket and is copied below. The condition reads no row, and moves the stream's offset all the same.
  CREATE OR REPLACE TEMPORARY TABLE {{ schema.files.fqn }}."SEEN" AS
    SELECT relative_path FROM {{ stream.inbound.fqn }} WHERE 1 = 0;
  -- Copying is idempotent: copies of files that are there already are overwritten with the same content.
  COPY FILES INTO @{{ stage.outbound.fqn }} FROM @{{ stage.inbound.fqn }};
END

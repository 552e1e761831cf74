CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(
  SNOWFLAKE.NOTIFICATION.TEXT_PLAIN('{{ local.prefix }}: files were not loaded; COPY_HISTORY of {{ table.raw.name }} says which and why'),
  [
    SNOWFLAKE.NOTIFICATION.INTEGRATION('{{ notification_integration.failures.name }}')
    {%- if var.mail %},
    SNOWFLAKE.NOTIFICATION.INTEGRATION('{{ local.NAME }}_MAIL')
    {%- endif %}
  ]
)

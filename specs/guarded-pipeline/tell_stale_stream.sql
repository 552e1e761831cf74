CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(
  SNOWFLAKE.NOTIFICATION.TEXT_PLAIN('{{ local.prefix }}: rows wait in {{ stream.raw.name }} and {{ task.count.name }} has not run well for an hour'),
  [
    SNOWFLAKE.NOTIFICATION.INTEGRATION('{{ notification_integration.failures.name }}')
    {%- if var.mail %},
    SNOWFLAKE.NOTIFICATION.INTEGRATION('{{ local.NAME }}_MAIL')
    {%- endif %}
  ]
)

CALL SYSTEM$SEND_SNOWFLAKE_NOTIFICATION(
  SNOWFLAKE.NOTIFICATION.TEXT_PLAIN('{{ local.prefix }}: far fewer or far more rows came in a day than expected'),
  [
    SNOWFLAKE.NOTIFICATION.INTEGRATION('{{ notification_integration.failures.name }}')
    {%- if var.mail %},
    SNOWFLAKE.NOTIFICATION.INTEGRATION('{{ local.NAME }}_MAIL')
    {%- endif %}
  ]
)

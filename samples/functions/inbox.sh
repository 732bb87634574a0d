# Keeps the last callback it was sent, headers first, in the file last; GET shows it.
if [ "$Http_Method" = GET ]; then
  cat last 2>/dev/null
  exit 0
fi
{ env | grep -E '^Http_(X_|Content_Type|User_Agent|Webhook_)' | sort; echo; cat; } > incoming && mv incoming last

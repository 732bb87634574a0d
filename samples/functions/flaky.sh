# Fails as often as the path says (default 2) for each call id, then succeeds: curl -d hi .../async-function/flaky/3
times=${Http_Path#/}
case $times in ''|*[!0-9]*) times=2 ;; esac
count=$(printf %s "${Http_X_Call_Id:-none}" | tr -c 'A-Za-z0-9_-' _)
printf x >> "$count"
runs=$(wc -c < "$count")
if [ "$runs" -le "$times" ]; then
  echo "run $runs of call ${Http_X_Call_Id:-none} fails on purpose"
  exit 1
fi
rm -f "$count"
echo "run $runs succeeds: $(cat)"

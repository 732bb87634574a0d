# Sleeps for as many seconds as the path says (default 1).
seconds=${Http_Path#/}
case $seconds in ''|*[!0-9.]*) seconds=1 ;; esac
sleep "$seconds"
echo "slept for $seconds s"

# Keeps what it is sent as callbacks, each under its call's id: GET lists them, GET /ID shows one.
if [ "$Http_Method" = GET ]; then
  if [ "${Http_Path:-/}" = / ]; then head -qn 1 -- *.call 2>/dev/null; else cat -- "$(basename "$Http_Path").body"; fi
  exit
fi
name=$(printf %s "$Http_X_Call_Id" | tr -c 'A-Za-z0-9_-' _)
cat > "$name.part" && mv "$name.part" "$name.body"
echo "$Http_X_Call_Id ${Http_X_Call_State:-$Http_X_Function_Status} $(wc -c < "$name.body") bytes" > "$name.call"

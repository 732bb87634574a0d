# Takes an order such as "3 apples", and fails for one that does not say how many.
read -r number what
case $number in
  '' | *[!0-9]*) echo "how many? \"$number${what:+ $what}\" does not begin with a number"; exit 1 ;;
  *) echo "$number $what: on their way" ;;
esac

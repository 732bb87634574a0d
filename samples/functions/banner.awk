# Prints each input line in letters five rows high.
BEGIN {
  split("A B C D E F G H I J K L M N O P Q R S T U V W X Y Z 0 1 2 3 4 5 6 7 8 9 ! ? . -", names, " ")
  n = split(" #  # # ### # # # #|##  # # ##  # # ## | ## #   #   #    ## |##  # # # # # # ## |### #   ##  #   ###|### #   ##  #   #  | ## #   # # # #  ## |# # # # ### # # # #|###  #   #   #  ###|  #   #   # # #  # |# # # # ##  # # # #|#   #   #   #   ###|# # ### ### # # # #|### # # # # # # # #| #  # # # # # #  # |##  # # ##  #   #  | #  # # # # ##   ##|##  # # ##  # # # #| ## #    #    # ## |###  #   #   #   # |# # # # # # # #  ##|# # # # # # # #  # |# # # # ### ### # #|# # # #  #  # # # #|# # # #  #   #   # |###   #  #  #   ###| #  # # # # # #  # | #  ##   #   #  ###|##    #  #  #   ###|##    # ##    # ## |# # # # ###   #   #|### #   ##    # ## | ## #   ##  # #  # |###   #  #   #   # | #  # #  #  # #  # | #  # #  ##   # ## | #   #   #       # |##    #  #       # |                  # |        ###        ", shapes, "|")
  for (i = 1; i <= n; i++) shape[names[i]] = shapes[i]
}
{
  line = toupper($0)
  for (row = 0; row < 5; row++) {
    out = ""
    for (i = 1; i <= length(line); i++) {
      glyph = (substr(line, i, 1) in shape) ? shape[substr(line, i, 1)] : ""
      out = out sprintf("%-3s ", substr(glyph, row * 4 + 1, 3))
    }
    sub(/ +$/, "", out)
    print out
  }
}

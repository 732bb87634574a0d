# Makes an invoice of one page, as PDF, of an order such as
#   Ann's bakery
#   3 sieves 4.50
#   12 tins 1.20
NR == 1 { customer = $0; next }
NF < 3 || $1 !~ /^[0-9]+$/ || $NF !~ /^[0-9]+(\.[0-9]+)?$/ {
  print "line " NR " is no NUMBER THING PRICE: " $0
  failed = 1
  exit 1
}
{
  thing = $2
  for (i = 3; i < NF; i++) thing = thing " " $i
  rows[++count] = sprintf("%5d  %-30s %10.2f %12.2f", $1, thing, $NF, $1 * $NF)
  total += $1 * $NF
}
END {
  if (!failed && !count) print "no row of NUMBER THING PRICE below the customer's name"
  if (failed || !count) exit 1
  text = "BT /F1 11 Tf 16 TL 60 770 Td " line("Invoice for " customer) line("")
  for (i = 1; i <= count; i++) text = text line(rows[i])
  text = text line("") line(sprintf("%49s %12.2f", "total", total)) "ET"

  pdf = "%PDF-1.4\n"
  object("<< /Type /Catalog /Pages 2 0 R >>")
  object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
  object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>")
  object("<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>")
  object("<< /Length " length(text) " >>\nstream\n" text "\nendstream")
  start = length(pdf)
  pdf = pdf "xref\n0 " objects + 1 "\n0000000000 65535 f \n"
  for (i = 1; i <= objects; i++) pdf = pdf sprintf("%010d 00000 n \n", offset[i])
  printf "%s", pdf "trailer\n<< /Size " objects + 1 " /Root 1 0 R >>\nstartxref\n" start "\n%%EOF\n"
}

function object(content) {
  offset[++objects] = length(pdf)
  pdf = pdf objects " 0 obj\n" content "\nendobj\n"
}

# A text, what it means in PDF escaped, in ASCII: an offset is a number of bytes, whatever the awk.
function line(written) {
  gsub(/[^ -~]/, "?", written)
  gsub(/[\\()]/, "\\\\&", written)
  return "(" written ") Tj T* "
}

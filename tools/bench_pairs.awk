# Lines of two benchmarks, those of the peer with cases that begin with `their`: one JSON line for each size, with the
# better of each and their ratio.
BEGIN { FS = "[\":, }]+" }
{
    size = $3; sub(/.*_/, "", size); ns = $5 + 0
    if (index($3, their "_") == 1) { if (!(size in theirs) || ns < theirs[size]) theirs[size] = ns }
    else if (!(size in ours) || ns < ours[size]) ours[size] = ns
    if (!(size in seen)) { seen[size] = 1; order[++count] = size }
}
END {
    for (n = 1; n <= count; n++) {
        size = order[n]
        printf "{\"case\": \"%s_%s\", \"ns_per_op\": %.2f, \"baseline_ns\": %.2f, \"ratio\": %.3f%s}\n",
            their, size, ours[size], theirs[size], ours[size] / theirs[size], size == 256 ? ", \"goal\": " goal : ""
    }
}

"""What tools/mutate.py changes.

name    printed and matched           what   in what way the code is wrong then
file    from the root of the tree     old    text that occurs once (or `count` times)
new     what takes its place          tests  ctest names; one of them has to fail
preset  default hostile               repeat, seconds  how often and how long to try
hidden  why this machine cannot show it (such an entry is expected to live)
"""

RECORD_H = "src/sync/record.h"
RECORD_C = "src/sync/record.c"

MUTATIONS = [
    dict(name="record-leave-believes", file=RECORD_C,
         what="a thread that ends trusts that its domain is still there",
         old="for (d = living; d != NULL && !has_record(d, mine); d = d->next_living)\n"
             "        continue;",
         new="d = living != NULL ? living : (void *)mine;",
         tests=["unit_sync_domain"]),
    dict(name="record-since-after-pin", file=RECORD_H,
         what="the time of a pin is stored after the pin",
         old="    return berthi_pin_at(d, berthi_pin_open(d, mine), shared);",
         new="    void *p;\n    mine->depth++;\n"
             "    p = berthi_pin_at(d, &mine->pin[mine->depth - 1], shared);\n"
             "    mine->depth--;\n    (void)berthi_pin_open(d, mine);\n    return p;",
         tests=["unit_sync_domain"]),
]

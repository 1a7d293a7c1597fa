/* A program as an Extism plugin: it runs once in each instance, and ends as its input says. */
#include "extism.h"

__attribute__((import_module("wasi_snapshot_preview1"),
               import_name("proc_exit"))) _Noreturn void
proc_exit(uint32_t code);

static int runs;

__attribute__((export_name("_start"))) void start(void)
{
    if (++runs != 1)
        __builtin_trap();
    answer(put("ran"));
    if (x_input_length() != 0)
        proc_exit(x_input_load_u8(0) - '0');
}

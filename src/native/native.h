/* native/native.h - plugins that are shared objects: what is found out before any of one is mapped, how
 * it is mapped, and how it goes.
 *
 * What this directory is: elf.c reads a file that anybody may have written and runs nothing of it;
 * note.c reads what the plugin says about itself there.  os/library.h maps a private copy and takes it
 * away again, and looks whether it is gone.  instance.c opens, drains and closes; what cannot be drained is
 * abandoned, mapped for good, and counted (I10).  It knows nothing of slots.
 *
 * The contract: <berth/plugin.h>.  Why it is so: docs/design/0011-native.md.  Layer: native. */
#ifndef BERTHI_NATIVE_NATIVE_H
#define BERTHI_NATIVE_NATIVE_H

#include <berth/plugin.h>
#include <berth/runtime.h>

#include "base/alloc.h"
#include "base/digest.h"

enum {                               /* what is taken at most (I8) */
       BERTHI_ELF_SEGMENTS_MAX = 64, /* program headers */
       BERTHI_ELF_SECTIONS_MAX = 4096,
       BERTHI_ELF_DYNAMIC_MAX = 4096,    /* entries */
       BERTHI_ELF_SYMBOLS_MAX = 1000000, /* that it defines or asks for */
       BERTHI_ELF_NEEDED_MAX = 64,       /* libraries */
       BERTHI_ELF_NAME_MAX = 256,        /* bytes of what is listed; longer names are cut */
       BERTHI_ELF_LISTED_MAX = 16,       /* of symbols and constructors */
       BERTHI_ELF_MEMORY_MAX = 1 << 30,  /* bytes of all its segments */
       BERTHI_ELF_PROBLEMS_MAX = 16,
       BERTHI_NATIVE_ID_MAX = 64,         /* bytes of a plugin's id */
       BERTHI_NATIVE_NOTE_MAX = 64 << 10, /* bytes of the note */
       BERTHI_NATIVE_CONTRACTS_MAX = 64,
       BERTHI_NATIVE_WIT_MAX = 4 << 20 /* bytes of the world */
};

/* ---------------------------------------------------------------- elf.c, note.c */

/* Why it cannot be a plugin here.  `text` says what to do about it. */
typedef struct berthi_native_problem {
    const char *rule; /* a stable name, listed in docs/inspect-json.md */
    const char *text;
    uint64_t offset; /* into the file; UINT64_MAX: none */
} berthi_native_problem;

/* A contract that it says it keeps. */
typedef struct berthi_native_contract {
    uint8_t digest[BERTHI_SHA256_SIZE];
    const char *name; /* "shop:store/keys@1.2.0" */
} berthi_native_contract;

/* A function that runs when it is mapped. */
typedef struct berthi_native_constructor {
    uint64_t address; /* in the file's own terms; 0: not known */
    const char *name; /* NULL: the file does not tell */
} berthi_native_constructor;

/* What was found.  Lists are complete unless their count says otherwise; everything is held by the
 * arena, but `wit`, which is lent from the file. */
typedef struct berthi_native_info {
    const char *machine; /* "x86-64"; NULL: none that has a name here */
    const char *soname, *runpath;
    const char *const *needed;
    const char *const
        *unique; /* GNU_UNIQUE symbols: the C library never unmaps what defines one */
    const berthi_native_constructor *constructors;
    uint32_t needed_count, unique_count, constructors_count; /* of all; LISTED_MAX are listed */
    uint32_t destructors_count, exports_count;
    uint64_t memory_bytes; /* of its segments */
    bool is_nodelete;      /* it asks to stay mapped (-z nodelete) */
    bool has_tls_ends;     /* it may have destructors of thread-locals, which keep it mapped */
    /* The first function it asks for by which code of it may run on when no call is inside: of
     * threads, timers, signals, keys; NULL: none that is known. */
    const char *lingers;
    const char *foreign; /* another system's entry point that it exports; NULL: none known */
    /* the note; id NULL: there is none that can be read */
    const char *id;
    uint16_t abi_major, abi_minor;
    uint32_t contracts_count;
    const berthi_native_contract *contracts;
    const uint8_t *wit; /* NULL: it carries no world */
    size_t wit_size;
    uint32_t problems_count; /* 0: it may be mapped */
    berthi_native_problem problems[BERTHI_ELF_PROBLEMS_MAX];
} berthi_native_info;

/* Reads an ELF file: whatever it holds, and whatever is wrong with it, is in *info_out.
 * BERTH_OK or BERTH_E_NOMEM. */
berth_status berthi_native_read(const uint8_t *bytes, size_t size, berthi_arena *arena,
                                berthi_native_info *info_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* The same of another system's plugin, which has to export the function `entry`, and neither a note
 * nor `berth_plugin`. */
berth_status berthi_native_read_foreign(const uint8_t *bytes, size_t size, const char *entry,
                                        berthi_arena *arena, berthi_native_info *info_out,
                                        berth_diag *diag) __attribute__((warn_unused_result));

/* ---------------------------------------------------------------- instance.c, group.c */

struct berthi_library;

/* Another system's ABI, in the place of <berth/plugin.h>.  Called as that header's functions are. */
typedef struct berthi_native_abi {
    const char *name;  /* of the system */
    const char *entry; /* the function that its plugins export */
    /* Opens what was mapped.  When it fails and *self_out is not NULL, the plugin has run, and drain(),
     * close() and end() follow as for one that was open. */
    berth_status (*open)(void *ctx, const struct berthi_library *library, void **self_out,
                         berth_diag *diag);
    int32_t (*drain)(void *self, uint64_t deadline_ns, berth_diag *diag);
    void (*close)(void *self);
    void (*end)(void *self); /* takes self, whose code is gone; not called while it is mapped */
} berthi_native_abi;

typedef struct berthi_native_stats {
    uint32_t open;             /* instances that may be called */
    uint32_t ending;           /* being drained or closed, within their time */
    uint32_t abandoned;        /* could not be drained, or not in time: mapped for good */
    uint32_t kept;             /* closed; the C library keeps them mapped */
    uint64_t opened, unmapped; /* ever; seen to be gone */
} berthi_native_stats;

/* All native plugins of one runtime: who is told of them, and how many there are of each sort. */
typedef struct berthi_native_group berthi_native_group;
typedef struct berthi_native berthi_native; /* one plugin, mapped and open */

berth_status berthi_native_group_make(berth_reporter reporter, void *reporter_ctx,
                                      berthi_native_group **group_out, berth_diag *diag)
    __attribute__((warn_unused_result));
/* No instance is open.  Waits for those that are ending, as long as they may take; tells the reporter
 * of those that did not end, and nothing after it has returned. */
void berthi_native_group_end(berthi_native_group *group);
/* Tells the reporter. */
void berthi_native_group_report(berthi_native_group *group, const berth_report *report);
void berthi_native_group_stats(berthi_native_group *group, berthi_native_stats *stats_out);

/* What the host offers to one plugin.  Memory of the C library's heap: an abandoned plugin may ask
 * for it for ever. */
typedef struct berthi_native_imports {
    /* A berth_import_v1 by the name of the import; NULL: there is none.  Any thread. */
    const void *(*find)(struct berthi_native_imports *imports, const char *name);
    /* The plugin is gone, and the memory may go; or it is abandoned, and may call it at any time. */
    void (*end)(struct berthi_native_imports *imports, bool is_abandoned);
} berthi_native_imports;

typedef struct berthi_native_options {
    const struct berthi_library_copy *copy; /* whose bytes were admitted */
    const berthi_native_info *info;
    const char *tenant, *slot;
    uint64_t drain_ns;                /* what drain() gets */
    const struct berthi_trial *trial; /* before it is mapped here; NULL: none */
    bool is_checked;                /* all its calls go through berthi_native_call_checked() */
    const berthi_native_abi *abi;   /* NULL: ours */
    void *abi_ctx;                  /* for its open() */
    berthi_native_imports *imports; /* taken, also on failure; NULL: it imports nothing */
} berthi_native_options;

/* Maps and opens.  On failure it is all undone.
 * Fails: BERTH_E_REJECTED (its trial, the dynamic linker, the id), BERTH_E_VERSION (the ABI), BERTH_E_ABI (a
 * function is missing), BERTH_E_PLUGIN (open() failed), BERTH_E_OS, BERTH_E_NOMEM. */
berth_status berthi_native_open(berthi_native_group *group,
                                const berthi_native_options *options,
                                berthi_native **native_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Its functions of the contract `key`, which is of that digest and has these functions; NULL in *out
 * when there are none in it.  Fails: BERTH_E_ABI. */
berth_status berthi_native_functions(const berthi_native *native, const char *key,
                                     const uint8_t *digest, const char *const *names,
                                     uint32_t count, const berth_functions_v1 **out,
                                     berth_diag *diag) __attribute__((warn_unused_result));
/* What drops its resources, by the same rules; NULL in *out also when it does not tell. */
berth_status berthi_native_drops(const berthi_native *native, const char *key,
                                 const uint8_t *digest, const char *const *names,
                                 uint32_t count, const berth_functions_v1 **out,
                                 berth_diag *diag) __attribute__((warn_unused_result));
void *berthi_native_self(const berthi_native *native);
/* Which version of its slot it is, for reports.  Takes no lock. */
void berthi_native_set_version(berthi_native *native, uint64_t version);
const berthi_native_abi *berthi_native_abi_of(const berthi_native *native); /* NULL: ours */

/* Nobody is inside or will be.  Takes it; drains, closes and unmaps on a thread of its own.  A thread that
 * cannot be had leaves it abandoned. */
void berthi_native_end(berthi_native *native);

#endif

/* os/trial.h - a shared object is mapped in a process of its own, which may die of it.  Layer: os.
 *
 * Of use against what crashes, ends the process or does not return.  It is no judgement on what means
 * harm: what runs there may do what the user may, and may behave when it is tried. */
#ifndef BERTHI_OS_TRIAL_H
#define BERTHI_OS_TRIAL_H

#include <berth/base.h>

struct berthi_library_copy;

typedef struct berthi_trial {
    const char *program; /* the path of berth-trial */
    uint64_t deadline_ns;
    uint64_t memory_bytes; /* of all that the process maps; 0: no bound */
} berthi_trial;

/* Maps the copy and takes it away again, over there.  Nothing of it is left when this returns: no
 * process, no descriptor.  While it runs, the host's SIGCHLD may be raised.
 * Fails: BERTH_E_REJECTED with BERTH_REASON_TRIAL and what became of it, BERTH_E_OS: there was no
 * trial, for example because there is no such program. */
berth_status berthi_trial_run(const struct berthi_library_copy *copy, const berthi_trial *trial,
                              berth_diag *diag) __attribute__((warn_unused_result));

#endif

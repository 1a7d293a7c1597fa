/* fuzz_files.c - files, their streams and lists as a plugin uses them, against a plain model of a folder.
 *
 * The first two bytes choose how many objects the instance may have and the allocation that fails; every three
 * behind them are an operation.  Each must answer as the model does and change nothing when it fails; in whatever
 * order things are dropped, nothing is left at the end.  Once the grants are revoked every answer is ACCESS. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "memory.h"
#include "process.h"
#include "service/files/files.h"

enum {
    OPERATIONS_MAX = 200,
    NAMES = 4,
    HELD = 6,
    WRITE_MAX = 64,
    FILE_MAX = 256 + OPERATIONS_MAX * WRITE_MAX * 2,
    NO_FILE = -1
};

typedef struct file { /* what names and open nodes share */
    size_t size;
    uint8_t bytes[FILE_MAX]; /* 0 behind its end */
} file;

typedef struct held {
    berthi_files_node *node;
    berthi_input *input;
    berthi_output *output;
    int file;        /* of the node, of the stream */
    uint64_t offset; /* of the stream */
    bool appends;
} held;

typedef struct world {
    bertht_memory memory;
    berth_allocator allocator;
    size_t failures; /* before the operation */
    char base[64];
    berth_grants *grants;
    berthi_services *services;
    berthi_files_node *top;
    bool is_revoked;
    int names[NAMES]; /* a file, NO_FILE */
    file files[OPERATIONS_MAX];
    int files_count;
    held nodes[HELD], inputs[HELD], outputs[HELD];
} world;

static world w;

static berthi_dir_path name_of(uint8_t n)
{
    static const char names[NAMES][2] = { "a", "b", "c", "d" };

    return (berthi_dir_path){ names[n % NAMES], 1, false };
}

static uint64_t objects_held(void)
{
    uint64_t count = 1; /* the folder */

    for (unsigned i = 0; i < HELD; i++)
        count += (w.nodes[i].node != NULL ? 1u : 0u) + (w.inputs[i].input != NULL ? 1u : 0u) +
                 (w.outputs[i].output != NULL ? 1u : 0u);
    return count;
}

/* A stream keeps its node, so there may be more than are held. */
static bool is_full(void)
{
    CHECK(w.services->objects >= objects_held());
    return w.services->objects >= w.services->objects_max;
}

/* True: it went well, as `expected` says.  Of what makes an object, `makes`: it may have come short of memory. */
static bool went(berthi_code code, berthi_code expected, bool makes)
{
    if (code == BERTHI_CODE_NO_MEMORY) {
        CHECK(makes && atomic_load(&w.memory.failures) > w.failures);
        return false;
    }
    if (w.is_revoked)
        expected = BERTHI_CODE_ACCESS;
    if (code != expected)
        fprintf(stderr, "%s, not %s\n", berthi_code_name(code), berthi_code_name(expected));
    CHECK(code == expected);
    return code == BERTHI_CODE_OK;
}

static void set_bytes(file *f, uint64_t at, const void *bytes, size_t size)
{
    CHECK(at + size <= FILE_MAX);
    memcpy(f->bytes + at, bytes, size);
    if (at + size > f->size)
        f->size = (size_t)at + size;
}

static void set_size(file *f, size_t size)
{
    if (size < f->size)
        memset(f->bytes + size, 0, f->size - size);
    f->size = size;
}

static void drop(held *h)
{
    berthi_object_unref(h->node);
    berthi_object_unref(h->input);
    berthi_object_unref(h->output);
    *h = (held){ .file = NO_FILE };
}

/* ---------------------------------------------------------------- names */

static void open_one(uint8_t a, uint8_t b)
{
    berthi_dir_how how = { .reads = (b & 1) != 0,
                           .writes = (b & 2) != 0,
                           .creates = (b & 4) != 0,
                           .exclusive = (b & 8) != 0,
                           .truncates = (b & 16) != 0,
                           .follows = (b & 32) != 0 };
    int *name = &w.names[a % NAMES];
    held *h = &w.nodes[a / NAMES % HELD];
    berthi_files_node *node = NULL;
    berthi_code expected = BERTHI_CODE_OK;

    drop(h);
    if (is_full())
        expected = BERTHI_CODE_TOO_MANY_OPEN;
    else if ((how.exclusive && !how.creates) || (how.truncates && !how.writes))
        expected = BERTHI_CODE_INVALID;
    else if (*name == NO_FILE && !how.creates)
        expected = BERTHI_CODE_NO_ENTRY;
    else if (*name != NO_FILE && how.exclusive)
        expected = BERTHI_CODE_EXISTS;
    if (!went(berthi_files_open(w.top, name_of(a), &how, &node), expected, true))
        return;
    if (*name == NO_FILE) {
        *name = w.files_count++;
        w.files[*name].size = 0;
    }
    if (how.truncates)
        set_size(&w.files[*name], 0);
    *h = (held){ .node = node, .file = *name };
}

static void change_names(uint8_t a, uint8_t b)
{
    int *name = &w.names[a % NAMES], *other = &w.names[b % NAMES];
    berthi_code missing = *name == NO_FILE ? BERTHI_CODE_NO_ENTRY : BERTHI_CODE_OK;

    switch (a / NAMES % 3) {
    case 0:
        if (went(berthi_files_unlink(w.top, name_of(a)), missing, false))
            *name = NO_FILE;
        break;
    case 1:
        if (went(berthi_files_rename(w.top, name_of(a), w.top, name_of(b)), missing, false) &&
            *name != *other) { /* two names of one file stay two */
            *other = *name;
            *name = NO_FILE;
        }
        break;
    default:
        if (went(berthi_files_link(w.top, name_of(a), w.top, name_of(b)),
                 missing == BERTHI_CODE_OK && *other != NO_FILE ? BERTHI_CODE_EXISTS : missing,
                 false))
            *other = *name;
    }
}

static void look_at_names(uint8_t a)
{
    const int *name = &w.names[a % NAMES];
    berthi_code code = *name == NO_FILE ? BERTHI_CODE_NO_ENTRY : BERTHI_CODE_OK;
    berthi_files_list *list;
    berthi_dir_entry entry;
    unsigned links = 0, there = 0, listed = 0;
    berthi_file_stat at;
    bool some = true;

    for (unsigned i = 0; i < NAMES; i++) {
        there += w.names[i] != NO_FILE;
        links += *name != NO_FILE && w.names[i] == *name;
    }
    if (went(berthi_files_stat_at(w.top, name_of(a), true, &at), code, false))
        CHECK(at.size == w.files[*name].size && at.links == links);
    code = !w.is_revoked && is_full() ? BERTHI_CODE_TOO_MANY_OPEN : BERTHI_CODE_OK;
    if (!went(berthi_files_list_open(w.top, &list), code, true))
        return;
    while (berthi_files_list_next(list, &entry, &some) == BERTHI_CODE_OK && some) {
        CHECK(entry.size == 1 && w.names[entry.name[0] - 'a'] != NO_FILE);
        listed++;
    }
    CHECK(listed == there && !some);
    berthi_object_unref(list);
}

/* ---------------------------------------------------------------- bytes */

static void use_node(uint8_t a, uint8_t b)
{
    const held *h = &w.nodes[a % HELD];
    file *f = h->node == NULL ? NULL : &w.files[h->file];
    uint8_t bytes[WRITE_MAX];
    size_t size = 1 + b % WRITE_MAX, done = 0, left;
    berthi_code may;

    if (f == NULL)
        return;
    memset(bytes, b, sizeof bytes);
    may = h->node->writes ? BERTHI_CODE_OK : BERTHI_CODE_BAD_DESCRIPTOR;
    switch (a / HELD % 4) {
    case 0:
        left = b < f->size ? f->size - b : 0;
        may = h->node->reads ? BERTHI_CODE_OK : BERTHI_CODE_BAD_DESCRIPTOR;
        if (!went(berthi_files_read(h->node, bytes, size, b, &done), may, false))
            break;
        CHECK(done == (size < left ? size : left) && memcmp(bytes, f->bytes + b, done) == 0);
        break;
    case 1:
        if (went(berthi_files_write(h->node, bytes, size, b, &done), may, false)) {
            CHECK(done == size);
            set_bytes(f, b, bytes, size);
        }
        break;
    case 2:
        if (went(berthi_files_append(h->node, bytes, size, &done), may, false)) {
            CHECK(done == size);
            set_bytes(f, f->size, bytes, size);
        }
        break;
    default:
        if (went(berthi_files_set_size(h->node, b), may, false))
            set_size(f, b);
    }
}

/* ---------------------------------------------------------------- streams */

static void open_stream(uint8_t a, uint8_t b)
{
    const held *h = &w.nodes[a % HELD];
    held *in = &w.inputs[b % HELD], *out = &w.outputs[b % HELD];
    bool is_input = (a & 64) != 0, appends = (a & 128) != 0, may;
    berthi_code expected;

    if (h->node == NULL)
        return;
    drop(is_input ? in : out);
    may = is_input ? h->node->reads : h->node->writes;
    expected = !may        ? BERTHI_CODE_BAD_DESCRIPTOR
               : is_full() ? BERTHI_CODE_TOO_MANY_OPEN
                           : BERTHI_CODE_OK;
    if (is_input) {
        if (went(berthi_files_input(h->node, b, &in->input), expected, true))
            *in = (held){ .input = in->input, .file = h->file, .offset = b };
    } else if (went(berthi_files_output(h->node, b, appends, &out->output), expected, true)) {
        *out =
            (held){ .output = out->output, .file = h->file, .offset = b, .appends = appends };
    }
}

static void use_input(uint8_t a, uint8_t b)
{
    held *h = &w.inputs[a % HELD];
    const file *f = h->input == NULL ? NULL : &w.files[h->file];
    uint8_t bytes[WRITE_MAX];
    size_t size = 1 + b % WRITE_MAX, left;
    uint64_t skipped = size;
    berthi_code expected;

    if (f == NULL)
        return;
    left = h->offset < f->size ? f->size - (size_t)h->offset : 0;
    expected = left == 0 ? BERTHI_CODE_CLOSED : BERTHI_CODE_OK;
    left = left < size ? left : size;
    if ((a & 64) != 0) {
        if (!went((h->input->ops->skip)(h->input, &skipped), expected, false))
            return;
        CHECK(skipped == left);
    } else {
        if (!went(h->input->ops->read(h->input, bytes, &size), expected, false))
            return;
        CHECK(size == left && memcmp(bytes, f->bytes + h->offset, size) == 0);
    }
    h->offset += left;
}

static void use_output(uint8_t a, uint8_t b)
{
    held *h = &w.outputs[a % HELD];
    file *f = h->output == NULL ? NULL : &w.files[h->file];
    uint8_t bytes[WRITE_MAX];
    size_t size = 1 + b % WRITE_MAX, room = 0;

    if (f == NULL)
        return;
    memset(bytes, ~b, sizeof bytes);
    if (went(h->output->ops->check(h->output, &room), BERTHI_CODE_OK, false))
        CHECK(room >= size);
    if (!went(h->output->ops->write(h->output, bytes, size), BERTHI_CODE_OK, false))
        return;
    set_bytes(f, h->appends ? f->size : h->offset, bytes, size);
    if (!h->appends)
        h->offset += size;
}

static void drop_one(uint8_t a)
{
    held *const lists[] = { w.nodes, w.inputs, w.outputs };

    if (a == 255) {
        berth_grants_revoke(w.grants);
        w.is_revoked = true;
    } else {
        drop(&lists[a / HELD % 3][a % HELD]);
    }
}

/* ---------------------------------------------------------------- one input */

static void begin(const uint8_t *data)
{
    static const berthi_service_owner owner = { "tenant", "slot", "plugin", NULL, NULL };
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    char mount[96];
    const char *const lines[] = { mount, "fs:read:/t/**", "fs:write:/t/**" };
    const char *name;
    berth_diag diag;

    memset(w.nodes, 0, sizeof w.nodes);
    memset(w.inputs, 0, sizeof w.inputs);
    memset(w.outputs, 0, sizeof w.outputs);
    for (int i = 0; i < w.files_count; i++)
        set_size(&w.files[i], 0);
    w.files_count = 0;
    w.is_revoked = false;
    for (unsigned i = 0; i < NAMES; i++)
        w.names[i] = NO_FILE;
    memory_init(&w.memory);
    w.allocator = memory_allocator(&w.memory);
    snprintf(w.base, sizeof w.base, "/tmp/berth-fuzz-XXXXXX");
    CHECK(mkdtemp(w.base) != NULL);
    snprintf(mount, sizeof mount, "fs:mount:/t=%s", w.base);
    options.grants = lines;
    options.grants_count = 3;
    options.objects_max = 2 + data[0] % 16;
    CHECK(berth_grants_create(&w.allocator, &options, &w.grants, &diag) == BERTH_OK);
    w.services = berthi_services_make(&w.allocator, w.grants, &owner);
    CHECK(w.services != NULL &&
          berthi_files_open_folder(w.services, 0, &w.top, &name) == BERTHI_CODE_OK);
    memory_fail(&w.memory, data[1] == 0 ? MEMORY_NEVER : data[1] / 2u, (data[1] & 1) != 0);
}

static void end(void)
{
    char path[80];

    memory_fail(&w.memory, MEMORY_NEVER, false);
    berthi_object_unref(w.top); /* before what is in it */
    for (unsigned i = 0; i < HELD; i++) {
        drop(&w.nodes[i]);
        drop(&w.inputs[i]);
        drop(&w.outputs[i]);
    }
    CHECK(w.services->objects == 0);
    berthi_services_end(w.services);
    berth_grants_destroy(w.grants);
    memory_assert_empty(&w.memory);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(path, sizeof path, "%s/%c", w.base, (char)('a' + i));
        CHECK((unlink(path) == 0) == (w.names[i] != NO_FILE));
    }
    CHECK(rmdir(w.base) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t descriptors;

    if (size < 2 ||
        data[0] < 128) /* modules and texts begin with less: they are not meant for this */
        return 0;
    descriptors = process_descriptors();
    begin(data);
    for (size_t n = 0; n < OPERATIONS_MAX && 3 * n + 4 < size; n++) {
        const uint8_t *op = data + 2 + 3 * n;

        w.failures = atomic_load(&w.memory.failures);
        switch (op[0] % 8) {
        case 0:
        case 1:
            open_one(op[1], op[2]);
            break;
        case 2:
            change_names(op[1], op[2]);
            break;
        case 3:
            look_at_names(op[1]);
            break;
        case 4:
            use_node(op[1], op[2]);
            break;
        case 5:
            open_stream(op[1], op[2]);
            break;
        case 6:
            ((op[2] & 128) != 0 ? use_input : use_output)(op[1], op[2]);
            break;
        default:
            drop_one(op[1]);
        }
    }
    end();
    CHECK(process_descriptors() == descriptors);
    return 0;
}

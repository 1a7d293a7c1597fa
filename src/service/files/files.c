/* files.c - opening files, and what changes names.  Layer: service. */
#include "service/files/files.h"

#include <assert.h>

#include "service/files/files_path.h"

static void end_node(berthi_object *object)
{
    berthi_files_node *node = (berthi_files_node *)object;

    if (node->fd >= 0)
        berthi_dir_close(node->fd);
    berthi_free(object->services->allocator, node->name, node->name_size + 1);
}

const berthi_object_class berthi_files_node_class = { "descriptor", sizeof(berthi_files_node),
                                                      end_node, NULL };

static const berth_grants *grants_of(const berthi_files_node *node)
{
    return node->object.services->grants;
}

/* NO_MEMORY and TOO_MANY_OPEN are told apart: the first is the host's trouble. */
static berthi_code no_object(const berthi_services *s)
{
    return s->objects >= s->objects_max ? BERTHI_CODE_TOO_MANY_OPEN : BERTHI_CODE_NO_MEMORY;
}

/* Without a descriptor.  `name`: of a folder. */
static berthi_code make_node(berthi_services *s, const char *name, size_t name_size,
                             berthi_files_node **node_out)
{
    berthi_files_node *node = berthi_object_make(s, &berthi_files_node_class);

    if (node == NULL)
        return no_object(s);
    node->fd = -1;
    node->name = berthi_strndup(s->allocator, name, name_size);
    if (node->name == NULL) {
        berthi_object_unref(node);
        return BERTHI_CODE_NO_MEMORY;
    }
    node->name_size = name_size;
    *node_out = node;
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- what is given */

uint32_t berthi_files_folders(const berthi_services *s)
{
    uint32_t count = 0;

    if (s->grants != NULL && !berthi_grants_are_revoked(s->grants))
        (void)berthi_grants_folders(s->grants, &count);
    return count;
}

berthi_code berthi_files_open_folder(berthi_services *s, uint32_t nth,
                                     berthi_files_node **node_out, const char **name_out)
{
    uint32_t count;
    const berthi_grant_folder *folder = berthi_grants_folders(s->grants, &count) + nth;
    berthi_files_node *node;
    berthi_code code = make_node(s, folder->guest, strlen(folder->guest), &node);

    assert(nth < count);
    if (code != BERTHI_CODE_OK)
        return code;
    code = berthi_dir_open_root(folder->host, &node->fd);
    if (code != BERTHI_CODE_OK) {
        berthi_object_unref(node);
        return code;
    }
    node->kind = BERTHI_FILE_DIRECTORY;
    node->reads = true;
    *node_out = node;
    *name_out = folder->guest;
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- opening */

/* One that is not granted may be on the way to one that is. */
static bool is_on_the_way(const berthi_files_node *at, const berthi_files_name *name)
{
    const berth_grants *grants = grants_of(at);

    return berthi_grants_below(grants, BERTHI_RIGHT_FS_READ, name->text, name->size) ||
           berthi_grants_below(grants, BERTHI_RIGHT_FS_WRITE, name->text, name->size);
}

/* Both rights, where both are needed; links are followed where either would not let them stray. */
static berthi_code ask_for(const berthi_files_node *at, const berthi_files_name *name,
                           bool reads, bool writes, berthi_dir_path *path_io)
{
    berthi_code code = BERTHI_CODE_OK;
    bool is_plain = false;

    if (reads) {
        code = berthi_files_ask(at, BERTHI_RIGHT_FS_READ, name, path_io);
        is_plain = path_io->is_plain;
    }
    if (writes && code == BERTHI_CODE_OK)
        code = berthi_files_ask(at, BERTHI_RIGHT_FS_WRITE, name, path_io);
    path_io->is_plain |= is_plain;
    return code;
}

/* Where reading may follow links and writing may not, a folder is opened without them if it can be: its
 * name is asked for again by whoever wants to write below it. */
static berthi_code open_node(const berthi_files_node *at, berthi_dir_path path,
                             const berthi_dir_how *how, berthi_files_node *node)
{
    bool may_follow = !path.is_plain;
    berthi_code code;

    path.is_plain =
        !may_follow ||
        !berthi_grants_all_below(grants_of(at), BERTHI_RIGHT_FS_WRITE, at->name, at->name_size);
    code = berthi_dir_open(at->fd, path, how, &node->fd, &node->kind);
    node->has_strayed = at->has_strayed;
    if (code != BERTHI_CODE_LOOP || !path.is_plain || !may_follow)
        return code;
    path.is_plain = false;
    node->has_strayed = true;
    return berthi_dir_open(at->fd, path, how, &node->fd, &node->kind);
}

berthi_code berthi_files_open(berthi_files_node *at, berthi_dir_path path,
                              const berthi_dir_how *how, berthi_files_node **node_out)
{
    bool writes = how->writes || how->creates || how->truncates;
    berthi_dir_how as = *how;
    berthi_files_name name;
    berthi_files_node *node;
    berthi_code code = berthi_files_join(at, path, &name);

    if (code != BERTHI_CODE_OK)
        return code;
    code = ask_for(at, &name, how->reads || !writes, writes, &path);
    if (code == BERTHI_CODE_ACCESS && !writes && is_on_the_way(at, &name)) {
        as.directory = true;
        path.is_plain = true;
        code = BERTHI_CODE_OK;
    }
    if (code == BERTHI_CODE_OK)
        code = make_node(at->object.services, name.text, name.size, &node);
    if (code != BERTHI_CODE_OK)
        return code;
    code = open_node(at, path, &as, node);
    if (code != BERTHI_CODE_OK) {
        berthi_object_unref(node);
        /* What stands there is not said to who may only pass through. */
        return as.directory && !how->directory && code == BERTHI_CODE_NOT_DIRECTORY
                   ? BERTHI_CODE_ACCESS
                   : code;
    }
    node->reads = how->reads;
    node->writes = how->writes;
    node->syncs_data = how->syncs_data;
    node->syncs_all = how->syncs_all;
    *node_out = node;
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- one name */

berthi_code berthi_files_stat_at(const berthi_files_node *at, berthi_dir_path path,
                                 bool follows, berthi_file_stat *stat_out)
{
    bool passes = false;
    berthi_files_name name;
    berthi_file_stat found;
    berthi_code code = berthi_files_join(at, path, &name);

    if (code == BERTHI_CODE_OK)
        code = berthi_files_ask(at, BERTHI_RIGHT_FS_READ, &name, &path);
    if (code == BERTHI_CODE_ACCESS) {
        passes = is_on_the_way(at, &name);
        code = passes ? BERTHI_CODE_OK : code;
    }
    if (code == BERTHI_CODE_OK)
        code = berthi_dir_stat_at(at->fd, path, follows, &found);
    if (code == BERTHI_CODE_OK && passes && found.kind != BERTHI_FILE_DIRECTORY)
        code = BERTHI_CODE_ACCESS;
    if (code == BERTHI_CODE_OK)
        *stat_out = found;
    return code;
}

static berthi_code ask_to_write(const berthi_files_node *at, berthi_dir_path *path_io)
{
    berthi_files_name name;
    berthi_code code = berthi_files_join(at, *path_io, &name);

    return code == BERTHI_CODE_OK ? berthi_files_ask(at, BERTHI_RIGHT_FS_WRITE, &name, path_io)
                                  : code;
}

berthi_code berthi_files_set_times_at(const berthi_files_node *at, berthi_dir_path path,
                                      bool follows, berthi_new_time accessed,
                                      berthi_new_time modified)
{
    berthi_code code = ask_to_write(at, &path);

    return code == BERTHI_CODE_OK
               ? berthi_dir_set_times_at(at->fd, path, follows, accessed, modified)
               : code;
}

berthi_code berthi_files_make(const berthi_files_node *at, berthi_dir_path path)
{
    berthi_code code = ask_to_write(at, &path);

    return code == BERTHI_CODE_OK ? berthi_dir_make(at->fd, path) : code;
}

berthi_code berthi_files_remove(const berthi_files_node *at, berthi_dir_path path)
{
    berthi_code code = ask_to_write(at, &path);

    return code == BERTHI_CODE_OK ? berthi_dir_remove(at->fd, path) : code;
}

berthi_code berthi_files_unlink(const berthi_files_node *at, berthi_dir_path path)
{
    berthi_code code = ask_to_write(at, &path);

    return code == BERTHI_CODE_OK ? berthi_dir_unlink(at->fd, path) : code;
}

berthi_code berthi_files_symlink(const berthi_files_node *at, berthi_dir_path target,
                                 berthi_dir_path path)
{
    berthi_code code = ask_to_write(at, &path);

    return code == BERTHI_CODE_OK ? berthi_dir_symlink(at->fd, target, path) : code;
}

berthi_code berthi_files_readlink(const berthi_files_node *at, berthi_dir_path path, char *text,
                                  size_t room, size_t *size_out)
{
    berthi_files_name name;
    berthi_code code = berthi_files_join(at, path, &name);

    if (code == BERTHI_CODE_OK)
        code = berthi_files_ask(at, BERTHI_RIGHT_FS_READ, &name, &path);
    return code == BERTHI_CODE_OK ? berthi_dir_readlink(at->fd, path, text, room, size_out)
                                  : code;
}

/* ---------------------------------------------------------------- two names */

static bool all_below(const berth_grants *grants, berthi_right right,
                      const berthi_files_name *name)
{
    return berthi_grants_all_below(grants, right, name->text, name->size);
}

/* What is moved or named twice is read and written under its new name by what that one's grants are,
 * so the old one has to be granted as far: a folder with all that is below it.  It brings that along, so
 * all below the new one has to be granted, too. */
static berthi_code ask_for_both(const berthi_files_node *at, berthi_dir_path *path_io,
                                const berthi_files_node *to, berthi_dir_path *new_path_io)
{
    const berth_grants *grants = grants_of(at);
    berthi_files_name name, new_name;
    berthi_file_stat found;
    berthi_code code = berthi_files_join(at, *path_io, &name);

    if (code == BERTHI_CODE_OK)
        code = ask_for(at, &name, true, true, path_io);
    if (code == BERTHI_CODE_OK)
        code = berthi_files_join(to, *new_path_io, &new_name);
    if (code == BERTHI_CODE_OK)
        code = berthi_files_ask(to, BERTHI_RIGHT_FS_WRITE, &new_name, new_path_io);
    if (code == BERTHI_CODE_OK)
        code = berthi_dir_stat_at(at->fd, *path_io, false, &found);
    if (code != BERTHI_CODE_OK || found.kind != BERTHI_FILE_DIRECTORY)
        return code;
    return all_below(grants, BERTHI_RIGHT_FS_READ, &name) &&
                   all_below(grants, BERTHI_RIGHT_FS_WRITE, &name) &&
                   all_below(grants, BERTHI_RIGHT_FS_WRITE, &new_name)
               ? BERTHI_CODE_OK
               : BERTHI_CODE_ACCESS;
}

berthi_code berthi_files_rename(const berthi_files_node *at, berthi_dir_path path,
                                const berthi_files_node *to, berthi_dir_path new_path)
{
    berthi_code code = ask_for_both(at, &path, to, &new_path);

    return code == BERTHI_CODE_OK ? berthi_dir_rename(at->fd, path, to->fd, new_path) : code;
}

berthi_code berthi_files_link(const berthi_files_node *at, berthi_dir_path path,
                              const berthi_files_node *to, berthi_dir_path new_path)
{
    berthi_code code = ask_for_both(at, &path, to, &new_path);

    return code == BERTHI_CODE_OK ? berthi_dir_link(at->fd, path, to->fd, new_path) : code;
}

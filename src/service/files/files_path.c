/* files_path.c - names of files and the grants for them.  Layer: service. */
#include "service/files/files_path.h"

#include <string.h>

/* Appends a part, or takes one back for `..`; what the folder itself is called stays. */
static berthi_code add_part(berthi_files_name *name, size_t folder, const char *part,
                            size_t size)
{
    if (size == 0 || (size == 1 && part[0] == '.'))
        return BERTHI_CODE_OK;
    if (size == 2 && part[0] == '.' && part[1] == '.') {
        if (name->size == folder)
            return BERTHI_CODE_NOT_PERMITTED;
        while (name->text[--name->size] != '/')
            ;
        return BERTHI_CODE_OK;
    }
    if (name->size + 1 + size >= sizeof name->text)
        return BERTHI_CODE_NAME_TOO_LONG;
    name->text[name->size++] = '/';
    memcpy(name->text + name->size, part, size);
    name->size += size;
    return BERTHI_CODE_OK;
}

berthi_code berthi_files_join(const berthi_files_node *at, berthi_dir_path path,
                              berthi_files_name *name_out)
{
    const char *part = path.text, *end = path.text + path.size;
    berthi_code code = BERTHI_CODE_OK;
    size_t folder;

    if (at->kind != BERTHI_FILE_DIRECTORY)
        return BERTHI_CODE_NOT_DIRECTORY;
    if (path.size == 0)
        return BERTHI_CODE_NO_ENTRY;
    if (path.size > BERTHI_DIR_PATH_MAX)
        return BERTHI_CODE_NAME_TOO_LONG;
    if (memchr(path.text, '\0', path.size) != NULL)
        return BERTHI_CODE_INVALID;
    if (path.text[0] == '/')
        return BERTHI_CODE_NOT_PERMITTED;
    folder = at->name_size == 1 ? 0 : at->name_size; /* of "/" nothing is in front of a part */
    memcpy(name_out->text, at->name, at->name_size);
    name_out->size = folder;
    for (;;) {
        const char *slash = memchr(part, '/', (size_t)(end - part));
        size_t size = (size_t)((slash == NULL ? end : slash) - part);

        code = add_part(name_out, folder, part, size);
        if (code != BERTHI_CODE_OK || slash == NULL)
            break;
        part = slash + 1;
    }
    if (name_out->size == 0) /* "/" itself */
        name_out->size = 1;
    name_out->text[name_out->size] = '\0';
    if (code == BERTHI_CODE_OK &&
        berthi_grants_is_elsewhere(at->object.services->grants, at->name, at->name_size,
                                   name_out->text, name_out->size))
        code = BERTHI_CODE_ACCESS;
    return code;
}

berthi_code berthi_files_ask(const berthi_files_node *at, berthi_right right,
                             const berthi_files_name *name, berthi_dir_path *path_io)
{
    const berth_grants *grants = at->object.services->grants;

    if (at->has_strayed && right == BERTHI_RIGHT_FS_WRITE)
        return BERTHI_CODE_ACCESS;
    path_io->is_plain = !berthi_grants_all_below(grants, right, at->name, at->name_size);
    if (!path_io->is_plain || berthi_grants_path(grants, right, name->text, name->size))
        return BERTHI_CODE_OK;
    return BERTHI_CODE_ACCESS;
}

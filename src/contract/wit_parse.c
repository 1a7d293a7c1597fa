/* wit_parse.c - tokens to the tree: packages, interfaces, worlds.  Layer: contract. */
#include <stdio.h>

#include "contract/wit_tree.h"

/* ---------------------------------------------------------------- tokens */

bool berthi_wit_take(wit_parser *p, wit_token_kind kind)
{
    return berthi_wit_next(p) == kind && berthi_wit_lex_next(&p->lexer);
}

/* "expected `;`, found keyword `type`", and the keyword that the word there may be meant for. */
bool berthi_wit_unexpected(wit_parser *p, const char *wanted)
{
    const wit_lexer *l = &p->lexer;
    wit_token_kind found = berthi_wit_next(p);
    wit_guess guess = { 0 };
    const char *word;

    if (berthi_wit_is_bad(p->reader))
        return false;
    if (found > WIT_UNDERSCORE)
        return berthi_wit_fail(p->reader, berthi_wit_here(l),
                               "expected %s, found the keyword `%s`%s", wanted,
                               berthi_wit_token_text(found),
                               strcmp(wanted, "an identifier") == 0
                                   ? "; as an identifier it is written with a `%` in front"
                                   : "");
    if (found != WIT_ID || l->token.is_escaped)
        return berthi_wit_fail(p->reader, berthi_wit_here(l), "expected %s, found %s", wanted,
                               berthi_wit_token_text(found));
    word = berthi_wit_intern(p->reader, l->text + l->token.offset, l->token.size);
    if (word == NULL)
        return false;
    guess = berthi_wit_guess_start(word);
    for (unsigned i = 0; berthi_wit_keyword_at(i) != NULL; i++)
        if (strstr(wanted, berthi_wit_keyword_at(i)) != NULL)
            berthi_wit_guess_offer(&guess, berthi_wit_keyword_at(i));
    return berthi_wit_fail(p->reader, berthi_wit_here(l), "expected %s, found `%s`%s", wanted,
                           berthi_wit_show(word).text, berthi_wit_guess_hint(&guess).text);
}

bool berthi_wit_need(wit_parser *p, wit_token_kind kind)
{
    char wanted[32];

    if (berthi_wit_next(p) == kind)
        return berthi_wit_lex_next(&p->lexer);
    if (kind <= WIT_UNDERSCORE)
        return berthi_wit_unexpected(p, berthi_wit_token_text(kind));
    snprintf(wanted, sizeof wanted, "`%s`", berthi_wit_token_text(kind));
    return berthi_wit_unexpected(p, wanted);
}

bool berthi_wit_parse_name(wit_parser *p, wit_name *name_out)
{
    const wit_token *token = &p->lexer.token;

    if (token->kind != WIT_ID)
        return berthi_wit_unexpected(p, "an identifier");
    name_out->at = berthi_wit_here(&p->lexer);
    name_out->text =
        berthi_wit_intern(p->reader, p->lexer.text + token->offset + token->is_escaped,
                          token->size - token->is_escaped);
    return name_out->text != NULL && berthi_wit_lex_next(&p->lexer);
}

static wit_at span(wit_at from, wit_at to)
{
    return (wit_at){ from.source, from.offset, to.offset + to.size - from.offset };
}

/* ---------------------------------------------------------------- paths */

static bool finish_path(wit_parser *p, wit_path *path)
{
    path->package = path->name;
    path->space = path->package;
    if (!berthi_wit_parse_name(p, &path->package))
        return false;
    path->at = span(path->space.at, path->package.at);
    if (berthi_wit_next(p) != WIT_SLASH)
        return berthi_wit_fail(
            p->reader, path->at,
            "`%s:%s` names a package; an interface or world of it is `%s:%s/NAME`",
            berthi_wit_show(path->space.text).text, berthi_wit_show(path->package.text).text,
            berthi_wit_show(path->space.text).text, berthi_wit_show(path->package.text).text);
    if (!berthi_wit_need(p, WIT_SLASH) || !berthi_wit_parse_name(p, &path->name))
        return false;
    if (berthi_wit_next(p) == WIT_SLASH || berthi_wit_next(p) == WIT_COLON)
        return berthi_wit_fail(p->reader, berthi_wit_here(&p->lexer),
                               "namespaces and packages within each other are not read");
    path->at = span(path->space.at, path->name.at);
    if (berthi_wit_take(p, WIT_AT)) {
        wit_at at;

        path->version = berthi_wit_lex_version(&p->lexer, &at);
        path->at = span(path->space.at, at);
    }
    return !berthi_wit_is_bad(p->reader);
}

/* `name` or `space:package/name@version`.  It goes to the declaration that is being read. */
wit_path *berthi_wit_parse_path(wit_parser *p)
{
    wit_path *path = berthi_wit_scratch(p->reader, 1, sizeof *path);

    if (path == NULL || !berthi_wit_parse_name(p, &path->name))
        return NULL;
    path->at = path->name.at;
    if (berthi_wit_take(p, WIT_COLON) && !finish_path(p, path))
        return NULL;
    if (berthi_wit_is_bad(p->reader))
        return NULL;
    if (p->decl != NULL) {
        path->next = p->decl->paths;
        p->decl->paths = path;
    }
    return path;
}

/* ---------------------------------------------------------------- gates */

static bool has_feature(const berthi_wit_options *options, const char *feature)
{
    if (options == NULL)
        return false;
    for (uint32_t i = 0; i < options->features_count; i++)
        if (strcmp(options->features[i], feature) == 0)
            return true;
    return options->has_all_features;
}

/* `name =` in front of the value of a gate. */
static bool need_field(wit_parser *p, const char *field)
{
    wit_at at = berthi_wit_here(&p->lexer);
    wit_name name;

    if (berthi_wit_next(p) != WIT_ID)
        return berthi_wit_unexpected(p, field[0] == 'v' ? "`version`" : "`feature`");
    if (!berthi_wit_parse_name(p, &name))
        return false;
    if (strcmp(name.text, field) != 0)
        return berthi_wit_fail(p->reader, at, "expected `%s`, found `%s`", field,
                               berthi_wit_show(name.text).text);
    return berthi_wit_need(p, WIT_EQUALS);
}

static bool parse_version_field(wit_parser *p, const char **version_out, wit_at *at_out)
{
    if (!need_field(p, "version"))
        return false;
    *version_out = berthi_wit_lex_version(&p->lexer, at_out);
    return *version_out != NULL;
}

static bool parse_unstable(wit_parser *p, wit_gate *gate)
{
    wit_name name;

    if (!need_field(p, "feature") || !berthi_wit_parse_name(p, &name))
        return false;
    gate->gate.unstable = name.text;
    gate->is_out = !has_feature(p->reader->options, name.text);
    return true;
}

static bool parse_external_id(wit_parser *p, const char **external_id_out)
{
    if (berthi_wit_next(p) != WIT_STRING)
        return berthi_wit_unexpected(p, "a string");
    *external_id_out = berthi_wit_lex_string(&p->lexer);
    return *external_id_out != NULL && berthi_wit_lex_next(&p->lexer);
}

static bool is_repeated(const wit_gate *gate, const char *external_id, const char *what)
{
    return (strcmp(what, "since") == 0 && gate->gate.since != NULL) ||
           (strcmp(what, "unstable") == 0 && gate->gate.unstable != NULL) ||
           (strcmp(what, "deprecated") == 0 && gate->gate.deprecated != NULL) ||
           (strcmp(what, "external-id") == 0 && external_id != NULL);
}

static bool parse_gate_item(wit_parser *p, wit_gate *gate, const char **external_id)
{
    static const char *const known[] = { "since", "unstable", "deprecated", "external-id" };
    wit_at ignored, at;
    wit_name what;
    bool is_good;

    if (!berthi_wit_need(p, WIT_AT) || !berthi_wit_parse_name(p, &what))
        return false;
    at = what.at;
    if (is_repeated(gate, *external_id, what.text))
        return berthi_wit_fail(p->reader, at, "`@%s` stands here twice", what.text);
    if (strcmp(what.text, "since") != 0 && strcmp(what.text, "unstable") != 0 &&
        strcmp(what.text, "deprecated") != 0 && strcmp(what.text, "external-id") != 0) {
        wit_guess guess = berthi_wit_guess_start(what.text);

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            berthi_wit_guess_offer(&guess, known[i]);
        return berthi_wit_fail(p->reader, at, "no such annotation%s",
                               berthi_wit_guess_hint(&guess).text);
    }
    if (!berthi_wit_need(p, WIT_PAREN))
        return false;
    is_good = what.text[0] == 's'   ? parse_version_field(p, &gate->gate.since, &gate->since_at)
              : what.text[0] == 'd' ? parse_version_field(p, &gate->gate.deprecated, &ignored)
              : what.text[0] == 'u' ? parse_unstable(p, gate)
                                    : parse_external_id(p, external_id);
    if (!is_good || !berthi_wit_need(p, WIT_PAREN_END))
        return false;
    if (gate->gate.since != NULL && gate->gate.unstable != NULL)
        return berthi_wit_fail(p->reader, at, "an item is either `@since` or `@unstable`");
    return true;
}

bool berthi_wit_parse_gate(wit_parser *p, wit_gate *gate_out, const char **external_id_out)
{
    *gate_out = (wit_gate){ .is_out = false };
    *external_id_out = NULL;
    while (berthi_wit_next(p) == WIT_AT)
        if (!parse_gate_item(p, gate_out, external_id_out))
            return false;
    return true;
}

/* ---------------------------------------------------------------- declarations */

static wit_decl *new_decl(wit_parser *p, wit_file *file, wit_decl_kind kind)
{
    wit_reader *r = p->reader;
    wit_decl *decl = berthi_wit_scratch(r, 1, sizeof *decl);

    if (decl == NULL)
        return NULL;
    decl->kind = kind;
    decl->file = file;
    decl->defs_tail = &decl->defs;
    decl->index = BERTHI_WIT_NONE;
    decl->scope = berthi_wit_new_scope(r);
    decl->folded = berthi_wit_new_scope(r);
    decl->exports = berthi_wit_new_scope(r);
    decl->exports_folded = berthi_wit_new_scope(r);
    *file->decls_tail = decl;
    file->decls_tail = &decl->next;
    return decl;
}

/* `use path as name;` */
static bool parse_top_use(wit_parser *p, wit_file *file, const wit_gate *gate)
{
    wit_decl *decl = new_decl(p, file, WIT_DECL_USE);

    if (decl == NULL || !berthi_wit_need(p, WIT_USE))
        return false;
    decl->gate = *gate;
    p->decl = NULL;
    decl->path = berthi_wit_parse_path(p);
    if (decl->path == NULL)
        return false;
    decl->name = decl->path->name;
    if (berthi_wit_take(p, WIT_AS) && !berthi_wit_parse_name(p, &decl->name))
        return false;
    return berthi_wit_need(p, WIT_SEMICOLON);
}

static bool parse_named(wit_parser *p, wit_file *file, wit_decl_kind kind, const wit_gate *gate,
                        const char *docs)
{
    wit_decl *decl = new_decl(p, file, kind);

    if (decl == NULL || !berthi_wit_lex_next(&p->lexer) ||
        !berthi_wit_parse_name(p, &decl->name))
        return false;
    decl->gate = *gate;
    decl->docs = docs;
    return berthi_wit_parse_body(p, decl);
}

static bool parse_item(wit_parser *p, wit_file *file)
{
    wit_token first = p->lexer.token;
    const char *docs, *external_id;
    wit_gate gate;

    if (!berthi_wit_parse_gate(p, &gate, &external_id))
        return false;
    if (external_id != NULL)
        return berthi_wit_fail(
            p->reader, berthi_wit_here(&p->lexer),
            "`@external-id` goes with types, functions, and imports and exports "
            "of a plain name");
    docs = berthi_wit_lex_docs(&p->lexer, &first);
    switch (berthi_wit_next(p)) {
    case WIT_USE:
        return parse_top_use(p, file, &gate);
    case WIT_INTERFACE:
        return parse_named(p, file, WIT_DECL_INTERFACE, &gate, docs);
    case WIT_WORLD:
        return parse_named(p, file, WIT_DECL_WORLD, &gate, docs);
    default:
        return berthi_wit_unexpected(p, "`world`, `interface`, `use` or `package`");
    }
}

/* ---------------------------------------------------------------- packages */

wit_package *berthi_wit_add_package(wit_reader *r)
{
    wit_package *package = berthi_wit_scratch(r, 1, sizeof *package);

    if (package == NULL)
        return NULL;
    package->files_tail = &package->files;
    package->scope = berthi_wit_new_scope(r);
    package->index = BERTHI_WIT_NONE;
    *r->packages_tail = package;
    r->packages_tail = &package->next;
    r->packages_count++;
    return package;
}

static wit_file *add_file(wit_reader *r, wit_package *package)
{
    wit_file *file = berthi_wit_scratch(r, 1, sizeof *file);

    if (file == NULL)
        return NULL;
    file->package = package;
    file->scope = berthi_wit_new_scope(r);
    file->decls_tail = &file->decls;
    *package->files_tail = file;
    package->files_tail = &file->next;
    return file;
}

typedef struct package_name {
    wit_name space, name;
    const char *version, *docs;
    wit_at at;
} package_name;

/* `package space:name@version`. */
static bool parse_package_name(wit_parser *p, package_name *out)
{
    *out = (package_name){ .docs = berthi_wit_lex_docs(&p->lexer, &p->lexer.token) };
    if (!berthi_wit_need(p, WIT_PACKAGE) || !berthi_wit_parse_name(p, &out->space) ||
        !berthi_wit_need(p, WIT_COLON) || !berthi_wit_parse_name(p, &out->name))
        return false;
    if (berthi_wit_next(p) == WIT_COLON || berthi_wit_next(p) == WIT_SLASH)
        return berthi_wit_fail(p->reader, berthi_wit_here(&p->lexer),
                               "namespaces and packages within each other are not read");
    out->at = span(out->space.at, out->name.at);
    if (berthi_wit_take(p, WIT_AT)) {
        wit_at at;

        out->version = berthi_wit_lex_version(&p->lexer, &at);
        out->at = span(out->space.at, at);
    }
    return !berthi_wit_is_bad(p->reader);
}

static const char *package_id(wit_reader *r, const package_name *name)
{
    const char *parts[] = { name->space.text, ":", name->name.text,
                            name->version == NULL ? "" : "@",
                            name->version == NULL ? "" : name->version };
    char id[3 * BERTHI_WIT_NAME_MAX + 3];
    size_t size = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        memcpy(id + size, parts[i], strlen(parts[i]));
        size += strlen(parts[i]);
    }
    return berthi_wit_intern(r, id, size);
}

static bool name_package(wit_parser *p, wit_package *package, const package_name *name)
{
    wit_reader *r = p->reader;
    const char *id = package_id(r, name);

    if (id == NULL)
        return false;
    if (package->has_name && package->id != id)
        return berthi_wit_fail(r, name->at,
                               "the package of this folder is `%s` in another file",
                               berthi_wit_show(package->id).text);
    if (package->docs != NULL && name->docs != NULL)
        return berthi_wit_fail(r, name->at,
                               "the package has documentation in another file already");
    if (name->docs != NULL)
        package->docs = name->docs;
    if (package->has_name)
        return true;
    package->has_name = true;
    package->space = name->space.text;
    package->name = name->name.text;
    package->version = name->version;
    package->id = id;
    package->at = name->at;
    return true;
}

static bool parse_nested(wit_parser *p, const package_name *name)
{
    wit_package *package = berthi_wit_add_package(p->reader);
    wit_file *file = package == NULL ? NULL : add_file(p->reader, package);

    if (file == NULL || !name_package(p, package, name))
        return false;
    package->is_partial = p->reader->sources[p->lexer.source].is_decoded;
    if (!berthi_wit_need(p, WIT_BRACE))
        return false;
    while (berthi_wit_next(p) != WIT_BRACE_END) {
        if (berthi_wit_next(p) == WIT_PACKAGE)
            return berthi_wit_fail(p->reader, berthi_wit_here(&p->lexer),
                                   "a package stands within no other; put it behind this one");
        if (berthi_wit_next(p) == WIT_END)
            return berthi_wit_unexpected(p, "`}` at the end of the package");
        if (!parse_item(p, file))
            return false;
    }
    return berthi_wit_need(p, WIT_BRACE_END);
}

bool berthi_wit_parse(wit_reader *r, uint32_t source, wit_package *package)
{
    wit_parser p = { .reader = r };
    wit_file *file = add_file(r, package);
    package_name name;
    bool is_first = true;

    if (file == NULL || !berthi_wit_lex_start(&p.lexer, r, source))
        return false;
    for (; berthi_wit_next(&p) != WIT_END; is_first = false) {
        if (berthi_wit_next(&p) != WIT_PACKAGE) {
            if (!parse_item(&p, file))
                return false;
            continue;
        }
        if (!parse_package_name(&p, &name))
            return false;
        if (is_first && berthi_wit_next(&p) == WIT_SEMICOLON) {
            if (!name_package(&p, package, &name) || !berthi_wit_need(&p, WIT_SEMICOLON))
                return false;
        } else if (!parse_nested(&p, &name)) {
            return false;
        }
    }
    return true;
}

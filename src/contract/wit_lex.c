/* wit_lex.c - characters to tokens.  Layer: contract. */
#include "base/utf8.h"
#include "contract/wit_tree.h"

static const struct {
    const char *text;
    wit_token_kind kind;
} keywords[] = {
    { "as", WIT_AS },
    { "async", WIT_ASYNC },
    { "bool", WIT_BOOL },
    { "borrow", WIT_BORROW },
    { "char", WIT_CHAR },
    { "constructor", WIT_CONSTRUCTOR },
    { "enum", WIT_ENUM },
    { "error-context", WIT_ERROR_CONTEXT },
    { "export", WIT_EXPORT },
    { "f32", WIT_F32 },
    { "f64", WIT_F64 },
    { "flags", WIT_FLAGS },
    { "from", WIT_FROM },
    { "func", WIT_FUNC },
    { "future", WIT_FUTURE },
    { "import", WIT_IMPORT },
    { "include", WIT_INCLUDE },
    { "interface", WIT_INTERFACE },
    { "list", WIT_LIST },
    { "map", WIT_MAP },
    { "option", WIT_OPTION },
    { "own", WIT_OWN },
    { "package", WIT_PACKAGE },
    { "record", WIT_RECORD },
    { "resource", WIT_RESOURCE },
    { "result", WIT_RESULT },
    { "s16", WIT_S16 },
    { "s32", WIT_S32 },
    { "s64", WIT_S64 },
    { "s8", WIT_S8 },
    { "static", WIT_STATIC },
    { "stream", WIT_STREAM },
    { "string", WIT_STRING_TYPE },
    { "tuple", WIT_TUPLE },
    { "type", WIT_TYPE },
    { "u16", WIT_U16 },
    { "u32", WIT_U32 },
    { "u64", WIT_U64 },
    { "u8", WIT_U8 },
    { "use", WIT_USE },
    { "variant", WIT_VARIANT },
    { "with", WIT_WITH },
    { "world", WIT_WORLD },
};
enum { KEYWORDS = sizeof keywords / sizeof *keywords };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_letter(c) || is_digit(c) || c == '-';
}

wit_token_kind berthi_wit_keyword(const char *text, size_t size)
{
    for (unsigned i = 0; i < KEYWORDS; i++)
        if (keywords[i].text[0] == text[0] && strlen(keywords[i].text) == size &&
            memcmp(keywords[i].text, text, size) == 0)
            return keywords[i].kind;
    return WIT_ID;
}

const char *berthi_wit_keyword_at(unsigned index)
{
    return index < KEYWORDS ? keywords[index].text : NULL;
}

const char *berthi_wit_token_text(wit_token_kind kind)
{
    static const char *const texts[] = {
        [WIT_END] = "the end of the file",
        [WIT_ID] = "an identifier",
        [WIT_STRING] = "a string",
        [WIT_INTEGER] = "a number",
        [WIT_EQUALS] = "`=`",
        [WIT_COMMA] = "`,`",
        [WIT_COLON] = "`:`",
        [WIT_SEMICOLON] = "`;`",
        [WIT_PAREN] = "`(`",
        [WIT_PAREN_END] = "`)`",
        [WIT_BRACE] = "`{`",
        [WIT_BRACE_END] = "`}`",
        [WIT_ANGLE] = "`<`",
        [WIT_ANGLE_END] = "`>`",
        [WIT_STAR] = "`*`",
        [WIT_SLASH] = "`/`",
        [WIT_DOT] = "`.`",
        [WIT_AT] = "`@`",
        [WIT_ARROW] = "`->`",
        [WIT_UNDERSCORE] = "`_`",
    };

    for (unsigned i = 0; i < KEYWORDS; i++)
        if (keywords[i].kind == kind)
            return keywords[i].text;
    return texts[kind];
}

wit_at berthi_wit_here(const wit_lexer *l)
{
    return (wit_at){ l->source, l->token.offset, l->token.size };
}

static wit_at at_of(const wit_lexer *l, uint32_t offset, uint32_t size)
{
    return (wit_at){ l->source, offset, size };
}

/* ---------------------------------------------------------------- characters */

bool berthi_wit_is_discouraged(uint32_t c)
{
    return c == 0x149 || c == 0x673 || c == 0xf77 || c == 0xf79 || c == 0x17a3 || c == 0x17a4 ||
           c == 0x17b4 || c == 0x17b5;
}

/* "control codes other than newline, carriage return, and horizontal tab" and whatever turns the
 * direction of text are refused everywhere, comments included. */
static bool check_characters(wit_lexer *l)
{
    uint32_t at = 0, c;

    while (at < l->size) {
        size_t step = berthi_utf8_next(l->text + at, l->size - at, &c);

        if (step == 0)
            return berthi_wit_fail(l->reader, at_of(l, at, 1), "not UTF-8");
        if (c < 0x80 ? (c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f
                     : !berthi_utf8_is_plain(c) || berthi_wit_is_discouraged(c))
            return berthi_wit_fail(l->reader, at_of(l, at, (uint32_t)step),
                                   "the character U+%04X may not stand in WIT", (unsigned)c);
        at += (uint32_t)step;
    }
    return true;
}

static char char_at(const wit_lexer *l, uint32_t at)
{
    return at < l->size ? l->text[at] : '\0';
}

/* ---------------------------------------------------------------- space and comments */

static bool starts(const wit_lexer *l, uint32_t at, const char *text)
{
    size_t size = strlen(text);

    return l->size - at >= size && memcmp(l->text + at, text, size) == 0;
}

static uint32_t end_of_line(const wit_lexer *l, uint32_t at)
{
    const char *end = memchr(l->text + at, '\n', l->size - at);

    return end == NULL ? l->size : (uint32_t)(end - l->text);
}

/* Behind the comment that starts at `at`; block comments nest. */
static bool end_of_block(wit_lexer *l, uint32_t at, uint32_t *end_out)
{
    uint32_t depth = 0, start = at;

    while (at < l->size) {
        if (starts(l, at, "/*")) {
            depth++;
            at += 2;
        } else if (starts(l, at, "*/")) {
            at += 2;
            if (--depth == 0) {
                *end_out = at;
                return true;
            }
        } else {
            at++;
        }
    }
    return berthi_wit_fail(l->reader, at_of(l, start, 2), "a comment that does not end");
}

static bool skip_space(wit_lexer *l, uint32_t *docs, uint32_t *docs_end)
{
    *docs = *docs_end = 0;
    for (;;) {
        uint32_t start = l->at, end;
        char c = char_at(l, start);

        if (l->at < l->size && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
            l->at++;
            continue;
        }
        if (c != '/' || start + 1 >= l->size)
            return true;
        if (l->text[start + 1] == '/')
            end = end_of_line(l, start);
        else if (l->text[start + 1] != '*')
            return true;
        else if (!end_of_block(l, start, &end))
            return false;
        if (starts(l, start, "///") || (starts(l, start, "/**") && end - start > 4)) {
            if (*docs_end == 0)
                *docs = start;
            *docs_end = end;
        }
        l->at = end;
    }
}

/* Appends a line without the space around it but for what is in front of `indent`. */
static void put_line(berthi_text_buf *b, const char *text, uint32_t size, bool *has_line)
{
    if (size != 0 && *text == ' ') {
        text++;
        size--;
    }
    while (size != 0 && (text[size - 1] == ' ' || text[size - 1] == '\t' ||
                         text[size - 1] == '\r' || text[size - 1] == '\n'))
        size--;
    if (*has_line)
        berthi_text_buf_put(b, "\n", 1);
    *has_line = true;
    berthi_text_buf_put(b, text, size);
}

/* The lines of a block comment, each without the star that may lead it. */
static void put_block(berthi_text_buf *b, const char *text, uint32_t size, bool *has_line)
{
    uint32_t at = 0;

    while (at <= size) {
        const char *newline = at < size ? memchr(text + at, '\n', size - at) : NULL;
        uint32_t end = newline == NULL ? size : (uint32_t)(newline - text), from = at;

        while (at != 0 && from < end && (text[from] == ' ' || text[from] == '\t'))
            from++;
        if (at != 0 && from < end && text[from] == '*')
            from++;
        if ((from < end || (at != 0 && end < size)) && from <= end)
            put_line(b, text + from, end - from, has_line);
        at = end + 1;
    }
}

const char *berthi_wit_lex_docs(wit_lexer *l, const wit_token *token)
{
    bool has_line = false;
    wit_lexer scan = *l;
    berthi_text_buf b;
    const char *docs = NULL;

    if (token->docs_end == 0)
        return NULL;
    berthi_text_buf_init(&b, l->reader->arena->allocator);
    for (scan.at = token->docs; scan.at < token->docs_end;) {
        uint32_t start = scan.at, end;

        if (starts(&scan, start, "//"))
            end = end_of_line(&scan, start);
        else if (!starts(&scan, start, "/*"))
            end = start + 1;
        else if (!end_of_block(&scan, start, &end))
            break;
        if (starts(&scan, start, "///"))
            put_line(&b, l->text + start + 3, end - start - 3, &has_line);
        else if (starts(&scan, start, "/**") && end - start > 4)
            put_block(&b, l->text + start + 3, end - start - 5, &has_line);
        scan.at = end;
    }
    if (b.has_failed || (b.data != NULL && (docs = berthi_arena_strndup(
                                                l->reader->arena, b.data, b.size)) == NULL))
        berthi_wit_fail_memory(l->reader);
    berthi_text_buf_fini(&b);
    return docs;
}

/* ---------------------------------------------------------------- tokens */

static bool finish(wit_lexer *l, wit_token_kind kind, uint32_t size)
{
    l->token.kind = kind;
    l->token.size = size;
    l->at = l->token.offset + size;
    return true;
}

/* Words of a letter and then letters and digits, joined by hyphens; a word has one case. */
static const char *why_no_label(const char *text, uint32_t size)
{
    bool at_start = true, has_lower = false, has_upper = false;

    for (uint32_t i = 0; i < size; i++) {
        char c = text[i];

        if (c == '-') {
            if (at_start)
                return "has two hyphens side by side";
            at_start = true;
            has_lower = has_upper = false;
            continue;
        }
        has_lower |= c >= 'a' && c <= 'z';
        has_upper |= c >= 'A' && c <= 'Z';
        if (has_lower && has_upper)
            return "mixes cases in one word";
        at_start = false;
    }
    return at_start ? "ends in a hyphen" : NULL;
}

static bool lex_word(wit_lexer *l, uint32_t start)
{
    uint32_t end = start;
    const char *why;

    while (is_word(char_at(l, end)))
        end++;
    if (char_at(l, end) == '_') {
        while (is_word(char_at(l, end)) || char_at(l, end) == '_')
            end++;
        return berthi_wit_fail(l->reader, at_of(l, start, end - start),
                               "an identifier has hyphens where others have underscores");
    }
    if (end - start > BERTHI_WIT_NAME_MAX)
        return berthi_wit_fail_limit(l->reader, at_of(l, start, end - start),
                                     "bytes in an identifier", BERTHI_WIT_NAME_MAX);
    if (!is_letter(char_at(l, start)))
        return berthi_wit_fail(l->reader, at_of(l, start, 1),
                               "expected an identifier behind `%%`");
    why = why_no_label(l->text + start, end - start);
    if (why != NULL)
        return berthi_wit_fail(l->reader, at_of(l, start, end - start),
                               "`%.*s` is no identifier: it %s", (int)(end - start),
                               l->text + start, why);
    l->token.is_escaped = start != l->token.offset;
    return finish(
        l, l->token.is_escaped ? WIT_ID : berthi_wit_keyword(l->text + start, end - start),
        end - l->token.offset);
}

static bool lex_number(wit_lexer *l)
{
    uint32_t end = l->at;

    while (is_digit(char_at(l, end)))
        end++;
    return finish(l, WIT_INTEGER, end - l->at);
}

static bool lex_string(wit_lexer *l)
{
    uint32_t end = l->at + 1;

    while (end < l->size && l->text[end] != '"' && l->text[end] != '\n')
        end += l->text[end] == '\\' ? 2 : 1;
    if (end >= l->size || l->text[end] != '"')
        return berthi_wit_fail(l->reader, at_of(l, l->at, 1), "a string that does not end");
    return finish(l, WIT_STRING, end + 1 - l->at);
}

static bool lex_mark(wit_lexer *l, char c)
{
    static const char marks[] = "=,:;(){}<>*/.@";

    const char *found = strchr(marks, c);

    if (c == '-' && char_at(l, l->at + 1) == '>')
        return finish(l, WIT_ARROW, 2);
    if (c == '_' && !is_word(char_at(l, l->at + 1)))
        return finish(l, WIT_UNDERSCORE, 1);
    if (found != NULL)
        return finish(l, (wit_token_kind)(WIT_EQUALS + (found - marks)), 1);
    return berthi_wit_fail(l->reader, at_of(l, l->at, 1), "nothing in WIT starts like this");
}

bool berthi_wit_lex_next(wit_lexer *l)
{
    char c;

    if (l->reader->tokens_left == 0)
        return berthi_wit_fail_limit(l->reader, berthi_wit_here(l),
                                     "tokens in all files together", BERTHI_WIT_TOKENS_MAX);
    l->reader->tokens_left--;
    l->token.is_escaped = false;
    if (!skip_space(l, &l->token.docs, &l->token.docs_end))
        return false;
    l->token.offset = l->at;
    if (l->at == l->size)
        return finish(l, WIT_END, 0);
    c = l->text[l->at];
    if (is_letter(c))
        return lex_word(l, l->at);
    if (c == '%')
        return lex_word(l, l->at + 1);
    if (is_digit(c))
        return lex_number(l);
    return c == '"' ? lex_string(l) : lex_mark(l, c);
}

bool berthi_wit_lex_start(wit_lexer *l, wit_reader *r, uint32_t source)
{
    *l = (wit_lexer){ .reader = r,
                      .text = r->sources[source].text,
                      .size = r->sources[source].size,
                      .source = source };
    return check_characters(l) && berthi_wit_lex_next(l);
}

/* ---------------------------------------------------------------- versions and strings */

/* A dot ends the version unless a character of it follows: `use a:b/c@1.0.0.{d}`. */
const char *berthi_wit_lex_version(wit_lexer *l, wit_at *at_out)
{
    uint32_t start = l->token.offset, end = start;
    const char *version;

    while (is_word(char_at(l, end)) || char_at(l, end) == '+' ||
           (char_at(l, end) == '.' && is_word(char_at(l, end + 1))))
        end++;
    *at_out = at_of(l, start, end == start ? l->token.size : end - start);
    if (end - start > BERTHI_WIT_NAME_MAX) {
        berthi_wit_fail_limit(l->reader, *at_out, "bytes in a version", BERTHI_WIT_NAME_MAX);
        return NULL;
    }
    version = berthi_wit_intern(l->reader, l->text + start, end - start);
    if (version == NULL)
        return NULL;
    if (!berthi_wit_is_version(version)) {
        berthi_wit_fail(l->reader, *at_out, "expected a version such as `1.2.3`");
        return NULL;
    }
    l->at = end;
    return berthi_wit_lex_next(l) ? version : NULL;
}

static int hex_of(char c)
{
    return is_digit(c)              ? c - '0'
           : (c >= 'a' && c <= 'f') ? c - 'a' + 10
           : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                    : -1;
}

static void put_character(berthi_text_buf *b, uint32_t c)
{
    char bytes[4];
    size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = size; i-- > 1; c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    bytes[0] = (char)(size == 1 ? c : (0xf00u >> size & 0xff) | c);
    berthi_text_buf_put(b, bytes, size);
}

/* `\u{...}` behind the `u`; its size, or 0. */
static uint32_t decode_unicode(berthi_text_buf *b, const char *text, uint32_t size)
{
    uint32_t c = 0, at = 1;

    if (size == 0 || text[0] != '{')
        return 0;
    for (; at < size && hex_of(text[at]) >= 0 && c <= 0x10ffff; at++)
        c = c << 4 | (uint32_t)hex_of(text[at]);
    if (at == 1 || at >= size || text[at] != '}' || c > 0x10ffff ||
        (c >= 0xd800 && c <= 0xdfff))
        return 0;
    put_character(b, c);
    return at + 1;
}

/* Behind a backslash; how much it is, or 0. */
static uint32_t decode_escape(berthi_text_buf *b, const char *text, uint32_t size)
{
    static const char letters[] = "tnr\"'\\", meant[] = "\t\n\r\"'\\";
    const char *found = text[0] == '\0' ? NULL : strchr(letters, text[0]);
    char byte;

    if (found != NULL) {
        berthi_text_buf_put(b, &meant[found - letters], 1);
        return 1;
    }
    if (text[0] == 'u') {
        uint32_t used = decode_unicode(b, text + 1, size - 1);

        return used == 0 ? 0 : used + 1;
    }
    if (size < 2 || hex_of(text[0]) < 0 || hex_of(text[1]) < 0)
        return 0;
    byte = (char)(hex_of(text[0]) << 4 | hex_of(text[1]));
    berthi_text_buf_put(b, &byte, 1);
    return 2;
}

const char *berthi_wit_lex_string(wit_lexer *l)
{
    const char *text = l->text + l->token.offset + 1, *string = NULL;
    uint32_t size = l->token.size - 2, at = 0, used = 1;
    berthi_text_buf b;

    berthi_text_buf_init(&b, l->reader->arena->allocator);
    while (at < size && used != 0) {
        used = text[at] != '\\' ? 1 : decode_escape(&b, text + at + 1, size - at - 1);
        if (text[at] != '\\')
            berthi_text_buf_put(&b, text + at, 1);
        else
            at++;
        at += used;
    }
    if (b.has_failed)
        berthi_wit_fail_memory(l->reader);
    else if (used == 0)
        berthi_wit_fail(l->reader, at_of(l, l->token.offset + at, 2),
                        "no such escape in a string");
    else if (!berthi_utf8_is_valid(b.data, b.size) ||
             (b.size != 0 && memchr(b.data, '\0', b.size) != NULL))
        berthi_wit_fail(l->reader, berthi_wit_here(l), "a string is UTF-8 without NUL");
    else
        string = berthi_wit_intern(l->reader, b.data == NULL ? "" : b.data, b.size);
    berthi_text_buf_fini(&b);
    return string;
}

/* reply_arena.c - berth_arena: bump allocation for replies.  Layer: base. */
#include "base/reply_arena.h"

#include "base/alloc.h"
#include "base/diag.h"

enum { FIRST_SIZE = 4096, ALIGNMENT = 16 };
_Static_assert(sizeof(berthi_piece) % ALIGNMENT == 0, "what follows the head is aligned");

static berthi_piece *make_piece(const berth_allocator *a, size_t size)
{
    berthi_piece *piece;

    if (size > SIZE_MAX - sizeof *piece - ALIGNMENT)
        return NULL;
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    piece = berthi_alloc(a, sizeof *piece + size);
    if (piece != NULL)
        *piece = (berthi_piece){ NULL, size };
    return piece;
}

static void use_piece(berth_arena *arena, berthi_piece *piece)
{
    arena->at = (unsigned char *)(piece + 1);
    arena->end = arena->at + piece->size;
}

berth_status berth_arena_create(const berth_allocator *allocator, size_t bytes_first,
                                berth_arena **arena_out, berth_diag *diag)
{
    const berth_allocator *a = allocator == NULL ? &berthi_allocator_libc : allocator;
    berth_arena *arena;

    BERTHI_REQUIRE(arena_out != NULL, diag);
    arena = berthi_zalloc(a, sizeof *arena);
    if (arena == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "an arena");
    arena->allocator = *a;
    arena->pieces = make_piece(a, bytes_first == 0 ? FIRST_SIZE : bytes_first);
    if (arena->pieces == NULL) {
        berthi_free(a, arena, sizeof *arena);
        return berthi_fail(diag, BERTH_E_NOMEM, "an arena of %zu bytes", bytes_first);
    }
    use_piece(arena, arena->pieces);
    *arena_out = arena;
    return BERTH_OK;
}

static void free_pieces(berth_arena *arena, berthi_piece *piece)
{
    for (berthi_piece *next; piece != NULL; piece = next) {
        next = piece->next;
        berthi_free(&arena->allocator, piece, sizeof *piece + piece->size);
    }
}

void berth_arena_destroy(berth_arena *arena)
{
    berth_allocator a;

    if (arena == NULL)
        return;
    free_pieces(arena, arena->pieces);
    a = arena->allocator;
    berthi_free(&a, arena, sizeof *arena);
}

void berth_arena_reset(berth_arena *arena)
{
    berthi_piece *largest = NULL, *next, *whole;
    size_t total = 0;

    if (arena->pieces->next != NULL) {
        /* Next time one piece is enough.  Without the memory for it, the largest serves. */
        for (berthi_piece *p = arena->pieces; p != NULL; p = next) {
            next = p->next;
            p->next = NULL;
            total += p->size;
            if (largest != NULL && largest->size >= p->size) {
                free_pieces(arena, p);
            } else {
                free_pieces(arena, largest);
                largest = p;
            }
        }
        whole = make_piece(&arena->allocator, total);
        if (whole != NULL)
            free_pieces(arena, largest);
        arena->pieces = whole != NULL ? whole : largest;
    }
    use_piece(arena, arena->pieces);
}

void *berthi_reply_arena_grow(berth_arena *arena, size_t size)
{
    size_t want = arena->pieces->size;
    berthi_piece *piece;

    want = want > SIZE_MAX / 2 ? size : want * 2;
    piece = want > size ? make_piece(&arena->allocator, want) : NULL;
    if (piece == NULL) /* twice as much as before is a wish, `size` is a need */
        piece = make_piece(&arena->allocator, size);
    if (piece == NULL)
        return NULL;
    piece->next = arena->pieces;
    arena->pieces = piece;
    use_piece(arena, piece);
    return berthi_reply_arena_alloc(arena, size);
}

void *berth_arena_alloc(berth_arena *arena, size_t size)
{
    return berthi_reply_arena_alloc(arena, size);
}

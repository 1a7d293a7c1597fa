/* berth/typed.hpp - what the C++ headers of `berth bindgen` stand on: arenas that end themselves,
 * answers that carry why there is none, and views of text and lists.
 *
 * C++17; nothing here throws, and nothing allocates but arena.  Stability: draft until 1.0. */
#ifndef BERTH_TYPED_HPP
#define BERTH_TYPED_HPP

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include <berth/arena.h>
#include <berth/layout.h>

namespace berth {

/* Owns a berth_arena. */
class arena {
public:
    arena() = default;
    explicit arena(berth_arena *owned) : arena_(owned)
    {
    }
    arena(arena &&other) noexcept : arena_(std::exchange(other.arena_, nullptr))
    {
    }
    arena &operator=(arena &&other) noexcept
    {
        std::swap(arena_, other.arena_);
        return *this;
    }
    arena(const arena &) = delete;
    arena &operator=(const arena &) = delete;
    ~arena()
    {
        berth_arena_destroy(arena_);
    }

    /* Makes the arena when there is none yet.  Fails: BERTH_E_NOMEM. */
    [[nodiscard]] berth_status open(berth_diag *diag = nullptr)
    {
        return arena_ != nullptr ? BERTH_OK : berth_arena_create(nullptr, 0, &arena_, diag);
    }
    void reset()
    {
        if (arena_ != nullptr)
            berth_arena_reset(arena_);
    }
    berth_arena *get() const
    {
        return arena_;
    }

private:
    berth_arena *arena_ = nullptr;
};

/* A value, or why there is none. */
template <class T> class outcome {
public:
    T value{};
    berth_status status = BERTH_OK;
    berth_diag diag{};

    explicit operator bool() const
    {
        return status == BERTH_OK;
    }
    const T &operator*() const
    {
        return value;
    }
    const T *operator->() const
    {
        return &value;
    }
};

template <> class outcome<void> {
public:
    berth_status status = BERTH_OK;
    berth_diag diag{};

    explicit operator bool() const
    {
        return status == BERTH_OK;
    }
};

inline std::string_view view(const berth_string &text)
{
    return { text.text, text.size };
}

inline berth_string string_of(std::string_view text)
{
    return { text.data(), text.size() };
}

/* Elements of whatever has data() and size(), or of a list of C: lent. */
template <class T> class list {
public:
    list() = default;
    list(const T *data, std::size_t size) : data_(data), size_(size)
    {
    }
    template <class C, class = decltype(std::declval<const C &>().size())>
    list(const C &elements) : data_(elements.data()), size_(elements.size())
    {
    }
    const T *data() const
    {
        return data_;
    }
    std::size_t size() const
    {
        return size_;
    }
    const T *begin() const
    {
        return data_;
    }
    const T *end() const
    {
        return data_ + size_;
    }

private:
    const T *data_ = nullptr;
    std::size_t size_ = 0;
};

/* A list of C as a range, and the other way round. */
template <class L> auto elements(const L &items)
{
    using element = std::remove_const_t<std::remove_pointer_t<decltype(items.data)>>;
    return list<element>(items.data, items.count);
}

template <class L, class T> L list_of(const list<T> &from)
{
    L items;

    items.data = from.data();
    items.count = from.size();
    return items;
}

} // namespace berth

#endif

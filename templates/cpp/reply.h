// reply.h - replies of a hook, put together with <<.
#ifndef REPLY_H
#define REPLY_H
#include "berth_hook.h"

// A reply that is read after the hook has returned, and so outlives it.
class Reply {
  public:
    Reply()
    {
        berth_text_clear(&text_);
    }
    Reply(const Reply &) = delete;
    Reply &operator=(const Reply &) = delete;

    template <uint32_t N> Reply &operator<<(const char (&literal)[N])
    {
        berth_text_put(&text_, literal, N - 1);
        return *this;
    }
    Reply &operator<<(berth_bytes bytes)
    {
        berth_text_put(&text_, bytes.ptr, bytes.len);
        return *this;
    }
    operator berth_reply() const
    {
        return berth_reply_text(&text_);
    }

  private:
    static inline berth_text text_;
};

#endif

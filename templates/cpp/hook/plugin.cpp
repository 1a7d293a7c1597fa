// @NAME@ - a plugin of the contract berth-hook/1.
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "@NAME@",
    "version" : "0.1.0",
    "description" : "puts a greeting in front of its record",
    "hooks" : {
        "greet" :
            { "description" : "a name in, a greeting out; an empty record is dropped" }
    }
})

namespace {

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

} // namespace

BERTH_HOOK(greet, name)
{
    if (name.len == 0)
        return berth_reply_drop();
    return Reply() << "Hello, " << name;
}

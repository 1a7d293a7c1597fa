// @NAME@ - a component of the contract berth:pipe, in plugin.wit.
#define BERTH_HOOK_COMPONENT
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "@NAME@",
    "version" : "0.1.0",
    "description" : "puts a greeting in front of its record",
    "hooks" : { "process" : { "description" : "a name in, a greeting out", "probe" : "World" } }
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

BERTH_HOOK(process, name)
{
    if (name.len == 0)
        return berth_reply_error("no name", 7);
    return Reply() << "Hello, " << name;
}

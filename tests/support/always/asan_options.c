/* asan_options.c - AddressSanitizer beside an engine that takes SIGSEGV for its own.
 *
 * The engine's handlers are installed after the sanitizer's, take what is theirs and pass on the
 * rest, so that a real bad access is still reported.
 */
#if defined(__SANITIZE_ADDRESS__)
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allow_user_segv_handler=1:use_sigaltstack=0";
}
#else
typedef int berth_test_no_asan; /* a translation unit is never empty */
#endif

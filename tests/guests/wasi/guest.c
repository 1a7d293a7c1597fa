/* guests/wasi/guest.c - a plugin that does with files and sockets what it is told to.
 *
 * run(["read", "0", "5", "0"]) and the like; the answer is "ok" with what there is to say, or "error"
 * with the number of the interface's error code.  Folders and files that it opened are kept under
 * numbers; 0 and on are the folders that it was given, once "dirs" asked for them. */
#include "plug_plugin.h"

enum { KEPT = 512, TEXT = 4096 };

static plug_types_descriptor kept[KEPT];
static char text[TEXT];
static size_t size;

/* ---- text ------------------------------------------------------------------------------------ */

static void add(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count && size < TEXT; i++)
        text[size++] = bytes[i];
}

static void say(const char *word)
{
    while (*word != '\0' && size < TEXT)
        text[size++] = *word++;
}

static void say_number(uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    say(" ");
    add(digits + at, sizeof digits - at);
}

static void say_error(uint64_t code)
{
    size = 0;
    say("error");
    say_number(code);
}

static uint64_t number(berth_string s)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s.size; i++)
        n = n * 10 + (uint64_t)(s.text[i] - '0');
    return n;
}

static _Bool is(berth_string s, const char *word)
{
    size_t i = 0;

    while (i < s.size && word[i] == s.text[i])
        i++;
    return i == s.size && word[i] == '\0';
}

static _Bool has(berth_string s, char c)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.text[i] == c)
            return 1;
    return 0;
}

#define BORROW(n)      ((plug_types_descriptor_borrow){ kept[(n) % KEPT].handle })
#define FOLLOWS(flags) (has(flags, 'f') ? PLUG_TYPES_PATH_FLAGS_SYMLINK_FOLLOW : 0)

/* ---- files ----------------------------------------------------------------------------------- */

static void keep(uint64_t n, plug_types_descriptor d)
{
    if (kept[n % KEPT].handle != 0)
        plug_types_descriptor_drop(kept[n % KEPT]);
    kept[n % KEPT] = d;
}

static void dirs(berth_plugin_call *call)
{
    plug_list_tuple_types_descriptor_string list;

    (void)plug_preopens_get_directories(call, &list);
    for (size_t i = 0; i < list.count; i++) {
        keep(i, list.data[i].f0);
        say(" ");
        add(list.data[i].f1.text, list.data[i].f1.size);
    }
}

static uint8_t open_at(berth_plugin_call *call, uint64_t from, berth_string path,
                       berth_string flags, plug_types_descriptor *opened)
{
    plug_result_types_descriptor_types_error_code r;
    plug_types_open_flags how = 0;
    plug_types_descriptor_flags as = 0;

    how |= has(flags, 'c') ? PLUG_TYPES_OPEN_FLAGS_CREATE : 0;
    how |= has(flags, 'd') ? PLUG_TYPES_OPEN_FLAGS_DIRECTORY : 0;
    how |= has(flags, 'x') ? PLUG_TYPES_OPEN_FLAGS_EXCLUSIVE : 0;
    how |= has(flags, 't') ? PLUG_TYPES_OPEN_FLAGS_TRUNCATE : 0;
    as |= has(flags, 'r') ? PLUG_TYPES_DESCRIPTOR_FLAGS_READ : 0;
    as |= has(flags, 'w') ? PLUG_TYPES_DESCRIPTOR_FLAGS_WRITE : 0;
    (void)plug_types_descriptor_open_at(call, BORROW(from), FOLLOWS(flags), path, how, as, &r);
    if (!r.is_error)
        *opened = r.as.ok;
    return r.is_error ? r.as.error : 255;
}

/* open FROM PATH FLAGS AS */
static void open_one(berth_plugin_call *call, const berth_string *w)
{
    plug_types_descriptor opened;
    uint8_t error = open_at(call, number(w[1]), w[2], w[3], &opened);

    if (error == 255)
        keep(number(w[4]), opened);
    else
        say_error(error);
}

/* race FROM PATH FLAGS ROUNDS: how often it opened, how often the folder's own file was behind it, how
 * often it did not. */
static void race(berth_plugin_call *call, const berth_string *w)
{
    uint64_t rounds = number(w[4]), opened = 0, inside = 0, refused = 0;

    for (uint64_t i = 0; i < rounds; i++) {
        plug_result_tuple_list_u8_bool_types_error_code r;
        plug_types_descriptor d;

        if (open_at(call, number(w[1]), w[2], w[3], &d) != 255) {
            refused++;
            continue;
        }
        opened++;
        (void)plug_types_descriptor_read(call, (plug_types_descriptor_borrow){ d.handle }, 6, 0,
                                         &r);
        inside += !r.is_error && r.as.ok.f0.count == 6 && r.as.ok.f0.data[0] == 'i';
        plug_types_descriptor_drop(d);
        berth_plugin_end(call);
    }
    say_number(opened);
    say_number(inside);
    say_number(refused);
}

static void read_some(berth_plugin_call *call, const berth_string *w)
{
    plug_result_tuple_list_u8_bool_types_error_code r;

    (void)plug_types_descriptor_read(call, BORROW(number(w[1])), number(w[2]), number(w[3]),
                                     &r);
    if (r.is_error) {
        say_error(r.as.error);
        return;
    }
    say_number(r.as.ok.f0.count);
    say(r.as.ok.f1 ? " end " : " ");
    if (r.as.ok.f0.count < 100)
        add((const char *)r.as.ok.f0.data, r.as.ok.f0.count);
}

static void write_some(berth_plugin_call *call, const berth_string *w)
{
    plug_result_u64_types_error_code r;
    plug_list_u8 bytes = { (const uint8_t *)w[2].text, w[2].size };

    (void)plug_types_descriptor_write(call, BORROW(number(w[1])), bytes, number(w[3]), &r);
    if (r.is_error)
        say_error(r.as.error);
    else
        say_number(r.as.ok);
}

/* again SLOT BYTES TIMES: reads that much from the beginning, so many times */
static void read_again(berth_plugin_call *call, const berth_string *w)
{
    plug_types_descriptor_borrow self = BORROW(number(w[1]));
    uint64_t bytes = number(w[2]), times = number(w[3]), sum = 0;

    for (uint64_t i = 0; i < times; i++) {
        plug_result_tuple_list_u8_bool_types_error_code r;

        (void)plug_types_descriptor_read(call, self, bytes, 0, &r);
        sum += r.is_error ? 0 : r.as.ok.f0.count;
        berth_plugin_end(call);
    }
    say_number(sum);
}

/* All of it through a stream. */
static void read_stream(berth_plugin_call *call, const berth_string *w)
{
    plug_result_streams_input_stream_types_error_code opened;
    uint64_t count = 0, sum = 0;

    (void)plug_types_descriptor_read_via_stream(call, BORROW(number(w[1])), number(w[2]),
                                                &opened);
    if (opened.is_error) {
        say_error(opened.as.error);
        return;
    }
    for (;;) {
        plug_streams_input_stream_borrow in = { opened.as.ok.handle };
        plug_result_list_u8_streams_stream_error r;

        (void)plug_streams_input_stream_blocking_read(call, in, 1 << 20, &r);
        if (r.is_error)
            break;
        count += r.as.ok.count;
        for (size_t i = 0; i < r.as.ok.count; i++)
            sum += r.as.ok.data[i];
        berth_plugin_end(call);
    }
    plug_streams_input_stream_drop(opened.as.ok);
    say_number(count);
    say_number(sum);
}

/* append SLOT TEXT */
static void append(berth_plugin_call *call, const berth_string *w)
{
    plug_result_streams_output_stream_types_error_code opened;
    plug_result_none_streams_stream_error r;
    plug_list_u8 bytes = { (const uint8_t *)w[2].text, w[2].size };

    (void)plug_types_descriptor_append_via_stream(call, BORROW(number(w[1])), &opened);
    if (opened.is_error) {
        say_error(opened.as.error);
        return;
    }
    (void)plug_streams_output_stream_blocking_write_and_flush(
        call, (plug_streams_output_stream_borrow){ opened.as.ok.handle }, bytes, &r);
    plug_streams_output_stream_drop(opened.as.ok);
    if (r.is_error)
        say_error(1000u + r.as.error.tag);
}

static void list(berth_plugin_call *call, const berth_string *w)
{
    plug_result_types_directory_entry_stream_types_error_code opened;
    uint64_t count = 0, errors = 0;

    (void)plug_types_descriptor_read_directory(call, BORROW(number(w[1])), &opened);
    if (opened.is_error) {
        say_error(opened.as.error);
        return;
    }
    for (;;) {
        plug_types_directory_entry_stream_borrow self = { opened.as.ok.handle };
        plug_result_option_types_directory_entry_types_error_code r;

        (void)plug_types_directory_entry_stream_read_directory_entry(call, self, &r);
        if (!r.is_error && !r.as.ok.is_some)
            break;
        errors += r.is_error;
        count += !r.is_error;
        berth_plugin_end(call);
    }
    plug_types_directory_entry_stream_drop(opened.as.ok);
    say_number(count);
    say_number(errors);
}

static void stat(berth_plugin_call *call, const berth_string *w)
{
    plug_result_types_descriptor_stat_types_error_code r;

    (void)plug_types_descriptor_stat_at(call, BORROW(number(w[1])), FOLLOWS(w[3]), w[2], &r);
    if (r.is_error) {
        say_error(r.as.error);
        return;
    }
    say_number(r.as.ok.type);
    say_number(r.as.ok.size);
}

/* What answers with an error or nothing. */
static _Bool change(berth_plugin_call *call, const berth_string *w, uint64_t count)
{
    const plug_types_new_timestamp now = { .tag = PLUG_TYPES_NEW_TIMESTAMP_NOW };
    plug_result_none_types_error_code r = { 0 };
    plug_types_descriptor_borrow at = BORROW(count > 1 ? number(w[1]) : 0);

    if (is(w[0], "mkdir"))
        (void)plug_types_descriptor_create_directory_at(call, at, w[2], &r);
    else if (is(w[0], "rmdir"))
        (void)plug_types_descriptor_remove_directory_at(call, at, w[2], &r);
    else if (is(w[0], "unlink"))
        (void)plug_types_descriptor_unlink_file_at(call, at, w[2], &r);
    else if (is(w[0], "rename"))
        (void)plug_types_descriptor_rename_at(call, at, w[2], at, w[3], &r);
    else if (is(w[0], "link"))
        (void)plug_types_descriptor_link_at(call, at, 0, w[2], at, w[3], &r);
    else if (is(w[0], "link-of"))
        (void)plug_types_descriptor_link_at(call, at, PLUG_TYPES_PATH_FLAGS_SYMLINK_FOLLOW,
                                            w[2], at, w[3], &r);
    else if (is(w[0], "symlink"))
        (void)plug_types_descriptor_symlink_at(call, at, w[2], w[3], &r);
    else if (is(w[0], "times"))
        (void)plug_types_descriptor_set_times_at(call, at, 0, w[2], &now, &now, &r);
    else if (is(w[0], "size"))
        (void)plug_types_descriptor_set_size(call, at, number(w[2]), &r);
    else if (is(w[0], "sync"))
        (void)plug_types_descriptor_sync(call, at, &r);
    else if (is(w[0], "advise"))
        (void)plug_types_descriptor_advise(call, at, 0, UINT64_MAX, PLUG_TYPES_ADVICE_RANDOM,
                                           &r);
    else
        return 0;
    if (r.is_error)
        say_error(r.as.error);
    return 1;
}

static void readlink(berth_plugin_call *call, const berth_string *w)
{
    plug_result_string_types_error_code r;

    (void)plug_types_descriptor_readlink_at(call, BORROW(number(w[1])), w[2], &r);
    if (r.is_error) {
        say_error(r.as.error);
        return;
    }
    say(" ");
    add(r.as.ok.text, r.as.ok.size);
}

static void flags(berth_plugin_call *call, const berth_string *w)
{
    plug_result_types_descriptor_flags_types_error_code r;
    plug_result_types_descriptor_type_types_error_code t;
    uint8_t same = 0;

    (void)plug_types_descriptor_get_flags(call, BORROW(number(w[1])), &r);
    (void)plug_types_descriptor_get_type(call, BORROW(number(w[1])), &t);
    (void)plug_types_descriptor_is_same_object(call, BORROW(number(w[1])), BORROW(number(w[2])),
                                               &same);
    say_number(r.as.ok);
    say_number(t.as.ok);
    say_number(same);
}

static void hash(berth_plugin_call *call, const berth_string *w)
{
    plug_result_types_metadata_hash_value_types_error_code r, s;

    (void)plug_types_descriptor_metadata_hash_at(call, BORROW(number(w[1])), 0, w[2], &r);
    (void)plug_types_descriptor_metadata_hash_at(call, BORROW(number(w[1])), 0, w[3], &s);
    if (r.is_error || s.is_error)
        say_error(r.is_error ? r.as.error : s.as.error);
    else
        say(r.as.ok.lower == s.as.ok.lower && r.as.ok.upper == s.as.ok.upper ? " same"
                                                                             : " other");
}

/* open PATH, and let go of it, N times; with `hoard` keeping each */
static void churn(berth_plugin_call *call, const berth_string *w, _Bool hoards)
{
    for (uint64_t i = 0; i < number(w[3]); i++) {
        plug_types_descriptor d;
        uint8_t error = open_at(call, number(w[1]), w[2], (berth_string){ "r", 1 }, &d);

        if (error != 255) {
            say_error(error);
            say_number(i);
            return;
        }
        if (hoards)
            continue;
        plug_types_descriptor_drop(d);
        berth_plugin_end(call);
    }
}

/* ---- sockets --------------------------------------------------------------------------------- */

static plug_network_network_borrow network(berth_plugin_call *call)
{
    static plug_network_network net;

    if (net.handle == 0)
        (void)plug_instance_network_instance_network(call, &net);
    return (plug_network_network_borrow){ net.handle };
}

static plug_network_ip_socket_address here(uint64_t port)
{
    plug_network_ip_socket_address a = { .tag = PLUG_NETWORK_IP_SOCKET_ADDRESS_IPV4 };

    a.as.ipv4.port = (uint16_t)port;
    a.as.ipv4.address.f0 = 127;
    a.as.ipv4.address.f3 = 1;
    return a;
}

static plug_tcp_tcp_socket_borrow tcp(berth_plugin_call *call)
{
    plug_result_tcp_tcp_socket_network_error_code made;

    (void)plug_tcp_create_socket_create_tcp_socket(call, PLUG_NETWORK_IP_ADDRESS_FAMILY_IPV4,
                                                   &made);
    if (made.is_error) {
        say_error(made.as.error);
        return (plug_tcp_tcp_socket_borrow){ 0 };
    }
    return (plug_tcp_tcp_socket_borrow){ made.as.ok.handle };
}

static void block_on(berth_plugin_call *call, plug_tcp_tcp_socket_borrow t)
{
    plug_poll_pollable p;

    (void)plug_tcp_tcp_socket_subscribe(call, t, &p);
    (void)plug_poll_pollable_block(call, (plug_poll_pollable_borrow){ p.handle });
    plug_poll_pollable_drop(p);
}

/* connect PORT, and read until there is something: "ok N", or what it failed with */
static void connect(berth_plugin_call *call, const berth_string *w)
{
    plug_network_ip_socket_address to = here(number(w[1]));
    plug_result_tuple_streams_input_stream_streams_output_stream__etc streams;
    plug_result_list_u8_streams_stream_error read;
    plug_result_none_network_error_code r;
    plug_tcp_tcp_socket_borrow t = tcp(call);

    if (t.handle == 0)
        return;
    (void)plug_tcp_tcp_socket_start_connect(call, t, network(call), &to, &r);
    if (r.is_error) {
        say_error(r.as.error);
        return;
    }
    block_on(call, t);
    (void)plug_tcp_tcp_socket_finish_connect(call, t, &streams);
    if (streams.is_error) {
        say_error(streams.as.error);
        return;
    }
    (void)plug_streams_input_stream_blocking_read(
        call, (plug_streams_input_stream_borrow){ streams.as.ok.f0.handle }, 100, &read);
    if (read.is_error)
        say_error(1000u + read.as.error.tag);
    else
        say_number(read.as.ok.count);
}

/* What was not begun cannot be finished. */
static void finish_early(berth_plugin_call *call)
{
    plug_result_none_network_error_code r = { 0 };
    plug_tcp_tcp_socket_borrow t = tcp(call);

    if (t.handle != 0)
        (void)plug_tcp_tcp_socket_finish_bind(call, t, &r);
    if (r.is_error)
        say_error(r.as.error);
}

/* listen PORT, say where, and accept nobody */
static void listen(berth_plugin_call *call, const berth_string *w)
{
    plug_network_ip_socket_address at = here(number(w[1]));
    plug_result_tuple_tcp_tcp_socket_streams_input_stream_streams_etc accepted;
    plug_result_none_network_error_code r;
    plug_tcp_tcp_socket_borrow t = tcp(call);

    if (t.handle == 0)
        return;
    (void)plug_tcp_tcp_socket_start_bind(call, t, network(call), &at, &r);
    if (!r.is_error)
        (void)plug_tcp_tcp_socket_finish_bind(call, t, &r);
    if (!r.is_error)
        (void)plug_tcp_tcp_socket_start_listen(call, t, &r);
    if (!r.is_error)
        (void)plug_tcp_tcp_socket_finish_listen(call, t, &r);
    if (r.is_error) {
        say_error(r.as.error);
        return;
    }
    (void)plug_tcp_tcp_socket_accept(call, t, &accepted);
    say_number(accepted.is_error ? accepted.as.error : 999);
    if (is(w[2], "wait"))
        block_on(call, t);
}

/* Sends a datagram to itself. */
static void datagram(berth_plugin_call *call)
{
    plug_network_ip_socket_address at = here(0);
    plug_result_udp_udp_socket_network_error_code made;
    plug_result_none_network_error_code r;
    plug_result_network_ip_socket_address_network_error_code local;
    plug_result_tuple_udp_incoming_datagram_stream_udp_outgoing_d_etc flows;
    plug_result_list_udp_incoming_datagram_network_error_code got;
    plug_result_u64_network_error_code sent;
    plug_udp_outgoing_datagram one = { { (const uint8_t *)"hello", 5 }, { 1, { 0 } } };
    plug_option_network_ip_socket_address nobody = { 0 };
    plug_udp_udp_socket_borrow u;
    plug_poll_pollable p;

    (void)plug_udp_create_socket_create_udp_socket(call, PLUG_NETWORK_IP_ADDRESS_FAMILY_IPV4,
                                                   &made);
    if (made.is_error) {
        say_error(made.as.error);
        return;
    }
    u = (plug_udp_udp_socket_borrow){ made.as.ok.handle };
    (void)plug_udp_udp_socket_start_bind(call, u, network(call), &at, &r);
    (void)plug_udp_udp_socket_finish_bind(call, u, &r);
    (void)plug_udp_udp_socket_local_address(call, u, &local);
    (void)plug_udp_udp_socket_stream(call, u, &nobody, &flows);
    if (local.is_error || flows.is_error) {
        say_error(local.is_error ? local.as.error : flows.as.error);
        return;
    }
    one.remote_address.some = local.as.ok;
    (void)plug_udp_outgoing_datagram_stream_check_send(
        call, (plug_udp_outgoing_datagram_stream_borrow){ flows.as.ok.f1.handle }, &sent);
    say_number(sent.as.ok);
    (void)plug_udp_outgoing_datagram_stream_send(
        call, (plug_udp_outgoing_datagram_stream_borrow){ flows.as.ok.f1.handle },
        (plug_list_udp_outgoing_datagram){ &one, 1 }, &sent);
    say_number(sent.as.ok);
    (void)plug_udp_incoming_datagram_stream_subscribe(
        call, (plug_udp_incoming_datagram_stream_borrow){ flows.as.ok.f0.handle }, &p);
    (void)plug_poll_pollable_block(call, (plug_poll_pollable_borrow){ p.handle });
    (void)plug_udp_incoming_datagram_stream_receive(
        call, (plug_udp_incoming_datagram_stream_borrow){ flows.as.ok.f0.handle }, 10, &got);
    if (got.is_error || got.as.ok.count != 1) {
        say_error(got.is_error ? got.as.error : 998);
        return;
    }
    say(" ");
    add((const char *)got.as.ok.data[0].data.data, got.as.ok.data[0].data.count);
}

/* lookup NAME: how many addresses */
static void look_up(berth_plugin_call *call, const berth_string *w)
{
    plug_result_ip_name_lookup_resolve_address_stream_network_err_etc made;
    plug_ip_name_lookup_resolve_address_stream_borrow self;
    uint64_t count = 0;
    plug_poll_pollable p;

    (void)plug_ip_name_lookup_resolve_addresses(call, network(call), w[1], &made);
    if (made.is_error) {
        say_error(made.as.error);
        return;
    }
    self = (plug_ip_name_lookup_resolve_address_stream_borrow){ made.as.ok.handle };
    (void)plug_ip_name_lookup_resolve_address_stream_subscribe(call, self, &p);
    (void)plug_poll_pollable_block(call, (plug_poll_pollable_borrow){ p.handle });
    for (;;) {
        plug_result_option_network_ip_address_network_error_code r;

        (void)plug_ip_name_lookup_resolve_address_stream_resolve_next_address(call, self, &r);
        if (r.is_error) {
            say_error(r.as.error);
            return;
        }
        if (!r.as.ok.is_some)
            break;
        count++;
    }
    plug_poll_pollable_drop(p);
    say_number(count);
}

/* ---- what it exports ------------------------------------------------------------------------- */

static _Bool files(berth_plugin_call *call, const berth_string *w, size_t count)
{
    if (is(w[0], "dirs"))
        dirs(call);
    else if (is(w[0], "open"))
        open_one(call, w);
    else if (is(w[0], "drop"))
        keep(number(w[1]), (plug_types_descriptor){ 0 });
    else if (is(w[0], "race"))
        race(call, w);
    else if (is(w[0], "read"))
        read_some(call, w);
    else if (is(w[0], "again"))
        read_again(call, w);
    else if (is(w[0], "write"))
        write_some(call, w);
    else if (is(w[0], "stream"))
        read_stream(call, w);
    else if (is(w[0], "append"))
        append(call, w);
    else if (is(w[0], "list"))
        list(call, w);
    else if (is(w[0], "stat"))
        stat(call, w);
    else if (is(w[0], "readlink"))
        readlink(call, w);
    else if (is(w[0], "flags"))
        flags(call, w);
    else if (is(w[0], "hash"))
        hash(call, w);
    else if (is(w[0], "churn") || is(w[0], "hoard"))
        churn(call, w, is(w[0], "hoard"));
    else
        return change(call, w, count);
    return 1;
}

int32_t plug_plugin_run(void *self, const plug_run_args *args, berth_string *result,
                        berth_plugin_call *call)
{
    /* The words live as long as what berth_plugin_end() takes back, so they are moved away. */
    static berth_string w[8];
    static char words[8][256];

    (void)self;
    for (size_t i = 0; i < 8; i++) {
        w[i] = (berth_string){ words[i], 0 };
        if (i >= args->words.count || args->words.data[i].size > sizeof words[i])
            continue;
        w[i].size = args->words.data[i].size;
        for (size_t k = 0; k < w[i].size; k++)
            words[i][k] = args->words.data[i].text[k];
    }
    size = 0;
    say("ok");
    if (is(w[0], "connect"))
        connect(call, w);
    else if (is(w[0], "listen"))
        listen(call, w);
    else if (is(w[0], "early"))
        finish_early(call);
    else if (is(w[0], "datagram"))
        datagram(call);
    else if (is(w[0], "lookup"))
        look_up(call, w);
    else if (!files(call, w, args->words.count))
        say(" what?");
    *result = (berth_string){ text, size };
    return 0;
}

/* service/wasi/wasi_sockets.h - what the files of wasi:sockets share.  Layer: service. */
#ifndef BERTHI_SERVICE_WASI_SOCKETS_H
#define BERTHI_SERVICE_WASI_SOCKETS_H

#include "service/net/net.h"
#include "service/wasi/wasi.h"

enum { BERTHI_NS_PER_S = 1000000000 };

berthi_wasi_network_error_code berthi_wasi_socket_error(berthi_code code);

/* A failure is an answer like another. */
#define BERTHI_SOCKET_ANSWER(result, code)                                                     \
    do {                                                                                       \
        (result)->is_error = 1;                                                                \
        (result)->as.error = berthi_wasi_socket_error(code);                                   \
        return BERTH_OK;                                                                       \
    } while (0)

berth_status berthi_wasi_socket_none(berthi_wasi_result_none_network_error_code *result,
                                     berthi_code code);
berth_status berthi_wasi_socket_address(
    berthi_wasi_result_network_ip_socket_address_network_error_code *result, berthi_code code,
    const berthi_address *address);

berthi_address berthi_wasi_take_address(const berthi_wasi_network_ip_socket_address *from);
berthi_wasi_network_ip_socket_address berthi_wasi_put_address(const berthi_address *from);

berth_status berthi_wasi_give_pollable(const berthi_wasi *w, berth_host_call *call,
                                       void *object, berthi_wasi_poll_pollable *result)
    __attribute__((warn_unused_result));

void berthi_wasi_fill_tcp(berthi_wasi_imports *imports);
void berthi_wasi_fill_udp(berthi_wasi_imports *imports);

#endif

/* easy.c - what every request that goes out has in common.  Layer: service. */
#include "service/http/easy.h"

enum { NS_PER_MS = 1000000 };

berthi_http_code berthi_easy_code(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return BERTHI_HTTP_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
        return BERTHI_HTTP_DNS;
    case CURLE_COULDNT_CONNECT:
        return BERTHI_HTTP_REFUSED;
    case CURLE_OPERATION_TIMEDOUT:
        return BERTHI_HTTP_CONNECT_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        return BERTHI_HTTP_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return BERTHI_HTTP_CERTIFICATE;
    case CURLE_URL_MALFORMAT:
        return BERTHI_HTTP_URI;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
        return BERTHI_HTTP_INCOMPLETE;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
        return BERTHI_HTTP_TERMINATED;
    case CURLE_OUT_OF_MEMORY:
        return BERTHI_HTTP_NO_MEMORY;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_HTTP2:
        return BERTHI_HTTP_PROTOCOL;
    default:
        return BERTHI_HTTP_INTERNAL;
    }
}

berthi_http_code berthi_easy_line(struct curl_slist **lines_io, const char *line)
{
    struct curl_slist *more = curl_slist_append(*lines_io, line);

    if (more == NULL)
        return BERTHI_HTTP_NO_MEMORY;
    *lines_io = more;
    return BERTHI_HTTP_OK;
}

long berthi_easy_milliseconds(uint64_t ns)
{
    uint64_t ms = ns / NS_PER_MS + (ns % NS_PER_MS != 0);

    return ms < INT32_MAX ? (long)ms : INT32_MAX;
}

#define SET(option, value) ok = ok && curl_easy_setopt(curl, option, value) == CURLE_OK

bool berthi_easy_set_up(CURL *curl, const char *url, struct curl_slist *lines)
{
    bool ok = true;

    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* not those of the process's environment either */
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTPHEADER, lines);
    return ok;
}

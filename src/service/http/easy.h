/* service/http/easy.h - what every request that goes out has in common.  Layer: service. */
#ifndef BERTHI_SERVICE_EASY_H
#define BERTHI_SERVICE_EASY_H

#include <curl/curl.h>
#include <stdbool.h>

#include "service/http/transfer.h"

/* HTTP/1.1 to where the address says: no proxies, no redirects, no other protocols.  False: no memory. */
bool berthi_easy_set_up(CURL *curl, const char *url, struct curl_slist *lines);
/* Adds a header line; *lines_io is as it was without memory. */
berthi_http_code berthi_easy_line(struct curl_slist **lines_io, const char *line);
/* Not less than was asked for: 0 would be five minutes. */
long berthi_easy_milliseconds(uint64_t ns);
berthi_http_code berthi_easy_code(CURLcode code);

#endif

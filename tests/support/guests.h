/* guests.h - where tests find the modules that tests/guests/ builds. */
#ifndef BERTH_TEST_GUESTS_H
#define BERTH_TEST_GUESTS_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of <build>/guests/<name>.wasm, with malloc(); the test fails when it is not there. */
uint8_t *guest_read(const char *name, size_t *size_out);

/* The same of <build>/plugins/<name>.so. */
uint8_t *plugin_file_read(const char *name, size_t *size_out);

/* The same of <build>/examples/one_source/<name>, where `name` says what it is built as. */
uint8_t *one_source_read(const char *name, size_t *size_out);

/* The same of <build>/examples/services/<name>. */
uint8_t *services_read(const char *name, size_t *size_out);

/* The same of <build>/plugins/links/<name>. */
uint8_t *links_read(const char *name, size_t *size_out);

/* The same of a guest in ../shared/corpus/guests, by its whole name; NULL, and a line that says so, when
 * there is none. */
uint8_t *corpus_guest_read(const char *name, size_t *size_out);

#endif

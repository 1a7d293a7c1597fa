/* code_cache.h - compiled code between runtimes.  Layer: registry. */
#ifndef BERTHI_REGISTRY_CODE_CACHE_H
#define BERTHI_REGISTRY_CODE_CACHE_H

#include <berth/code_cache.h>

#include "wasm/engine.h"

void berthi_code_cache_ref(berth_code_cache *cache);
void berthi_code_cache_unref(berth_code_cache *cache);

/* As ops->module_compile(), or without compiling where a runtime with the same engine did it before;
 * `digest` is that of `bytes`.  *is_loaded_out says which.  Waits for whoever compiles the same now.
 * Thread: any, without a lock. */
berth_status berthi_code_cache_module(berth_code_cache *cache, berthi_wasm_engine *engine,
                                      const uint8_t *bytes, size_t size, const uint8_t *digest,
                                      berthi_wasm_module **module_out, bool *is_loaded_out,
                                      berth_diag *diag);

#endif

/* component/value/wave.h - characters and strings of WAVE text.  Layer: component. */
#ifndef BERTHI_COMPONENT_WAVE_H
#define BERTHI_COMPONENT_WAVE_H

#include "component/value/value_reader.h"

/* Past space and comments. */
void berthi_cm_wave_skip(berthi_cm_reader *r);
/* Takes `c`; `why` says where it belongs. */
bool berthi_cm_wave_need(berthi_cm_reader *r, char c, const char *why);

/* One character of a char or string, or its escape. */
bool berthi_cm_wave_character(berthi_cm_reader *r, uint32_t *character_out);
/* At an opening quote: the whole string, on one line or between """ on lines of its own. */
bool berthi_cm_wave_string(berthi_cm_reader *r, berthi_cm_host_list *string_out);

#endif

//  top_paint - a frame of zrb top as text, or as a line of JSON.

#ifndef TOP_PAINT_H_INCLUDED
#define TOP_PAINT_H_INCLUDED

#include <stdio.h>
#include "top_frame.h"

typedef struct {
    const char *endpoint;
    size_t width, height;  //  of the terminal; 0: no limit
    bool colour;
    order_t order;
    uint64_t away_ms;  //  how long the bridge has not answered; 0: it does
} paint_t;

void paint_text (FILE *to, const paint_t *self, const frame_t *frame);
void paint_json (FILE *to, const paint_t *self, const frame_t *frame);

#endif

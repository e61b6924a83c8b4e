//  view - what the monitor knows of the bridge, and how it is told: metrics, health, status, log. Nothing here asks anybody.
//
//  Part of the monitor, in its thread.

#ifndef VIEW_H_INCLUDED
#define VIEW_H_INCLUDED

#include <stdio.h>
#include "census.h"
#include "config.h"
#include "snapshot.h"

typedef struct view view_t;

view_t *view_new (const config_t *config);

void view_destroy (view_t **self_p);

//  An actor's word: it replaces its last one.
void view_take (view_t *self, const snapshot_t *snapshot);

//  A round of the census: the rows are copied, and replace those of the last one.
void view_take_groups (view_t *self, const group_row_t *rows, size_t count);

//  The bridge has begun to stop.
void view_drain (view_t *self);

//  Whether the bridge can store what it is sent. Returns NULL, or one line that says why not, which is the view's.
const char *view_trouble (view_t *self);

//  In the format of Prometheus, 0.0.4.
void view_write_metrics (const view_t *self, FILE *to);

//  As JSON.
void view_write_status (view_t *self, FILE *to);

//  Some lines in the log.
void view_log (view_t *self);

#endif

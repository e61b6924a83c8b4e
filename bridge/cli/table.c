//  table - aligned columns that fit the terminal.

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include "output.h"

struct table_s {
    const column_t *columns;
    size_t column_count;
    char **cells;
    size_t cell_count, room;
};

enum { GAP = 2, LEAST_WIDTH = 8 };

table_t *table_new (const column_t *columns, size_t count)
{
    table_t *self = calloc (1, sizeof *self);
    assert (self);
    self->columns = columns;
    self->column_count = count;
    return self;
}

void table_destroy (table_t **self_p)
{
    table_t *self = *self_p;
    if (self) {
        for (size_t at = 0; at < self->cell_count; at++) {
            free (self->cells[at]);
        }
        free (self->cells);
        free (self);
        *self_p = NULL;
    }
}

void table_cell (table_t *self, const char *format, ...)
{
    va_list args;
    if (self->cell_count == self->room) {
        self->room = self->room ? 2 * self->room : 64;
        self->cells = realloc (self->cells, self->room * sizeof *self->cells);
        assert (self->cells);
    }
    va_start (args, format);
    int rc = vasprintf (&self->cells[self->cell_count], format, args);
    va_end (args);
    assert (rc >= 0);
    for (char *at = self->cells[self->cell_count]; *at; at++) {
        *at = (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at;
    }
    self->cell_count++;
}

//  Columns that UTF-8 takes on a terminal, one a character.
static size_t s_width (const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

//  Narrows the widest text column until the row fits, or no column can give more.
static void s_fit (const table_t *self, size_t *widths, size_t width)
{
    for (;;) {
        size_t sum = 0, widest = self->column_count;
        for (size_t at = 0; at < self->column_count; at++) {
            sum += widths[at] + (at ? GAP : 0);
            if (!self->columns[at].is_number && widths[at] > LEAST_WIDTH &&
                (widest == self->column_count || widths[at] > widths[widest])) {
                widest = at;
            }
        }
        if (sum <= width || widest == self->column_count) {
            return;
        }
        widths[widest]--;
    }
}

static void s_print_cell (const char *text, size_t width, bool is_number, bool is_last)
{
    size_t own = s_width (text), shown = own > width ? width - 1 : own;
    for (size_t at = own; is_number && at < width; at++) {
        putchar (' ');
    }
    for (size_t count = 0; *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
        if (count > shown) {
            break;
        }
        putchar (*text);
    }
    fputs (own > width ? "…" : "", stdout);
    for (size_t at = own; !is_number && !is_last && at < width; at++) {
        putchar (' ');
    }
}

void table_print (table_t *self, size_t width)
{
    size_t *widths = calloc (self->column_count, sizeof *widths);
    assert (widths);
    for (size_t at = 0; at < self->column_count; at++) {
        widths[at] = s_width (self->columns[at].title);
    }
    for (size_t at = 0; at < self->cell_count; at++) {
        size_t own = s_width (self->cells[at]), column = at % self->column_count;
        widths[column] = own > widths[column] ? own : widths[column];
    }
    if (width) {
        s_fit (self, widths, width);
    }
    const char *strong = output_has_colour () ? "\033[1m" : "", *plain = *strong ? "\033[0m" : "";
    for (size_t at = 0; at < self->column_count + self->cell_count; at++) {
        size_t column = at % self->column_count;
        bool is_title = at < self->column_count, is_last = column + 1 == self->column_count;
        const char *text = is_title ? self->columns[at].title : self->cells[at - self->column_count];
        fputs (column == 0 ? is_title ? strong : "" : is_last && !*text ? "" : "  ", stdout);
        s_print_cell (text, widths[column], self->columns[column].is_number, is_last);
        fputs (is_last ? is_title ? plain : "" : "", stdout);
        fputs (is_last ? "\n" : "", stdout);
    }
    free (widths);
}

//  screen - a terminal that a subcommand has to itself, without curses: the alternate screen, keys as they are pressed.
//
//  Main's thread, one at a time. The terminal is as it was before when the process ends, however it does but by SIGKILL,
//  and while it is stopped.

#ifndef SCREEN_H_INCLUDED
#define SCREEN_H_INCLUDED

#include <stddef.h>

//  Columns and lines of the terminal that stdout is.
typedef struct {
    size_t width, height;
} screen_size_t;

//  Whether stdin and stdout are a terminal that knows more than lines.
int screen_is_there (void);

void screen_open (void);
void screen_close (void);

screen_size_t screen_size (void);

//  Shows lines in place of what there was. Those beyond the screen's height are left out; none is wider than the screen.
void screen_draw (const char *text);

//  The next key that was pressed, without waiting; 0: none.
char screen_key (void);

#endif

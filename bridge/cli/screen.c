//  screen - ANSI's sequences and termios.

#include "screen.h"
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const char enter[] = "\033[?1049h\033[?25l", leave[] = "\033[?25h\033[0m\033[?1049l";

static struct termios before;
static volatile sig_atomic_t is_open;

int screen_is_there (void)
{
    const char *term = getenv ("TERM");
    return isatty (STDIN_FILENO) && isatty (STDOUT_FILENO) && term && *term && strcmp (term, "dumb") != 0;
}

static void s_write (const char *text, size_t size)
{
    while (size > 0) {
        ssize_t some = write (STDOUT_FILENO, text, size);
        if (some <= 0) {
            return;
        }
        text += some;
        size -= (size_t)some;
    }
}

//  Only what a signal's handler may do.
void screen_close (void)
{
    if (is_open) {
        is_open = false;
        s_write (leave, sizeof leave - 1);
        tcsetattr (STDIN_FILENO, TCSADRAIN, &before);
    }
}

static void s_crash (int number)
{
    screen_close ();
    raise (number);  //  the handler was for once
}

void screen_open (void)
{
    static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    static bool prepared;
    if (!prepared) {
        prepared = true;
        atexit (screen_close);
        struct sigaction action = {.sa_handler = s_crash, .sa_flags = (int)SA_RESETHAND};
        for (size_t at = 0; at < sizeof crashes / sizeof *crashes; at++) {
            sigaction (crashes[at], &action, NULL);
        }
    }
    tcgetattr (STDIN_FILENO, &before);
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    is_open = true;
    tcsetattr (STDIN_FILENO, TCSADRAIN, &raw);
    s_write (enter, sizeof enter - 1);
}

screen_size_t screen_size (void)
{
    struct winsize size;
    if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0 || size.ws_row == 0) {
        return (screen_size_t){80, 24};
    }
    return (screen_size_t){size.ws_col, size.ws_row};
}

//  One write, so that a terminal never shows half of it: from the upper left, each line cleared behind its end, and what
//  was below.
void screen_draw (const char *text)
{
    char *frame;
    size_t size, lines = screen_size ().height;
    FILE *to = open_memstream (&frame, &size);
    if (!to) {
        return;
    }
    fputs ("\033[H", to);
    while (*text && lines-- > 0) {
        size_t length = strcspn (text, "\n");
        fwrite (text, 1, length, to);
        fputs (lines > 0 && text[length] && text[length + 1] ? "\033[K\n" : "\033[K", to);
        text += length + (text[length] != 0);
    }
    fputs ("\033[J", to);
    fclose (to);
    s_write (frame, size);
    free (frame);
}

char screen_key (void)
{
    char key;
    return read (STDIN_FILENO, &key, 1) == 1 ? key : 0;
}

//  zrb - what the subcommands of the command line share: their entries, and what their exit status means.

#ifndef ZRB_H_INCLUDED
#define ZRB_H_INCLUDED

enum {
    ZRB_GOOD = 0,
    ZRB_BAD = 1,    //  a check failed, or what was asked for could not be done
    ZRB_USAGE = 2,  //  the command line, or what it asks of this bridge, is wrong
    ZRB_ABSENT = 3  //  no bridge answers
};

//  Prints "zrb: …" as one line to stderr, and returns the status.
int zrb_complain (int status, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

#endif

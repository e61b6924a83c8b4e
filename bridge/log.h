//  log - one line per state change to stderr, as key=value or as a JSON object.
//
//  time=2026-11-20T21:00:00.123Z level=info actor=lane event=redis_up attempt=3
//  {"time": "2026-11-20T21:00:00.123Z", "level": "info", "actor": "lane", "event": "redis_up", "attempt": 3}

#ifndef LOG_H_INCLUDED
#define LOG_H_INCLUDED

typedef enum { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_DEBUG } log_level_t;

//  From now on, in every thread. Takes error, warn, info or debug; returns -1 on any other.
int log_set_level (const char *name);

//  Set once, before the actors start. Takes text or json; returns -1 on any other.
int log_set_format (const char *name);

//  Writes one line in one write(2). `format` gives the key=value pairs behind event=, may be "".
//  Control characters in the line are replaced by '?', so that no input can forge a line.
void log_write (log_level_t level, const char *actor, const char *event, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));

#endif

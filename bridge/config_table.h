//  config_table - every key of bridge.toml: its type, default, range and the comment that the shipped file
//  carries. One row a key; config.c reads and checks by it, a test holds bridge.toml to it.

#ifndef CONFIG_TABLE_H_INCLUDED
#define CONFIG_TABLE_H_INCLUDED

#include "config.h"

typedef enum {
    KEY_TEXT,   //  char *
    KEY_COUNT,  //  int64_t, from min to max
    KEY_FLAG,   //  bool
    KEY_LIST    //  strings_t, of at least min items
} key_type_t;

typedef struct {
    const char *section;
    const char *key;
    key_type_t type;
    size_t offset;      //  of the field in config_t, or in what its section is kept as
    const char *text;   //  default of a text, or the one item of a list's; NULL: it has none
    int64_t number;     //  default of a count or flag
    const char *words;  //  the allowed words of a text, as "a, b, c"; NULL: `check` decides
    int64_t min, max;
    //  What is wrong with a text or with an item of a list, in words that never show the value; NULL: nothing.
    const char *(*check) (const char *text);
    const char *comment;
} config_key_t;

//  The rows in the file's order; those of a section stand together.
extern const config_key_t config_table[];
extern const size_t config_table_size;

//  The sections that may stand many times, as [[name]]; all others stand once.
typedef struct {
    const char *name;
    size_t size;    //  of what one is kept as
    size_t offset;  //  of its sections_t in config_t
    const char *comment;
} config_many_t;

extern const config_many_t config_many[];
extern const size_t config_many_size;

//  The one of that name, NULL: a section that stands once.
const config_many_t *config_many_of (const char *section);

#endif

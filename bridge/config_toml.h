//  config_toml - a TOML file as a flat list of values; the only door to toml++, and the only C++.
//
//  Knows TOML, not the keys. Called by config.c in main's thread; keeps nothing.

#ifndef CONFIG_TOML_H_INCLUDED
#define CONFIG_TOML_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    TOML_SECTION,  //  a [section] or [[section]] itself; it may be empty
    TOML_TEXT,
    TOML_INTEGER,
    TOML_FLAG,  //  integer is 0 or 1
    TOML_LIST,  //  an array of nothing but strings
    TOML_OTHER  //  anything else, named by `what`
} toml_kind_t;

typedef struct {
    const char *section;  //  "" for a key that stands outside of every section
    const char *key;      //  "" for TOML_SECTION
    size_t which;         //  of the [[section]]s of its name, from 1; 0: it is a [section]
    unsigned line;
    toml_kind_t kind;
    const char *what;  //  the type in words: "a string", "a date", …
    int64_t integer;
    const char *const *texts;  //  count of them; a TOML_TEXT has one; none holds a zero byte
    size_t count;
} toml_item_t;

typedef struct {
    const toml_item_t *items;  //  in the file's order
    size_t count;
} toml_items_t;

//  Reads a file of at most 1 MiB. The list and all it points to belong to the caller, until
//  config_toml_destroy. Returns NULL with a one-line error that names the file, and the line of a
//  syntax error.
toml_items_t *config_toml_new (const char *path, char *error, size_t error_size);

void config_toml_destroy (toml_items_t **self_p);

#ifdef __cplusplus
}
#endif

#endif

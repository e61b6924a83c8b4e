//  defaults - what options are when the command line doesn't say: the environment, else the configuration file.
//
//  The file is $ZRB_CONFIG, else $XDG_CONFIG_HOME/zrb.toml, else ~/.config/zrb.toml, and holds `key = "value"` lines.

#ifndef DEFAULTS_H_INCLUDED
#define DEFAULTS_H_INCLUDED

#include "command.h"

typedef struct defaults_s defaults_t;

//  Reads the file; there may be none, unless ZRB_CONFIG names it. NULL with *status set when it is wrong: a line on
//  stderr has told why. The caller destroys it.
defaults_t *defaults_new (int *status);
void defaults_destroy (defaults_t **self_p);

//  Of an option that has a name in the environment. NULL: neither has it. The text is borrowed; *where says whence it
//  comes, for an error.
const char *defaults_text (defaults_t *self, const option_t *option, const char **where);

#endif

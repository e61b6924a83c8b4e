//  help - what the table says to people and shells: --help, the man page, the completions. To stdout.

#ifndef HELP_H_INCLUDED
#define HELP_H_INCLUDED

#include "command.h"

//  zrb --help
void help_print (void);

//  zrb COMMAND --help
void help_print_command (const command_t *command);

//  deploy/man/zrb.1
void help_print_man (void);

//  deploy/completion/. Returns 0, or -1 when there is none for that shell.
int help_print_completion (const char *shell);

#endif

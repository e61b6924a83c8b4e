//  args - a subcommand's options and operands as they were given: on the command line, else in the environment, else in
//  the configuration file, else by default.
//
//  Main's thread makes it; from then on it is constant. A name that the table doesn't have is a programmer's mistake.

#ifndef ARGS_H_INCLUDED
#define ARGS_H_INCLUDED

#include "command.h"

typedef struct args_s args_t;

//  Reads argv, argv[0] being the subcommand. NULL when the arguments are wrong (a line on stderr has told why) or asked
//  for the help (which is printed); *status is the exit status then. Borrows argv; the caller destroys it.
args_t *args_new (const command_t *command, int argc, char *argv[], int *status);
void args_destroy (args_t **self_p);

//  Whether it was given, and not taken by default.
bool args_given (const args_t *self, const char *option);
bool args_flag (const args_t *self, const char *option);

//  NULL: neither given nor by default. Of a list the last.
const char *args_text (const args_t *self, const char *option);

//  OPTION_COUNT, and OPTION_TIME in milliseconds. 0: neither given nor by default.
uint64_t args_count (const args_t *self, const char *option);

//  OPTION_NUMBER and OPTION_SECONDS. 0: neither given nor by default.
double args_number (const args_t *self, const char *option);

//  The values of a list, in the order given; returns how many.
size_t args_list (const args_t *self, const char *option, const char *const **values);

size_t args_operands (const args_t *self);
//  NULL behind the last.
const char *args_operand (const args_t *self, size_t at);
//  As argv, ended by NULL.
char *const *args_operand_list (const args_t *self);

//  What stands behind --, where the subcommand takes a command; ended by NULL. NULL: nothing does.
char *const *args_command (const args_t *self);

//  Reads a time as OPTION_TIME does. Returns 0, or -1.
int time_read (uint64_t *ms, const char *text);

#endif

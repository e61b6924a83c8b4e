//  subcommands - the rows of the table, each in the file of its subcommand.

#ifndef SUBCOMMANDS_H_INCLUDED
#define SUBCOMMANDS_H_INCLUDED

#include "command.h"

extern const command_t bench_command;
extern const command_t ping_command;

#endif

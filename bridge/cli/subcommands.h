//  subcommands - the rows of the table, each in the file of its subcommand.

#ifndef SUBCOMMANDS_H_INCLUDED
#define SUBCOMMANDS_H_INCLUDED

#include "command.h"

extern const command_t ack_command;
extern const command_t bench_command;
extern const command_t bury_command;
extern const command_t dead_command;
extern const command_t flush_command;
extern const command_t group_command;
extern const command_t info_command;
extern const command_t keygen_command;
extern const command_t nack_command;
extern const command_t pause_command;
extern const command_t peek_command;
extern const command_t pending_command;
extern const command_t ping_command;
extern const command_t pub_command;
extern const command_t redrive_command;
extern const command_t release_command;
extern const command_t replay_command;
extern const command_t resume_command;
extern const command_t status_command;
extern const command_t sub_command;
extern const command_t take_command;
extern const command_t top_command;
extern const command_t touch_command;
extern const command_t work_command;

#endif

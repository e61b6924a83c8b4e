//  completion - what bash and zsh complete, from the table.

#include <stdio.h>
#include <string.h>
#include "help.h"

static void s_bash_options (const command_t *command)
{
    const option_t *option;
    for (size_t at = 0; (option = command_option (command, at)); at++) {
        printf ("%s--%s", at ? " " : "", option->name);
    }
}

static void s_bash_files (const command_t *command)
{
    const option_t *option;
    for (size_t at = 0; (option = command_option (command, at)); at++) {
        if (option->kind == OPTION_FILE) {
            printf ("    '%s --%s') COMPREPLY=($(compgen -f -- \"$word\")) ;;\n", command->name, option->name);
        }
    }
}

static void s_bash (void)
{
    puts ("# Made by zrb --completion bash from the table of subcommands in bridge/cli; not to be edited.\n"
          "# shellcheck shell=bash disable=SC2207\n\n_zrb() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options\n"
          "    COMPREPLY=()\n    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs ("        COMPREPLY=($(compgen -W '", stdout);
    for (const command_t *const *at = commands; *at; at++) {
        printf ("%s ", (*at)->name);
    }
    puts ("--help --version' -- \"$word\"))\n        return\n    fi\n    case \"${COMP_WORDS[1]}\" in");
    for (const command_t *const *at = commands; *at; at++) {
        printf ("    %s) options='", (*at)->name);
        s_bash_options (*at);
        puts ("' ;;");
    }
    puts ("    *) return ;;\n    esac\n    case \"${COMP_WORDS[1]} $before\" in");
    for (const command_t *const *at = commands; *at; at++) {
        s_bash_files (*at);
    }
    puts ("    *)\n        if [[ $word == -* ]]; then\n"
          "            COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n        fi\n        ;;\n    esac\n}\n"
          "complete -o default -F _zrb zrb");
}

//  Text in single quotes, in which _arguments takes ":" and brackets as its own.
static void s_zsh_text (const char *text)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs ("'\\''", stdout);
        } else {
            fputs (strchr (":[]\\", *text) ? "\\" : "", stdout);
            putchar (*text);
        }
    }
}

static void s_zsh_option (const option_t *option, char letter)
{
    const char *times = option->kind == OPTION_LIST ? "*" : "";
    const char *forms[2] = {option->name, letter ? (char[]){letter, 0} : NULL};
    for (size_t at = 0; at < 2 && forms[at]; at++) {
        printf (" \\\n        '%s%s%s%s[", times, at ? "-" : "--", forms[at], !option->word ? "" : at ? "+" : "=");
        s_zsh_text (option->help);
        putchar (']');
        if (option->word) {
            putchar (':');
            s_zsh_text (option->word);
            fputs (option->kind == OPTION_FILE ? ":_files" : ": ", stdout);
        }
        putchar ('\'');
    }
}

static void s_zsh (void)
{
    puts ("#compdef zrb\n# Made by zrb --completion zsh from the table of subcommands in bridge/cli; not to be "
          "edited.\n\n"
          "local -a commands\ncommands=(");
    for (const command_t *const *at = commands; *at; at++) {
        printf ("    '%s:", (*at)->name);
        s_zsh_text ((*at)->does);
        puts ("'");
    }
    puts (")\nif (( CURRENT == 2 )); then\n    _describe command commands\n    _arguments '--help[print help]' "
          "'--version[print the version]'\n    return\nfi\nshift words\n(( CURRENT-- ))\ncase $words[1] in");
    for (const command_t *const *at = commands; *at; at++) {
        const option_t *option;
        printf ("%s)\n    _arguments -S", (*at)->name);
        for (size_t row = 0; (option = command_option (*at, row)); row++) {
            s_zsh_option (option, command_letter (*at, row));
        }
        puts (" \\\n        '*: :_default'\n    ;;");
    }
    puts ("esac");
}

int help_print_completion (const char *shell)
{
    if (strcmp (shell, "bash") == 0) {
        s_bash ();
    } else if (strcmp (shell, "zsh") == 0) {
        s_zsh ();
    } else {
        return -1;
    }
    return 0;
}

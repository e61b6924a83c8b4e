# Made by zrb --completion bash from the table of subcommands in bridge/cli; not to be edited.
# shellcheck shell=bash disable=SC2207

_zrb() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W 'bench flush info ping pub replay status sub --help --version' -- "$word"))
        return
    fi
    case "${COMP_WORDS[1]}" in
    bench) options='--push --sub --name --channel --count --seconds --rate --size --producers --subscribers --takers --channels --batch --in-flight --wait --keep --progress --csv --ask --json --help' ;;
    flush) options='--before --older --all --force --dry-run --yes --ask --wait --json --help' ;;
    info) options='--ask --wait --json --help' ;;
    ping) options='--ask --wait --json --help' ;;
    pub) options='--header --count --whole --push --ask --wait --json --help' ;;
    replay) options='--from --until --since --count --raw --format --ask --wait --json --help' ;;
    status) options='--watch --interval --ask --wait --json --help' ;;
    sub) options='--from --since --count --raw --format --sub --ask --wait --json --help' ;;
    *) return ;;
    esac
    case "${COMP_WORDS[1]} $before" in
    *)
        if [[ $word == -* ]]; then
            COMPREPLY=($(compgen -W "$options" -- "$word"))
        fi
        ;;
    esac
}
complete -o default -F _zrb zrb

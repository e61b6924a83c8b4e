# Made by zrb --completion bash from the table of subcommands in bridge/cli; not to be edited.
# shellcheck shell=bash disable=SC2207

_zrb() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W 'ack bench bury dead flush group info nack pause peek pending ping pub redrive release replay resume status sub take top touch work --help --version' -- "$word"))
        return
    fi
    case "${COMP_WORDS[1]}" in
    ack) options='--group --all-of --ask --wait --json --help' ;;
    bench) options='--push --sub --name --channel --count --seconds --rate --size --producers --subscribers --takers --channels --batch --in-flight --wait --keep --progress --csv --ask --json --help' ;;
    bury) options='--group --all-of --reason --ask --wait --json --help' ;;
    dead) options='--group --max --ask --wait --json --help' ;;
    flush) options='--before --older --all --force --dry-run --yes --ask --wait --json --help' ;;
    group) options='--start --since --force --ask --wait --json --help' ;;
    info) options='--ask --wait --json --help' ;;
    nack) options='--group --all-of --delay --reason --ask --wait --json --help' ;;
    pause) options='--group --ask --wait --json --help' ;;
    peek) options='--group --tail --max --for --raw --ask --wait --json --help' ;;
    pending) options='--group --max --elapsed --consumer --ask --wait --json --help' ;;
    ping) options='--ask --wait --json --help' ;;
    pub) options='--header --count --whole --push --ask --wait --json --help' ;;
    redrive) options='--group --all --ask --wait --json --help' ;;
    release) options='--group --ask --wait --json --help' ;;
    replay) options='--from --until --since --count --raw --format --ask --wait --json --help' ;;
    resume) options='--group --ask --wait --json --help' ;;
    status) options='--watch --interval --ask --wait --json --help' ;;
    sub) options='--from --since --count --raw --format --sub --ask --wait --json --help' ;;
    take) options='--group --max --lease --for --consumer --done --raw --ask --wait --json --help' ;;
    top) options='--interval --count --ask --wait --json --help' ;;
    touch) options='--group --all-of --lease --ask --wait --json --help' ;;
    work) options='--group --parallel --lease --delay --max-time --count --drain --consumer --ask --wait --json --help' ;;
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

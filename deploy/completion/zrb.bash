# Made by zrb --completion bash from the table of subcommands in bridge/cli; not to be edited.
# shellcheck shell=bash disable=SC2207

_zrb() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W 'ack bench bury dead flush group info keygen nack pause peek pending ping pub redrive release replay resume status sub take top touch work --help --version' -- "$word"))
        return
    fi
    case "${COMP_WORDS[1]}" in
    ack) options='--group --all-of --ask --wait --server --cert --json --help' ;;
    bench) options='--push --sub --name --channel --count --seconds --rate --size --producers --subscribers --takers --channels --batch --in-flight --wait --keep --progress --csv --ask --server --cert --json --help' ;;
    bury) options='--group --all-of --reason --ask --wait --server --cert --json --help' ;;
    dead) options='--group --max --ask --wait --server --cert --json --help' ;;
    flush) options='--before --older --all --force --dry-run --yes --ask --wait --server --cert --json --help' ;;
    group) options='--start --since --force --ask --wait --server --cert --json --help' ;;
    info) options='--ask --wait --server --cert --json --help' ;;
    keygen) options='--output --name --ask --wait --server --cert --json --help' ;;
    nack) options='--group --all-of --delay --reason --ask --wait --server --cert --json --help' ;;
    pause) options='--group --ask --wait --server --cert --json --help' ;;
    peek) options='--group --tail --max --for --raw --ask --wait --server --cert --json --help' ;;
    pending) options='--group --max --elapsed --consumer --ask --wait --server --cert --json --help' ;;
    ping) options='--ask --wait --server --cert --json --help' ;;
    pub) options='--header --count --whole --push --ask --wait --server --cert --json --help' ;;
    redrive) options='--group --all --ask --wait --server --cert --json --help' ;;
    release) options='--group --ask --wait --server --cert --json --help' ;;
    replay) options='--from --until --since --count --raw --format --ask --wait --server --cert --json --help' ;;
    resume) options='--group --ask --wait --server --cert --json --help' ;;
    status) options='--watch --interval --ask --wait --server --cert --json --help' ;;
    sub) options='--from --since --count --raw --format --sub --ask --wait --server --cert --json --help' ;;
    take) options='--group --max --lease --for --consumer --done --raw --ask --wait --server --cert --json --help' ;;
    top) options='--interval --count --ask --wait --server --cert --json --help' ;;
    touch) options='--group --all-of --lease --ask --wait --server --cert --json --help' ;;
    work) options='--group --parallel --lease --delay --max-time --count --drain --consumer --ask --wait --server --cert --json --help' ;;
    *) return ;;
    esac
    case "${COMP_WORDS[1]} $before" in
    'ack --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'ack --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'bench --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'bench --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'bury --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'bury --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'dead --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'dead --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'flush --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'flush --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'group --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'group --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'info --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'info --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'keygen --output') COMPREPLY=($(compgen -f -- "$word")) ;;
    'keygen --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'keygen --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'nack --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'nack --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'pause --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'pause --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'peek --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'peek --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'pending --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'pending --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'ping --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'ping --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'pub --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'pub --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'redrive --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'redrive --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'release --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'release --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'replay --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'replay --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'resume --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'resume --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'status --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'status --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'sub --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'sub --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'take --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'take --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'top --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'top --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'touch --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'touch --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    'work --server') COMPREPLY=($(compgen -f -- "$word")) ;;
    'work --cert') COMPREPLY=($(compgen -f -- "$word")) ;;
    *)
        if [[ $word == -* ]]; then
            COMPREPLY=($(compgen -W "$options" -- "$word"))
        fi
        ;;
    esac
}
complete -o default -F _zrb zrb

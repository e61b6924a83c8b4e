#!/bin/sh
# append.sh CHANNEL PAYLOAD [REDIS-CLI'S OPTIONS…]: appends a message with nothing but redis-cli, and prints its id.
set -eu
channel=$1 payload=$2
shift 2
lua=$(dirname "$0")/../../lua
script=$(cd "$lua" && cat greet.lua door.lua skip.lua timers.lua lost.lua join.lua batch.lua delay.lua append.lua)
redis-cli -e "$@" eval "$script" 3 "zrb:{$channel}:meta" zrb:store zrb:channels "$payload" | sed -n 2p

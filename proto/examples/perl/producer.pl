#!/usr/bin/env perl
# producer.pl push PULL CHANNEL: sends each line of its input as a message, and hears no more of it.
# producer.pl publish ROUTER CHANNEL: the same, and prints the id of each when Redis has it.
#
# Needs libzmq-ffi-perl and libdata-messagepack-perl.
use strict;
use warnings;
use Data::MessagePack;
use Time::HiRes qw(sleep time);
use ZMQ::FFI qw(ZMQ_DEALER ZMQ_HEARTBEAT_IVL ZMQ_PUSH ZMQ_RCVTIMEO);

my $PATIENCE_MS = 5000;    # every request is answered in that time, or its bridge is gone
my ($how, $endpoint, $channel) = @ARGV;
my $packer = Data::MessagePack->new->utf8;    # packs strings as str, which do as bin everywhere
my $context = ZMQ::FFI->new;
my $socket = $context->socket($how eq 'push' ? ZMQ_PUSH : ZMQ_DEALER);
$socket->set_linger(-1);                      # at the end it waits until all is sent
$socket->set(ZMQ_RCVTIMEO, 'int', $PATIENCE_MS);
$socket->set(ZMQ_HEARTBEAT_IVL, 'int', $PATIENCE_MS);    # finds out that a connection has died without a word
$socket->connect($endpoint);
my $seq = 0;

# Asks until it is answered well: the bridge may be gone for a while, or its Redis.
sub ask {
    my %request = @_;
    while (1) {
        my $mine = $request{seq} = ++$seq;
        $socket->send($packer->pack(\%request));
        while (defined(my $frame = eval { $socket->recv })) {
            my $reply = Data::MessagePack->unpack($frame);
            next if $reply->{seq} != $mine;    # to an earlier try
            return $reply if $reply->{ok};
            die "$reply->{message}\n" unless defined $reply->{retry_ms};
            sleep $reply->{retry_ms} / 1000;
            last;
        }
    }
}

binmode STDIN;
$| = 1;
my ($me, $number) = (time . ".$$", 0);
while (defined(my $payload = <STDIN>)) {
    chomp $payload;
    if ($how eq 'push') {
        $socket->send_multipart([$channel, $payload]);
    } else {    # with a msg_id it is stored once, however often it is sent
        my $headers = {msg_id => "$me-" . $number++};
        my $reply = ask(op => 'publish', channel => $channel, payload => $payload, headers => $headers);
        print "$reply->{ids}[0]\n";
    }
}

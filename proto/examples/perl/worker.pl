#!/usr/bin/env perl
# worker.pl ROUTER CHANNEL NAME: works on a channel's messages, each done by one of the workers.
#
# It prints `ID ATTEMPT SIZE PAYLOAD` for its work. A payload that begins with `fail` fails until its third attempt.
# Needs libzmq-ffi-perl and libdata-messagepack-perl.
use strict;
use warnings;
use Data::MessagePack;
use Time::HiRes qw(sleep);
use ZMQ::FFI qw(ZMQ_DEALER ZMQ_HEARTBEAT_IVL ZMQ_RCVTIMEO);

my $WAIT_MS = 2000;
my $PATIENCE_MS = 5000 + $WAIT_MS;    # every request is answered in that time, or its bridge is gone
my ($router, $channel, $name) = @ARGV;
my $packer = Data::MessagePack->new->utf8;    # packs strings as str, which do as bin everywhere
my $context = ZMQ::FFI->new;
my $dealer = $context->socket(ZMQ_DEALER);
$dealer->set(ZMQ_RCVTIMEO, 'int', $PATIENCE_MS);
$dealer->set(ZMQ_HEARTBEAT_IVL, 'int', $PATIENCE_MS);    # finds out that a connection has died without a word
$dealer->connect($router);
my $seq = 0;
binmode STDOUT;
$| = 1;

# Asks until it is answered well: the bridge may be gone for a while, or its Redis.
sub ask {
    my %request = @_;
    while (1) {
        my $mine = $request{seq} = ++$seq;
        $dealer->send($packer->pack(\%request));
        while (defined(my $frame = eval { $dealer->recv })) {
            my $reply = Data::MessagePack->unpack($frame);
            next if $reply->{seq} != $mine;    # to an earlier try
            return $reply if $reply->{ok};
            die "$reply->{message}\n" unless defined $reply->{retry_ms};
            sleep $reply->{retry_ms} / 1000;
            last;
        }
    }
}

# May run again for a message whose ack did not come through in time: see to it that this does no harm.
sub work {
    my ($id, $payload, $attempt) = @_;
    print "$id $attempt ", length $payload, " $payload\n";
    die "it failed\n" if $payload =~ /^fail/ && $attempt < 3;
}

ask(op => 'release', channel => $channel, consumer => $name);    # what it held when it was killed
while (1) {
    my $taken = ask(op => 'take', channels => [$channel], max => 10, wait_ms => $WAIT_MS, consumer => $name);
    for (@{$taken->{messages}}) {
        my (undef, $envelope, $lease, $attempt) = @$_;
        my ($id, $time_ms, $headers, $payload) = @$envelope;
        my @settle = (channel => $channel, items => [[0 + $id, 0 + $lease]]);    # a number, though it was printed
        if (eval { work($id, $payload, $attempt); 1 }) {
            ask(op => 'ack', @settle);    # a `stale` in the answer: it took too long, and another has it
        } else {
            chomp(my $reason = $@);
            ask(op => 'nack', reason => $reason, delay_ms => 100, @settle);
        }
    }
}

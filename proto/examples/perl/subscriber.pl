#!/usr/bin/env perl
# subscriber.pl PUB ROUTER CHANNEL [LAST STORE]: each message of a channel once, in order, behind the id LAST of STORE.
#
# It prints `ID SIZE PAYLOAD` for a message, `hole FIRST LAST WHY` for ids that have none, and `store STORE` when it
# meets a store: what it printed last says where it goes on when it is started again. Yours keeps LAST and STORE with
# its work. Needs libzmq-ffi-perl and libdata-messagepack-perl.
use strict;
use warnings;
use Data::MessagePack;
use Time::HiRes qw(sleep);
use ZMQ::FFI qw(ZMQ_DEALER ZMQ_HEARTBEAT_IVL ZMQ_RCVTIMEO ZMQ_SUB);

my $PATIENCE_MS = 5000;    # every request is answered in that time, or its bridge is gone
my $SILENCE_MS = 6000;     # a beat comes each second, or the connection has died
my ($pub, $router, $channel, $last, $store) = @ARGV;
my ($bridge, $beat, $seq) = ('', 0, 0);
$last //= 0;
my $packer = Data::MessagePack->new->utf8;    # packs strings as str, which do as bin everywhere
my $context = ZMQ::FFI->new;
my $dealer = $context->socket(ZMQ_DEALER);
$dealer->set(ZMQ_RCVTIMEO, 'int', $PATIENCE_MS);
$dealer->set(ZMQ_HEARTBEAT_IVL, 'int', $PATIENCE_MS);    # finds out that a connection has died without a word
$dealer->connect($router);
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

sub listen_anew {
    my $sub = $context->socket(ZMQ_SUB);
    $sub->set_linger(0);
    $sub->set(ZMQ_RCVTIMEO, 'int', $SILENCE_MS);
    $sub->subscribe($_) for $channel, '$heads';
    $sub->connect($pub);
    return $sub;
}

sub work {
    my ($id, $time_ms, $headers, $payload) = @{$_[0]};
    print "$id ", length $payload, " $payload\n";
    $last = $id;
}

# All that is stored above the last.
sub replay {
    my $reply;
    do {
        $reply = ask(op => 'replay', channel => $channel, after => 0 + $last);
        print "hole @{$_}[1 .. 3]\n" for @{$reply->{gaps}};
        work($_->[1]) for @{$reply->{messages}};
        $last = $reply->{next};
    } while $reply->{more};
}

sub on_beat {
    my ($headers, $heads) = @_;
    if (!defined $store || $headers->{store} ne $store) {
        print "store $headers->{store}\n";
        $last = 0 if defined $store;    # other data
    }
    my $is_new = $headers->{bridge} ne $bridge || $headers->{seq} > $beat + 5;
    ($store, $bridge, $beat) = @$headers{qw(store bridge seq)};
    replay() if $is_new || ($heads->{$channel} // 0) > $last;
}

my $sub = listen_anew();
while (1) {
    my ($topic, $frame) = eval { $sub->recv_multipart };
    if (!defined $frame) {
        $sub->close;
        $sub = listen_anew();
        next;
    }
    my $envelope = Data::MessagePack->unpack($frame);
    if ($topic eq '$heads') {
        on_beat($envelope->[2], Data::MessagePack->unpack($envelope->[3]));
    } elsif ($topic eq $channel && $bridge) {    # a subscription is a prefix; the first beat replays
        replay() if $envelope->[0] > $last + 1;
        work($envelope) if $envelope->[0] > $last;
    }
}

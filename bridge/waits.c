//  waits - calls that wait. In control's thread; polls nothing.
//
//  LIMIT: each append is held against each replay that waits.

#include "deadline.h"
#include "name.h"
#include "takers.h"
#include "waits.h"

static zlistx_t *s_list (const call_t *call)
{
    return call->desk->waiting[call->request.op == OP_TAKE ? WAITING_TAKES : WAITING_REPLAYS];
}

//  The next of all who wait; NULL after the last. For a NULL call the first.
static call_t *s_next (desk_t *desk, call_t *call)
{
    call_t *next = call ? zlistx_next (s_list (call)) : zlistx_first (desk->waiting[WAITING_REPLAYS]);
    if (!next && (!call || call->request.op != OP_TAKE)) {
        next = zlistx_first (desk->waiting[WAITING_TAKES]);
    }
    return next;
}

void waits_begin (call_t *call, void (*begin) (call_t *))
{
    if (call->request.wait_ms > 0 && !call->waiting) {
        call->wait_until_ms = zclock_mono () + (int64_t)call->request.wait_ms;
        call->look_at_ms = INT64_MAX;
        call->waiting = zlistx_add_end (s_list (call), call);
        call->begin_again = begin;
    }
}

//  Sees to it that the parked call's next deadline is kept.
static void s_wait_for (desk_t *desk, const call_t *call)
{
    int64_t sooner_ms = deadline_sooner (call->wait_until_ms, call->look_at_ms);
    desk->wait_deadline_ms = deadline_sooner (desk->wait_deadline_ms, sooner_ms);
}

static void s_read_again (call_t *call)
{
    call->missed = false;
    //  While Redis is away it goes on waiting; when it is back all are woken.
    if (!link_is_up (call->desk->link) && zclock_mono () < call->wait_until_ms) {
        call->look_at_ms = INT64_MAX;
        s_wait_for (call->desk, call);
        return;
    }
    call_resume (call);
    call->begin_again (call);
    call_end (call);
}

bool waits_on (call_t *call)
{
    desk_t *desk = call->desk;
    if (!call->waiting || zclock_mono () >= call->wait_until_ms) {
        return false;
    }
    call_park (call);
    if (call->missed) {
        //  Not from within the answer to its own read.
        zlistx_add_end (desk->woken, call);
        call->due++;
    } else {
        s_wait_for (desk, call);
    }
    return true;
}

static bool s_concerns (const call_t *call, span_t channel)
{
    const request_t *request = &call->request;
    if (request->pattern.size > 0) {
        return glob_matches (request->pattern, channel);
    }
    for (size_t i = 0; request->places && i < request->place_count; i++) {
        if (span_compare (request->places[i].name, channel) == 0) {
            return true;
        }
    }
    return span_compare (request->channel, channel) == 0;
}

//  A call that reads just now reads once more; one that waits does so from waits_work.
void waits_wake (call_t *call)
{
    if (call->parked && !call->missed) {
        zlistx_add_end (call->desk->woken, call);
        call->due++;
    }
    call->missed = true;
}

void waits_appended (desk_t *desk, span_t channel)
{
    zlistx_t *replays = desk->waiting[WAITING_REPLAYS];
    for (call_t *call = zlistx_first (replays); call; call = zlistx_next (replays)) {
        if (s_concerns (call, channel)) {
            waits_wake (call);
        }
    }
}

void waits_takeable (desk_t *desk, span_t channel, span_t group)
{
    zlistx_t *replays = desk->waiting[WAITING_REPLAYS];
    for (call_t *call = zlistx_first (replays); call; call = zlistx_next (replays)) {
        if (call->request.group.size > 0 && span_compare (call->request.group, group) == 0 &&
            s_concerns (call, channel)) {
            waits_wake (call);
        }
    }
}

void waits_wake_all (desk_t *desk)
{
    zlistx_t *replays = desk->waiting[WAITING_REPLAYS];
    for (call_t *call = zlistx_first (replays); call; call = zlistx_next (replays)) {
        waits_wake (call);
    }
}

void waits_end_all (desk_t *desk)
{
    for (call_t *call = s_next (desk, NULL); call; call = s_next (desk, call)) {
        call->wait_until_ms = 0;
        waits_wake (call);
    }
}

static bool s_is_of (const call_t *call, const peer_t *peer, span_t seq)
{
    zmq_msg_t *id = (zmq_msg_t *)&call->peer.frames[0], *other = (zmq_msg_t *)&peer->frames[0];
    return span_compare (call->request.seq, seq) == 0 && span_compare (span_of (zmq_msg_data (id), zmq_msg_size (id)),
                                                             span_of (zmq_msg_data (other), zmq_msg_size (other))) == 0;
}

size_t waits_cancel (desk_t *desk, const peer_t *peer, span_t seq)
{
    size_t cancelled = 0;
    for (call_t *call = s_next (desk, NULL); call; call = s_next (desk, call)) {
        if (s_is_of (call, peer, seq)) {
            call->wait_until_ms = 0;
            if (call->taker && !call->parked) {
                call->begin_again (call);
            } else {
                waits_wake (call);
            }
            cancelled++;
        }
    }
    return cancelled;
}

int64_t waits_deadline_ms (const desk_t *desk)
{
    return zlistx_size (desk->woken) ? 0 : desk->wait_deadline_ms;
}

static void s_wake_late (desk_t *desk)
{
    int64_t now_ms = zclock_mono ();
    if (now_ms < desk->wait_deadline_ms) {
        return;
    }
    desk->wait_deadline_ms = INT64_MAX;
    for (call_t *call = s_next (desk, NULL); call; call = s_next (desk, call)) {
        if (call->parked && deadline_sooner (call->wait_until_ms, call->look_at_ms) <= now_ms) {
            takers_look_again (call);
            waits_wake (call);
        } else if (call->parked) {
            s_wait_for (desk, call);
        }
    }
}

void waits_work (desk_t *desk)
{
    s_wake_late (desk);
    //  Only those that are woken now: whoever reads and parks again meanwhile has its next turn.
    for (size_t count = zlistx_size (desk->woken); count; count--) {
        call_t *call = zlistx_detach (desk->woken, NULL);
        call->due--;
        if (call->place) {
            s_read_again (call);
        } else {
            call_end (call);
        }
    }
}

void waits_drop (desk_t *desk)
{
    while (zlistx_size (desk->woken)) {
        call_t *call = zlistx_detach (desk->woken, NULL);
        call->due--;
        call_end (call);
    }
    for (call_t *call = zlistx_first (desk->parked); call; call = zlistx_first (desk->parked)) {
        call_resume (call);
    }
}

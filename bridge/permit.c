//  permit - which right an op needs, and for which channels. Holds nothing.

#include "name.h"
#include "permit.h"

typedef enum { NEEDS_NOTHING, NEEDS_PUBLISH, NEEDS_CONSUME, NEEDS_ADMIN, NEEDS_EITHER } need_t;

static const need_t needs[OP_COUNT] = {
    [OP_PUBLISH] = NEEDS_PUBLISH,
    [OP_REPLAY] = NEEDS_CONSUME,
    [OP_FLUSH] = NEEDS_ADMIN,
    [OP_PEEK] = NEEDS_CONSUME,
    [OP_STATUS] = NEEDS_EITHER,
    [OP_INFO] = NEEDS_NOTHING,
    [OP_CANCEL] = NEEDS_NOTHING,
    [OP_PING] = NEEDS_NOTHING,
    [OP_TAKE] = NEEDS_CONSUME,
    [OP_ACK] = NEEDS_CONSUME,
    [OP_NACK] = NEEDS_CONSUME,
    [OP_TOUCH] = NEEDS_CONSUME,
    [OP_BURY] = NEEDS_CONSUME,
    [OP_RELEASE] = NEEDS_CONSUME,
    [OP_PENDING] = NEEDS_CONSUME,
    [OP_DEAD] = NEEDS_CONSUME,
    [OP_REDRIVE] = NEEDS_ADMIN,
    [OP_GROUP_CREATE] = NEEDS_ADMIN,
    [OP_GROUP_SEEK] = NEEDS_ADMIN,
    [OP_GROUP_DELETE] = NEEDS_ADMIN,
    [OP_PAUSE] = NEEDS_ADMIN,
    [OP_RESUME] = NEEDS_ADMIN,
};

bool permit_name (const call_t *call, span_t channel)
{
    access_t *access = call->desk->access;
    switch (needs[call->request.op]) {
    case NEEDS_PUBLISH:
        return access_allows (access, call->key, RIGHT_PUBLISH, channel);
    case NEEDS_CONSUME:
        return access_allows (access, call->key, RIGHT_CONSUME, channel);
    case NEEDS_ADMIN:
        return access_allows (access, call->key, RIGHT_ADMIN, channel);
    case NEEDS_EITHER:
        return access_allows (access, call->key, RIGHT_CONSUME, channel) ||
               access_allows (access, call->key, RIGHT_ADMIN, channel);
    default:
        return true;
    }
}

static int s_deny (const call_t *call, fault_t *fault, span_t channel, int index)
{
    static const char *const rights[] = {
        [NEEDS_PUBLISH] = "publish",
        [NEEDS_CONSUME] = "consume",
        [NEEDS_ADMIN] = "admin",
        [NEEDS_EITHER] = "consume or admin",
    };
    char shown[NAME_SHOWN_SIZE];
    fault_set (
        fault, CODE_DENIED, "%s: no right to %s here", name_shown (shown, channel), rights[needs[call->request.op]]);
    fault->index = index;
    return -1;
}

static int s_check (const call_t *call, fault_t *fault, span_t channel, int index)
{
    return permit_name (call, channel) ? 0 : s_deny (call, fault, channel, index);
}

//  The lists of channels that an op may have. At most one of them is there.
static int s_check_lists (const call_t *call, fault_t *fault)
{
    const request_t *request = &call->request;
    int rc = 0;
    for (size_t i = 0; i < request->message_count && rc == 0; i++) {
        rc = s_check (call, fault, request->messages[i].channel, (int)i);
    }
    //  With a pattern the places are those that the cursor holds: nothing is read for them alone.
    for (size_t i = 0; request->pattern.size == 0 && i < request->place_count && rc == 0; i++) {
        rc = s_check (call, fault, request->places[i].name, -1);
    }
    for (size_t i = 0; i < request->source_count && rc == 0; i++) {
        rc = glob_is_name (request->sources[i]) ? s_check (call, fault, request->sources[i], -1) : 0;
    }
    for (size_t i = 0; i < request->item_count && rc == 0; i++) {
        rc = s_check (call, fault, request->items[i].channel, -1);
    }
    return rc;
}

int permit_request (const call_t *call, fault_t *fault)
{
    const access_t *access = call->desk->access;
    if (!access) {
        return 0;
    }
    if (!access_client (access, call->key)) {
        return fault_set (fault, CODE_DENIED, "the certificate is no longer let in");
    }
    //  Another client could claim it when this one is gone, and get its replies.
    const uint8_t *id = zmq_msg_data ((zmq_msg_t *)&call->peer.frames[0]);
    if (zmq_msg_size (&call->peer.frames[0]) == 0 || id[0] != 0) {
        return fault_set (fault, CODE_DENIED, "a routing id of the client's own is not taken with CURVE");
    }
    span_t channel = call->request.channel;
    return channel.size && s_check (call, fault, channel, -1) ? -1 : s_check_lists (call, fault);
}

static call_t *s_first_denied (desk_t *desk, fault_t *fault)
{
    for (int kind = 0; kind < WAITING_KINDS; kind++) {
        zlistx_t *waiting = desk->waiting[kind];
        for (call_t *call = zlistx_first (waiting); call; call = zlistx_next (waiting)) {
            if (permit_request (call, fault)) {
                return call;
            }
        }
    }
    return NULL;
}

void permit_again (desk_t *desk)
{
    fault_t fault;
    for (call_t *call; (call = s_first_denied (desk, &fault));) {
        call_fail (call, &fault);
        call_end (call);
    }
}

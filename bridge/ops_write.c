//  ops_write - publish, info: what goes through the lane. In control's thread.

#include "ops.h"
#include "limit.h"
#include "replicas.h"

enum {
    PUBLISH_MS = 4000  //  for the lane to answer a publish in: less than a call may take
};

//  Hands the call's ask to the lane, whose answer control brings back to the call.
static void s_ask_lane (call_t *call, ask_kind_t kind)
{
    call->ask.kind = kind;
    call->ask.request = call;
    call->due++;
    asks_add (&call->desk->asks, &call->ask);
}

//  publish

void op_publish (call_t *call)
{
    const request_t *request = &call->request;
    call->ask.messages = request->messages;
    call->ask.count = request->message_count;
    call->ask.deadline_ms = zclock_mono () + PUBLISH_MS;
    //  Not calloc, which goes past malloc's cache of small blocks.
    size_t size = request->message_count * (sizeof *call->ask.ids + sizeof *call->ask.known);
    call->ask.ids = memset (malloc (size), 0, size);
    call->ask.known = (bool *)(call->ask.ids + request->message_count);
    s_ask_lane (call, ASK_PUBLISH);
}

void op_publish_answered (call_t *call)
{
    const ask_t *ask = &call->ask;
    if (ask->fault.code != CODE_OK) {
        call_fail (call, &ask->fault);
    } else if (call->desk->replicas) {
        call->stored = true;
        replicas_add (call->desk->replicas, call);
    } else {
        op_publish_told (call, 0);
    }
}

void op_publish_told (call_t *call, uint64_t replicas)
{
    const ask_t *ask = &call->ask;
    reply_t reply;
    reply_ok (&reply, call->request.seq, call->desk->replicas ? 4 : 3);
    reply_array (&reply, "ids", ask->count);
    for (size_t i = 0; i < ask->count; i++) {
        if (ask->ids[i] > 0) {
            msgpack_pack_uint64 (&reply.packer, ask->ids[i]);
        } else {
            msgpack_pack_nil (&reply.packer);
        }
    }
    size_t at = reply_open_array (&reply, "duplicates"), duplicates = 0;
    for (size_t i = 0; i < ask->count; i++) {
        if (ask->known[i]) {
            msgpack_pack_uint64 (&reply.packer, i);
            duplicates++;
        }
    }
    reply_close_array (&reply, at, duplicates);
    reply_text (&reply, "durability");
    reply_text (&reply, ask->durability);
    if (call->desk->replicas) {
        reply_uint (&reply, "replicas", replicas);
    }
    call_answer (call, &reply);
}

//  info

void op_info (call_t *call)
{
    call->ask.counters = calloc (1, sizeof *call->ask.counters);
    s_ask_lane (call, ASK_COUNTERS);
}

static void s_pack_limits (reply_t *reply, const config_t *config)
{
    const struct {
        const char *name;
        int64_t value;
    } limits[] = {
        {"name_bytes", LIMIT_NAME_BYTES},
        {"max_message_bytes", config->max_message_bytes},
        {"max_frame_bytes", config->max_message_bytes + LIMIT_FRAME_EXTRA},
        {"subscription_bytes", LIMIT_SUBSCRIPTION_BYTES},
        {"headers", LIMIT_HEADERS},
        {"headers_bytes", LIMIT_HEADERS_BYTES},
        {"headers_depth", LIMIT_DEPTH},
        {"msg_id_bytes", LIMIT_MSG_ID_BYTES},
        {"publish_messages", LIMIT_PUBLISH_MESSAGES},
        {"replay_messages", LIMIT_REPLAY_MESSAGES},
        {"redrive_ids", LIMIT_REDRIVE_IDS},
        {"replay_channels", LIMIT_REPLAY_CHANNELS},
        {"take_messages", LIMIT_TAKE_MESSAGES},
        {"take_channels", LIMIT_TAKE_CHANNELS},
        {"lease_ms", LIMIT_LEASE_MS},
        {"settle_items", LIMIT_SETTLE_ITEMS},
        {"reason_bytes", LIMIT_REASON_BYTES},
        {"max_reply_bytes", config->max_reply_bytes},
        {"seq_bytes", LIMIT_SEQ_BYTES},
    };
    size_t count = sizeof limits / sizeof *limits;
    reply_map (reply, "limits", count);
    for (size_t i = 0; i < count; i++) {
        reply_uint (reply, limits[i].name, (uint64_t)limits[i].value);
    }
}

//  The lane's, and control's own.
static void s_pack_counters (reply_t *reply, const call_t *call)
{
    size_t told = 0;
    for (size_t i = 0; i < counter_count; i++) {
        told += counter_table[i].told;
    }
    counters_add (call->ask.counters, &call->desk->counters);
    reply_map (reply, "counters", told);
    for (size_t i = 0; i < counter_count; i++) {
        if (counter_table[i].told) {
            reply_uint (reply, counter_table[i].name, counter_value (call->ask.counters, &counter_table[i], 0));
        }
    }
}

void op_info_answered (call_t *call)
{
    const desk_t *desk = call->desk;
    const link_store_t *store = link_store (desk->link);
    reply_t reply;
    reply_ok (&reply, call->request.seq, 10);
    reply_uint (&reply, "protocol", 1);
    reply_text (&reply, "version");
    reply_text (&reply, ZRB_VERSION);
    reply_text (&reply, "name");
    reply_text (&reply, desk->config->name);
    reply_text (&reply, "store");
    reply_text (&reply, store->store);
    reply_text (&reply, "bridge");
    reply_text (&reply, call->ask.bridge);
    reply_uint (&reply, "uptime_ms", (uint64_t)(zclock_mono () - desk->started_ms));
    s_pack_limits (&reply, desk->config);
    reply_map (&reply, "redis", 3);
    reply_bool (&reply, "up", link_is_up (desk->link));
    reply_text (&reply, "version");
    reply_text (&reply, store->version);
    reply_text (&reply, "trouble");
    reply_text (&reply, link_trouble (desk->link));
    reply_text (&reply, "durability");
    reply_text (&reply, store->durability);
    s_pack_counters (&reply, call);
    call_answer (call, &reply);
}

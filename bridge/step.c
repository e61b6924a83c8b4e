//  step - sends a script that takes a channel's meta key. In control's thread; holds nothing.

#include "step.h"
#include "store.h"

void step_send (call_t *call, script_t script, span_t channel, link_reply_fn *fn, size_t argc, const span_t *args)
{
    assert (argc <= STEP_ARGS);
    char *meta = store_channel_key (call->desk->config->prefix, channel, "meta");
    span_t words[STEP_ARGS + 2] = {span_text ("1"), span_text (meta)};
    for (size_t i = 0; i < argc; i++) {
        words[i + 2] = args[i];
    }
    call_script (call, script, fn, (int)argc + 2, words);
    free (meta);
}

bool step_found (call_t *call, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_NIL) {
        return true;
    }
    fault_t fault;
    fault_set (&fault, CODE_NOT_FOUND, "group: not found");
    call_fail (call, &fault);
    return false;
}

//  worker ROUTER CHANNEL NAME: works on a channel's messages, each done by one of the workers.
//
//  It prints `ID ATTEMPT SIZE PAYLOAD` for its work. A payload that begins with `fail` fails until its third attempt.
//
//      c++ -std=c++17 -o worker worker.cpp -lzmq

#include "ask.hpp"

//  May run again for a message whose ack did not come through in time: see to it that this does no harm.
static void work (uint64_t id, const std::string &payload, uint64_t attempt)
{
    std::cout << id << ' ' << attempt << ' ' << payload.size () << ' ' << payload << std::endl;
    if (payload.rfind ("fail", 0) == 0 && attempt < 3) {
        throw std::runtime_error ("it failed");
    }
}

static void work_and_settle (Bridge &bridge, const json &message)  // channel, envelope, lease, attempt
{
    const json &envelope = message[1];  // id, time_ms, headers, payload
    const auto &payload = envelope[3].get_binary ();
    json settle = {
        {"op", "ack"}, {"channel", message[0]}, {"items", json::array ({json::array ({envelope[0], message[2]})})}};
    try {
        work (envelope[0], {payload.begin (), payload.end ()}, message[3]);
    } catch (const std::runtime_error &failure) {
        settle.update ({{"op", "nack"}, {"reason", failure.what ()}, {"delay_ms", 100}});
    }
    bridge.ask (settle);  // a `stale` in the answer: it took too long, and another has it
}

int main (int argc, char **argv)
{
    if (argc != 4) {
        std::cerr << "usage: worker ROUTER CHANNEL NAME\n";
        return 2;
    }
    zmq::context_t context;
    Bridge bridge (context, argv[1]);
    const std::string channel = argv[2], name = argv[3];
    bridge.ask ({{"op", "release"}, {"channel", channel}, {"consumer", name}});  // what it held when it was killed
    for (;;) {
        const json taken = bridge.ask ({{"op", "take"}, {"channels", json::array ({channel})}, {"max", 10},
            {"wait_ms", 2000}, {"consumer", name}});
        for (const json &message : taken["messages"]) {
            work_and_settle (bridge, message);
        }
    }
}

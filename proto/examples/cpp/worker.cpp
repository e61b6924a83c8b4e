//  worker ROUTER CHANNEL NAME: works on a channel's messages, each done by one of the workers.
//
//  It prints `ID ATTEMPT SIZE PAYLOAD` for its work. A payload that begins with `fail` fails until its third attempt.
//
//      c++ -std=c++17 -o worker worker.cpp -lzmq

#include "ask.hpp"

using Objects = std::vector<msgpack::object>;

constexpr int WAIT_MS = 2000;

//  May run again for a message whose ack did not come through in time: see to it that this does no harm.
static void work (uint64_t id, const std::string &payload, uint64_t attempt)
{
    std::cout << id << ' ' << attempt << ' ' << payload.size () << ' ' << payload << std::endl;
    if (payload.rfind ("fail", 0) == 0 && attempt < 3) {
        throw std::runtime_error ("it failed");
    }
}

static void work_and_settle (Bridge &bridge, const std::string &channel, const Objects &message)
{
    const Objects envelope = message[1].as<Objects> ();  // id, time_ms, headers, payload
    const uint64_t id = envelope[0].as<uint64_t> (), lease = message[2].as<uint64_t> ();
    msgpack::zone zone;
    const std::vector<std::vector<uint64_t>> items = {{id, lease}};
    Map request = {{"op", value (zone, "ack")}, {"channel", value (zone, channel)}, {"items", value (zone, items)}};
    try {
        const std::string payload (envelope[3].via.bin.ptr, envelope[3].via.bin.size);
        work (id, payload, message[3].as<uint64_t> ());
    } catch (const std::runtime_error &failure) {
        request["op"] = value (zone, "nack");
        request["reason"] = value (zone, std::string (failure.what ()));
        request["delay_ms"] = value (zone, 100);
    }
    bridge.ask (request);  // a `stale` in the answer: it took too long, and another has it
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
    msgpack::zone zone;  // what it held when it was killed goes back at once
    bridge.ask (
        {{"op", value (zone, "release")}, {"channel", value (zone, channel)}, {"consumer", value (zone, name)}});
    const Map take = {{"op", value (zone, "take")}, {"channels", value (zone, std::vector<std::string>{channel})},
        {"max", value (zone, 10)}, {"wait_ms", value (zone, WAIT_MS)}, {"consumer", value (zone, name)}};
    for (;;) {
        const Reply taken = bridge.ask (take, WAIT_MS);
        for (const Objects &message : taken.get<std::vector<Objects>> ("messages")) {
            work_and_settle (bridge, channel, message);
        }
    }
}

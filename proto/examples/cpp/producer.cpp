//  producer push PULL CHANNEL: sends each line of its input as a message, and hears no more of it.
//  producer publish ROUTER CHANNEL: the same, and prints the id of each when Redis has it.
//
//      c++ -std=c++17 -o producer producer.cpp -lzmq

#include "ask.hpp"

#include <random>

static void push (zmq::context_t &context, const std::string &pull, const std::string &channel)
{
    zmq::socket_t socket (context, ZMQ_PUSH);
    socket.connect (pull);
    for (std::string line; std::getline (std::cin, line);) {
        socket.send (zmq::buffer (channel), zmq::send_flags::sndmore);
        socket.send (zmq::buffer (line), zmq::send_flags::none);
    }
}

static void publish (zmq::context_t &context, const std::string &router, const std::string &channel)
{
    Bridge bridge (context, router);
    std::random_device random;
    const std::string me = std::to_string (random ()) + "." + std::to_string (random ()) + "-";
    int number = 0;
    for (std::string line; std::getline (std::cin, line); number++) {
        const json headers = {{"msg_id", me + std::to_string (number)}};  // stored once, however often it is sent
        const json payload = json::binary ({line.begin (), line.end ()});
        const json reply =
            bridge.ask ({{"op", "publish"}, {"channel", channel}, {"payload", payload}, {"headers", headers}});
        std::cout << reply["ids"][0] << std::endl;
    }
}

int main (int argc, char **argv)
{
    if (argc != 4) {
        std::cerr << "usage: producer push PULL CHANNEL | producer publish ROUTER CHANNEL\n";
        return 2;
    }
    zmq::context_t context;  // its end waits until all is sent
    (argv[1] == std::string ("push") ? push : publish) (context, argv[2], argv[3]);
}

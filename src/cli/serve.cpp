// SPDX-License-Identifier: MIT
//
// `counterflow serve`: the modelled endpoint as a PCI function for a virtual machine, over the vfio-user
// protocol.
#include "cli/json.hpp"
#include "cli/options.hpp"
#include "cli/session.hpp"
#include "vfio_user/control.hpp"
#include "vfio_user/server.hpp"

#include <counterflow/error.hpp>
#include <counterflow/spec.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace cf::cli {
namespace {

struct serve_options {
    std::string spec;
    vfio_user::server_options server;
    vfio_user::endpoint_options endpoint;
    std::vector<std::string> faults;
};

model_spec model_of(const std::string& text)
{
    const device_spec spec = parse_spec(text);
    if (spec.kind != device_spec::kind_t::model)
        throw error(errc::bad_spec, text + ": only a model can be served; it must start with model:");
    return spec.model;
}

void inject(vfio_user::endpoint& device, const std::string& fault)
{
    if (vfio_user::execute(device, fault) != "ok")
        throw error(errc::bad_argument, "'" + fault + "' is no fault; ask for it on the control socket");
}

const char* text_of(vfio_user::server::ending how)
{
    switch (how) {
    case vfio_user::server::ending::stopped: return "stopped";
    case vfio_user::server::ending::client_gone: return "client gone";
    case vfio_user::server::ending::vanished: break;
    }
    return "vanished";
}

void print_end(vfio_user::server::ending how, vfio_user::endpoint& device, bool as_json)
{
    if (!as_json) {
        std::printf("%s: %s\n", text_of(how), vfio_user::execute(device, "statistics").c_str());
        return;
    }
    const vfio_user::endpoint_statistics s = device.statistics();
    const json object{{"ended", text_of(how)},
                      {"loads", s.loads},
                      {"stores", s.stores},
                      {"doorbells", s.engine.doorbells},
                      {"elements", s.engine.elements},
                      {"aborts", s.engine.aborts},
                      {"interrupts", s.interrupts}};
    std::printf("%s\n", object.dump(2).c_str());
}

int serve(const serve_options& options, const common_options& common)
{
    const model_spec spec = model_of(options.spec);
    const signal_watch signals;
    vfio_user::endpoint device(spec, options.endpoint);
    for (const std::string& fault : options.faults) inject(device, fault);
    vfio_user::server server(options.server, device);
    if (!common.json) {
        std::printf("serving %s at %s\n", options.spec.c_str(), options.server.socket.c_str());
        std::fflush(stdout); // whoever started this waits for the line
    }
    const auto how = server.run(signals.fd());
    if (how == vfio_user::server::ending::stopped) signals.take();
    print_end(how, device, common.json);
    return done;
}

} // namespace

void add_serve(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command =
        app.add_subcommand("serve", "Show a modelled endpoint to a virtual machine (vfio-user)");
    auto options = std::make_shared<serve_options>();
    command->add_option("SPEC", options->spec, "Model spec, such as model:gen3x4,wr=2,rd=2")->required();
    command->add_option("--socket", options->server.socket, "Path of the socket that QEMU connects to")
        ->required();
    command->add_option("--control", options->server.control,
                        "Path of a socket that takes faults and questions, a line each");
    command->add_flag("--once", options->server.once, "End when the first client goes");
    command->add_flag("--vsec", options->endpoint.vendor_capability,
                      "Have the vendor capability that says where the registers are");
    command->add_option("--msix", options->endpoint.msix, "Have MSI-X with so many vectors, besides MSI");
    command->add_option("--fault", options->faults, "Inject a fault, such as abort,element=3 (repeatable)")
        ->allow_extra_args(false);
    add_output_options(*command, common);
    command->callback(
        [options, &common, &chosen] { chosen = [options, &common] { return serve(*options, common); }; });
}

} // namespace cf::cli

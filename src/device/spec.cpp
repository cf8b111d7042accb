// SPDX-License-Identifier: MIT
//
// The parser of device specs. Every refusal names the key, the value and what would be
// accepted, because the spec is what users type.
#include <counterflow/spec.hpp>

#include <counterflow/error.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <span>
#include <utility>

namespace cf {
namespace {

using namespace std::string_view_literals;

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array size_units{unit{"", 1}, unit{"B", 1}, unit{"KiB", 1ull << 10}, unit{"MiB", 1ull << 20},
                                unit{"GiB", 1ull << 30}};
constexpr std::array time_units{unit{"ns", 1}, unit{"us", 1'000}, unit{"ms", 1'000'000},
                                unit{"s", 1'000'000'000}};

constexpr std::string_view size_forms = "a number of bytes, or one with KiB, MiB or GiB, below 2^64";
constexpr std::string_view time_forms = "a number with ns, us, ms or s, below 2^64 ns";

/// What a user typed, safe to show on a terminal.
std::string printable(std::string_view text)
{
    std::string out(text);
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
        '?');
    return out;
}

std::string quoted(std::string_view text) { return "'" + printable(text) + "'"; }

/// A whole number with one of `units` after it. Throws `code` with "<what> is '<text>', which
/// is not <forms>".
std::uint64_t parse_scaled(std::string_view text, std::string_view what, std::span<const unit> units,
                           std::string_view forms, errc code)
{
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, status] = std::from_chars(text.data(), end, number);
    const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
    const auto scale =
        std::find_if(units.begin(), units.end(), [&](const unit& u) { return u.name == suffix; });
    if (status == std::errc{} && scale != units.end() &&
        number <= std::numeric_limits<std::uint64_t>::max() / scale->factor)
        return number * scale->factor;
    throw error(code, std::string(what) + " is " + quoted(text) + ", which is not " + std::string(forms));
}

/// One "key=value" of a spec with what error messages need.
struct assignment {
    std::string_view spec; ///< the whole of it, printable
    std::string_view key;
    std::string_view value;
    bool has_value;

    [[noreturn]] void refuse(std::string_view range) const
    {
        throw error(errc::bad_spec, std::string(spec) + ": " + std::string(key) + " is " + quoted(value) +
                                        "; it must be " + std::string(range));
    }

    std::string name() const { return std::string(spec) + ": " + std::string(key); }
};

std::uint64_t number(const assignment& a, std::uint64_t low, std::uint64_t high, std::string_view range)
{
    std::uint64_t value = 0;
    const char* const end = a.value.data() + a.value.size();
    const auto [rest, status] = std::from_chars(a.value.data(), end, value);
    if (status != std::errc{} || rest != end || value < low || value > high) a.refuse(range);
    return value;
}

unsigned channels(const assignment& a) { return static_cast<unsigned>(number(a, 1, 8, "1 to 8 channels")); }

unsigned packet_size(const assignment& a)
{
    const std::uint64_t bytes = parse_scaled(a.value, a.name(), size_units, size_forms, errc::bad_spec);
    if (bytes < 128 || bytes > 4096 || !std::has_single_bit(bytes))
        a.refuse("128, 256, 512, 1024, 2048 or 4096 bytes");
    return static_cast<unsigned>(bytes);
}

unsigned completion_size(const assignment& a)
{
    const std::uint64_t bytes = parse_scaled(a.value, a.name(), size_units, size_forms, errc::bad_spec);
    if (bytes < 64 || bytes > 4096 || !std::has_single_bit(bytes))
        a.refuse("64, 128, 256, 512, 1024, 2048 or 4096 bytes");
    return static_cast<unsigned>(bytes);
}

std::uint64_t duration(const assignment& a, std::uint64_t low, std::uint64_t high, std::string_view range)
{
    const std::uint64_t ns = parse_scaled(a.value, a.name(), time_units, time_forms, errc::bad_spec);
    if (ns < low || ns > high) a.refuse(range);
    return ns;
}

template <class Enum>
struct choice {
    std::string_view name;
    Enum value;
};

template <class Enum, std::size_t N>
Enum choose(const assignment& a, const std::array<choice<Enum>, N>& choices)
{
    std::string names;
    for (const choice<Enum>& c : choices) {
        if (c.name == a.value) return c.value;
        names += (names.empty() ? "" : &c == &choices.back() ? " or " : ", ") + std::string(c.name);
    }
    a.refuse(names);
}

constexpr std::uint64_t one_second = 1'000'000'000;
constexpr std::uint64_t ram_unit = 4096;

void set_link_field(link_parameters& link, const assignment& a)
{
    if (link.null())
        throw error(errc::bad_spec,
                    a.name() + " has no meaning on the null link, which has no packets; leave it out");
    if (a.key == "mps") link.mps_bytes = packet_size(a);
    if (a.key == "mrrs") link.mrrs_bytes = packet_size(a);
    if (a.key == "rcb") link.completion_bytes = completion_size(a);
    if (a.key == "rtt") link.round_trip_ns = duration(a, 1, one_second, "1ns to 1s");
    if (a.key == "tags") link.tags = static_cast<unsigned>(number(a, 1, 768, "1 to 768 outstanding reads"));
    if (a.key == "ph") link.posted_headers = static_cast<unsigned>(number(a, 1, 2032, "1 to 2032 packets"));
    if (a.key == "pd")
        link.posted_data = static_cast<unsigned>(number(a, 8, 32752, "8 to 32752 times 16 bytes"));
}

std::uint64_t ram_size(const assignment& a)
{
    const std::uint64_t bytes = parse_scaled(a.value, a.name(), size_units, size_forms, errc::bad_spec);
    if (bytes == 0 || bytes > model_spec::ram_bytes_max || bytes % ram_unit != 0)
        a.refuse("4KiB to 64GiB in steps of 4KiB");
    return bytes;
}

bool flag(const assignment& a)
{
    if (!a.has_value || a.value == "1") return true;
    if (a.value != "0") a.refuse("0 or 1");
    return false;
}

template <class Spec>
struct key_entry {
    std::string_view name;
    void (*set)(Spec&, const assignment&);
};

constexpr std::array<choice<port_end>, 2> ends{{{"rp", port_end::root_port}, {"ep", port_end::endpoint}}};
constexpr std::array<choice<engine_choice>, 3> engines{
    {{"remote", engine_choice::remote}, {"local", engine_choice::local}, {"both", engine_choice::both}}};
constexpr std::array<choice<submit_mode>, 2> submits{
    {{"ring", submit_mode::ring}, {"descriptor", submit_mode::descriptor}}};
constexpr std::array<choice<wake_mode>, 3> wakes{
    {{"irq", wake_mode::interrupt}, {"imwr", wake_mode::message}, {"poll", wake_mode::poll}}};

constexpr std::array<choice<list_place>, 3> list_places{
    {{"own", list_place::own}, {"near", list_place::near}, {"far", list_place::far}}};

constexpr auto submit_field = [](driver_spec& d, const assignment& a) { d.submit = choose(a, submits); };
constexpr auto wake_field = [](driver_spec& d, const assignment& a) { d.wake = choose(a, wakes); };
constexpr auto hang_field = [](driver_spec& d, const assignment& a) {
    d.hang_ns = duration(a, 1'000'000, 60 * one_second, "1ms to 60s");
};
constexpr auto link_field = [](model_spec& m, const assignment& a) { set_link_field(m.link, a); };

using model_key = key_entry<model_spec>;
constexpr std::array model_keys{
    model_key{"wr", [](model_spec& m, const assignment& a) { m.wr = channels(a); }},
    model_key{"rd", [](model_spec& m, const assignment& a) { m.rd = channels(a); }},
    model_key{"mps", link_field},
    model_key{"mrrs", link_field},
    model_key{"rtt", link_field},
    model_key{"tags", link_field},
    model_key{"ph", link_field},
    model_key{"pd", link_field},
    model_key{"near", [](model_spec& m, const assignment& a) { m.near = choose(a, ends); }},
    model_key{"engine", [](model_spec& m, const assignment& a) { m.engine = choose(a, engines); }},
    model_key{"submit", [](model_spec& m, const assignment& a) { submit_field(m, a); }},
    model_key{"wake", [](model_spec& m, const assignment& a) { wake_field(m, a); }},
    model_key{"irq",
              [](model_spec& m, const assignment& a) { m.irq_ns = duration(a, 0, one_second, "0ns to 1s"); }},
    model_key{"fetch", [](model_spec& m,
                          const assignment& a) { m.fetch_ns = duration(a, 0, 1'000'000, "0ns to 1ms"); }},
    model_key{"lists", [](model_spec& m, const assignment& a) { m.lists = choose(a, list_places); }},
    model_key{"rcb", link_field},
    model_key{"hang", [](model_spec& m, const assignment& a) { hang_field(m, a); }},
    model_key{"ram", [](model_spec& m, const assignment& a) { m.ram_bytes = ram_size(a); }},
    model_key{"backing",
              [](model_spec& m, const assignment& a) {
                  if (a.value.empty()) a.refuse("the path of a file, without a comma");
                  m.backing = a.value;
              }},
    model_key{"strict", [](model_spec& m, const assignment& a) { m.strict = flag(a); }},
};

constexpr std::array sim_only_keys{
    model_key{"seed",
              [](model_spec& m, const assignment& a) { m.seed = number(a, 0, ~0ull, "0 to 2^64-1"); }},
    model_key{"cpu",
              [](model_spec& m, const assignment& a) { m.cpu_ns = duration(a, 0, one_second, "0ns to 1s"); }},
    model_key{"turn", [](model_spec& m,
                         const assignment& a) { m.turn_ns = duration(a, 1, one_second, "1ns to 1s"); }},
};

constexpr auto sim_keys = [] {
    std::array<model_key, model_keys.size() + sim_only_keys.size()> all{};
    std::ranges::copy(sim_only_keys, std::ranges::copy(model_keys, all.begin()).out);
    return all;
}();

using vfio_key = key_entry<vfio_spec>;
constexpr std::array vfio_keys{
    vfio_key{"submit", [](vfio_spec& v, const assignment& a) { submit_field(v, a); }},
    vfio_key{"wake", [](vfio_spec& v, const assignment& a) { wake_field(v, a); }},
    vfio_key{"hang", [](vfio_spec& v, const assignment& a) { hang_field(v, a); }},
};

constexpr std::array<choice<kernel_way>, 3> ways{
    {{"uring_cmd", kernel_way::uring_cmd}, {"rw", kernel_way::rw}, {"ring", kernel_way::ring}}};

using kernel_key = key_entry<kernel_spec>;
constexpr std::array kernel_keys{
    kernel_key{"complete", [](kernel_spec& k, const assignment& a) { k.complete = choose(a, ways); }},
};

template <class Keys>
std::string names_of(const Keys& keys)
{
    std::string names;
    for (const auto& k : keys) names += (names.empty() ? "" : ", ") + std::string(k.name);
    return names;
}

/// Sets in `to` what `text`, "[,key[=value]]...", says; `spec` is all of the spec, printable.
template <class Spec, std::size_t N>
void parse_keys(Spec& to, const std::array<key_entry<Spec>, N>& keys, std::string_view spec,
                std::string_view text)
{
    std::array<bool, N> seen{};
    while (!text.empty()) {
        text.remove_prefix(1); // the comma
        const std::string_view item = text.substr(0, text.find(','));
        text.remove_prefix(item.size());
        const std::size_t equals = item.find('=');
        const bool has_value = equals != std::string_view::npos;
        const assignment a{spec, item.substr(0, equals), has_value ? item.substr(equals + 1) : "", has_value};

        const auto* const key =
            std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return k.name == a.key; });
        if (key == keys.end())
            throw error(errc::bad_spec, std::string(spec) + ": unknown key " + quoted(a.key) +
                                            "; the keys are " + names_of(keys));
        if (std::exchange(seen[static_cast<std::size_t>(key - keys.begin())], true))
            throw error(errc::bad_spec, a.name() + " is given twice; keep one of them");
        if (!has_value && a.key != "strict")
            throw error(errc::bad_spec, a.name() + " has no value; write " + std::string(a.key) + "=...");
        key->set(to, a);
    }
}

/// What stands before the first comma, and the rest with it.
std::pair<std::string_view, std::string_view> split_keys(std::string_view text)
{
    const std::string_view first = text.substr(0, text.find(','));
    return {first, text.substr(first.size())};
}

/// "gen3x8" or "null".
link_parameters parse_link(std::string_view spec, std::string_view text)
{
    link_parameters link;
    if (text == "null") {
        link.generation = 0;
        return link;
    }
    constexpr std::array widths{std::pair{"x1"sv, 1u}, std::pair{"x2"sv, 2u}, std::pair{"x4"sv, 4u},
                                std::pair{"x8"sv, 8u}, std::pair{"x16"sv, 16u}};
    if (text.starts_with("gen") && text.size() > 4 && text[3] >= '1' && text[3] <= '5') {
        link.generation = static_cast<unsigned>(text[3] - '0');
        for (const auto& [name, lanes] : widths) {
            link.lanes = lanes;
            if (text.substr(4) == name) return link;
        }
    }
    throw error(errc::bad_spec, std::string(spec) + ": link is " + quoted(text) +
                                    "; it must be gen<1..5>x<1|2|4|8|16>, such as gen3x8, or null");
}

template <class Keys>
model_spec parse_model(model_spec model, const Keys& known, std::string_view spec, std::string_view text)
{
    const auto [link, keys] = split_keys(text);
    model.link = parse_link(spec, link);
    parse_keys(model, known, spec, keys);
    if (const link_parameters& l = model.link; l.posted_data != 0 && l.posted_data * 16 < l.mps_bytes)
        throw error(errc::bad_spec, std::string(spec) + ": pd is " + std::to_string(l.posted_data) +
                                        "; it must be " + std::to_string(l.mps_bytes / 16) +
                                        " or more, because a receiver takes at least one packet of mps=" +
                                        std::to_string(l.mps_bytes));
    if (model.wake == wake_mode::message && model.engine != engine_choice::remote)
        throw error(errc::bad_spec, std::string(spec) +
                                        ": wake is 'imwr'; it must be irq or poll unless engine is remote, "
                                        "because a near engine's message goes out across the link");
    return model;
}

/// "0000:01:00.0", in lower-case hexadecimal as sysfs has it.
bool valid_bdf(std::string_view text)
{
    constexpr std::string_view shape = "xxxx:xx:xx.f";
    if (text.size() != shape.size()) return false;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        const bool function = c >= '0' && c <= '7';
        if (shape[i] == 'x' ? !hex : shape[i] == 'f' ? !function : c != shape[i]) return false;
    }
    return text[8] < '2'; // a device number has five bits
}

vfio_spec parse_vfio(std::string_view spec, std::string_view text)
{
    const auto [address, keys] = split_keys(text);
    if (!valid_bdf(address))
        throw error(errc::bad_spec, std::string(spec) + ": address is " + quoted(address) +
                                        "; it must be domain:bus:device.function, such as 0000:01:00.0");
    vfio_spec vfio;
    vfio.bdf = address;
    parse_keys(vfio, vfio_keys, spec, keys);
    return vfio;
}

kernel_spec parse_kernel(std::string_view spec, std::string_view text)
{
    const auto [path, keys] = split_keys(text);
    kernel_spec kernel;
    kernel.path = path;
    parse_keys(kernel, kernel_keys, spec, keys);
    return kernel;
}

} // namespace

device_spec parse_spec(std::string_view text)
{
    device_spec spec;
    spec.text = text;
    if (text.starts_with("model:")) {
        spec.kind = device_spec::kind_t::model;
        spec.model = parse_model({}, model_keys, printable(text), text.substr(6));
    } else if (text.starts_with("sim:")) {
        spec.kind = device_spec::kind_t::simulation;
        spec.model.irq_ns = software_cost::irq_ns;
        spec.model = parse_model(spec.model, sim_keys, printable(text), text.substr(4));
    } else if (text.starts_with("/dev/") && text.size() > 5) {
        spec.kind = device_spec::kind_t::kernel_module;
        spec.kernel = parse_kernel(printable(text), text);
    } else if (text.starts_with("vfio:")) {
        spec.kind = device_spec::kind_t::vfio;
        spec.vfio = parse_vfio(printable(text), text.substr(5));
    } else {
        throw error(errc::bad_spec,
                    quoted(text) +
                        " is no device; it must start with model:, sim:, /dev/counterflow or vfio:");
    }
    return spec;
}

std::uint64_t parse_size(std::string_view text, std::string_view what)
{
    return parse_scaled(text, what, size_units, size_forms, errc::bad_argument);
}

std::uint64_t parse_duration_ns(std::string_view text, std::string_view what)
{
    return parse_scaled(text, what, time_units, time_forms, errc::bad_argument);
}

} // namespace cf

/* help.c - names of the commands, and what --help prints.  Layer: cli.
 *
 * man/berth.1 says the same at length; tests/cli compares the option names of both. */
#include <string.h>

#include "cli.h"

static const char program_help[] =
    "usage: berth COMMAND [OPTION]...\n"
    "\n"
    "Runs WebAssembly and native plugins, and replaces them while they are in use.\n"
    "\n"
    "  inspect FILE                  says what an artifact is and which slots it fits\n"
    "  new DIR --lang LANGUAGE       makes the start of a plugin's project\n"
    "  check FILE                    says what every check of production finds, one a line\n"
    "  test FILE [CASES]             calls a plugin with cases that a file describes\n"
    "  call FILE --hook NAME         calls a hook once: stdin in, reply out\n"
    "  call PLUGIN 'f(1, [2])'       calls an exported function and prints its result\n"
    "  pipe FILE --hook NAME         passes records from stdin through a hook to stdout\n"
    "  run-guest FILE [ARGUMENT]...  runs a program: wasi:cli/command, preview 1\n"
    "  ctl SOCKET swap FILE|rollback|stat|evict\n"
    "                                steers a running 'berth pipe --control SOCKET'\n"
    "  wit PATH...                   resolves WIT and prints it\n"
    "  wit diff OLD NEW              says what changed between two packages, and whom it "
    "breaks\n"
    "  wrap CORE --wit PATH -o FILE  makes a component of a core module\n"
    "  componentize CORE -o FILE     the same for one that carries its world itself\n"
    "  bindgen host|native|guest PATH... --out DIR\n"
    "                                writes typed C for a WIT world\n"
    "  bundle check|list|graph DIR...\n"
    "                                says what bundles are, and what they need of each other\n"
    "  flow check|graph|run|trace|bench FILE\n"
    "                                a flow that a file describes\n"
    "  flow ps|swap|rollback|cancel SOCKET\n"
    "                                steers a running 'berth flow run --control SOCKET'\n"
    "  keygen FILE                   makes a pair of keys\n"
    "  sign DIR --key FILE           signs a bundle\n"
    "  verify DIR --keys FILE,...    says who signed a bundle, and whether it is as it was\n"
    "  help [COMMAND]                this text, or a command's\n"
    "\n"
    "  -h, --help                    this text; after a command, the command's\n"
    "      --version                 the version\n"
    "\n"
    "Exit status: 0 well, 1 failed, 2 usage, 3 the artifact was rejected.\n"
    "SIZE is bytes, or a number with KiB, MiB, GiB (K, M, G); TIME needs a unit: us, ms, s, "
    "min.\n";

static const char inspect_help[] =
    "usage: berth inspect FILE [--json] [--artifact-max SIZE] [--wit PATH [--contract NAME]]\n"
    "                          [--grant GRANT]...\n"
    "\n"
    "Says what the artifact is without running any of it: imports, exports with their types,\n"
    "sections, metadata, memory, digest, which hook profiles and slot kinds it fits, and each\n"
    "finding if it fits none.\n"
    "\n"
    "      --artifact-max SIZE       refuses larger files (32MiB)\n"
    "      --contract NAME           also checks that it keeps this interface of --wit (the "
    "only "
    "one)\n"
    "      --grant GRANT             also says by which of these it has what it asks for; "
    "again\n"
    "      --json                    prints JSON\n"
    "      --wit PATH                WIT as for 'berth wit'\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 it fits something, 1 it cannot be read, 2 usage, 3 it fits nothing, or a "
    "grant\n"
    "is missing without which it is refused.\n";

#define HOST_HELP                                                                              \
    "      --tenant NAME             the tenant that the slot belongs to (none)\n"             \
    "      --policy fresh|reuse      an instance per call, or one for many (reuse)\n"          \
    "      --deadline TIME           for a call (100ms)\n"                                     \
    "      --probe-deadline TIME     for start functions and probes (1s)\n"                    \
    "      --memory SIZE             linear memory of an instance (64MiB)\n"                   \
    "      --stack SIZE              stack of guest code (512KiB)\n"                           \
    "      --output-max SIZE         bytes of one reply (16MiB)\n"                             \
    "      --artifact-max SIZE       bytes of an artifact (32MiB)\n"                           \
    "      --engine wasmtime|interp  which engine runs it (the first one built in)\n"          \
    "      --profile PROFILE         such as berth-hook/1 (the first that fits)\n"             \
    "      --kind KIND               such as filter (the first that fits)\n"                   \
    "      --wit PATH                WIT as for 'berth wit', with what the plugin has to "     \
    "keep\n"                                                                                   \
    "      --contract NAME           which interface of it (the only one)\n"                   \
    "      --grant GRANT             what the plugin may ask of the host, such as stdio; may " \
    "be "                                                                                      \
    "given\n"                                                                                  \
    "                                again (nothing)\n"                                        \
    "      --trial                   maps a native plugin in a process of its own first\n"     \
    "      --log error|warning|info|debug\n"                                                   \
    "                                lines of plugins that are printed (info)\n"

static const char new_help[] =
    "usage: berth new DIR --lang LANGUAGE [--contract CONTRACT]\n"
    "\n"
    "Makes DIR, which must not be there, with a plugin that builds with its language's "
    "ordinary tool\n"
    "and tests itself with 'berth check' and 'berth test'.  The last part of DIR is its name.\n"
    "\n"
    "      --lang LANGUAGE           c, cpp, rust, go, as (AssemblyScript), js or python\n"
    "      --contract CONTRACT       hook: a module of berth-hook/1 (c, cpp, rust, go, as); "
    "pipe: a\n"
    "                                component that exports process (c, cpp, js, python); the "
    "first\n"
    "                                that there is\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 made, 1 failed, 2 usage.\n";

static const char test_help[] =
    "usage: berth test FILE [CASES] [OPTION]...\n"
    "\n"
    "Installs the artifact and calls it with the cases in CASES (cases.toml beside FILE), in "
    "their\n"
    "order.  Prints TAP; docs/testing.md says what a case may say.\n"
    "\n"
    "      --json                    prints JSON\n" HOST_HELP
    "  -q, --quiet                   --log error\n"
    "  -h, --help                    this text\n"
    "\n"
    "A deadline is 10s and a probe's 60s unless an option or a case says another.\n"
    "\n"
    "Exit status: 0 all passed, 1 a case failed, 2 usage or CASES is wrong, 3 FILE was "
    "rejected.\n";

static const char check_help[] =
    "usage: berth check FILE [OPTION]...\n"
    "\n"
    "Makes every check that an install in production makes, goes on after one that fails, and "
    "prints\n"
    "a line for each: what the artifact is, which slots take it, the contract, what it asks "
    "for,\n"
    "and that it compiles, instantiates within its limits, starts and answers its probes.\n"
    "\n"
    "      --json                    prints JSON\n" HOST_HELP
    "  -q, --quiet                   --log error\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 it would serve, 1 failed, 2 usage, 3 it would be rejected.\n";

static const char call_help[] =
    "usage: berth call FILE --hook NAME [OPTION]... <IN >OUT\n"
    "       berth call PLUGIN CALL [OPTION]...\n"
    "       berth call PLUGIN FUNCTION --json-args JSON [OPTION]...\n"
    "\n"
    "Installs the artifact into a slot of its own, calls the hook once with what is on stdin, "
    "and\n"
    "writes the reply to stdout; or calls a function that the component exports, and prints "
    "its\n"
    "result.  CALL is text in WAVE: 'f(\"text\", [1, 2])' or 'ns:pkg/iface@1.0.0#f({x: 1})'.\n"
    "\n"
    "      --hook NAME               the hook to call (required without CALL)\n"
    "      --json                    prints the result of CALL as JSON\n"
    "      --json-args JSON          the arguments, an object with a member for each "
    "parameter\n" HOST_HELP
    "  -q, --quiet                   no note when the plugin drops its input; --log error\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 answered or dropped, 1 failed, 2 usage, 3 the artifact was rejected.\n";

static const char pipe_help[] =
    "usage: berth pipe FILE --hook NAME [OPTION]... <IN >OUT\n"
    "\n"
    "Calls the hook for each record on stdin and writes the replies to stdout, in order.\n"
    "\n"
    "      --hook NAME               the hook to call (required)\n" HOST_HELP
    "      --records lines|u32le     how records are cut: by newlines, or each "
    "with its size in\n"
    "                                four bytes before it, least first (lines)\n"
    "      --record-max SIZE         bytes of one record (1MiB)\n"
    "      --workers N               threads that call, 1 to 64 (1)\n"
    "      --on-error stop|pass|drop what a failed call does: ends the pipe, writes the "
    "record\n"
    "                                unchanged, or leaves it out (stop)\n"
    "      --control SOCKET          listens for 'berth ctl' on a socket made there\n"
    "      --progress                a progress line, when stderr is a terminal\n"
    "      --summary FILE            writes counts and latencies there at the end, as JSON\n"
    "  -q, --quiet                   no notes about failed calls that were passed or dropped;\n"
    "                                --log error\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 all of the input was dealt with, 1 failed, 2 usage, 3 the artifact was\n"
    "rejected, 130 or 143 ended early by SIGINT or SIGTERM, 141 nobody reads stdout any "
    "more.\n";

static const char ctl_help[] =
    "usage: berth ctl SOCKET COMMAND [--json] [--timeout TIME]\n"
    "\n"
    "Steers a running 'berth pipe --control SOCKET'.\n"
    "\n"
    "  swap FILE                     puts another artifact into service; refused: nothing "
    "changes\n"
    "  rollback                      puts the version before back into service\n"
    "  stat                          prints counts\n"
    "  evict                         takes the plugin out of service for good\n"
    "\n"
    "      --json                    prints the answer as JSON\n"
    "      --timeout TIME            waits that long for the answer (1min)\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 usage, 3 the artifact was rejected.\n";

static const char wit_help[] =
    "usage: berth wit PATH... [--json] [--features NAME,...] [--all-features]\n"
    "       berth wit diff OLD NEW [--json] [--features NAME,...] [--all-features]\n"
    "\n"
    "Reads WIT, resolves it and prints it: the package, and below it those that it rests on.\n"
    "PATH is a file, or a folder whose .wit files are one package; its folder 'deps' holds\n"
    "packages that it may refer to, each a file or a folder.  A file in .wasm is a package in\n"
    "binary form, or a core module that carries one.  The last PATH is the package that is\n"
    "printed, the ones in front of it give more that it may refer to.\n"
    "\n"
    "diff compares two packages, interface by interface, and says of each change whether it "
    "breaks\n"
    "callers, plugins or nobody.\n"
    "\n"
    "      --all-features            keeps all @unstable items\n"
    "      --features NAME,...       keeps the @unstable items of these features\n"
    "      --json                    prints JSON\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 it resolves, 1 it cannot be read, 2 usage, 3 it does not resolve;\n"
    "of diff besides: 0 equal, 4 extended (callers of OLD may call NEW), 5 breaking.\n";

static const char wrap_help[] =
    "usage: berth wrap CORE --wit PATH [--world NAME] -o FILE\n"
    "\n"
    "Makes a component of a core module and the world that it was written for.\n"
    "\n"
    "      --artifact-max SIZE       refuses larger modules (32MiB)\n"
    "  -o, --output FILE             where the component goes (required)\n"
    "      --wit PATH                a WIT file or folder, as for 'berth wit' (required)\n"
    "      --world NAME              the world (the only one of the package)\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 made, 1 failed, 2 usage, 3 the module and the world do not fit.\n";

static const char componentize_help[] =
    "usage: berth componentize CORE [--world NAME] -o FILE\n"
    "\n"
    "Makes a component of a core module that carries the world it was written for in a "
    "section\n"
    "'component-type', as modules with the glue of 'berth bindgen guest' do.\n"
    "\n"
    "      --artifact-max SIZE       refuses larger modules (32MiB)\n"
    "  -o, --output FILE             where the component goes (required)\n"
    "      --world NAME              the world (the only one that it carries)\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 made, 1 failed, 2 usage, 3 the module has no world, or does not fit it.\n";

static const char bindgen_help[] =
    "usage: berth bindgen host|native|guest PATH... --out DIR [OPTION]...\n"
    "\n"
    "Writes source text for a WIT world, in C that C++ takes as well:\n"
    "\n"
    "  host                          typed calls of the functions that plugins in a slot "
    "export\n"
    "  native                        glue that makes a shared object of a plugin in C\n"
    "  guest                         glue that makes a core module of it, for 'componentize'\n"
    "\n"
    "PATH is as for 'berth wit'; the world is one of the last PATH's package.  Files that say "
    "the\n"
    "same already are left alone.\n"
    "\n"
    "      --all-features            keeps all @unstable items\n"
    "      --features NAME,...       keeps the @unstable items of these features\n"
    "      --out DIR                 the folder that the files go to (required)\n"
    "      --prefix NAME             what all names begin with (the world's name)\n"
    "      --world NAME              the world (the only one of the package)\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 written, 1 failed, 2 usage, 3 the WIT was refused.\n";

static const char bundle_help[] =
    "usage: berth bundle check|list|graph DIR... [OPTION]...\n"
    "\n"
    "DIR is a bundle, which is a folder with a berth.toml, or a folder of bundles.\n"
    "\n"
    "  check                         says what is wrong with manifests, artifacts and "
    "signatures\n"
    "  list                          prints the bundles; what is wrong is no failure\n"
    "  graph                         prints who needs whom, in the order of loading\n"
    "\n"
    "      --artifact-max SIZE       refuses larger files (32MiB)\n"
    "      --json                    prints JSON\n"
    "      --keys FILE,...           public keys that are trusted\n"
    "      --pins CONTRACT=BUNDLE,...\n"
    "                                which bundle serves a contract where several do\n"
    "      --signatures off|warn|require\n"
    "                                looks at signatures, or takes only what is signed (off)\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 well, 1 failed, 2 usage, 3 something is wrong with the bundles.\n";

static const char keygen_help[] =
    "usage: berth keygen FILE [--json]\n"
    "\n"
    "Makes a pair of Ed25519 keys: FILE, which signs and is readable by its owner alone, and\n"
    "FILE.pub, which others verify with.  Prints the public key.  Files that are there stay.\n"
    "\n"
    "      --json                    prints JSON\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 made, 1 failed, 2 usage.\n";

static const char sign_help[] =
    "usage: berth sign DIR --key FILE [--json]\n"
    "\n"
    "Signs a bundle: writes berth.sig into it, over all other files, and prints their digest.\n"
    "\n"
    "      --json                    prints JSON\n"
    "      --key FILE                what 'berth keygen FILE' made (required)\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 signed, 1 failed, 2 usage, 3 the bundle or the key is malformed.\n";

static const char verify_help[] =
    "usage: berth verify DIR [--keys FILE,...] [--json]\n"
    "\n"
    "Says whether a bundle is what was signed, by a key that is trusted.\n"
    "\n"
    "      --json                    prints JSON\n"
    "      --keys FILE,...           public keys that are trusted\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 it is, 1 failed, 2 usage, 3 it is not.\n";

static const char run_guest_help[] =
    "usage: berth run-guest [OPTION]... FILE [--] [ARGUMENT]...\n"
    "\n"
    "Runs a component that exports wasi:cli/run, or a core module that exports _start and "
    "imports\n"
    "nothing but WASI preview 1, with the standard streams of this process.  What else it may "
    "ask\n"
    "for is granted.\n"
    "\n"
    "      --grant GRANT             such as fs:read:/data/** or clock; may be given again\n"
    "      --deadline TIME           for the program (1h)\n"
    "      --probe-deadline TIME     for start functions (1s)\n"
    "      --memory SIZE             linear memory of an instance (64MiB)\n"
    "      --stack SIZE              stack of guest code (512KiB)\n"
    "      --artifact-max SIZE       bytes of an artifact (32MiB)\n"
    "      --engine wasmtime|interp  which engine runs it (the first one built in)\n"
    "      --log error|warning|info|debug\n"
    "                                lines of plugins that are printed (info)\n"
    "  -q, --quiet                   --log error\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: the program's own; 1 it failed, 2 usage, 3 the artifact was rejected.\n";

static const char flow_help[] =
    "usage: berth flow check FILE [OPTION]...\n"
    "       berth flow graph FILE [--svg] [--live SOCKET] [-o FILE]\n"
    "       berth flow run FILE [OPTION]...\n"
    "       berth flow trace FILE [--count N] [--json] [OPTION]...\n"
    "       berth flow bench FILE [--duration TIME] [--baseline FILE] [OPTION]...\n"
    "       berth flow ps SOCKET [--prometheus | --json]\n"
    "       berth flow swap SOCKET STAGE FILE\n"
    "       berth flow rollback SOCKET STAGE\n"
    "       berth flow cancel SOCKET STAGE\n"
    "\n"
    "Runs flows that a file describes: flow.toml, or Torvyn.toml.\n"
    "\n"
    "  check                         says all that is wrong with the file and its plugins\n"
    "  graph                         draws its graph\n"
    "  run                           runs it until its sources have ended; ^C drains it, a "
    "second "
    "one\n"
    "                                cancels it\n"
    "  trace                         runs it for a few records, and says where each spent its "
    "time\n"
    "  bench                         runs it for a time, and says how fast it is\n"
    "  ps                            prints what a running one counts\n"
    "  swap                          puts another plugin into the place of a stage's\n"
    "  rollback                      puts the one before back\n"
    "  cancel                        ends a stage and what only it feeds; the rest runs on\n"
    "\n"
    "      --set KEY.KEY=VALUE       says a key otherwise than the file; may be given again\n"
    "      --flow NAME               which flow of a Torvyn.toml (main, or the only one)\n"
    "      --engine wasmtime|interp  which engine runs plugins (the first one built in)\n"
    "      --control SOCKET          run: listens on a socket made there\n"
    "      --drain TIME              run: how long ^C waits for records to pass (the file's)\n"
    "      --summary FILE            run, bench: writes all numbers there at the end, as JSON\n"
    "      --json                    check: what was found and understood; run: the numbers at "
    "the\n"
    "                                end; ps: the numbers\n"
    "      --count N                 trace: how many records, 1 to 65536 (10)\n"
    "      --duration TIME           bench: how long, unless its sources end before (10s)\n"
    "      --baseline FILE           bench: what another bench wrote with --summary; worse is "
    "a "
    "failure\n"
    "      --threshold PERCENT       bench: from where on it is worse (10)\n"
    "      --svg                     graph: as a picture\n"
    "      --live SOCKET             graph: with what goes over its edges, where it runs\n"
    "  -o, --output FILE             graph: writes it there\n"
    "      --prometheus              ps: the numbers as text for Prometheus\n"
    "      --timeout TIME            ps, swap, rollback, cancel, graph: for an answer (1min)\n"
    "      --log error|warning|info|debug\n"
    "                                lines of plugins that are printed (info)\n"
    "  -q, --quiet                   no view while it runs, no table at the end; --log error\n"
    "  -h, --help                    this text\n"
    "\n"
    "Exit status: 0 it ended well, 1 failed, 2 usage, 3 the file or a plugin was rejected, 130 "
    "or "
    "143\n"
    "ended early by SIGINT or SIGTERM.\n";

static const struct {
    cli_command command;
    const char *name, *help;
} commands[] = {
    { CLI_INSPECT, "inspect", inspect_help },
    { CLI_CALL, "call", call_help },
    { CLI_PIPE, "pipe", pipe_help },
    { CLI_CTL, "ctl", ctl_help },
    { CLI_WIT, "wit", wit_help },
    { CLI_WRAP, "wrap", wrap_help },
    { CLI_BINDGEN, "bindgen", bindgen_help },
    { CLI_COMPONENTIZE, "componentize", componentize_help },
    { CLI_BUNDLE, "bundle", bundle_help },
    { CLI_KEYGEN, "keygen", keygen_help },
    { CLI_SIGN, "sign", sign_help },
    { CLI_VERIFY, "verify", verify_help },
    { CLI_RUN_GUEST, "run-guest", run_guest_help },
    { CLI_FLOW, "flow", flow_help },
    { CLI_TEST, "test", test_help },
    { CLI_CHECK, "check", check_help },
    { CLI_NEW, "new", new_help },
};

enum { COMMANDS_COUNT = sizeof commands / sizeof *commands };

const char *cli_command_name(cli_command command)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        if (commands[i].command == command)
            return commands[i].name;
    return "berth";
}

cli_command cli_command_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].command;
    return 0;
}

void cli_help_print(FILE *to, cli_command command)
{
    for (size_t i = 0; i < COMMANDS_COUNT; i++)
        if (commands[i].command == command) {
            fputs(commands[i].help, to);
            return;
        }
    fputs(program_help, to);
}

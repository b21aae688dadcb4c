using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.Lab.V1;
using Command = System.CommandLine.Command;
using Option = System.CommandLine.Option;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>lab fault: one fault of the lab, by its word.</summary>
internal sealed class LabFaultVerb
{
    private const string AllHosts = "all";
    private static readonly Duration FlapUnlessGiven = TimeSpan.FromSeconds(3).ToDuration();

    private readonly Func<ParseResult, LabConnection> _connect;
    private readonly CliContext _context;
    private readonly Argument<string> _node = new("NODE") { Description = "ecu2 for the host, qm.ecu2 for its QM; ecu1,ecu2 for several at once, all for every host" };

    private LabFaultVerb(Func<ParseResult, LabConnection> connect, CliContext context) => (_connect, _context) = (connect, context);

    internal static Command Make(Func<ParseResult, LabConnection> connect, CliContext context)
    {
        var verb = new LabFaultVerb(connect, context);
        var command = new Command("fault", """
            Begins a fault; thaw, heal and lab clear end it.

            Examples:
              qmfleet lab fault ecu2 crash-loop
              qmfleet lab fault ecu2 cut --data-in-flight
              qmfleet lab fault ecu2 oom nested radio
              qmfleet lab fault all crash-loop radio
              qmfleet lab fault qm.ecu2 slow radio.service 5s
              qmfleet lab fault bluechi restart --killed --down 10s
            """) { verb._node, verb.OfBlueChi() };
        foreach (var fault in verb.OfLink().Concat(verb.OfCalls()).Concat(verb.OfEcu()))
        {
            command.Add(fault);
        }

        return command;
    }

    private Command OfBlueChi()
    {
        var killed = new Option<bool>("--killed") { Description = "By SIGKILL, without a word" };
        var down = LabArguments.OptionalDuration("--down", "How long there is none, such as 10s");
        var restart = new Command("restart", """
            Ends bluechi-controller and starts another.

            Examples:
              qmfleet lab fault bluechi restart
              qmfleet lab fault bluechi restart --killed --down 10s
            """) { killed, down };
        restart.SetAction((parsed, ct) => InjectAsync(parsed, new() { RestartBluechi = new() { Killed = parsed.GetValue(killed), Down = parsed.GetValue(down)?.ToDuration() } }, ct));
        return new("bluechi", """
            A fault of bluechi-controller itself.

            Examples:
              qmfleet lab fault bluechi restart
            """) { restart };
    }

    private IEnumerable<Command> OfLink()
    {
        var inFlight = new Option<bool>("--data-in-flight") { Description = "With data on the wire: nobody notices, and calls arrive late" };
        var every = LabArguments.OptionalDuration("--every", "From one cut to the next [default: 3s]");
        var fresh = new Option<bool>("--fresh") { Description = "With the agent restarted: it tells its units again" };
        return
        [
            Fault("freeze", "Stops the BlueChi agent (SIGSTOP): its node stays online and calls time out.", _ => new() { Freeze = new() }),
            Fault("thaw", "Lets a frozen agent go on; it carries out what was asked meanwhile.", _ => new() { Thaw = new() }),
            Fault("cut", "Cuts the link between the agent and BlueChi.", parsed => new() { Cut = new() { DataInFlight = parsed.GetValue(inFlight) } }, inFlight),
            Fault("cut-cable", "Cuts everything that leads to the node: both BlueChi agents and the agent extension.", _ => new() { CutCable = new() }),
            Fault("flap", "Cuts the link between the agent and BlueChi and heals it, again and again.", parsed => new() { Flap = new() { Every = parsed.GetValue(every)?.ToDuration() ?? FlapUnlessGiven } }, every),
            Fault("heal", "Ends a cut; an agent that survived tells nothing again.", parsed => new() { Heal = new() { Fresh = parsed.GetValue(fresh) } }, fresh),
        ];
    }

    private IEnumerable<Command> OfCalls()
    {
        var by = LabArguments.Duration("DURATION", "By how much, such as 300ms or 5s");
        var rate = LabArguments.OptionalCount("--rate", "Signals per second", 1000, most: 100_000);
        var lasting = LabArguments.OptionalDuration("--for", "For how long [default: until lab clear]");
        var error = new Argument<string>("ERROR") { Description = "A D-Bus error name; AccessDenied is short for org.freedesktop.DBus.Error.AccessDenied" };
        var unit = new Option<string?>("--unit") { Description = "Only calls about this unit", HelpName = "unit" };
        var method = new Option<string?>("--method") { Description = "Only this method, such as RestartUnit", HelpName = "method" };
        return
        [
            Fault("delay", "Makes every call take longer.", parsed => new() { Delay = new() { By = parsed.GetValue(by).ToDuration() } }, by),
            Fault("merge-jobs", "Folds the next job with another client's: its own end is never told.", _ => new() { MergeJobs = new() }),
            Fault("flood", "Has the agent send signals that tell nothing new.",
                parsed => new() { Flood = new() { Rate = parsed.GetValue(rate), Duration = parsed.GetValue(lasting)?.ToDuration() } }, rate, lasting),
            Fault("refuse", "Answers calls with a D-Bus error.",
                parsed => new() { Refuse = new() { Error = parsed.GetValue(error), Unit = parsed.GetValue(unit) ?? "", Method = parsed.GetValue(method) ?? "" } }, error, unit, method),
        ];
    }

    private IEnumerable<Command> OfEcu()
    {
        var by = LabArguments.Duration("DURATION", "By how much, such as 300ms or 5s");
        var unit = new Argument<string>("UNIT") { Description = "A unit of the host or of QM, such as radio.service" };
        var times = LabArguments.Count("N", "How many of the next starts", 1, most: 1_000_000);
        var workload = new Argument<string>("NAME") { Description = "A workload of QM, such as radio" };
        var looping = new Argument<string?>("NAME") { Description = "A workload of QM, such as radio; none for QM itself", Arity = ArgumentArity.ZeroOrOne };
        var score = new Argument<int>("SCORE") { Description = "oom_score_adj, -1000 to 1000" };
        return
        [
            Fault("slow", "Makes every operation on a unit take longer.", parsed => new() { Slow = new() { Unit = parsed.GetValue(unit), By = parsed.GetValue(by).ToDuration() } }, unit, by),
            Fault("fail-start", "Makes the next starts of a unit fail.", parsed => new() { FailStart = new() { Unit = parsed.GetValue(unit), Times = parsed.GetValue(times) } }, unit, times),
            Fault("crash-qm", "Kills QM's init once.", _ => new() { CrashQm = new() }),
            Fault("crash-loop", "Kills QM's init, or a workload, now and after every start.", parsed => new() { CrashLoop = new() { Name = parsed.GetValue(looping) ?? "" } }, looping),
            Fault("kill-workload", "Kills a container of QM as if for memory.", parsed => new() { KillWorkload = new() { Name = parsed.GetValue(workload) } }, workload),
            Fault("fail-probe", "Makes the command that probes a workload fail.", parsed => new() { FailProbe = new() { Name = parsed.GetValue(workload) } }, workload),
            OfMemory(),
            Fault("kill-extension", "Kills the agent extension, and keeps it away.", _ => new() { KillExtension = new() }),
            Fault("fill-disk", "Leaves no room in QM's /var.", _ => new() { FillDisk = new() }),
            Fault("oom-score", "Gives a workload another OOM score by hand.", parsed => new() { SetOomScore = new() { Name = parsed.GetValue(workload), Score = parsed.GetValue(score) } }, workload, score),
            Fault("reboot", "Takes the power away and boots again.", _ => new() { Reboot = new() }),
        ];
    }

    private Command OfMemory()
    {
        var workload = new Argument<string>("NAME") { Description = "A workload of QM, such as radio" };
        return new("oom", """
            Has the kernel kill for memory.

            Examples:
              qmfleet lab fault ecu2 oom nested radio
              qmfleet lab fault ecu2 oom qm
            """)
        {
            Fault("nested", "A container of QM reaches its own limit, 256M if it has none.", parsed => new() { OutOfMemory = new() { Nested = parsed.GetValue(workload) ?? "" } }, workload),
            Fault("qm", "QM reaches the limit of qm.service: its init is killed, and everything in it ends.", _ => new() { OutOfMemory = new() { Qm = true } }),
            Fault("host", "The ECU is out of memory: who has the highest score is killed.", _ => new() { OutOfMemory = new() { Host = true } }),
        };
    }

    private Command Fault(string name, string description, Func<ParseResult, InjectRequest> request, params Symbol[] parts)
    {
        var command = new Command(name, $"""
            {description}

            Examples:
              qmfleet lab fault ecu2 {Example(name, parts)}
            """);
        foreach (var part in parts)
        {
            if (part is Argument argument)
            {
                command.Add(argument);
            }
            else if (part is Option option)
            {
                command.Add(option);
            }
        }

        command.SetAction((parsed, ct) =>
        {
            var asked = request(parsed);
            var node = parsed.GetValue(_node) ?? throw new CliException(ExitCode.Invalid, $"lab fault {name}: on which node? It stands before the fault: lab fault ecu2 {name}");
            if (node == AllHosts || node.Contains(',', StringComparison.Ordinal))
            {
                asked.Nodes.Add(node.Split(','));
            }
            else
            {
                asked.Node = node;
            }

            return InjectAsync(parsed, asked, ct);
        });
        return command;
    }

    // The arguments of the fault, each with something that fits it.
    private static string Example(string name, Symbol[] parts) => string.Join(' ', parts.OfType<Argument>().Select(argument => argument.Name switch
    {
        "DURATION" => "5s",
        "ERROR" => "AccessDenied",
        "UNIT" => "radio.service",
        "N" => "2",
        "SCORE" => "200",
        _ => "radio",
    }).Prepend(name is "nested" or "qm" or "host" ? $"oom {name}" : name));

    private async Task<int> InjectAsync(ParseResult parsed, InjectRequest request, CancellationToken ct)
    {
        using var connection = _connect(parsed);
        var answer = await connection.AskAsync(lab => lab.InjectAsync(request, cancellationToken: ct));
        foreach (var line in answer.Message.Split('\n'))
        {
            await _context.Out.WriteLineAsync(PlainText.Of(line));
        }

        return ExitCode.Done;
    }
}

using System.CommandLine;
using System.Globalization;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Demonstration;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Peers;
using Qm.Fleet.Lab.Processes;
using Spectre.Console;

namespace Qm.Fleet.Lab;

/// <summary>The options and verbs of <c>qmfleet-lab</c>.</summary>
internal static class CommandLine
{
    private const string DefaultManifest = "deploy/examples/cockpit.yaml";
    private static readonly TimeSpan BusDeadline = TimeSpan.FromSeconds(5);

    /// <summary>Makes the command.</summary>
    public static RootCommand Create()
    {
        var nodes = Nodes("Number of emulated nodes", 3, most: 10_000);
        var once = new Option<bool>("--once") { Description = "End when all nodes have converged: 0, or 1 with the reasons" };
        var keep = new Option<string?>("--keep") { Description = "Put everything in this new directory and leave it there", HelpName = "DIR" };
        var manifest = new Option<string?>("--manifest") { Description = $"What to apply (default {DefaultManifest})", HelpName = "FILE" };
        var agents = new Option<AgentMode>("--agents") { Description = "A process for each agent, or one for all; auto decides by their number" };
        var realistic = new Option<bool>("--realistic") { Description = "Nodes take the seconds that a real QM was measured to take" };
        var quiet = new Option<bool>("--prove-quiet") { Description = "Apply the manifest again and fail if anything happens" };
        var bench = new Option<bool>("--bench") { Description = "Print durations and memory" };
        var (blueChi, bus) = BlueChi(required: false);
        var root = new RootCommand("QM Fleet lab: emulated BlueChi and nodes under the real controller and the real agent extensions")
        {
            nodes, once, keep, manifest, agents, realistic, quiet, bench, blueChi, bus,
        };
        root.Validators.Add(result =>
        {
            if (result.GetResult(blueChi) is null != result.GetResult(bus) is null)
            {
                result.AddError("--bluechi says where bluechi-controller takes agents in, and --bluechi-bus on which bus it serves its clients; give both.");
            }
        });
        root.SetAction((parsed, cancellation) =>
        {
            var lab = new LabOptions
            {
                Nodes = parsed.GetValue(nodes),
                Keep = parsed.GetValue(keep),
                Agents = parsed.GetValue(agents),
                Timings = parsed.GetValue(realistic) ? NodeTimings.Realistic : NodeTimings.Fast,
                BlueChi = parsed.GetValue(blueChi) is { } address ? new RealController(address, parsed.GetValue(bus)!) : null,
            };
            var options = new DemonstrationOptions(lab, FindManifest(parsed.GetValue(manifest)), parsed.GetValue(once), parsed.GetValue(quiet), parsed.GetValue(bench));
            return new LabRun(options, AnsiConsole.Console, TimeProvider.System).RunAsync(cancellation);
        });
        root.Add(CreateCounters());
        root.Add(CreateAgents());
        root.Add(CreateNodeProgram());
        root.Add(CreatePeers());
        return root;
    }

    private static Command CreatePeers()
    {
        var nodes = Nodes("Number of nodes, called ecu1, ecu2 and so on in AllowedNodeNames", 500, most: 5_000);
        var (blueChi, bus) = BlueChi(required: true);
        var command = new Command("peers", "Register many light nodes with a real bluechi-controller, run a job on each, and print times and memory") { nodes, blueChi, bus };
        command.SetAction((parsed, cancellation) => new PeersRun(
            new RealController(parsed.GetValue(blueChi)!, parsed.GetValue(bus)!), parsed.GetValue(nodes), AnsiConsole.Console.Profile.Out.Writer, TimeProvider.System).RunAsync(cancellation));
        return command;
    }

    private static Option<int> Nodes(string description, int count, int most)
    {
        var nodes = new Option<int>("--nodes") { Description = description, DefaultValueFactory = _ => count };
        nodes.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is var given && (given < 1 || given > most))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"--nodes must be 1 to {most}."));
            }
        });
        return nodes;
    }

    private static (Option<string?> Agents, Option<string?> Bus) BlueChi(bool required) =>
    (
        new("--bluechi") { Description = "Where a real bluechi-controller takes agents in, such as tcp:host=127.0.0.1,port=842", HelpName = "ADDRESS", Required = required },
        new("--bluechi-bus") { Description = "The bus that it serves its clients on: system, or a D-Bus address", HelpName = "ADDRESS", Required = required }
    );

    private static Command CreateCounters()
    {
        var lab = new Option<string>("--lab") { Description = "The lab's directory, as it prints it", Required = true, HelpName = "DIR" };
        var command = new Command("counters", "Print how often a running lab's nodes were changed over D-Bus") { lab };
        command.SetAction(async (parsed, cancellation) =>
        {
            var file = Path.Combine(parsed.GetValue(lab)!, "bus.address");
            var address = File.Exists(file) ? await File.ReadAllTextAsync(file, cancellation) : throw new LabException($"{file} does not exist: no lab runs in that directory, or its nodes are with a real bluechi-controller, which counts nothing.");
            await using var bus = await BusConnection.ConnectAsync(address, BusDeadline, TimeProvider.System, cancellation);
            var counters = await bus.CallAsync(BlueChiNames.Bus, BlueChiNames.LabPath, BlueChiNames.Lab, "Counters", [], BusDeadline, ct: cancellation);
            foreach (var (key, value) in counters[0].AsEntries())
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{key.AsText(),-40}{((BusValue.UInt64)value).Value,8}"));
            }

            return 0;
        });
        return command;
    }

    private static Command CreateAgents()
    {
        var controller = new Option<string>("--controller") { Required = true };
        var nodes = new Option<string>("--nodes") { Required = true };
        var command = new Command("agents", "Run the agents of many nodes in one process") { controller, nodes };
        command.Hidden = true;
        command.SetAction((parsed, cancellation) => SharedAgents.RunAsync(new Uri(parsed.GetValue(controller)!), parsed.GetValue(nodes)!, cancellation));
        return command;
    }

    private static Command CreateNodeProgram()
    {
        var socket = new Option<string>("--socket") { Required = true };
        var node = new Option<string>("--node") { Required = true };
        var words = new Argument<string[]>("COMMAND") { Arity = ArgumentArity.OneOrMore };
        var command = new Command("node-program", "Have an emulated node's systemd do what a program of it was asked for") { socket, node, words };
        command.Hidden = true;
        command.SetAction(async (parsed, cancellation) =>
        {
            var problem = await NodePrograms.AskAsync(parsed.GetValue(socket)!, parsed.GetValue(node)!, parsed.GetValue(words)!, cancellation);
            await Console.Error.WriteAsync(problem);
            return problem.Length == 0 ? 0 : 1;
        });
        return command;
    }

    // The default is looked for upwards: from the working directory, then from where the lab was built.
    private static string FindManifest(string? given)
    {
        if (given is not null)
        {
            return File.Exists(given) ? Path.GetFullPath(given) : throw new LabException($"--manifest {given}: there is no such file.");
        }

        foreach (var start in new[] { Environment.CurrentDirectory, AppContext.BaseDirectory })
        {
            for (var directory = new DirectoryInfo(start); directory is not null; directory = directory.Parent)
            {
                if (Path.Combine(directory.FullName, DefaultManifest) is var path && File.Exists(path))
                {
                    return path;
                }
            }
        }

        throw new LabException($"{DefaultManifest} was not found above {Environment.CurrentDirectory}; name a manifest with --manifest FILE.");
    }
}

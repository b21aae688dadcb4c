using System.CommandLine;
using System.Globalization;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Demonstration;
using Qm.Fleet.Lab.Nodes;
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
        var nodes = new Option<int>("--nodes") { Description = "Number of emulated nodes", DefaultValueFactory = _ => 3 };
        nodes.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 10_000)
            {
                result.AddError("--nodes must be 1 to 10000.");
            }
        });
        var once = new Option<bool>("--once") { Description = "End when all nodes have converged: 0, or 1 with the reasons" };
        var keep = new Option<string?>("--keep") { Description = "Put everything in this new directory and leave it there", HelpName = "DIR" };
        var manifest = new Option<string?>("--manifest") { Description = $"What to apply (default {DefaultManifest})", HelpName = "FILE" };
        var agents = new Option<AgentMode>("--agents") { Description = "A process for each agent, or one for all; auto decides by their number" };
        var realistic = new Option<bool>("--realistic") { Description = "Nodes take the seconds that a real QM was measured to take" };
        var quiet = new Option<bool>("--prove-quiet") { Description = "Apply the manifest again and fail if anything happens" };
        var bench = new Option<bool>("--bench") { Description = "Print durations and memory" };
        var root = new RootCommand("QM Fleet lab: emulated BlueChi and nodes under the real controller and the real agent extensions") { nodes, once, keep, manifest, agents, realistic, quiet, bench };
        root.SetAction((parsed, cancellation) =>
        {
            var lab = new LabOptions
            {
                Nodes = parsed.GetValue(nodes),
                Keep = parsed.GetValue(keep),
                Agents = parsed.GetValue(agents),
                Timings = parsed.GetValue(realistic) ? NodeTimings.Realistic : NodeTimings.Fast,
            };
            var options = new DemonstrationOptions(lab, FindManifest(parsed.GetValue(manifest)), parsed.GetValue(once), parsed.GetValue(quiet), parsed.GetValue(bench));
            return new LabRun(options, AnsiConsole.Console, TimeProvider.System).RunAsync(cancellation);
        });
        root.Add(CreateCounters());
        root.Add(CreateAgents());
        return root;
    }

    private static Command CreateCounters()
    {
        var lab = new Option<string>("--lab") { Description = "The lab's directory, as it prints it", Required = true, HelpName = "DIR" };
        var command = new Command("counters", "Print how often a running lab's nodes were changed over D-Bus") { lab };
        command.SetAction(async (parsed, cancellation) =>
        {
            var file = Path.Combine(parsed.GetValue(lab)!, "bus.address");
            var address = File.Exists(file) ? await File.ReadAllTextAsync(file, cancellation) : throw new LabException($"{file} does not exist: no lab runs in that directory.");
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
        var controller = new Option<Uri>("--controller") { Required = true };
        var nodes = new Option<string>("--nodes") { Required = true };
        var command = new Command("agents", "Run the agents of many nodes in one process") { controller, nodes };
        command.Hidden = true;
        command.SetAction((parsed, cancellation) => SharedAgents.RunAsync(parsed.GetValue(controller)!, parsed.GetValue(nodes)!, cancellation));
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

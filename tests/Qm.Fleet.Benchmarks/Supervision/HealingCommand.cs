using System.CommandLine;
using System.Globalization;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>How soon a workload that fails is healed, on a large fleet in which many do.</summary>
internal static class HealingCommand
{
    internal static Command Create()
    {
        var nodes = new Option<int>("--nodes") { Description = "How many nodes", DefaultValueFactory = static _ => 1_000 };
        var rate = new Option<int>("--rate") { Description = "How many fail per second", DefaultValueFactory = static _ => 50 };
        var seconds = new Option<int>("--seconds") { Description = "For how long", DefaultValueFactory = static _ => 30 };
        var state = new Option<DirectoryInfo>("--state") { Description = "An existing folder on the disk to be measured; a folder is made in it and removed", DefaultValueFactory = static _ => new(Path.GetTempPath()) };
        state.AcceptExistingOnly();
        var command = new Command("healing", "From BlueChi's signal that a unit failed to the call that restarts it, with many nodes connected and many failing") { nodes, rate, seconds, state };
        command.SetAction(async (parsed, ct) =>
        {
            var (count, perSecond, span) = (parsed.GetValue(nodes), parsed.GetValue(rate), TimeSpan.FromSeconds(parsed.GetValue(seconds)));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"Measured: from a unit's entry into failed, before BlueChi tells it, to RestartUnit arriving at BlueChi, less the {HealingSite.Initial.TotalMilliseconds:0} ms that the policy waits (no jitter)."));
            Console.WriteLine("Real: the controller with its loops, its BlueChi client on a private dbus-daemon, and its database, which syncs before each act.");
            Console.WriteLine("Emulated, in the same process: bluechi-controller and the nodes' systemd. The agent extensions answer out of memory.");
            var parent = parsed.GetValue(state)!;
            var figures = await new HealingRun().RunAsync(
                Directory.CreateDirectory(Path.Combine(parent.FullName, $"qmfleet-healing-{Environment.ProcessId}")), count, perSecond, span, Console.WriteLine, ct);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} nodes, {perSecond} failures per second for {span.TotalSeconds:0} s, {figures.Failures} in all, {Environment.ProcessorCount} processors"));
            var (lines, missed) = figures.Judge();
            foreach (var line in lines)
            {
                Console.WriteLine(line);
            }

            return missed == 0 ? 0 : 1;
        });
        return command;
    }
}

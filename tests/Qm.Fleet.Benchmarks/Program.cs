using System.CommandLine;
using Qm.Fleet.Benchmarks.Agents;
using Qm.Fleet.Benchmarks.Bus;
using Qm.Fleet.Benchmarks.Cli;
using Qm.Fleet.Benchmarks.Floods;
using Qm.Fleet.Benchmarks.Fuzz;
using Qm.Fleet.Benchmarks.Rollouts;
using Qm.Fleet.Benchmarks.Soak;
using Qm.Fleet.Benchmarks.Supervision;
using Qm.Fleet.Benchmarks.Watches;

namespace Qm.Fleet.Benchmarks;

/// <summary>Measurements and endurance runs too long for a test, one verb each.</summary>
internal static class Program
{
    private static Task<int> Main(string[] arguments)
    {
        var root = new RootCommand("Benchmarks, fuzzing and endurance runs of QM Fleet");
        root.Add(BusCommand.Create());
        root.Add(FuzzCommand.Create());
        root.Add(SoakCommand.Create());
        root.Add(RolloutCommand.Create());
        root.Add(AgentCommand.Create());
        root.Add(AgentOrderCommand.Create());
        root.Add(CliCommand.Create());
        root.Add(HealingCommand.Create());
        root.Add(DetectionCommand.Create());
        root.Add(WatchesCommand.Create());
        root.Add(FloodCommand.Create());
        root.Add(FloodCommand.CreateAttacker());
        return root.Parse(arguments).InvokeAsync();
    }
}

using System.CommandLine;
using System.Globalization;

namespace Qm.Fleet.Benchmarks.Watches;

/// <summary>How soon many watchers are told of many changes, and that each is told all of them once.</summary>
internal static class WatchesCommand
{
    internal static Command Create()
    {
        var watchers = new Option<int>("--watchers") { Description = "How many watch every node", DefaultValueFactory = static _ => 200 };
        var nodes = new Option<int>("--nodes") { Description = "How many nodes", DefaultValueFactory = static _ => 1_000 };
        var rate = new Option<int>("--rate") { Description = "How many changes per second", DefaultValueFactory = static _ => 100 };
        var seconds = new Option<int>("--seconds") { Description = "For how long", DefaultValueFactory = static _ => 60 };
        var command = new Command("watches", "From a change of a node to the watcher that has read it, with many watchers and one that reads nothing") { watchers, nodes, rate, seconds };
        command.SetAction(async (parsed, ct) =>
        {
            var plan = new WatchPlan(parsed.GetValue(watchers), parsed.GetValue(nodes), parsed.GetValue(rate), TimeSpan.FromSeconds(parsed.GetValue(seconds)));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{plan.Watchers} watchers of {plan.Nodes} nodes that change {plan.Rate} times per second for {plan.Span.TotalSeconds:0} s, and one watcher that reads nothing; {Environment.ProcessorCount} processors, clients in the same process"));
            var directory = Directory.CreateTempSubdirectory("qmfleet-watches-");
            var figures = await WatchRun.RunAsync(directory, plan, ct);
            foreach (var line in figures.Lines)
            {
                Console.WriteLine(line);
            }

            return figures.Wrong == 0 ? 0 : 1;
        });
        return command;
    }
}

/// <summary>What is measured.</summary>
/// <param name="Watchers">How many watch every node.</param>
/// <param name="Nodes">How many nodes.</param>
/// <param name="Rate">How many changes per second.</param>
/// <param name="Span">For how long.</param>
internal sealed record WatchPlan(int Watchers, int Nodes, int Rate, TimeSpan Span)
{
    internal int Changes => (int)(Rate * Span.TotalSeconds);
}

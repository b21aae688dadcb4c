using System.CommandLine;
using System.Globalization;
using Qm.Fleet.Simulation.Engine;
using Qm.Fleet.Simulation.Mutations;
using Qm.Fleet.Simulation.Runs;

namespace Qm.Fleet.Simulation;

/// <summary>Plays seeds: many at once, or one again.</summary>
internal static class Program
{
    private static Task<int> Main(string[] arguments)
    {
        var root = new RootCommand("The controller's own loops and decisions over a modelled fleet, in virtual time; one seed decides everything");
        root.Add(Many());
        root.Add(Replay());
        return root.Parse(arguments).InvokeAsync();
    }

    private static Command Many()
    {
        var seeds = new Option<int>("--seeds") { Description = "How many seeds", DefaultValueFactory = _ => 2_000 };
        var from = new Option<string>("--from") { Description = "The first one: a number, or a commit hash", DefaultValueFactory = _ => "1" };
        var bug = new Option<Bug>("--bug") { Description = "A bug to plant", DefaultValueFactory = _ => Bug.None };
        var command = new Command("run", "Play many seeds, on all processors") { seeds, from, bug };
        command.SetAction(parsed =>
        {
            var sweep = Sweep.Of(Seed.Parse(parsed.GetRequiredValue(from)), parsed.GetRequiredValue(seeds), parsed.GetRequiredValue(bug), Environment.ProcessorCount, stopAtFirst: false, CancellationToken.None);
            foreach (var outcome in sweep.Failed)
            {
                Console.WriteLine($"{outcome.Problem}\n  {outcome.Replay}");
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sweep.Seeds} seeds, {sweep.Steps} steps, {sweep.Failed.Count} failed"));
            return sweep.Failed.Count == 0 ? 0 : 1;
        });
        return command;
    }

    private static Command Replay()
    {
        var seed = new Argument<string>("seed") { Description = "A number, or a commit hash" };
        var trace = new Option<bool>("--trace") { Description = "Write everything that happens" };
        var bug = new Option<Bug>("--bug") { Description = "A bug to plant", DefaultValueFactory = _ => Bug.None };
        var command = new Command("replay", "Play one seed again") { seed, trace, bug };
        command.SetAction(parsed =>
        {
            var outcome = SimulationRun.Of(Seed.Parse(parsed.GetRequiredValue(seed)), parsed.GetRequiredValue(bug), parsed.GetRequiredValue(trace) ? Console.Out : null);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {outcome.Seed}: {outcome.Steps} steps, trace {outcome.Hash:x16}: {outcome.Problem ?? "all is well"}"));
            return outcome.Problem is null ? 0 : 1;
        });
        return command;
    }
}

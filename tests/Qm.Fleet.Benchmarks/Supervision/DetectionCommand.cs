using System.CommandLine;
using System.Globalization;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>How soon each of the five findings about a node is found, and said.</summary>
internal static class DetectionCommand
{
    internal static Command Create()
    {
        var rounds = new Option<int>("--rounds") { Description = "How often each is played", DefaultValueFactory = static _ => 3 };
        var command = new Command("detection", "From a fault to its finding, with the settings that the README recommends: a cut cable, a frozen agent, a dead QM, a dead extension, a dead BlueChi") { rounds };
        command.SetAction(async (parsed, ct) =>
        {
            Console.WriteLine("Settings: HeartbeatInterval=1000 and NodeHeartbeatThreshold=3000 of bluechi-controller, HeartbeatInterval=1000 of the agents, 5 s between two words of the extension, supervision.pending of 5 s.");
            Console.WriteLine("Measured over the API: from the fault until it is told as pending, and until it is what the node is said to be. Least, median and most.");
            await using var lab = await DetectionLab.StartAsync(ct);
            Console.WriteLine($"{"",-16} {"found",-30} {"pending after",-22} said after");
            foreach (var fault in lab.Faults)
            {
                var times = new List<(TimeSpan Pending, TimeSpan Said)>();
                for (var round = 0; round < parsed.GetValue(rounds); round++)
                {
                    times.Add(await lab.PlayAsync(fault, ct));
                }

                Console.WriteLine($"{fault.Name,-16} {fault.Finding,-30} {Text(times.Select(static time => time.Pending)),-22} {Text(times.Select(static time => time.Said))}");
            }

            return 0;
        });
        return command;
    }

    private static string Text(IEnumerable<TimeSpan> times)
    {
        TimeSpan[] sorted = [.. times.Order()];
        return string.Create(CultureInfo.InvariantCulture, $"{sorted[0].TotalSeconds:0.0} {sorted[sorted.Length / 2].TotalSeconds:0.0} {sorted[^1].TotalSeconds:0.0} s");
    }
}

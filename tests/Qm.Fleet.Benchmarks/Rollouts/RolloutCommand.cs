using System.CommandLine;
using System.Globalization;

namespace Qm.Fleet.Benchmarks.Rollouts;

/// <summary>What one decision about a rollout costs, for fleets of growing size.</summary>
internal static class RolloutCommand
{
    private static readonly int[] Sizes = [10, 100, 1_000, 10_000];

    /// <summary>The aim for 10,000 nodes.</summary>
    private static readonly TimeSpan Aim = TimeSpan.FromMilliseconds(50);

    internal static Command Create()
    {
        var rounds = new Option<int>("--rounds") { Description = "How often each is measured", DefaultValueFactory = _ => 31 };
        var command = new Command("rollout", "One decision about a rollout of 10 to 10,000 nodes: nothing new, one node changed, every tenth node changed") { rounds };
        command.SetAction(parsed => Run(parsed.GetValue(rounds)));
        return command;
    }

    // Ratios are to the same decision about ten nodes, in the same run.
    private static int Run(int rounds)
    {
        Console.WriteLine("nodes   what is new        median    per node  to 10 nodes   allocated   per node");
        var (slowest, first) = (TimeSpan.Zero, new Dictionary<string, double>(StringComparer.Ordinal));
        foreach (var size in Sizes)
        {
            foreach (var (news, changed) in new[] { ("nothing", 0), ("one node", 1), ("a tenth of them", size / 10) })
            {
                var (median, bytes) = MeasuredRollout.Measure(size, changed, rounds);
                first.TryAdd(news, median.TotalMicroseconds);
                slowest = median > slowest ? median : slowest;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{size,6}  {news,-15}  {median.TotalMicroseconds,7:0} us  {median.TotalNanoseconds / size,5:0} ns  {median.TotalMicroseconds / first[news],10:0.0}x  {bytes / 1024.0,8:0.0} KB  {(double)bytes / size,6:0} B"));
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"slowest {slowest.TotalMilliseconds:0.0} ms, aim {Aim.TotalMilliseconds:0} ms: {(slowest <= Aim ? "met" : "missed")}"));
        return slowest <= Aim ? 0 : 1;
    }
}

using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Qm.Fleet.Benchmarks.Fuzz.Api;

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>Inputs that nobody sends by mistake, to everything that reads D-Bus, and to the API.</summary>
internal static class FuzzCommand
{
    private const long Warmup = 2_000;
    private const long MostGrowth = 64 << 20;

    internal static Command Create()
    {
        var inputs = new Option<long>("--inputs") { Description = "How many", DefaultValueFactory = _ => 10_000_000 };
        var seed = new Option<int>("--seed") { Description = "The same seed is the same inputs", DefaultValueFactory = _ => 1 };
        var only = new Option<string?>("--only") { Description = "decoders, messages or wire; without it a half, nearly a half, and a fiftieth of the inputs. Or api, which only this runs: 100,000 inputs are a good run" };
        var first = new Option<long>("--first") { Description = "The number of the first input, or of the first connection for wire" };
        var command = new Command("fuzz", "Damaged input for the reader of messages and every decoder, and random calls of the API") { inputs, seed, only, first };
        command.SetAction((parsed, ct) => RunAsync(parsed.GetValue(inputs), parsed.GetValue(seed), parsed.GetValue(only), parsed.GetValue(first), ct));
        return command;
    }

    private static async Task<int> RunAsync(long inputs, int seed, string? only, long first, CancellationToken ct)
    {
        (string Name, long Share, Func<long, Task<FuzzResult>> Run)[] classes =
        [
            ("decoders", inputs / 2, count => Task.Run(() => DecoderFuzz.Create(seed).Run(count, first, ct), ct)),
            ("messages", (inputs / 2) - (inputs / 50), count => Task.Run(() => ReaderFuzz.Create(seed).Run(count, first, ct), ct)),
            (WireFuzz.Name, inputs / 50, count => new WireFuzz(seed).RunAsync(count, first, ct)),
        ];
        try
        {
            Print($"seed {seed}");
            if (only == ApiFuzz.Name)
            {
                return await ApiFuzzRun.RunAsync(inputs, seed, first, Print, ct);
            }

            var begun = Stopwatch.GetTimestamp();
            foreach (var (_, _, run) in classes)
            {
                await run(Warmup);
            }

            GC.Collect();
            var resident = Environment.WorkingSet;
            foreach (var (name, share, run) in classes.Where(entry => only is null || entry.Name == only))
            {
                var start = Stopwatch.GetTimestamp();
                var result = await run(only is null ? share : inputs);
                Print(string.Create(CultureInfo.InvariantCulture,
                    $"{name,-9} {result.Inputs,12:#,0} inputs  {result.Refused,12:#,0} refused  {result.MostBytes,8:#,0} bytes at most  {Stopwatch.GetElapsedTime(start).TotalSeconds,7:0.0} s"));
            }

            GC.Collect();
            var growth = Environment.WorkingSet - resident;
            Print(string.Create(CultureInfo.InvariantCulture, $"no crash, no hang; resident memory grew by {growth / 1048576.0:0.0} MiB, in {Stopwatch.GetElapsedTime(begun).TotalSeconds:0} s"));
            return growth <= MostGrowth ? 0 : 1;
        }
        catch (FuzzFailureException e)
        {
            await Console.Error.WriteLineAsync(e.ToString());
            return 1;
        }
    }

    private static void Print(string line) => Console.WriteLine(line);
}

using System.CommandLine;
using System.Globalization;
using Qm.Fleet.BlueChi.Monitors;
using Qm.Fleet.Lab.Processes;
using Spectre.Console;

namespace Qm.Fleet.Benchmarks.Bus;

/// <summary>The client of BlueChi beside a minimal C program on libsystemd: same bus, same run, rounds in turn.</summary>
internal static class BusCommand
{
    private const int Calls = 20_000;
    private const int Window = 128;
    private const int Latencies = 2_000;
    private const int Signals = 20_000;

    internal static Command Create()
    {
        var rounds = new Option<int>("--rounds") { Description = "How often each is measured; medians are compared", DefaultValueFactory = _ => 7 };
        var only = new Option<string>("--only") { Description = "Measure only what has this in its name", DefaultValueFactory = _ => "" };
        var command = new Command("bus", "The BlueChi client beside a minimal C program on libsystemd") { rounds, only };
        command.SetAction((parsed, ct) => RunAsync(parsed.GetValue(rounds), parsed.GetValue(only)!, ct));
        return command;
    }

    private static async Task<int> RunAsync(int rounds, string only, CancellationToken ct)
    {
        try
        {
            await using var reference = await Reference.StartAsync(ct);
            await using var client = await MeasuredClient.ConnectAsync(reference.Address, ct);
            Comparison[] comparisons =
            [
                new("calls/s, 128 at once", Aim.AtLeast(0.8), Calls,
                    async () => Calls / (await reference.RunClientAsync(ct, "calls", Calls, Window))[0],
                    async () => Calls / await client.CallsAsync(Calls, Window, ct)),
                new("one call, p50 in us", Aim.AtMost(1.3), Latencies,
                    async () => 1e6 * Comparison.Median(await reference.RunClientAsync(ct, "latency", Latencies)),
                    async () => 1e6 * Comparison.Median(await client.LatencyAsync(Latencies, ct))),
                new("state signals/s", Aim.AtLeast(0.8), Signals,
                    async () => Signals / (await reference.RunClientAsync(ct, "state", Signals))[0],
                    async () => Signals / await client.SignalsAsync<UnitStateChanged>(Signals, false, ct)),
                new("property signals/s", Aim.AtLeast(0.8), Signals,
                    async () => Signals / (await reference.RunClientAsync(ct, "properties", Signals))[0],
                    async () => Signals / await client.SignalsAsync<UnitPropertiesChanged>(Signals, true, ct)),
            ];

            comparisons = [.. comparisons.Where(comparison => comparison.Name.Contains(only, StringComparison.OrdinalIgnoreCase))];

            // The first round compiles and warms up, and is not counted.
            for (var round = 0; round <= rounds; round++)
            {
                foreach (var comparison in comparisons)
                {
                    await comparison.MeasureAsync(isCounted: round > 0);
                }
            }

            AnsiConsole.WriteLine($"GetUnitProperty, UnitStateChanged and UnitPropertiesChanged; medians of {rounds} rounds; B each: managed bytes allocated for one");
            AnsiConsole.Write(ToTable(comparisons));
            return 0;
        }
        catch (LabException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }

    private static Table ToTable(IEnumerable<Comparison> comparisons)
    {
        var table = new Table().AddColumns("", "C", "QM Fleet", "ratio", "aim", "met", "B each");
        foreach (var comparison in comparisons)
        {
            table.AddRow([comparison.Name, Number(comparison.Reference), Number(comparison.Ours), Ratio(comparison.Ratio), comparison.Aim.ToString(),
                comparison.Aim.IsMet(comparison.Ratio) ? "yes" : "no", Number(comparison.BytesEach)]);
        }

        return table;
    }

    private static string Number(double value) => value.ToString(value < 1000 ? "0.#" : "#,0", CultureInfo.InvariantCulture);

    private static string Ratio(double value) => value.ToString("0.00", CultureInfo.InvariantCulture) + "x";
}

using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Qm.Fleet.Benchmarks.Agents;

/// <summary>
/// Writes the order in which the functions of the agent extension are to lie in its program: those that run while nothing happens first, then those of an apply.
/// What runs together then lies together, and the rest of the program need not be in memory.
/// </summary>
internal static class AgentOrderCommand
{
    private const string First = "__start___managedcode";
    private const string Last = "__stop___managedcode";

    internal static Command Create()
    {
        var program = new Argument<FileInfo>("program") { Description = "The agent extension as it is installed, with its .dbg beside it" };
        var file = new Argument<FileInfo>("file") { Description = "Where to write; agent-extension/Qm.Fleet.Agent/functions.order is what the next build takes" };
        program.AcceptExistingOnly();
        var idle = new Option<int>("--idle") { Description = "Seconds that nothing happens in", DefaultValueFactory = _ => 75 };
        var command = new Command("agent-order", "Which functions of the agent extension run, for the layout of its program") { program, file, idle };
        command.SetAction(async (parsed, ct) =>
        {
            var path = parsed.GetValue(program)!.FullName;
            var functions = await ReadAsync(path + ".dbg", ct);
            await using var bench = await AgentBench.StartAsync(path, ct);
            var order = await bench.TraceAsync(functions, TimeSpan.FromSeconds(parsed.GetValue(idle)), Console.WriteLine, ct);
            await File.WriteAllLinesAsync(parsed.GetValue(file)!.FullName, order, ct);
            Console.WriteLine($"{order.Count} of {functions.Count} functions ran");
            return 0;
        });
        return command;
    }

    // Of functions that were found to be the same and folded into one, any name serves.
    private static async Task<IReadOnlyList<(long Offset, string Name)>> ReadAsync(string symbols, CancellationToken ct)
    {
        using var nm = Process.Start(new ProcessStartInfo("nm", ["--numeric-sort", "--defined-only", symbols]) { RedirectStandardOutput = true })!;
        var lines = (await nm.StandardOutput.ReadToEndAsync(ct)).Split('\n').Select(line => line.Split(' ')).Where(words => words.Length == 3).ToList();
        await nm.WaitForExitAsync(ct);
        var (first, last) = (Offset(First), Offset(Last));
        return [.. lines.Where(words => words is [_, "t" or "T", not First]).Select(words => (Offset: Parse(words[0]), Name: words[2])).Where(symbol => symbol.Offset >= first && symbol.Offset < last).DistinctBy(symbol => symbol.Offset)];

        long Offset(string name) => Parse((lines.Find(words => words[2] == name) ?? throw new InvalidDataException($"{symbols} has no {name}; is it of a NativeAOT program?"))[0]);

        static long Parse(string number) => long.Parse(number, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}

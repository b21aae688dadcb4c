using System.CommandLine;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Processes;

namespace Qm.Fleet.Benchmarks.Cli;

/// <summary>How long a person waits for qmfleet: a get against a controller of this machine, from the start of the program to its end.</summary>
internal static class CliCommand
{
    /// <summary>The most a get may take.</summary>
    private static readonly TimeSpan Aim = TimeSpan.FromMilliseconds(150);

    internal static Command Create()
    {
        var program = new Argument<FileInfo>("program") { Description = "qmfleet as it is installed: dotnet publish controller/Qm.Fleet.Cli -r linux-x64 -p:NativeAot=true -o artifacts/cli" };
        program.AcceptExistingOnly();
        var server = new Option<string?>("--server") { Description = "A controller; that of a lab with 3 nodes if not said", HelpName = "address" };
        var rounds = new Option<int>("--rounds") { Description = "How often it is run", DefaultValueFactory = _ => 41 };
        var command = new Command("cli", "Wall time of qmfleet get nodes against a local controller, beside that of a program that does nothing") { program, server, rounds };
        command.SetAction(async (parsed, ct) =>
        {
            await using var lab = parsed.GetValue(server) is null
                ? await LabEnvironment.StartAsync(new() { Nodes = 3, Timings = NodeTimings.Fast }, static (_, _, _) => { }, TimeProvider.System, ct) : null;
            var bench = new CliBench(parsed.GetValue(program)!.FullName, parsed.GetValue(server) ?? lab!.Server);
            var (nothing, version, get) = await bench.MeasureAsync(parsed.GetValue(rounds), ct);
            Console.WriteLine($"/bin/true                 {nothing}");
            Console.WriteLine($"qmfleet version --client  {version}");
            Console.WriteLine($"qmfleet get nodes         {get}   aim: median below {Aim.TotalMilliseconds:0} ms");
            return get.Median < Aim ? 0 : 1;
        });
        return command;
    }
}

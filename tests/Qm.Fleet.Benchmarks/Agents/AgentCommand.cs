using System.CommandLine;

namespace Qm.Fleet.Benchmarks.Agents;

/// <summary>What the agent extension costs a node: size, start, applies, and what it takes while nothing happens.</summary>
internal static class AgentCommand
{
    internal static Command Create()
    {
        var program = new Argument<FileInfo>("program") { Description = "The agent extension as it is installed: dotnet publish agent-extension/Qm.Fleet.Agent -r linux-x64 -p:NativeAot=true -o artifacts/agent" };
        program.AcceptExistingOnly();
        var idle = new Option<int>("--idle") { Description = "Seconds that nothing happens in, with a report interval of 10 s", DefaultValueFactory = _ => 600 };
        var rounds = new Option<int>("--rounds") { Description = "How often starts and applies are measured", DefaultValueFactory = _ => 21 };
        var command = new Command("agent", "Size, start, memory, CPU and applies of one agent extension, each beside its aim") { program, idle, rounds };
        command.SetAction(async (parsed, ct) =>
        {
            await using var bench = await AgentBench.StartAsync(parsed.GetValue(program)!.FullName, ct);
            var figures = await bench.MeasureAsync(parsed.GetValue(rounds), TimeSpan.FromSeconds(parsed.GetValue(idle)), Console.WriteLine, ct);
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

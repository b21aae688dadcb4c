using System.CommandLine;
using System.Globalization;

namespace Qm.Fleet.Benchmarks.Floods;

/// <summary>What a flood by one costs the others.</summary>
internal static class FloodCommand
{
    internal static Command Create()
    {
        var seconds = new Option<int>("--seconds") { Description = "How long each is measured", DefaultValueFactory = static _ => 20 };
        var nodes = new Option<int>("--nodes") { Description = "How many nodes", DefaultValueFactory = static _ => 1_000 };
        var only = new Option<string[]>("--only") { Description = $"Which floods: {string.Join(", ", Attacks.Names)}", DefaultValueFactory = static _ => [.. Attacks.Names] };
        var unlimited = new Option<bool>("--unlimited") { Description = "With limits that nobody meets, to see what they are good for" };
        var command = new Command("flood", "How long a quiet client waits, before and while another one floods the controller, beside the aim") { seconds, nodes, only, unlimited };
        command.SetAction(async (parsed, ct) =>
        {
            var span = TimeSpan.FromSeconds(parsed.GetValue(seconds));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{parsed.GetValue(nodes)} nodes, of which 50 change twice a second; a quiet client that asks {FloodRun.Rate} times a second for {span.TotalSeconds:0} s; {Environment.ProcessorCount} processors; the controller is a process of its own, and so is the flood, which has what the others leave of the processors, as if it came from elsewhere"));
            await using var site = await FloodSite.StartAsync(parsed.GetValue(nodes), parsed.GetValue(unlimited), ct);
            await using var beside = await FloodSite.StartAsync(parsed.GetValue(nodes), parsed.GetValue(unlimited), ct);
            var isMet = true;
            foreach (var attack in parsed.GetValue(only)!)
            {
                var figures = await FloodRun.RunAsync(site, beside, attack, span, ct);
                Console.WriteLine(figures.Line);
                isMet &= figures.IsMet;
            }

            return isMet ? 0 : 1;
        });
        return command;
    }

    /// <summary>The flood itself, which the other verb starts.</summary>
    internal static Command CreateAttacker()
    {
        var name = new Argument<string>("flood");
        var address = new Argument<string>("address");
        var folder = new Argument<string>("folder");
        var command = new Command("flooder", "Floods, until its standard input ends") { name, address, folder };
        command.Hidden = true;
        command.SetAction((parsed, ct) => Attacks.RunAsync(parsed.GetValue(name)!, new(parsed.GetValue(address)!), parsed.GetValue(folder)!, ct));
        return command;
    }
}

using System.CommandLine;

namespace Qm.Fleet.Benchmarks.Soak;

/// <summary>A day of a node's life in minutes.</summary>
internal static class SoakCommand
{
    internal static Command Create()
    {
        var hours = new Option<int>("--hours") { Description = "How many hours of the node's life", DefaultValueFactory = _ => 24 };
        var minutes = new Option<double>("--minutes") { Description = "How long they take, if they do not take longer by themselves", DefaultValueFactory = _ => 10 };
        var command = new Command("soak", "A day of a node's life: handles, memory, matches and subscriptions stay where they were") { hours, minutes };
        command.SetAction((parsed, ct) => SoakRun.RunAsync(parsed.GetValue(hours), TimeSpan.FromMinutes(parsed.GetValue(minutes)), Console.WriteLine, ct));
        return command;
    }
}
